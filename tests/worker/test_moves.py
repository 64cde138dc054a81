"""Bounces and opt-outs go to folders of their own, each alone and once; what a person puts back is asked about."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any
from unittest import mock
from zlib import crc32

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientError
from sqlalchemy import Engine, select, update

from models.session import reading, transaction
from models.tables.handling import MessageMove, MoveState, Purpose
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from tests.journey.world import end_state
from tests.servers import PrivateDovecot
from tests.worker.small_world import BOX, NOW, RULES, SENDS, SENT_AT, furnish, send_all, statuses
from tests.worker.test_resilience import visiting
from worker.act import Act
from worker.acts.person import resolve_review
from worker.backfill import EVER
from worker.imap.transfer import Fate, can_move, transfer
from worker.poll import go_round
from worker.queries.story import list_reviews

pytestmark = pytest.mark.server

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is the same on both databases."""
ARRIVED = SENT_AT + timedelta(hours=30)
BOUNCES, OPT_OUTS = "Bounces", "Opt-outs/Größe"


def a_bounce(person: str = "anna", number: int = 1) -> bytes:
    return f"""From: MAILER-DAEMON@mx.client.example
To: {BOX.name}
Subject: Undelivered
Message-ID: <bounce-{person}-{number}@mx.client.example>
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

The mail could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.client.example

Final-Recipient: rfc822; {person}@client.example
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 User unknown

--b
Content-Type: message/rfc822

From: {BOX.name}
To: {person}@client.example
Subject: Question 1
Message-ID: <{person}-1-0@us>

Hello
--b--
""".replace("\n", "\r\n").encode()


def a_reply(person: str, words: str, *, thread: bool = True, subject: str = "Re: Question 1") -> bytes:
    answers = f"In-Reply-To: <{person}-1-0@us>\n" if thread else ""
    return f"""From: {person}@client.example
To: {BOX.name}
Subject: {subject}
Message-ID: <{crc32(words.encode())}.{person}@client.example>
{answers}
{words}
""".replace("\n", "\r\n").encode()


STOP = "Please remove me from your list."


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    send_all(engine)
    set_mailbox(engine, bounces_to=BOUNCES, opt_outs_to=OPT_OUTS, folders=[], learn_sends=False)
    return engine


def set_mailbox(engine: Engine, **columns: Any) -> None:
    with transaction(engine) as session:
        session.execute(update(Mailbox).values(**columns))


def look(
    engine: Engine,
    dovecot: PrivateDovecot,
    user: str,
    *,
    lacks: Collection[bytes] = (),
    purpose: Purpose = Purpose.LIVE,
) -> None:
    """Poll the mailbox once, at a server that does not tell of some capabilities; or backfill it."""
    with reading(engine) as session:
        mailbox = session.get_one(Mailbox, 1)
    with visiting(engine, dovecot, user) as visit:
        client = visit.imap._client  # noqa: SLF001 - what it knows of the server
        client._cached_capabilities = tuple(set(client.capabilities()) - set(lacks))  # noqa: SLF001
        go_round(replace(visit, purpose=purpose), mailbox, since=EVER if purpose is Purpose.BACKFILL else None)
        assert client._imap.is_readonly  # noqa: SLF001 - whatever was open for writing is so no longer


@contextmanager
def folder(dovecot: PrivateDovecot, user: str, name: str) -> Iterator[IMAPClient]:
    with dovecot.session(user) as client:
        client.select_folder(name)
        yield client


def subjects(dovecot: PrivateDovecot, user: str, name: str) -> list[str]:
    with folder(dovecot, user, name) as client:
        found = client.fetch(client.search(), ["BODY.PEEK[HEADER.FIELDS (SUBJECT)]"])
        return sorted(
            part.decode().strip() for each in found.values() for part in each.values() if isinstance(part, bytes)
        )


def moves(engine: Engine) -> list[MoveState]:
    with reading(engine) as session:
        return sorted(session.scalars(select(MessageMove.state)))


def deliver_all(dovecot: PrivateDovecot, user: str) -> None:
    for raw in (a_bounce(), a_reply("ben", STOP), a_reply("ben", "Which day would suit you?"), a_reply("eve", STOP)):
        dovecot.deliver(user, raw, internaldate=ARRIVED)


