"""From the outbox to the endpoints: nothing lost, a subject's events in order, duplicates only under the same id."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from random import Random
from typing import Any

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from models.session import reading, transaction
from models.tables.outside import Delivery, DeliveryState, EventType, OutboxEvent, WebhookEndpoint
from tests.keys import VAULT
from tests.worker.receiver import Heard, Receiver, Say, receiving
from tests.worker.small_world import NOW, furnish
from worker.secrets.signing import new_secret, rotated, secrets_at, sign
from worker.secrets.vault import Vault, new_key
from worker.webhooks import dispatch as dispatching
from worker.webhooks.deliver import Claim, claim, due, settle, target_in
from worker.webhooks.dispatch import dispatch
from worker.webhooks.endpoints import (
    add_endpoint,
    list_endpoints,
    pause_endpoint,
    remove_endpoint,
    resume_endpoint,
    rotate_secret,
)
from worker.webhooks.guard import target_of
from worker.webhooks.lanes import Lanes, Tally
from worker.webhooks.post import Answer, Line
from worker.webhooks.replay import replay_all
from worker.writing.outbox import Told, tell

ANNA, BEN = "anna@client.example", "ben@client.example"

PATIENCE = 120.0
"""In seconds, for what is over in one."""
CHANCE = Random(1)  # noqa: S311 - spreads attempts, guards nothing


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def on(self, **time: float) -> None:
        self.now += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


def add(engine: Engine, receiver: Receiver, name: str = "crm", *types: EventType, **columns: Any) -> str:
    endpoint = WebhookEndpoint(team_id=1, name=name, url=receiver.url, types=list(types), allow_private=True)
    for column, value in columns.items():
        setattr(endpoint, column, value)
    with transaction(engine) as session:
        return add_endpoint(session, endpoint, VAULT, NOW)


def happen(
    engine: Engine, *subjects: str, kind: EventType = EventType.STATUS_CHANGED, endpoint: str | None = None
) -> None:
    with transaction(engine) as session:
        number = session.scalar(select(func.count(OutboxEvent.id))) or 0
        told = [Told(kind, subject, {"n": number + n, "ö": "\u2028"}, endpoint) for n, subject in enumerate(subjects)]
        tell(session, 1, told, NOW)


def run(engine: Engine, clock: Clock, **more: Any) -> Tally:
    dispatch(engine, clock())
    lanes = Lanes(engine, clock, VAULT, **more)
    tally = lanes.deliver_all()
    lanes.close()
    return tally


def states(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return [state.value for state in session.scalars(select(Delivery.state).order_by(Delivery.event_id))]


def numbers(heard: list[Heard], subject: str | None = None) -> list[int]:
    return [each.told["data"]["n"] for each in heard if subject is None or each.told["data"].get("s") == subject]


def refusing(*refused: int, status: int = 500) -> Callable[[Heard], Say]:
    return lambda heard: Say(status if heard.told["data"]["n"] in refused else 200)


def test_an_event_arrives_signed_and_is_not_sent_again(engine: Engine, receiver: Receiver, clock: Clock) -> None:
    clock.now = datetime.now(UTC)  # The reference library compares with the real time.
    secret = add(engine, receiver)
    happen(engine, ANNA)
    assert run(engine, clock) == Tally(1, 0)
    (heard,) = receiver.heard
    assert Webhook(secret).verify(heard.body, dict(heard.headers)) == {
        "type": "recipient.status_changed",
        "timestamp": "2026-05-14T09:00:00Z",
        "data": {"n": 0, "ö": "\u2028"},
    }
    assert heard.headers["content-type"] == "application/json"
    assert heard.headers["user-agent"].startswith("inbox-worker/")
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(heard.body, dict(heard.headers))
    assert run(engine, clock) == Tally()
    assert (states(engine), len(receiver.heard)) == (["delivered"], 1)


def test_a_rotated_secret_signs_beside_the_one_before_for_a_day(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    clock.now = datetime.now(UTC)
    old = add(engine, receiver)
    with transaction(engine) as session:
        new = rotate_secret(session, 1, "crm", VAULT, clock())
    happen(engine, ANNA)
    run(engine, clock)
    for secret in (old, new):
        Webhook(secret).verify(receiver.heard[0].body, dict(receiver.heard[0].headers))
    stored = rotated(old, new, NOW)
    assert secrets_at(stored, NOW + timedelta(hours=23)) == [new, old]
    assert secrets_at(stored, NOW + timedelta(hours=25)) == [new]
    third = new_secret()
    later = NOW + timedelta(hours=1)
    again = rotated(stored, third, later)
    assert secrets_at(again, later) == [third, new, old]
    assert secrets_at(again, NOW + timedelta(hours=24)) == [third, new]
    assert len(rotated(again, new_secret(), NOW + timedelta(hours=24)).split()) == 3


def test_the_signature_is_the_one_of_the_reference_library() -> None:
    secret, at = new_secret(), datetime(2026, 5, 4, tzinfo=UTC)
    ours = sign(secret, "msg_1", "{ä}".encode(), at)
    assert ours["webhook-signature"] == Webhook(secret).sign("msg_1", at, "{ä}")


def test_endpoints_hear_of_the_types_they_want_and_of_what_names_them(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    add(engine, receiver, "all")
    add(engine, receiver, "alarms", EventType.ALARM_OPENED)
    happen(engine, ANNA)
    happen(engine, "mailbox m", kind=EventType.ALARM_OPENED)
    happen(engine, BEN, kind=EventType.AUTOMATION, endpoint="alarms")
    happen(engine, BEN, kind=EventType.AUTOMATION, endpoint="gone")
    dispatch(engine, clock())
    with reading(engine) as session:
        query = select(WebhookEndpoint.name, Delivery.event_id).join(
            Delivery, Delivery.endpoint_id == WebhookEndpoint.id
        )
        found = {tuple(row) for row in session.execute(query)}
    assert found == {("all", 1), ("all", 2), ("alarms", 2), ("alarms", 3)}


def test_events_of_another_team_or_from_before_the_endpoint_are_not_sent(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    happen(engine, ANNA)
    happen(engine, ANNA, kind=EventType.AUTOMATION, endpoint="crm")
    add(engine, receiver)
    with transaction(engine) as session:
        session.execute(update(WebhookEndpoint).values(recorded_at=NOW + timedelta(microseconds=1)))
        session.connection().exec_driver_sql("INSERT INTO team (id, name) VALUES (2, 'other')")
        tell(session, 2, [Told(EventType.DNE_ADDED, ANNA, {})], NOW)
    assert run(engine, clock) == Tally()


def test_many_events_are_dispatched_in_batches_each_once(
    engine: Engine, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dispatching.dispatch_batch, "__defaults__", (10,))
    add(engine, receiver)
    happen(engine, *[f"{n}@client.example" for n in range(35)])
    assert dispatch(engine, clock()) == 35
    assert dispatch(engine, clock()) == 0
    assert len(states(engine)) == 35


def test_a_failing_event_holds_up_the_later_ones_of_its_subject_alone(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    add(engine, receiver)
    happen(engine, ANNA, BEN, ANNA, BEN)
    receiver.answer = refusing(0)
    assert run(engine, clock) == Tally(2, 1)
    assert states(engine) == ["pending", "delivered", "pending", "delivered"]
    assert numbers([heard for heard in receiver.heard if heard.told["data"]["n"] % 2]) == [1, 3]
    receiver.answer = refusing()
    assert run(engine, clock) == Tally()  # It is not due yet.
    clock.on(seconds=10)
    assert run(engine, clock) == Tally(2, 0)
    assert numbers(receiver.heard)[-2:] == [0, 2]
    bodies = {heard.body for heard in receiver.heard if heard.told["data"]["n"] == 0}
    ids = {heard.id for heard in receiver.heard if heard.told["data"]["n"] == 0}
    assert (len(bodies), len(ids)) == (1, 1)


def test_attempts_come_ever_later_until_a_day_has_passed_and_then_the_next_event_goes_out(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    add(engine, receiver)
    happen(engine, ANNA, ANNA)
    receiver.answer = refusing(0, 1)
    pauses: list[float] = []
    while states(engine) != ["dead", "pending"]:
        run(engine, clock)
        with reading(engine) as session:
            next_at = session.scalars(select(Delivery.next_attempt_at).order_by(Delivery.event_id)).first()
        assert next_at is not None
        pauses.append((next_at - clock()).total_seconds())
        clock.now = max(next_at, clock())
    assert 4 <= pauses[0] <= 6
    assert 8 <= pauses[1] <= 12
    assert max(pauses) <= 3_600 * 1.2
    assert 25 < len(pauses) < 45
    assert clock.now - NOW == timedelta(hours=24)
    assert [heard.told["data"]["n"] for heard in receiver.heard[-2:]] == [0, 1]
    with reading(engine) as session:
        dead = session.scalars(select(Delivery).order_by(Delivery.event_id)).first()
        assert dead is not None
        assert dead.last_error == "HTTP 500"


@pytest.mark.parametrize(
    ("status", "asked", "bounds"),
    [
        (429, "120", (120, 121)),
        (503, "Thu, 14 May 2026 09:10:00 GMT", (600, 601)),
        (429, "999999999", (3_600, 3_601)),
        (429, "soon", (4, 6)),
        (503, "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", (4, 6)),
        (503, "Mon, 01 Jan 2026 00:00:00 +999999999999999", (4, 6)),
        (500, "120", (4, 6)),
    ],
)
def test_an_endpoint_that_asks_for_time_gets_it_within_bounds(
    engine: Engine, receiver: Receiver, clock: Clock, status: int, asked: str, bounds: tuple[int, int]
) -> None:
    add(engine, receiver)
    happen(engine, ANNA)
    receiver.answer = lambda _: Say(status, {"Retry-After": asked})
    run(engine, clock)
    with reading(engine) as session:
        pause = session.scalars(select(Delivery.next_attempt_at)).one() - clock()
    assert bounds[0] <= pause.total_seconds() <= bounds[1]


def test_an_endpoint_that_asks_for_time_gets_it_for_every_event(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    add(engine, receiver)
    happen(engine, *[f"{n}@client.example" for n in range(40)])
    receiver.answer = lambda _: Say(429, {"Retry-After": "60"})
    dispatch(engine, clock())
    lanes = Lanes(engine, clock, VAULT)
    lanes.deliver_all()
    assert len(receiver.heard) <= 4  # What the lanes had in hand.
    receiver.answer = lambda _: Say()
    clock.on(seconds=50)
    assert lanes.deliver_all() == Tally()
    clock.on(seconds=50)
    assert lanes.deliver_all().delivered == 40
    lanes.close()


def test_an_endpoint_that_is_gone_is_paused_and_loses_nothing(engine: Engine, receiver: Receiver, clock: Clock) -> None:
    add(engine, receiver)
    happen(engine, ANNA, BEN)
    receiver.answer = lambda _: Say(410)
    run(engine, clock)
    with reading(engine) as session:
        (row,) = list_endpoints(session, 1)
    assert (row["state"], row["pending"], row["last_error"]) == ("paused", 2, "HTTP 410")
    clock.on(days=30)
    happen(engine, ANNA)
    receiver.answer = lambda _: Say(500)
    with transaction(engine) as session:
        resume_endpoint(session, 1, "crm")
    run(engine, clock)
    assert "dead" not in states(engine)  # The pause does not count against what waited.
    receiver.answer = lambda _: Say()
    clock.on(minutes=1)
    run(engine, clock)
    assert states(engine) == ["delivered"] * 3


def test_a_paused_endpoint_hears_later_of_what_happens_now(engine: Engine, receiver: Receiver, clock: Clock) -> None:
    add(engine, receiver)
    with transaction(engine) as session:
        pause_endpoint(session, 1, "crm", clock())
    happen(engine, ANNA)
    assert run(engine, clock) == Tally()
    assert states(engine) == ["pending"]
    with transaction(engine) as session:
        resume_endpoint(session, 1, "crm")
    assert run(engine, clock) == Tally(1, 0)


def test_replayed_events_go_out_again_in_order_with_their_ids(engine: Engine, receiver: Receiver, clock: Clock) -> None:
    add(engine, receiver)
    happen(engine, ANNA, ANNA, ANNA)
    run(engine, clock)
    with transaction(engine) as session:
        session.execute(update(Delivery).where(Delivery.event_id == 2).values(state=DeliveryState.DEAD))
    with transaction(engine) as session:
        assert replay_all(session, 1, "crm", clock(), states=[DeliveryState.DEAD], since=None) == 1
    run(engine, clock)
    assert numbers(receiver.heard) == [0, 1, 2, 1]
    with transaction(engine) as session:
        both = [DeliveryState.DEAD, DeliveryState.DELIVERED]
        assert replay_all(session, 1, "crm", clock(), states=both, since=NOW + timedelta(seconds=1)) == 0
        assert replay_all(session, 1, "crm", clock(), states=both, since=NOW) == 3
    run(engine, clock)
    assert numbers(receiver.heard) == [0, 1, 2, 1, 0, 1, 2]
    assert len({heard.id for heard in receiver.heard}) == 3


def test_a_crash_between_sending_and_marking_sends_again_under_the_same_id(
    engine: Engine, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(engine, receiver)
    happen(engine, ANNA, ANNA)

    def crash(*_: Any) -> Any:
        raise SystemError("killed")

    with monkeypatch.context() as patched:
        patched.setattr("worker.webhooks.lanes.settle", crash)
        run(engine, clock)
    assert (len(receiver.heard), states(engine)) == (1, ["pending", "pending"])
    clock.on(minutes=2)
    assert run(engine, clock) == Tally()  # It may still be in somebody's hands.
    clock.on(minutes=4)
    assert run(engine, clock) == Tally(2, 0)
    assert numbers(receiver.heard) == [0, 0, 1]
    assert receiver.heard[0].id == receiver.heard[1].id
    assert receiver.heard[0].body == receiver.heard[1].body


def take(session: Session, clock: Clock) -> Claim | None:
    ids = due(session, 1, clock(), 1)
    return claim(session, ids[0], clock()) if ids else None


def test_a_delivery_is_in_one_hand_only(engine: Engine, receiver: Receiver, clock: Clock) -> None:
    add(engine, receiver)
    happen(engine, ANNA, ANNA)
    dispatch(engine, clock())
    with transaction(engine) as session:
        first = take(session, clock)
    assert first is not None
    with transaction(engine) as session:
        assert take(session, clock) is None
        assert claim(session, first.delivery_id, clock()) is None


def test_whoever_makes_one_attempt_at_each_takes_none_that_another_has_tried(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    add(engine, receiver)
    happen(engine, ANNA)
    dispatch(engine, clock())
    with transaction(engine) as session:
        first = take(session, clock)
        assert first is not None
        settle(session, first, Answer(500), clock(), CHANCE)
    clock.on(minutes=1)
    with transaction(engine) as session:
        assert claim(session, first.delivery_id, clock(), due_at=NOW) is None
        assert claim(session, first.delivery_id, clock()) is not None


def test_whoever_hung_too_long_does_not_undo_what_another_did(engine: Engine, receiver: Receiver, clock: Clock) -> None:
    add(engine, receiver)
    happen(engine, ANNA)
    dispatch(engine, clock())
    with transaction(engine) as session:
        hung = take(session, clock)
    clock.on(minutes=6)
    with transaction(engine) as session:
        second = take(session, clock)
    assert hung is not None
    assert second is not None
    with transaction(engine) as session:
        settle(session, second, Answer(200), clock(), CHANCE)
        settle(session, hung, Answer(500), clock(), CHANCE)
    assert states(engine) == ["delivered"]


def test_an_endpoint_that_may_not_be_reached_says_so_and_is_tried_again(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    add(engine, receiver, url=f"https://127.0.0.1:{receiver.port}/", allow_private=False)
    happen(engine, ANNA)
    assert run(engine, clock) == Tally(0, 1)
    with reading(engine) as session:
        (row,) = list_endpoints(session, 1)
    assert "no address of the public internet" in row["last_error"]
    assert (states(engine), receiver.connections) == (["pending"], 0)


def test_a_secret_that_cannot_sign_fails_its_delivery_alone(
    engine: Engine, receiver: Receiver, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    add(engine, receiver, "broken")
    add(engine, receiver, "good")
    with transaction(engine) as session:
        broken = update(WebhookEndpoint).where(WebhookEndpoint.name == "broken")
        session.execute(broken.values(secret="whsec_!"))
    happen(engine, ANNA)
    assert run(engine, clock) == Tally(1, 1)
    assert "could not be sent" in caplog.text


def test_a_secret_whose_key_is_lost_is_told_as_the_reason_and_not_as_a_crash(
    engine: Engine, receiver: Receiver, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    add(engine, receiver)
    with transaction(engine) as session:
        session.execute(update(WebhookEndpoint).values(secret=Vault((new_key(),)).seal(new_secret())))
    happen(engine, ANNA)
    assert run(engine, clock) == Tally(0, 1)
    with reading(engine) as session:
        (row,) = list_endpoints(session, 1)
    assert "not among INBOX_SECRET_KEYS" in row["last_error"]
    assert (states(engine), receiver.connections) == (["pending"], 0)
    assert "could not be sent" not in caplog.text


def test_a_paused_or_removed_endpoint_lies_nowhere(engine: Engine, receiver: Receiver) -> None:
    add(engine, receiver)
    with transaction(engine) as session:
        (endpoint_id,) = session.scalars(select(WebhookEndpoint.id))
        assert target_in(session, endpoint_id) == target_of(receiver.url, allow_private=True)
        pause_endpoint(session, 1, "crm", NOW)
        session.flush()
        assert target_in(session, endpoint_id) is None
        remove_endpoint(session, 1, "crm")
        session.flush()
        assert target_in(session, endpoint_id) is None


def test_a_slow_endpoint_holds_up_no_other(engine: Engine, receiver: Receiver, clock: Clock) -> None:
    held, others = threading.Event(), 12
    # Nobody gives up waiting, however busy the machine is: whoever is held up stays so.
    lanes = Lanes(engine, clock, VAULT, open_line=partial(Line, connect=PATIENCE, whole=PATIENCE))
    with receiving() as slow:
        slow.answer = lambda _: (held.wait(PATIENCE), Say())[1]
        add(engine, slow, "slow")
        for number in range(others):
            add(engine, receiver, f"quick {number}")
        happen(engine, *[f"{n}@client.example" for n in range(5)])
        dispatch(engine, clock())
        deadline = time.monotonic() + PATIENCE / 2
        try:
            while not slow.heard or len(receiver.heard) < 5 * others:
                assert time.monotonic() < deadline, (len(slow.heard), len(receiver.heard))
                lanes.start()
                time.sleep(0.05)
        finally:
            held.set()
            lanes.close()


def test_trouble_with_an_endpoint_is_logged_once_a_minute(
    engine: Engine, receiver: Receiver, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    add(engine, receiver)
    happen(engine, *[f"{n}@client.example" for n in range(9)])
    receiver.answer = lambda _: Say(500)
    run(engine, clock)
    assert len(caplog.records) == 1
    assert "HTTP 500" in caplog.text


def test_told_to_stop_the_lanes_end_with_the_request_in_hand(engine: Engine, receiver: Receiver, clock: Clock) -> None:
    add(engine, receiver)
    happen(engine, *[ANNA] * 9)
    dispatch(engine, clock())
    lanes = Lanes(engine, clock, VAULT, lambda: len(receiver.heard) >= 2)
    lanes.deliver_all()
    lanes.close()
    assert len(receiver.heard) == 2
    assert states(engine) == ["delivered"] * 2 + ["pending"] * 7


def test_with_two_daemons_and_failures_nothing_is_lost_and_every_subject_stays_in_order(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    subjects, each = [f"{n}@client.example" for n in range(6)], 8
    add(engine, receiver)
    failed: set[int] = set()

    def sometimes(heard: Heard) -> Say:
        number = heard.told["data"]["n"]
        if number % 5 == 0 and number not in failed:
            failed.add(number)
            return Say(500)
        return Say()

    receiver.answer = sometimes
    happening = threading.Thread(target=lambda: [happen(engine, *subjects) for _ in range(each)])

    def daemon() -> None:
        lanes = Lanes(engine, clock, VAULT)
        while happening.is_alive() or "pending" in states(engine) or len(states(engine)) < each * len(subjects):
            dispatch(engine, clock())
            lanes.deliver_all()
            clock.on(seconds=7)
        lanes.close()

    daemons = [threading.Thread(target=daemon) for _ in range(2)]
    for thread in (happening, *daemons):
        thread.start()
    for thread in (happening, *daemons):
        thread.join()
    assert failed
    arrived: dict[int, list[int]] = defaultdict(list)
    ids: dict[int, set[str]] = defaultdict(set)
    for heard in receiver.heard:
        number = heard.told["data"]["n"]
        ids[number].add(heard.id)
        arrived[number % len(subjects)].append(number)
    assert sorted(ids) == list(range(each * len(subjects)))
    assert all(len(found) == 1 for found in ids.values())
    for found in arrived.values():
        assert found == sorted(found)


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_a_later_event_is_never_dispatched_before_an_earlier_one_of_its_subject(
    engine: Engine, receiver: Receiver, clock: Clock
) -> None:
    add(engine, receiver)
    with transaction(engine) as session:
        tell(session, 1, [Told(EventType.DNE_ADDED, BEN, {"n": 0})], NOW)
        happen(engine, ANNA)  # Committed before the event whose id is lower.
        assert dispatch(engine, clock()) == 1
    assert dispatch(engine, clock()) == 1
    with transaction(engine) as session:
        assert session.scalar(select(func.pg_advisory_xact_lock(dispatching.LOCK))) is not None
        happen(engine, ANNA)
        assert dispatch(engine, clock()) == 0  # Another process is at it.
    assert dispatch(engine, clock()) == 1


def test_what_waits_behind_a_failing_event_hides_nobody_else(
    engine: Engine, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("worker.webhooks.deliver.PAGE", 10)
    add(engine, receiver)
    happen(engine, *[ANNA] * 35, *[f"{n}@client.example" for n in range(25)], ANNA)
    dispatch(engine, clock())
    with transaction(engine) as session:
        first = take(session, clock)
    assert first is not None
    with reading(engine) as session:
        found = due(session, 1, clock(), 100)
        query = select(Delivery.event_id).where(Delivery.id.in_(found))
        assert sorted(session.scalars(query)) == list(range(36, 61))
        assert due(session, 1, clock(), 7) == found[:7]
        assert due(session, 1, NOW - timedelta(seconds=1), 100) == []


def test_an_endpoint_removed_during_a_dispatch_fails_nothing(
    engine: Engine, receiver: Receiver, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(engine, receiver)
    add(engine, receiver, "erp")
    happen(engine, ANNA)

    def remove() -> None:
        with transaction(engine) as session:
            remove_endpoint(session, 1, "crm")

    removing, insert_at_once = threading.Thread(target=remove), dispatching.insert_new

    def insert_slowly(*given: Any) -> int:
        removing.start()
        removing.join(0.3)
        return insert_at_once(*given)

    monkeypatch.setattr(dispatching, "insert_new", insert_slowly)
    assert dispatch(engine, clock()) == 1
    removing.join()
    assert states(engine) == ["pending"]
