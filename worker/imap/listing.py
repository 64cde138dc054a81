"""Lists the messages of the selected folder: which there are and how large they are, without fetching any."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any, Final

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from imapclient.response_parser import parse_fetch_response

from worker.imap.fetched import Answer, FolderState, is_since, size_of

WINDOW: Final = 5000


def above(client: IMAPClient, state: FolderState, after_uid: int, since: date | None) -> list[tuple[int, int]]:
    """Return (UID, size in octets), ascending, of the messages with a UID above `after_uid`.

    It reads sequence numbers backwards from the newest: they have no gaps, so a folder whose UIDs are far apart, or
    count from 1 to millions, takes few commands and no answer outgrows imaplib's line limit (as that of SEARCH does).

    Args:
        client: the connection.
        state: the folder as it was when it was selected just now.
        after_uid: 0 for all.
        since: leaves out what arrived before this day (UTC).

    Raises:
        IMAPClientError, OSError: the server refuses, or the connection broke.
    """
    found: list[tuple[int, int]] = []
    last, count = state.exists, max(1, min(WINDOW, state.uidnext - 1 - after_uid if state.uidnext else WINDOW))
    while last > 0:
        first = max(1, last - count + 1)
        answers = _window(client, first, last, _items(since))
        new = [answer for answer in answers if answer[b"UID"] > after_uid]
        found += _pairs(new, since)
        # Numbers ascend, so below the first one that is possible at all nothing new can lie.
        if len(new) < len(answers) or any(each[b"UID"] == after_uid + 1 for each in new):
            break
        last, count = first - 1, WINDOW
    return sorted(found)


def between(client: IMAPClient, first: int, last: int, since: date | None) -> list[tuple[int, int]]:
    """Return (UID, size in octets), ascending, of the messages from one UID to another, both included.

    Args:
        client: the connection.
        first: the lowest UID.
        last: the highest one.
        since: leaves out what arrived before this day (UTC).

    Raises:
        IMAPClientError, OSError: the server refuses, or the connection broke.
    """
    # As in `_window`.
    response = client._imap.uid("FETCH", f"{first}:{last}", _items(since))  # noqa: SLF001
    told = [answer for _, answer in _answers(*response)]
    # "5:9" also names the last message of a folder whose UIDs end before 5 (RFC 9051, "seq-range").
    return sorted(_pairs([answer for answer in told if first <= answer[b"UID"] <= last], since))


def _items(since: date | None) -> str:
    return "(UID RFC822.SIZE INTERNALDATE)" if since else "(UID RFC822.SIZE)"


def _pairs(answers: list[Answer], since: date | None) -> list[tuple[int, int]]:
    return [(answer[b"UID"], size_of(answer)) for answer in answers if not since or is_since(answer, since)]


def _window(client: IMAPClient, first: int, last: int, items: str) -> list[Answer]:
    # imapclient's own fetch takes no ranges, only lists, and 5,000 numbers are too long a line for many servers.
    response = client._imap.fetch(f"{first}:{last}", items)  # noqa: SLF001
    return [answer for number, answer in _answers(*response) if first <= number <= last]


def _answers(status: str, lines: list[Any]) -> Iterator[tuple[int, Answer]]:
    """Yield (sequence number, items) of those messages whose UID is told: servers may add what they like of others."""
    if status != "OK":
        raise IMAPClientError(str(lines[-1]))
    parsed = parse_fetch_response(lines, normalise_times=False, uid_is_key=False)
    return ((number, answer) for number, answer in parsed.items() if b"UID" in answer)