def test_bounces_and_opt_outs_go_to_their_folders_and_everything_else_stays(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    deliver_all(dovecot, imap_user)
    look(engine, dovecot, imap_user)
    assert moves(engine) == [MoveState.MOVED] * 2
    assert subjects(dovecot, imap_user, BOUNCES) == ["Subject: Undelivered"]
    assert subjects(dovecot, imap_user, OPT_OUTS) == ["Subject: Re: Question 1"]
    with folder(dovecot, imap_user, "INBOX") as client:
        # Eve was never mailed, so her mail is nobody's opt-out.
        assert len(client.search()) == 2
        assert client.list_sub_folders(pattern="Bounces")
    for name in (BOUNCES, "INBOX"):
        with folder(dovecot, imap_user, name) as client:
            assert not any(b"\\Seen" in flags for flags in client.get_flags(client.search()).values())
    with reading(engine) as session:
        kept = session.scalars(select(MessageMove).order_by(MessageMove.message_id)).all()
    with folder(dovecot, imap_user, BOUNCES) as client:
        assert [kept[0].uid] == client.search()


@SQLITE
def test_without_move_a_mail_is_copied_and_it_alone_is_removed(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    deliver_all(dovecot, imap_user)
    with folder(dovecot, imap_user, "INBOX") as client:
        client.add_flags(client.search()[-2:], ["\\Deleted"])
    look(engine, dovecot, imap_user, lacks={b"MOVE"})
    assert moves(engine) == [MoveState.MOVED] * 2
    assert len(subjects(dovecot, imap_user, BOUNCES) + subjects(dovecot, imap_user, OPT_OUTS)) == 2
    with folder(dovecot, imap_user, "INBOX") as client:
        assert len(client.search()) == len(client.search(["DELETED"])) == 2
    with reading(engine) as session:
        assert all(session.scalars(select(MessageMove.uid)))


@SQLITE
def test_without_a_safe_way_nothing_is_moved_and_it_is_told_once(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, caplog: pytest.LogCaptureFixture
) -> None:
    for number, person in enumerate(("anna", "ben")):
        dovecot.deliver(imap_user, a_bounce(person), internaldate=ARRIVED)
        look(engine, dovecot, imap_user, lacks={b"MOVE", b"UIDPLUS"})
        assert moves(engine) == [MoveState.REFUSED] * (number + 1)
    assert len(subjects(dovecot, imap_user, "INBOX")) == 2
    (told,) = (each.message for each in caplog.records if each.levelno >= logging.WARNING)
    assert f"mail stays in 'INBOX' and does not go to '{BOUNCES}': the server can neither move a message" in told


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.parametrize(
    ("where", "end"),
    [("worker.mailbox.transfer", MoveState.MOVED), ("worker.reading.moving.note_fates", MoveState.GONE)],
    ids=["before the move", "before it was noted"],
)
def test_what_waited_when_the_process_died_is_moved_by_the_next_poll_and_once(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch, where: str,
    end: MoveState,
) -> None:  # fmt: skip
    def die(*_: object) -> None:
        raise Killed

    dovecot.deliver(imap_user, a_bounce(), internaldate=ARRIVED)
    with monkeypatch.context() as patched:
        patched.setattr(where, die)
        with pytest.raises(Killed):
            look(engine, dovecot, imap_user)
    assert moves(engine) == [MoveState.WANTED]
    assert statuses(engine)["campaign-1", "anna@client.example"] == "Bounced"
    look(engine, dovecot, imap_user)
    assert moves(engine) == [end]
    assert (subjects(dovecot, imap_user, "INBOX"), len(subjects(dovecot, imap_user, BOUNCES))) == ([], 1)


@SQLITE
def test_a_backfill_moves_nothing_and_the_next_poll_does(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    dovecot.deliver(imap_user, a_bounce(), internaldate=ARRIVED)
    look(engine, dovecot, imap_user, purpose=Purpose.BACKFILL)
    assert len(subjects(dovecot, imap_user, "INBOX")) == 1
    look(engine, dovecot, imap_user)
    assert subjects(dovecot, imap_user, "INBOX") == []


@SQLITE
def test_what_only_suggests_waits_where_a_person_looks_for_it(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    weak = a_bounce().replace(b"<anna-1-0@us>", b"<another@us>")
    dovecot.deliver(imap_user, weak, internaldate=ARRIVED)
    look(engine, dovecot, imap_user)
    assert [kind for *_, kind, _ in end_state(engine).reviews] == ["uncertain match"]
    assert len(subjects(dovecot, imap_user, "INBOX")) == 1


@SQLITE
def test_a_folder_that_is_read_too_brings_the_moved_mail_as_a_duplicate(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    set_mailbox(engine, folders=["INBOX", BOUNCES])
    with folder(dovecot, imap_user, "INBOX") as client:
        client.create_folder(BOUNCES)
    dovecot.deliver(imap_user, a_bounce(), internaldate=ARRIVED)
    look(engine, dovecot, imap_user)
    before = end_state(engine)
    look(engine, dovecot, imap_user)
    with reading(engine) as session:
        found = session.execute(select(InboundMessage.folder, InboundMessage.state).order_by(InboundMessage.id)).all()
    assert [tuple(each) for each in found] == [("INBOX", MessageState.JUDGED), (BOUNCES, MessageState.DUPLICATE)]
    assert (end_state(engine), moves(engine)) == (before, [MoveState.MOVED])


@SQLITE
@pytest.mark.parametrize("change", ["renumbered", "deleted"])
def test_what_is_no_longer_where_it_was_is_left_alone(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, change: str
) -> None:
    dovecot.deliver(imap_user, a_bounce(), internaldate=ARRIVED)
    look(engine, dovecot, imap_user, purpose=Purpose.BACKFILL)
    if change == "renumbered":
        with transaction(engine) as session:
            session.execute(update(InboundMessage).values(uidvalidity=InboundMessage.uidvalidity + 1))
    else:
        with folder(dovecot, imap_user, "INBOX") as client:
            client.delete_messages(client.search())
            client.expunge()
    look(engine, dovecot, imap_user)
    assert moves(engine) == [MoveState.GONE]
    assert len(subjects(dovecot, imap_user, "INBOX")) == (change == "renumbered")


def put_back(dovecot: PrivateDovecot, user: str) -> None:
    with folder(dovecot, user, BOUNCES) as client:
        client.move(client.search(), "INBOX")


def test_a_mail_that_a_person_puts_back_is_asked_about_once_and_stays(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    dovecot.deliver(imap_user, a_bounce(), internaldate=ARRIVED)
    look(engine, dovecot, imap_user)
    before = end_state(engine)
    put_back(dovecot, imap_user)
    for _ in range(2):
        look(engine, dovecot, imap_user)
        assert moves(engine) == [MoveState.RETURNED]
    assert len(subjects(dovecot, imap_user, "INBOX")) == 1
    after = end_state(engine)
    assert (after.recipients, after.dne, after.events) == (before.recipients, before.dne, before.events + 1)
    ((campaign, address, kind, _),) = after.reviews - before.reviews
    assert (campaign, address, kind) == ("campaign-1", "anna@client.example", "moved back")
    with reading(engine) as session:
        (item,) = list_reviews(session, 1)
        assert item["because"] == [f"a person took the mail out of '{BOUNCES}', where it was put"]
        assert item["subject"] == "Undelivered"


@SQLITE
def test_a_person_settles_the_question_for_good(engine: Engine, dovecot: PrivateDovecot, imap_user: str) -> None:
    dovecot.deliver(imap_user, a_bounce(), internaldate=ARRIVED)
    look(engine, dovecot, imap_user)
    put_back(dovecot, imap_user)
    look(engine, dovecot, imap_user)
    before = end_state(engine)
    with transaction(engine) as session:
        (item,) = list_reviews(session, 1)
        resolve_review(session, RULES, item["id"], None, Act("mila", NOW))
    # What comes later about the same mail asks it no more.
    send_all(engine, [replace(SENDS[0], message_ids=("anna-1-0@us", "other@us"))])
    look(engine, dovecot, imap_user)
    after = end_state(engine)
    assert (after.reviews, after.recipients) == (frozenset(), before.recipients)


class Reluctant:
    """A server that will not move some messages; it has no COPYUID to tell."""

    def __init__(self, *bad: int, words: str = "[CANNOT] not this one") -> None:
        self.bad, self.words = set(bad), words
        self.commands: list[tuple[str, list[int]]] = []
        self._imap = self

    def capabilities(self) -> tuple[bytes, ...]:
        return (b"MOVE",)

    def has_capability(self, name: str) -> bool:
        return name == "MOVE"

    def select_folder(self, _: str) -> dict[bytes, int]:
        return {b"UIDVALIDITY": 7}

    def fetch(self, uids: list[int], _: list[str]) -> dict[int, dict[bytes, int]]:
        return {uid: {} for uid in uids}

    def folder_exists(self, _: str) -> bool:
        return True

    def response(self, _: str) -> tuple[str, list[None]]:
        return "COPYUID", [None]

    def move(self, uids: list[int], _: str) -> None:
        self.commands.append(("move", uids))
        if self.bad & set(uids):
            raise IMAPClientError(f"move failed: {self.words}")


def test_one_mail_that_cannot_be_moved_keeps_no_other_back() -> None:
    server: Any = Reluctant(2)
    fates = transfer(server, "INBOX", 7, [1, 2, 3], BOUNCES)
    refused = Fate(MoveState.REFUSED, error="move failed: [CANNOT] not this one")
    assert fates == {1: Fate(MoveState.MOVED), 2: refused, 3: Fate(MoveState.MOVED)}


@SQLITE
def test_a_refusal_that_passes_is_tried_again(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise IMAPClientError("copy failed: [OVERQUOTA] Quota exceeded")

    dovecot.deliver(imap_user, a_bounce(), internaldate=ARRIVED)
    with monkeypatch.context() as patched:
        patched.setattr("worker.mailbox.transfer", full)
        look(engine, dovecot, imap_user)
    assert moves(engine) == [MoveState.WANTED]
    look(engine, dovecot, imap_user)
    assert moves(engine) == [MoveState.MOVED]


@pytest.mark.parametrize(
    ("told", "places"),
    [
        (b"9 1:3 10:12", {1: 10, 2: 11, 3: 12}),
        (b"9 3,1 12:11", {3: 11, 1: 12}),
        (b"9 1:3 10", {}),
        (b"9 1 x", {}),
        (b"9 1:4000000000 1:2", {}),
        (b"", {}),
        (None, {}),
    ],
)
def test_where_mail_went_is_believed_only_where_it_makes_sense(told: bytes | None, places: dict[int, int]) -> None:
    server: Any = Reluctant()
    answers = iter([None, told])
    server.response = lambda _: ("COPYUID", [next(answers)])
    fates = transfer(server, "INBOX", 7, [1, 2, 3], BOUNCES)
    assert {uid: fate.uid for uid, fate in fates.items() if fate.uid} == places
    assert {fate.uidvalidity for fate in fates.values()} - {None} == ({9} if places else set())


@pytest.mark.parametrize(
    ("capabilities", "can"), [((b"IMAP4REV1", b"MOVE"), True), ((b"UIDPLUS",), True), ((b"IMAP4REV1", b"IDLE"), False)]
)
def test_a_server_must_be_able_to_remove_one_message_alone(capabilities: tuple[bytes, ...], *, can: bool) -> None:
    assert can_move(capabilities) is can


@SQLITE
def test_a_move_that_fails_keeps_nothing_from_being_read_and_is_made_later(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: object) -> None:
        raise IMAPClientError("move failed: [UNAVAILABLE] the store is away")

    dovecot.deliver(imap_user, a_bounce(), internaldate=ARRIVED)
    with mock.patch("worker.mailbox.transfer", away), caplog.at_level(logging.WARNING):
        look(engine, dovecot, imap_user)
    assert [record.getMessage() for record in caplog.records if "it is moved later" in record.getMessage()]
    assert statuses(engine)["campaign-1", "anna@client.example"] == "Bounced"
    assert moves(engine) == [MoveState.WANTED]
    look(engine, dovecot, imap_user)
    assert moves(engine) == [MoveState.MOVED]
