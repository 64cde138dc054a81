"""Records the messages of a batch: each exactly once by its place, and each mail once by its content."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, update
from sqlalchemy.orm import Session

from classifier.part import MOST_TEXT
from classifier.verdict import Reply, Verdict, name_of
from models.among import among
from models.json_text import Ready
from models.rows import insert_new, insert_returning, table_of
from models.tables.mail import InboundMessage, MessageClue, MessageState, VerdictRow
from worker.match import Clues
from worker.tracing import step
from worker.writing.seen import IN_FOLDER, Known, known_mails, states_of
from worker.writing.stored import dump_text, storable

MOST_CLUES = 60
LONGEST = 998  # The longest line of RFC 5322, so the longest Message-ID.
LONGEST_FOLDER = 500
LARGEST = 2**63 - 1  # What a BIGINT holds.


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A message with its verdict, ready to be written; `error` says why it could not be judged.

    `rest` is what a reader sees besides the sender's own words, None where nothing of it is kept. `raw` and `omitted`
    are what was fetched of it: kept only where it is set aside.
    """

    folder: str
    uidvalidity: int
    uid: int
    arrived_at: datetime
    size: int
    content_hash: str
    message_id: str | None = None
    from_address: str | None = None
    subject: str = ""
    problems: tuple[str, ...] = ()
    verdict: Verdict | None = None
    rest: str | None = field(default=None, repr=False)
    clues: Clues | None = None
    error: str | None = None
    raw: bytes = field(default=b"", repr=False)
    omitted: tuple[str, ...] = ()
    junk: bool = False


@dataclass(slots=True)
class Recorded:
    """Rows that hold a mail for the first time, further copies of recorded mails, and counts by state."""

    first: list[tuple[int, Judged]] = field(default_factory=list)
    new: set[int] = field(default_factory=set)
    """Rows that this very batch wrote, so that nothing in the database speaks of them yet."""
    copies: list[tuple[Known, Judged]] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    @property
    def earlier(self) -> dict[int, datetime]:
        """Return row id -> arrival of the mails whose copies show that they arrived earlier."""
        found: dict[int, datetime] = {}
        for known, copy in self.copies:
            if copy.arrived_at < found.get(known.row_id, known.arrived_at):
                found[known.row_id] = copy.arrived_at
        return found

    @property
    def out_of_junk(self) -> set[int]:
        """Return the row ids of the mails of which a copy turned up outside junk for the first time."""
        return {known.row_id for known, copy in self.copies if known.junk and not copy.junk}


@step("record")
def record(session: Session, mailbox_id: int, batch: Sequence[Judged], now: datetime) -> Recorded:
    """Insert what is new of a batch of judged messages, with verdicts and clues; recognise further copies of a mail."""
    fresh = _unknown_places(session, mailbox_id, batch)
    known = known_mails(session, mailbox_id, [judged.content_hash for judged in fresh])
    firsts: dict[str, Judged] = {}
    copies: list[Judged] = []
    recorded = Recorded()
    for judged in fresh:
        if judged.content_hash in known or judged.content_hash in firsts:
            copies.append(judged)
        else:
            firsts[judged.content_hash] = judged
    rows = [row_of(mailbox_id, each, MessageState.JUDGED, now) for each in firsts.values()]
    written = {content: row_id for row_id, content in insert_returning(session, InboundMessage, rows, _NAMED)}
    recorded.new = set(written.values())
    if len(written) == len(firsts):
        known |= {content: _known(written[content], judged) for content, judged in firsts.items()}
    else:
        # Another worker wrote some of them meanwhile.
        known = known_mails(session, mailbox_id, [judged.content_hash for judged in (*firsts.values(), *copies)])
    insert_new(
        session,
        InboundMessage,
        [_copy_of(known[each.content_hash], mailbox_id, each, now) for each in copies],
    )
    recorded.first = [(known[content].row_id, judged) for content, judged in firsts.items()]
    copied = [(known[each.content_hash], each) for each in copies]
    recorded.copies = [(first, each) for first, each in copied if not first.erased]
    _write_verdicts(session, recorded.first, now)
    recorded.states += Counter({MessageState.JUDGED.value: len(firsts), MessageState.DUPLICATE.value: len(copies)})
    return recorded


_NAMED = ("id", "content_hash")
_MESSAGE = InboundMessage.__table__.c
_MAKE_ROOM = delete(InboundMessage).where(*IN_FOLDER, _MESSAGE.state == MessageState.SET_ASIDE)


