"""Old events leave the outbox once every endpoint has them; what waits or was given up stays."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, select

from models.session import reading, transaction
from models.tables.outside import Delivery, DeliveryState, EventType, OutboxEvent, WebhookEndpoint
from tests.keys import VAULT
from tests.worker.small_world import NOW, furnish
from worker.privacy import retention
from worker.privacy.retention import remove_old
from worker.webhooks.endpoints import add_endpoint

OLD = NOW - timedelta(days=91)
LIMIT = NOW - timedelta(days=90)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        for name in ("crm", "erp"):
            endpoint = WebhookEndpoint(team_id=1, name=name, url="https://hook.example/", types=[], allow_private=False)
            add_endpoint(session, endpoint, VAULT, OLD)
    return engine


def put(engine: Engine, number: int, at: datetime, states: Sequence[str] = (), *, dispatched: bool = True) -> None:
    with transaction(engine) as session:
        event = OutboxEvent(id=number, team_id=1, type=EventType.DNE_ADDED, subject="anna@client.example", payload={})
        event.recorded_at, event.dispatched_at = at, at if dispatched else None
        session.add(event)
        session.flush()
        for endpoint_id, state in enumerate(states, 1):
            delivery = Delivery(endpoint_id=endpoint_id, event_id=number, subject=event.subject)
            delivery.state, delivery.next_attempt_at = DeliveryState(state), at
            session.add(delivery)


def left(engine: Engine) -> tuple[list[int], list[int]]:
    with reading(engine) as session:
        events = list(session.scalars(select(OutboxEvent.id).order_by(OutboxEvent.id)))
        return events, list(session.scalars(select(Delivery.event_id).order_by(Delivery.event_id)))


@pytest.mark.parametrize("batch", [1, 3, 1_000])
def test_what_every_endpoint_has_or_nobody_wanted_goes_and_the_rest_stays(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(retention, "BATCH", batch)
    put(engine, 1, OLD, ["delivered", "delivered"])
    put(engine, 2, OLD, ["delivered", "dead"])
    put(engine, 3, OLD, ["pending"])
    put(engine, 4, OLD)
    put(engine, 5, OLD, dispatched=False)
    put(engine, 6, OLD, ["delivered"])
    put(engine, 7, LIMIT, ["delivered"])
    put(engine, 8, NOW, ["delivered"])
    assert remove_old(engine, LIMIT) == 3
    assert left(engine) == ([2, 3, 5, 7, 8], [2, 2, 3, 7, 8])
    assert remove_old(engine, LIMIT) == 0


def test_the_newest_event_stays_so_that_no_id_is_given_out_twice(engine: Engine) -> None:
    put(engine, 1, OLD)
    put(engine, 2, OLD)
    assert remove_old(engine, LIMIT) == 1
    assert left(engine)[0] == [2]


def test_told_to_stop_it_ends_after_the_batch_in_hand(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 1)
    for number in range(1, 5):
        put(engine, number, OLD)
    answers = iter([False, True])
    assert remove_old(engine, LIMIT, lambda: next(answers)) == 1


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_what_is_being_replayed_is_neither_waited_for_nor_removed(engine: Engine) -> None:
    put(engine, 1, OLD, ["delivered"])
    put(engine, 2, OLD)
    with transaction(engine) as session:
        session.get_one(Delivery, 1, with_for_update=True).state = DeliveryState.PENDING
        session.flush()
        assert remove_old(engine, LIMIT) == 0
    assert remove_old(engine, LIMIT) == 0
    assert left(engine) == ([1, 2], [1])
