r"""Moves messages to another folder on an open connection: these alone, and without touching \Seen or anything else."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from imapclient import DELETED, IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, IMAPClientReadOnlyError

from models.tables.handling import MoveState
from worker.imap.failures import MALFORMED, is_passing, said

CANNOT_MOVE: Final = "the server can neither move a message (MOVE) nor remove one alone (UIDPLUS)"

_COPYUID: Final = re.compile(rb"(\d+) ([\d,:]+) ([\d,:]+)")
_MOST_RANGE: Final = 100_000


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a message that was to be moved: where it lies now if the server told, why it was refused."""

    state: MoveState
    uidvalidity: int | None = None
    uid: int | None = None
    error: str | None = None


GONE: Final = Fate(MoveState.GONE)


def can_move(capabilities: Collection[bytes]) -> bool:
    """Say whether a server can move one message and leave the others alone (RFC 6851, or RFC 4315)."""
    return b"MOVE" in capabilities or b"UIDPLUS" in capabilities


def transfer(client: IMAPClient, folder: str, uidvalidity: int, uids: Sequence[int], to: str) -> dict[int, Fate]:
    """Move messages of a folder to another one, which is made and subscribed where it is missing.

    Leaves `folder` selected for writing.

    Args:
        client: signed in.
        folder: where they lie.
        uidvalidity: of that folder, when they were seen there.
        uids: which.
        to: where they go.

    Raises:
        IMAPClientError, OSError: the connection broke, or the server refuses only for now.
    """
    try:
        if not can_move(client.capabilities()):
            return _all(uids, CANNOT_MOVE)
        if client.select_folder(folder).get(b"UIDVALIDITY") != uidvalidity:
            return dict.fromkeys(uids, GONE)
        there = sorted(set(client.fetch(uids, ["UID"])) & set(uids))
        if there:
            _provide(client, to)
    except IMAPClientReadOnlyError:
        return _all(uids, f"folder {folder!r} may only be read")
    except IMAPClientError as error:
        return _all(uids, _lasting(error))
    return dict.fromkeys(set(uids) - set(there), GONE) | _moved(client, there, to)


def _provide(client: IMAPClient, folder: str) -> None:
    if not client.folder_exists(folder):
        client.create_folder(folder)
        # Some servers have no subscriptions, and a folder can be used without.
        with suppress(IMAPClientError):
            client.subscribe_folder(folder)


def _moved(client: IMAPClient, uids: list[int], to: str) -> dict[int, Fate]:
    """Move messages with one command; where the server refuses, one by one, so that a bad one keeps no other back."""
    moves = client.has_capability("MOVE")
    take: Callable[[list[int], str], object] = client.move if moves else client.copy
    try:
        _told_places(client)
        take(uids, to)
    except IMAPClientError as error:
        why = _lasting(error)
    else:
        places = _told_places(client)
        left = None if moves else _removed(client, uids)
        return _all(uids, left) if left else {uid: places.get(uid, Fate(MoveState.MOVED)) for uid in uids}
    if len(uids) == 1:
        return _all(uids, why)
    return {each: fate for uid in uids for each, fate in _moved(client, [uid], to).items()}


def _removed(client: IMAPClient, uids: list[int]) -> str | None:
    """Remove messages that were copied, and nothing besides; return why the server would not."""
    try:
        client.add_flags(uids, [DELETED], silent=True)
        client.uid_expunge(uids)
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        # Nobody's EXPUNGE shall remove later what is told to be still there.
        with suppress(IMAPClientError):
            client.remove_flags(uids, [DELETED], silent=True)
        return f"it was copied, but the server does not remove it where it lay: {said(error)}"
    return None


def _lasting(error: IMAPClientError) -> str:
    """Return a refusal's words, or raise it where it will pass by itself."""
    if isinstance(error, IMAPClientAbortError) or is_passing(error):
        raise error
    return said(error)


def _all(uids: Collection[int], why: str) -> dict[int, Fate]:
    return dict.fromkeys(uids, Fate(MoveState.REFUSED, error=why))


def _told_places(client: IMAPClient) -> dict[int, Fate]:
    """Return where messages went, by their UIDs, if the server has told since it was last asked (COPYUID)."""
    _, lines = client._imap.response("COPYUID")  # noqa: SLF001 - imapclient offers no other way to it
    places: dict[int, Fate] = {}
    for line in lines:
        told = _COPYUID.fullmatch(line or b"")
        with suppress(*MALFORMED):
            if told:
                before, after = _numbers(told[2]), _numbers(told[3])
                places |= {
                    old: Fate(MoveState.MOVED, int(told[1]), new) for old, new in zip(before, after, strict=True)
                }
    return places


def _numbers(told: bytes) -> list[int]:
    """Return the UIDs of a set, in its order (RFC 4315 3: the two sets of COPYUID correspond)."""
    found: list[int] = []
    for part in told.split(b","):
        first, _, last = part.partition(b":")
        ends = int(first), int(last or first)
        # A range may be told backwards, and counts upwards all the same (RFC 9051, "seq-range").
        found += range(min(ends), min(max(ends), min(ends) + _MOST_RANGE) + 1)
    return found
