"""The events of a team: printed in order and each once, delivered without a daemon, sent again; and the alarms."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, select, update

from models.session import reading, transaction
from models.tables.mailboxes import Mailbox
from models.tables.outside import EventType, OutboxEvent
from models.tables.people import Team
from tests.worker.commanding import BOX, Commands
from tests.worker.receiver import Receiver, Say, receiving
from tests.worker.small_world import NOW, furnish
from worker.webhooks.tail import AWAITED, Tail
from worker.writing.outbox import Told, tell


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def told(subject: str, kind: EventType = EventType.DNE_ADDED) -> Told:
    return Told(kind, subject, {"target": subject})


def happen(run: Commands, number: int, at: datetime = NOW) -> None:
    run.done("webhooks", "list")
    with run.database() as engine, transaction(engine) as session:
        tell(session, 1, [told(f"{n}@client.example") for n in range(number)], at)


def test_the_newest_events_are_shown_in_order(run: Commands) -> None:
    happen(run, 25)
    rows = run.done("events", "tail", "--json").rows
    assert [row["id"] for row in rows] == list(range(6, 26))
    assert rows[0] == {
        "id": 6, "type": "dne.added", "recorded_at": "2026-05-14T09:00:00+00:00", "subject": "5@client.example",
        "endpoint": None, "data": {"target": "5@client.example"},
    }  # fmt: skip
    assert run.done("events", "tail").out.splitlines()[-1].startswith("25\t")


def test_events_are_shown_since_an_id_or_a_time_and_of_a_type(run: Commands) -> None:
    happen(run, 3)
    happen(run, 3, NOW + timedelta(hours=1))
    with run.database() as engine, transaction(engine) as session:
        session.execute(update(OutboxEvent).where(OutboxEvent.id == 5).values(type=EventType.DNE_LIFTED))

    def ids(*words: str) -> list[int]:
        return [row["id"] for row in run.done("events", "tail", "--json", *words).rows]

    assert ids("--since", "2") == [2, 3, 4, 5, 6]
    assert ids("--since", "2026-05-14T10:00:00") == [4, 5, 6]
    assert ids("--since", "2026-05-14T12:30:00+02:00", "--type", "dne.lifted") == []
    assert ids("--since", "2026-05-14T12:00:00+02:00", "--type", "dne.lifted") == [5]
    assert ids("--since", "2027-01-01") == []
    assert run("events", "tail", "--since", "yesterday").code == 2


def test_of_no_events_nothing_is_shown(run: Commands) -> None:
    assert run.done("events", "tail").out == ""


def test_delivered_events_are_sent_again_when_a_person_says_so(run: Commands, receiver: Receiver) -> None:
    run.done("webhooks", "add", "crm", receiver.url, "--allow-private")
    now = datetime.now(UTC)
    happen(run, 2, now)
    run.done("events", "deliver")
    assert run.done("events", "replay", "crm").out == "0 deliveries go out again\n"
    assert run.done("events", "replay", "crm", "--since", "2026-01-01").out.startswith("0 ")
    after = (now + timedelta(days=1)).isoformat()
    assert run.done("events", "replay", "crm", "--all", "--since", after).out.startswith("0 ")
    assert run.done("events", "replay", "crm", "--all").out == "2 deliveries go out again\n"
    run.done("events", "deliver")
    first, again = receiver.heard[:2], receiver.heard[2:]
    assert {heard.id for heard in first} == {heard.id for heard in again}
    assert len(again) == 2


def test_delivering_without_a_daemon_removes_old_events_too(run: Commands) -> None:
    now = datetime.now(UTC)
    for days in (91, 89, 0):
        happen(run, 1, now - timedelta(days=days))
    run.done("events", "deliver")
    assert [row["id"] for row in run.done("events", "tail", "--json").rows] == [2, 3]


def test_ctrl_c_ends_delivering_with_the_request_in_hand(
    run: Commands, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        while not receiver.heard:
            time.sleep(0.01)
        raise KeyboardInterrupt

    receiver.answer = lambda _: (time.sleep(0.1), Say())[1]
    run.done("webhooks", "add", "crm", receiver.url, "--allow-private")
    happen(run, 50, datetime.now(UTC))
    monkeypatch.setattr("worker.webhooks.lanes.wait", interrupted)
    assert run("events", "deliver").code == 1
    heard = len(receiver.heard)
    assert 1 <= heard <= 4
    time.sleep(0.4)
    assert len(receiver.heard) == heard


def ids(tail: Tail, engine: Engine, minutes: int = 0) -> list[int]:
    with reading(engine) as session:
        return [event.id for event in tail.read(session, NOW + timedelta(minutes=minutes))]


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_whoever_follows_misses_nothing_that_is_committed_late(engine: Engine) -> None:
    furnish(engine)
    tail = Tail(1)
    with transaction(engine) as late:
        tell(late, 1, [told("anna@client.example")], NOW)
        with transaction(engine) as session:
            tell(session, 1, [told("ben@client.example")], NOW)
        assert ids(tail, engine) == [2]
        assert ids(tail, engine) == []
    assert ids(tail, engine) == [1]
    with transaction(engine) as session:
        tell(session, 1, [told("anna@client.example")], NOW)
        session.rollback()
        tell(session, 1, [told("anna@client.example")], NOW)
    assert ids(tail, engine, 1) == [4]
    assert set(tail.missing) == {3}
    assert ids(tail, engine, 2 + int(AWAITED.total_seconds() / 60)) == []
    assert tail.missing == {}


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_whoever_begins_to_follow_misses_nothing_below_that_is_committed_late(engine: Engine) -> None:
    furnish(engine)
    tail = Tail(1)
    with transaction(engine) as late:
        tell(late, 1, [told("anna@client.example")], NOW)
        with transaction(engine) as session:
            tell(session, 1, [told("ben@client.example"), told("cara@client.example")], NOW)
        with reading(engine) as session:
            tail.begin(session, 2, NOW)
        assert ids(tail, engine) == [3]
    assert ids(tail, engine) == [1]
    assert ids(tail, engine) == []


def test_what_is_missing_below_an_old_event_is_not_awaited(engine: Engine) -> None:
    furnish(engine)
    with transaction(engine) as session:
        for number, minutes in ((5, -21), (8, 0), (10, 0)):
            event = OutboxEvent(id=number, team_id=1, type=EventType.DNE_ADDED, subject="anna@client.example")
            event.payload, event.recorded_at = {}, NOW + timedelta(minutes=minutes)
            session.add(event)
    for top, awaited in ((0, {6, 7, 9}), (8, {6, 7, 9}), (10, {6, 7, 9}), (20, {6, 7, 9})):
        tail = Tail(1)
        with reading(engine) as session:
            tail.begin(session, top, NOW)
        ids(tail, engine)
        assert set(tail.missing) == awaited


def test_whoever_follows_reads_the_own_team_alone(engine: Engine) -> None:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=2, name="other"))
        session.flush()
        tell(session, 2, [told("anna@client.example")], NOW)
        tell(session, 1, [told("ben@client.example")], NOW)
    assert ids(Tail(1), engine) == [2]


def test_alarms_are_looked_for_listed_and_told_by_the_doctor(run: Commands) -> None:
    run.add_mailbox()
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    with run.database() as engine, transaction(engine) as session:
        session.execute(update(Mailbox).values(last_success_at=long_ago))
    assert run.done("alarms", "check").out == "alarms opened: 1, closed: 0\n"
    (row,) = run.done("alarms", "list", "--json").rows
    assert (row["kind"], row["subject"], row["closed_at"]) == ("mailbox stale", f"mailbox {BOX}", None)
    said = run("doctor")
    assert said.code == 1
    assert f"FAILED  alarm: mailbox stale: mailbox {BOX}: not read since" in said.out
    run.done("doctor", "--max-age", "86400")
    with run.database() as engine, transaction(engine) as session:
        session.execute(update(Mailbox).values(last_success_at=datetime.now(UTC)))
    assert run.done("alarms", "check").out == "alarms opened: 0, closed: 1\n"
    assert run.done("alarms", "list").out == ""
    assert len(run.done("alarms", "list", "--all").out.splitlines()) == 1
    run.done("doctor")
    with run.database() as engine, reading(engine) as session:
        assert [event.type for event in session.scalars(select(OutboxEvent))] == ["alarm.opened", "alarm.closed"]