def _unknown_places(session: Session, mailbox_id: int, batch: Sequence[Judged]) -> list[Judged]:
    """Return what is not recorded yet, the earliest arrival first; a message set aside before makes room."""
    folders: dict[tuple[str, int], dict[int, Judged]] = {}
    for judged in batch:
        folders.setdefault((judged.folder, judged.uidvalidity), {})[judged.uid] = judged
    fresh: list[Judged] = []
    for (folder, uidvalidity), by_uid in folders.items():
        states = states_of(session, mailbox_id, folder, uidvalidity, list(by_uid))
        if MessageState.SET_ASIDE in states.values():
            where = {"mailbox_id": mailbox_id, "folder": folder, "uidvalidity": uidvalidity, "uids": list(by_uid)}
            session.execute(_MAKE_ROOM, where)
        seen = {uid for uid, state in states.items() if state is not MessageState.SET_ASIDE}
        fresh += [judged for uid, judged in by_uid.items() if uid not in seen]
    return sorted(fresh, key=lambda judged: (judged.arrived_at, judged.uid))


def _known(row_id: int, judged: Judged) -> Known:
    return Known(row_id, judged.arrived_at, judged.clues is not None and judged.clues.junk)


def _copy_of(first: Known, mailbox_id: int, judged: Judged, now: datetime) -> dict[str, Any]:
    if first.erased:
        return _bare(judged, mailbox_id, now)
    return row_of(mailbox_id, judged, MessageState.DUPLICATE, now) | {"duplicate_of": first.row_id}


def _bare(judged: Judged, mailbox_id: int, now: datetime) -> dict[str, Any]:
    """Return the columns of a mail of which nothing is kept but where it lies and by what it is known again."""
    silent = replace(judged, message_id=None, from_address=None, subject="", problems=(), clues=None)
    return row_of(mailbox_id, silent, MessageState.ERASED, now)


_NOTE_STATE = (
    update(table_of(InboundMessage))
    .where(among(_MESSAGE.id, "messages"), _MESSAGE.state != bindparam("now", type_=_MESSAGE.state.type))
    .values(state=bindparam("now", type_=_MESSAGE.state.type))
)


def note_states(session: Session, unmatched: Collection[int], matched: Collection[int]) -> None:
    """Note whether messages are tied to anybody, by their row ids."""
    for state, ids in ((MessageState.UNMATCHED, unmatched), (MessageState.JUDGED, matched)):
        if ids:
            session.execute(_NOTE_STATE, {"now": state, "messages": ids})


def row_of(mailbox_id: int, judged: Judged, state: MessageState, now: datetime) -> dict[str, Any]:
    """Return the columns of the row that holds a message."""
    return {
        "mailbox_id": mailbox_id,
        "folder": judged.folder,
        "uidvalidity": judged.uidvalidity,
        "uid": judged.uid,
        "message_id": storable(judged.message_id, LONGEST),
        "content_hash": judged.content_hash,
        "arrived_at": judged.arrived_at,
        "size": judged.size,
        "from_address": storable(judged.from_address, 320),
        "subject": storable(judged.subject, 2_000),
        "state": state,
        "duplicate_of": None,
        "error": None,
        "problems": storable(judged.problems, 500),
        "clues": _kept_clues(judged, state),
        "recorded_at": now,
    }


def _kept_clues(judged: Judged, state: MessageState) -> Ready | dict[str, Any]:
    """Return what the matcher may be asked with again; of a message set aside what its octets do not tell."""
    if state is MessageState.SET_ASIDE:
        return {"junk": judged.junk}
    return dump_text(judged.clues) if judged.clues and state is MessageState.JUDGED else {}


def _write_verdicts(session: Session, first: Sequence[tuple[int, Judged]], now: datetime) -> None:
    verdicts = [
        _verdict_row(row_id, judged.verdict, now) | {"rest": storable(judged.rest, MOST_TEXT)}
        for row_id, judged in first
        if judged.verdict is not None
    ]
    insert_new(session, VerdictRow, verdicts)
    clues = [
        {"message_id": row_id, "value": value, "recorded_at": now}
        for row_id, judged in first
        for value in clue_values(judged.clues)
    ]
    insert_new(session, MessageClue, clues)


def _verdict_row(row_id: int, verdict: Verdict, now: datetime) -> dict[str, Any]:
    reply = verdict if isinstance(verdict, Reply) else None
    return {
        "message_id": row_id,
        "kind": name_of(verdict),
        "reply_class": reply.reply_class.value if reply else None,
        "confidence": reply.confidence if reply else None,
        "artifact": reply.artifact if reply else None,
        "details": dump_text(verdict),
        "recorded_at": now,
    }


def clue_values(clues: Clues | None) -> list[str]:
    """Return the Message-IDs, addresses and tokens by which later sends may claim the message."""
    if clues is None:
        return []
    values = dict.fromkeys((*clues.links, *clues.addresses, clues.from_address, *clues.tokens, *clues.answers))
    return [storable(value) for value in values if value and len(value) <= LONGEST][:MOST_CLUES]
