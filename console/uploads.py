"""Files that people sent and have not decided on yet: kept on this machine for an hour, then forgotten."""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fastapi import UploadFile

from config import logs
from worker.errors import InputError

log = logs.logger(__name__)

KEPT_SECONDS = 3_600
_NAME = re.compile("[0-9]+-[A-Za-z0-9_-]{20,40}")


def keep(file: UploadFile, team_id: int) -> str:
    """Write a file down and return the name by which the same team finds it again.

    Raises:
        InputError: there is no folder that only this user can read.
    """
    folder = _swept()
    name = f"{team_id}-{secrets.token_urlsafe(20)}"
    path = folder / name
    # They hold people's addresses.
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(opened, "wb") as kept:
            while some := file.file.read(1 << 20):
                kept.write(some)
    except BaseException:
        forget(path)
        raise
    return name


def kept(name: str, team_id: int) -> Path:
    """Return where a file is that the same team sent.

    Raises:
        InputError: it is not there any more, or was never.
    """
    path = _swept() / name
    if not _NAME.fullmatch(name) or not name.startswith(f"{team_id}-") or not path.is_file():
        raise InputError("the file is kept for an hour and is not here any more; choose it once more")
    return path


def forget(path: Path) -> None:
    """Remove a file that is dealt with."""
    path.unlink(missing_ok=True)


def sweep() -> None:
    """Forget what is too old, also where nobody sends another file; the console does so when it starts."""
    try:
        _swept()
    except InputError as error:
        log.warning("no_folder_for_uploads", says="{error}", error=error)


def _swept() -> Path:
    folder = _folder()
    for old in _old(folder):
        forget(old)
    return folder


def _folder() -> Path:
    """Return the folder, which is this user's alone: anybody may make one of its name among temporary files.

    Raises:
        InputError: it is somebody else's, or cannot be made.
    """
    folder = Path(tempfile.gettempdir()) / f"inbox-worker-uploads-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise InputError(f"no file can be kept in {folder}: {error.strerror}; {_STEP}") from error
    others = found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or others:
        raise InputError(f"{folder} is no folder of this user alone (mode 0700), so no file is kept there; {_STEP}")
    return folder


_STEP = "whoever runs the console should remove it, or set TMPDIR to a folder of this user alone"


def _old(folder: Path) -> Iterator[Path]:
    for path in folder.iterdir():
        try:
            found = path.lstat()
        except FileNotFoundError:
            # Another process has just removed it.
            continue
        ours = _NAME.fullmatch(path.name) and stat.S_ISREG(found.st_mode)
        if ours and time.time() - found.st_mtime > KEPT_SECONDS:
            yield path
