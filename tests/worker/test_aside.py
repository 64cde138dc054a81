"""Mail that cannot be judged or written is kept with its octets: once, out of the way, and to be tried again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from models.session import reading, transaction
from models.tables.handling import AsideMessage
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import Mailbox
from tests.servers import PrivateDovecot
from tests.worker.commanding import ANNA, BOX, Commands
from tests.worker.small_world import NOW, a_mail, a_reply, furnish, send_all, statuses, take_in
from tests.worker.test_resilience import DESK, visiting
from worker.imap.fetched import FetchedMessage
from worker.poll import go_round
from worker.process import process
from worker.writing.record import Judged

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is the same on both databases."""
RAW = (
    b"From: anna@client.example\r\nSubject: Re: Question 1\r\nMessage-ID: <1@client.example>\r\n"
    b"In-Reply-To: <anna-1-0@us>\r\n\r\nPlease remove me from your list.\r\n"
)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


@contextmanager
def failing(
    monkeypatch: pytest.MonkeyPatch, where: str = "judge", words: str = "a bug in a detector"
) -> Iterator[None]:
    """Let judging, or writing, fail for as long as this lasts."""

    def fail(*_: object, **__: object) -> Any:
        raise ValueError(words)

    with monkeypatch.context() as patched:
        places = ["worker.process.judge_batch", "worker.process.judge"] if where == "judge" else ["worker.apply.record"]
        for each in places:
            patched.setattr(each, fail)
        yield


def fetched(raw: bytes = RAW, uid: int = 1, uidvalidity: int = 1, **more: Any) -> FetchedMessage:
    return FetchedMessage(
        mailbox=BOX, folder="INBOX", uidvalidity=uidvalidity, uid=uid, arrived_at=NOW - timedelta(days=5), raw=raw,
        size=len(raw), **more,
    )  # fmt: skip


def work(engine: Engine, *messages: FetchedMessage) -> None:
    process(DESK, messages, lambda: transaction(engine), NOW)


def kept(engine: Engine) -> list[tuple[bytes | None, int, str | None]]:
    with reading(engine) as session:
        query = select(AsideMessage.raw, AsideMessage.attempts, InboundMessage.error).join(
            InboundMessage, InboundMessage.id == AsideMessage.message_id
        )
        return [tuple(row) for row in session.execute(query.order_by(InboundMessage.uid))]  # type: ignore[misc]


