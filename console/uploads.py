"""Files that people sent and have not decided on yet: kept on this machine for an hour, then forgotten."""

from __future__ import annotations

import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fastapi import UploadFile

from worker.errors import InputError

KEPT_SECONDS = 3_600
_NAME = re.compile("[0-9]+-[A-Za-z0-9_-]{20,40}")


def keep(file: UploadFile, team_id: int) -> str:
    """Write a file down and return the name by which the same team finds it again."""
    folder = _folder()
    for old in _old(folder):
        old.unlink(missing_ok=True)
    name = f"{team_id}-{secrets.token_urlsafe(20)}"
    with (folder / name).open("xb") as kept:
        while some := file.file.read(1 << 20):
            kept.write(some)
    return name


def kept(name: str, team_id: int) -> Path:
    """Return where a file is that the same team sent.

    Raises:
        InputError: it is not there any more, or was never.
    """
    path = _folder() / name
    if not _NAME.fullmatch(name) or not name.startswith(f"{team_id}-") or not path.is_file():
        raise InputError("the file is kept for an hour and is not here any more; choose it once more")
    return path


def forget(path: Path) -> None:
    """Remove a file that is dealt with."""
    path.unlink(missing_ok=True)


def _folder() -> Path:
    folder = Path(tempfile.gettempdir()) / "inbox-worker-uploads"
    # They hold people's addresses.
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _old(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        try:
            if time.time() - path.stat().st_mtime > KEPT_SECONDS:
                yield path
        except FileNotFoundError:
            # Another process has just removed it.
            continue
