"""What makes a mail the same mail, wherever it lies: the second key beside folder and UID."""

from __future__ import annotations

import hashlib
import re

_END_OF_HEADER = re.compile(rb"\r?\n\r?\n|\r?\n\Z")
_MESSAGE_ID = re.compile(rb"^message-id[ \t]*:", re.IGNORECASE | re.MULTILINE)
# Mailbox files and clients write these into the header after delivery.
_LOCAL = re.compile(
    rb"^(?:From [^\n]*|(?:status|x-status|x-uid|x-keywords|x-imapbase|x-imap|content-length|lines)[ \t]*:[^\n]*)\n",
    re.IGNORECASE | re.MULTILINE,
)
_STUFFED = re.compile(rb"^>+From ", re.MULTILINE)


def content_hash(raw: bytes, size: int, *, whole: bool = True) -> str:
    """Return the lasting key of a mail: its header block; for a mail without Message-ID also its body.

    Args:
        raw: the message; only its header block needs to be there where it has a Message-ID.
        size: octets of the whole message, standing in for the body where `raw` is not whole.
        whole: False where parts of the message were left out.
    """
    header, body = _split(raw)
    digest = hashlib.sha256(header)
    if not _MESSAGE_ID.search(header):
        digest.update(_same_in_any_mailbox(body) if whole else str(size).encode())
    return digest.hexdigest()


def has_message_id(raw: bytes) -> bool:
    """Say whether the header block alone identifies the mail."""
    return bool(_MESSAGE_ID.search(_split(raw)[0]))


def _split(raw: bytes) -> tuple[bytes, bytes]:
    end = _END_OF_HEADER.search(raw)
    header, body = (raw[: end.start()], raw[end.end() :]) if end else (raw, b"")
    header = header.replace(b"\r\n", b"\n").strip(b"\n") + b"\n"
    return _LOCAL.sub(b"", header), body


def _same_in_any_mailbox(body: bytes) -> bytes:
    return _STUFFED.sub(b"From ", body.replace(b"\r\n", b"\n")).rstrip()