@pytest.mark.parametrize("where", ["judge", "write"])
def test_a_mail_that_fails_is_kept_with_its_octets_and_each_attempt_is_counted(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    send_all(engine)
    for attempt, words in enumerate(("first", "second"), start=1):
        with failing(monkeypatch, where, words):
            work(engine, fetched(omitted=("a picture",)))
        assert kept(engine) == [(RAW, attempt, f"ValueError: {words}")]
    with reading(engine) as session:
        row = session.scalars(select(InboundMessage)).one()
        assert (row.state, row.subject, row.from_address) == (MessageState.SET_ASIDE, "Re: Question 1", ANNA)
    work(engine, fetched())
    assert kept(engine) == []
    assert statuses(engine)["campaign-1", ANNA] == "Unsubscribed"


def test_a_renumbered_folder_brings_the_same_poison_under_another_number_and_it_is_kept_once(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing(monkeypatch):
        work(engine, fetched(), fetched(RAW + b"other", uid=2))
        work(engine, fetched(uid=7, uidvalidity=2))
    assert [attempts for _, attempts, _ in kept(engine)] == [1, 2]
    with reading(engine) as session:
        rows = session.scalars(select(InboundMessage).order_by(InboundMessage.uid)).all()
        assert [(row.uidvalidity, row.uid) for row in rows] == [(1, 2), (2, 7)]


def test_what_the_server_refuses_takes_no_octets_away(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    with failing(monkeypatch):
        work(engine, fetched())
    work(engine, fetched(b"", refused="NO [SERVERBUG]"), fetched(b"", uid=2, refused="NO [SERVERBUG]"))
    refused = "the server refuses it: NO [SERVERBUG]"
    assert kept(engine) == [(RAW, 2, refused), (None, 1, refused)]


@SQLITE
def test_mail_set_aside_before_octets_were_kept_counts_its_next_attempt(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing(monkeypatch):
        work(engine, fetched())
    with transaction(engine) as session:
        session.delete(session.scalars(select(AsideMessage)).one())
    with failing(monkeypatch):
        work(engine, fetched())
    assert [(raw, attempts) for raw, attempts, _ in kept(engine)] == [(RAW, 1)]


@SQLITE
def test_mail_that_is_recorded_already_is_not_set_aside(engine: Engine) -> None:
    mail = a_mail(a_reply())
    take_in(engine, mail)
    applied = take_in(engine, replace(mail, error="judging failed"))
    assert applied.states["set aside"] == 0
    assert kept(engine) == []


@SQLITE
def test_mail_that_is_recorded_already_does_not_count_as_set_aside_where_writing_it_fails(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> Any:
        raise ValueError("no")

    mail = a_mail(a_reply())
    take_in(engine, mail)
    monkeypatch.setattr("worker.apply.record", fail)
    assert take_in(engine, mail).states["set aside"] == 0
    assert kept(engine) == []


@SQLITE
@pytest.mark.server
def test_a_poll_asks_for_poison_once_and_reads_on(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        dovecot.deliver(imap_user, RAW.replace(b"<1@", b"<%d@" % number))
    mailbox = Mailbox(folders=[], learn_sends=False)
    with visiting(engine, dovecot, imap_user) as visit:
        asked: list[int] = []
        real = visit.imap.fetch
        monkeypatch.setattr(visit.imap, "fetch", lambda pairs, most: (asked.extend(dict(pairs)), real(pairs, most))[1])
        with failing(monkeypatch):
            for _ in range(4):
                go_round(visit, mailbox, limit=2)
        assert sorted(asked) == [1, 2, 3, 4, 5]
    assert [attempts for _, attempts, _ in kept(engine)] == [1] * 5


# --- The commands ---


@pytest.fixture
def shelf(run: Commands, monkeypatch: pytest.MonkeyPatch) -> Commands:
    """One mail that failed, with its octets; one that the server refused; one send that the first answers."""
    run.add_mailbox()
    answered = run.send(ANNA)
    raw = RAW.replace(b"anna-1-0@us", answered.encode())
    with failing(monkeypatch):
        for judged in (judge_of(raw, uid=1), judge_of(b"", uid=2, error="the server refuses it: NO")):
            run.take_in(judged)
    return run


def judge_of(raw: bytes, uid: int, error: str = "ValueError: a bug\x1b[2J") -> Judged:
    return Judged(
        folder="INBOX", uidvalidity=1, uid=uid, arrived_at=NOW - timedelta(days=uid), size=len(raw) or 70_000,
        content_hash=f"{uid}", subject="Re: Question 1" if raw else "", error=error, raw=raw,
    )  # fmt: skip


def test_what_is_set_aside_is_listed_with_attempts_and_the_next_step(shelf: Commands) -> None:
    first, second = shelf.done("review", "list", "--aside", "--json").rows
    assert (first["attempts"], first["error"], first["subject"], first["folder"], first["mailbox"]) == (
        1, "ValueError: a bug\x1b[2J", "Re: Question 1", "INBOX", BOX,
    )  # fmt: skip
    assert first["next_step"] == f"inbox-worker review retry {first['id']}"
    assert second["next_step"] == f"nothing was kept; inbox-worker backfill {BOX}"
    told = shelf.done("review", "list", "--aside", "--mailbox", BOX).out
    assert "review retry" in told
    assert "\x1b" not in told
    assert shelf("review", "list", "--aside", "--campaign", "spring").code == 2
    assert shelf("review", "list", "--mailbox", BOX).code == 2


def test_a_retry_that_fares_well_acts_and_leaves_nothing_on_the_shelf(shelf: Commands) -> None:
    (row, _) = shelf.done("review", "list", "--aside", "--json").rows
    assert "attempts:" in shelf.done("messages", "show", str(row["id"])).out
    said = shelf.done("review", "retry", str(row["id"]))
    assert f"message {row['id']}: judged" in said.out
    assert "Unsubscribed" in said.out
    assert [each["id"] for each in shelf.done("review", "list", "--aside", "--json").rows] != [row["id"]]
    assert shelf.count(AsideMessage) == 1
    assert shelf.done("recipients", "list", "--json").rows[0]["status"] == "Unsubscribed"


def test_a_retry_that_fails_again_counts_and_tells_the_error(shelf: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    with failing(monkeypatch, words="still a bug"):
        said = shelf("review", "retry", "--all", "--json")
    assert said.code == 1
    assert "1 of 1 messages cannot be judged or written yet" in said.err
    assert [json.loads(line)["error"] for line in said.out.splitlines()] == ["ValueError: still a bug"]
    assert [row["attempts"] for row in shelf.done("review", "list", "--aside", "--json").rows] == [2, 1]


def test_a_retry_that_fails_again_is_told_to_people_and_gives_a_terminal_no_orders(
    shelf: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing(monkeypatch, words="still a bug\x1b[2J"):
        said = shelf("review", "retry", "1")
    assert said.code == 1
    assert said.out.startswith("message 1: ValueError: still a bug")
    assert "\x1b" not in said.out


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ((), 2, "name messages"),
        (("--all", "1"), 2, "name messages"),
        (("77",), 1, "no message 77 is set aside"),
        (("2",), 1, f"inbox-worker backfill {BOX}"),
    ],
)
def test_what_cannot_be_retried_is_told_with_the_next_step(
    shelf: Commands, words: tuple[str, ...], code: int, says: str
) -> None:
    said = shelf("review", "retry", *words)
    assert (said.code, says in said.err) == (code, True)


def test_junk_stays_junk_when_it_is_tried_again(run: Commands) -> None:
    run.add_mailbox()
    run.send(ANNA)
    weak = RAW.replace(b"In-Reply-To: <anna-1-0@us>\r\n", b"").replace(b"Question 1", b"Our offer")
    run.take_in(replace(judge_of(weak, uid=1), folder="Junk", junk=True))
    run.done("review", "retry", "--all")
    assert [row["kind"] for row in run.done("review", "list", "--json").rows] == ["uncertain match"]


def test_where_nothing_was_set_aside_a_retry_says_so(run: Commands) -> None:
    assert run.done("review", "retry", "--all").out == "no messages set aside\n"
