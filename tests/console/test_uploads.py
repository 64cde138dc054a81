"""Files that wait for a decision: only this user reads them, and they are forgotten after an hour."""

from __future__ import annotations

import os
import stat
import time
from io import BytesIO
from pathlib import Path

import pytest
from fastapi import UploadFile

from console import uploads
from worker.errors import InputError


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path / f"inbox-worker-uploads-{os.getuid()}"


def keep(content: bytes = b"anna@client.example") -> str:
    return uploads.keep(UploadFile(BytesIO(content)), 1)


def make_old(path: Path) -> None:
    hours_ago = time.time() - 2 * uploads.KEPT_SECONDS
    os.utime(path, (hours_ago, hours_ago), follow_symlinks=False)


def test_only_this_user_reads_what_is_kept(folder: Path) -> None:
    path = uploads.kept(keep(), 1)
    assert path.read_bytes() == b"anna@client.example"
    assert [stat.S_IMODE(each.stat().st_mode) for each in (folder, path)] == [0o700, 0o600]


def test_a_folder_that_others_may_read_is_not_used(folder: Path) -> None:
    folder.mkdir(mode=0o755)
    for use in (keep, lambda: uploads.kept("1-" + "a" * 27, 1)):
        with pytest.raises(InputError, match=f"{folder} is no folder of this user alone.*TMPDIR"):
            use()
    assert list(folder.iterdir()) == []


def test_a_link_to_a_folder_is_not_used(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is no folder of this user alone"):
        keep()


def test_another_users_folder_is_not_used(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = os.getuid() + 1
    folder.with_name(f"inbox-worker-uploads-{other}").mkdir(mode=0o700)
    monkeypatch.setattr(os, "getuid", lambda: other)
    with pytest.raises(InputError, match="is no folder of this user alone"):
        keep()


def test_a_file_where_the_folder_should_be_is_told(folder: Path) -> None:
    folder.write_text("")
    with pytest.raises(InputError, match="TMPDIR"):
        keep()


def test_what_is_old_is_forgotten_at_every_use_and_when_the_console_starts(folder: Path) -> None:
    young = keep()
    for use in (keep, uploads.sweep, lambda: uploads.kept(young, 1)):
        old = folder / keep()
        make_old(old)
        use()
        assert not old.exists()
    with pytest.raises(InputError, match="choose it once more"):
        uploads.kept(old.name, 1)
    assert uploads.kept(young, 1).is_file()


def test_only_files_of_ours_are_forgotten(folder: Path) -> None:
    ours = folder / keep()
    (folder / "notes").write_text("somebody's")
    (folder / ("1-" + "b" * 27)).mkdir()
    (folder / ("1-" + "c" * 27)).symlink_to(folder / "notes")
    others = {each for each in folder.iterdir() if each != ours}
    for each in (ours, *others):
        make_old(each)
    uploads.sweep()
    assert set(folder.iterdir()) == others


def test_the_console_starts_where_the_folder_is_somebody_elses(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    uploads.sweep()
    assert "is no folder of this user alone" in caplog.text


def test_a_file_that_broke_off_is_not_kept(folder: Path) -> None:
    class Broken(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(28, f"No space left on device for {size}")

    with pytest.raises(OSError, match="No space"):
        uploads.keep(UploadFile(Broken()), 1)
    assert list(folder.iterdir()) == []


def test_a_file_that_another_process_forgets_meanwhile_is_no_trouble(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = keep()
    here = sorted(folder.iterdir())
    monkeypatch.setattr(Path, "iterdir", lambda _: iter([folder / "1-gone", *here]))
    assert uploads.kept(name, 1).is_file()
