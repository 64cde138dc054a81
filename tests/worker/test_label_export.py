"""A file of labels takes the place of an older one when all of it is written, and not before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from worker.errors import InputError
from worker.learning.label_export import replacing


def old(path: Path) -> Path:
    path.write_text("old")
    return path


def test_a_file_is_replaced_at_the_end_and_keeps_its_mode(tmp_path: Path) -> None:
    path = old(tmp_path / "out.jsonl")
    path.chmod(0o640)
    with replacing(path) as file:
        file.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o640
    with replacing(tmp_path / "other.jsonl") as file:
        file.write(b"mine")
    assert (tmp_path / "other.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_link_stays_a_link_to_what_is_replaced(tmp_path: Path) -> None:
    target = old(tmp_path / "target.jsonl")
    link = tmp_path / "link.jsonl"
    link.symlink_to(target)
    with replacing(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path: Path, failure: BaseException) -> None:
    path = old(tmp_path / "out.jsonl")

    def pieces() -> Iterator[bytes]:
        yield b"half"
        raise failure

    with pytest.raises(type(failure)), replacing(path) as file:
        file.writelines(pieces())
    assert [each.name for each in tmp_path.iterdir()] == ["out.jsonl"]
    assert path.read_bytes() == b"old"


def test_a_device_is_never_replaced() -> None:
    with pytest.raises(InputError, match="no ordinary file"), replacing(Path("/dev/null")):
        pass


@pytest.mark.parametrize("folder", ["not/there", "/sys"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, folder: str) -> None:
    with pytest.raises(InputError, match=f"no file can be made in .*{folder}.*; name another place"):  # noqa: SIM117
        with replacing(tmp_path / folder / "out.jsonl"):
            raise AssertionError
