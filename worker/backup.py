"""A copy of a SQLite database while everything goes on; PostgreSQL brings a program of its own for that."""

from __future__ import annotations

import os
import shlex
import sqlite3
import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import URL

from worker.errors import InputError


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that was made: its size in octets, and the schema of what it holds."""

    size: int
    revision: str


def back_up(source: Path, target: Path) -> Copied:
    """Copy a database to a new file that this user alone may read; nobody who reads or writes waits for it.

    It is one state, whatever is written meanwhile. What was deleted may still lie in the file, and is not in the copy.

    Raises:
        InputError: the file is there already, there is no database of ours, or no room; nothing is left behind.
    """
    if target.exists():
        raise InputError(f"{target} is there already, and no backup is written over another; name a new file")
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise InputError(f"no file can be made in {target.parent}: {error.strerror}; name another place") from error
    os.close(handle)
    made = Path(name)
    try:
        _vacuum(source, made)
        copied = _look(made)
        _publish(made, target)
    except sqlite3.Error as error:
        raise InputError(
            f"{source} cannot be copied to {target}: {error}; nothing is left of the copy. See that there is room, and"
            " run: inbox-worker doctor --thorough"
        ) from error
    finally:
        made.unlink(missing_ok=True)
    return copied


def pg_dump(url: URL, target: Path) -> str:
    """Return the command line that copies a PostgreSQL database; it shows no password."""
    shown = URL.create("postgresql", url.username, None, url.host, url.port, url.database, _without_secrets(url))
    return shlex.join(["pg_dump", "--format=custom", f"--file={target}", shown.render_as_string()])


def _without_secrets(url: URL) -> dict[str, str | tuple[str, ...]]:
    return {name: value for name, value in url.query.items() if "password" not in name}


def _vacuum(source: Path, made: Path) -> None:
    # "rw": a database that is not there is not made.
    with closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)) as database:
        database.execute("VACUUM INTO ?", [str(made)])


def _look(made: Path) -> Copied:
    """See that a copy is whole, and one of ours."""
    with closing(sqlite3.connect(made)) as copy:
        (said,) = copy.execute("PRAGMA quick_check(1)").fetchone()
        if said != "ok":
            raise sqlite3.DatabaseError(said)
        (revision,) = copy.execute("SELECT version_num FROM alembic_version").fetchone()
    return Copied(made.stat().st_size, revision)


def _publish(made: Path, target: Path) -> None:
    """Give a copy that is on the disk its name, unless another has got it meanwhile."""
    with made.open("rb") as file:
        os.fsync(file.fileno())
    try:
        os.link(made, target)
    except FileExistsError:
        raise InputError(f"{target} was made by somebody else meanwhile; name a new file") from None
    except OSError:
        made.rename(target)  # A file system of a USB stick knows no second names.
