"""Places in long lists: what a page's cursor names, as a text that fits into an address."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime
from typing import Any

from worker.errors import InputError
from worker.writing.stored import storable

LARGEST_ID = 2**63 - 1
LONGEST = 2_000
"""Characters of a cursor; the 320 of an address may be four octets each."""
DAMAGED = "the place in the list is damaged; begin the list anew, without a cursor"


def place(*values: str | int) -> str:
    """Return the cursor that names a place in a list."""
    return urlsafe_b64encode(json.dumps(values, ensure_ascii=False).encode()).decode().rstrip("=")


def recipient_place(cursor: str) -> tuple[datetime, int]:
    """Return the place that a cursor of recipients names.

    Raises:
        InputError: it is damaged.
    """
    try:
        said, recipient_id = _values(cursor)
        at = datetime.fromisoformat(said).astimezone(UTC)
        if type(recipient_id) is int and 0 <= recipient_id <= LARGEST_ID:
            return at, recipient_id
    except (TypeError, ValueError, OverflowError):
        pass
    raise InputError(DAMAGED)


def contact_place(cursor: str) -> str:
    """Return the address that a cursor of contacts names.

    Raises:
        InputError: it is damaged.
    """
    try:
        (address,) = _values(cursor)
        if isinstance(address, str) and storable(address) == address:
            return address
    except (TypeError, ValueError):
        pass
    raise InputError(DAMAGED)


def id_place(cursor: str) -> int:
    """Return the id of a row that a cursor names.

    Raises:
        InputError: it is damaged.
    """
    try:
        (row_id,) = _values(cursor)
        if type(row_id) is int and 0 <= row_id <= LARGEST_ID:
            return row_id
    except (TypeError, ValueError):
        pass
    raise InputError(DAMAGED)


def _values(cursor: str) -> Any:
    if len(cursor) > LONGEST:
        raise ValueError
    try:
        return json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except RecursionError as error:
        raise ValueError from error
