"""When a message arrived: the INTERNALDATE of its mailbox, or what the message itself says, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime
from email.parser import BytesHeaderParser
from email.utils import parsedate_to_datetime

# A mail with no date at all: the earliest moment there is, so that it changes nothing.
NO_DATE = datetime(1970, 1, 1, tzinfo=UTC)


def arrival(internaldate: object, raw: bytes) -> datetime:
    """Return a message's arrival, aware UTC.

    Args:
        internaldate: as imapclient gives it without normalising times; None where the server's cannot be read.
        raw: the message or its header; its topmost Received field, else its Date, stands in.
    """
    if isinstance(internaldate, datetime):
        known = _in_utc(internaldate)
        if known:
            return known
    headers = BytesHeaderParser().parsebytes(raw)
    for text in (str(headers.get("Received", "")).rpartition(";")[2], str(headers.get("Date", ""))):
        stated = _stated(text)
        if stated:
            return stated
    return NO_DATE


def _stated(text: str) -> datetime | None:
    try:
        return _in_utc(parsedate_to_datetime(text.strip()))
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _in_utc(at: datetime) -> datetime | None:
    try:
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, OverflowError):
        # A zone of more than a day, or the first or last day there is.
        return None
