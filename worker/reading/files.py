"""Mail from files instead of IMAP: single messages, folders of them, mbox and Maildir."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from worker.errors import InputError
from worker.imap.arrival import arrival
from worker.imap.fetched import FetchedMessage

_FROM_LINE = re.compile(rb"\AFrom [^\n]*\n")
# A separator is a From_ line with a date behind it; "From here on ..." in a body is none.
_SEPARATOR = re.compile(rb"(?:\A|\n)From [^\n]*\d{4}[^\n]*\n(?=[!-9;-~]+:)")
LONGEST_FOLDER = 500
_STUFFED = re.compile(rb"^>(>*From )", re.MULTILINE)


def eml_files(paths: Iterable[Path]) -> Iterator[tuple[str, bytes]]:
    """Yield (path as given, message) for each file, and for every file below a folder but `*.jsonl`.

    Raises:
        InputError: a path does not exist or cannot be read.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path} does not exist; give a message, or a folder of messages")
        if path.is_dir():
            files = sorted(each for each in path.rglob("*") if each.is_file() and each.suffix != ".jsonl")
        else:
            files = [path]
        for each in files:
            yield str(each), _FROM_LINE.sub(b"", _read(each))


def mbox_messages(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (path#number, message) for each message of an mbox file, with its stuffed From lines restored."""
    content = _read(path)
    separators = list(_SEPARATOR.finditer(content))
    if not separators and content.strip():
        raise InputError(f"{path} is no mbox file: no line starts with 'From ' and a date; use --eml for messages")
    ends = [*(each.start() for each in separators), len(content)][1:]
    for number, (separator, end) in enumerate(zip(separators, ends, strict=True), start=1):
        yield f"{path}#{number}", _STUFFED.sub(rb"\1", content[separator.end() : end])


def maildir_messages(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (path, message) for each message of a Maildir and the folders in it."""
    folders = [path, *sorted(each for each in path.glob(".*") if each.is_dir())]
    if not any((folder / "cur").is_dir() for folder in folders):
        raise InputError(f"{path} is no Maildir: it has no folder 'cur'; use --eml for a plain folder of messages")
    for folder in folders:
        for part in ("cur", "new"):
            for each in sorted((folder / part).glob("*")):
                yield str(each), _read(each)


def as_fetched(mailbox: str, source: str, raw: bytes) -> FetchedMessage:
    """Turn a message from a file into what a fetch gives.

    The folder is the file's own (or the mbox file), and the place in it is the content, so a second run knows it.
    """
    path = Path(source.partition("#")[0])
    folder = path if "#" in source else path.parent
    uid = int.from_bytes(hashlib.sha256(raw).digest()[:8]) >> 1
    return FetchedMessage(
        mailbox=mailbox,
        folder=f"file:{folder}"[:LONGEST_FOLDER],
        uidvalidity=0,
        uid=uid,
        arrived_at=arrival(None, raw),
        raw=raw,
        size=len(raw),
    )


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
