"""What the sending side tells, taken in by batches: a batch that breaks off may be sent once more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from models.events import Bounced, EventKind
from models.session import reading, transaction
from models.tables.mailing import SentMessage
from models.tables.standing import RecipientEvent
from tests.worker.small_world import NOW, RULES, SENDS, SENT_AT, furnish, send_all, statuses
from worker.sending import intake
from worker.sending.intake import Signal, Taken, Told, take_in


def opened(row: int, send_id: str = "anna-1-0") -> Signal:
    return Signal(row=row, kind=EventKind.OPENED, happened_at=SENT_AT + timedelta(hours=row), send_id=send_id)


def count(engine: Engine, table: type[SentMessage | RecipientEvent]) -> int:
    with reading(engine) as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


class Breaks:
    """A writer whose database goes away after some transactions."""

    def __init__(self, engine: Engine, after: int) -> None:
        self.engine, self.left = engine, after

    @contextmanager
    def __call__(self) -> Iterator[Session]:
        if self.left == 0:
            raise ConnectionError("gone")
        self.left -= 1
        with transaction(self.engine) as session:
            yield session


@pytest.mark.parametrize("after", range(6))
def test_a_batch_that_broke_off_may_be_sent_once_more(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    monkeypatch.setattr(intake, "BATCH", 4)
    furnish(engine)
    told = Told(sends=list(SENDS), signals=[opened(row, SENDS[row % 8].send_id) for row in range(12)])
    whole = Breaks(engine, -1)
    if after < 5:
        with pytest.raises(ConnectionError):
            take_in(Breaks(engine, after), RULES, told, "api: sender", NOW)
    again = take_in(whole, RULES, told, "api: sender", NOW)
    assert again.new + again.known == 20
    assert again.new == (20 - after * 4 if after < 5 else 20)
    assert (count(engine, SentMessage), count(engine, RecipientEvent)) == (8, 12)
    assert take_in(whole, RULES, told, "api: sender", NOW) == Taken(new=0, known=20)


def test_one_send_refused_softly_five_times_counts_once_and_three_sends_ban(engine: Engine) -> None:
    furnish(engine)
    third = replace(SENDS[0], send_id="anna-1-2", message_ids=(), sent_at=SENT_AT + timedelta(hours=30))
    send_all(engine, [*SENDS, third])

    def refused(row: int, send_id: str) -> Signal:
        at = SENT_AT + timedelta(days=2, hours=row)
        return Signal(row=row, kind=EventKind.BOUNCE, happened_at=at, send_id=send_id, bounce=Bounced.SOFT)

    told = [refused(row, "anna-1-0") for row in range(5)]
    take_in(Breaks(engine, -1), RULES, Told(signals=told), "api: sender", NOW)
    assert statuses(engine)["campaign-1", "anna@client.example"] == "Active"
    told = [refused(6, "anna-1-1"), refused(7, "anna-1-2")]
    take_in(Breaks(engine, -1), RULES, Told(signals=told), "api: sender", NOW)
    assert statuses(engine)["campaign-1", "anna@client.example"] == "Bounced"


def test_an_event_is_found_by_its_message_id_where_the_send_id_is_not_ours(engine: Engine) -> None:
    furnish(engine)
    send_all(engine)
    signal = Signal(
        row=0, kind=EventKind.DELIVERED, happened_at=NOW, send_id="other", message_id="anna-1-0@us", to=None
    )
    assert take_in(Breaks(engine, -1), RULES, Told(signals=[signal]), "api: s", NOW).new == 1


def test_an_event_of_a_send_to_somebody_else_is_unknown(engine: Engine) -> None:
    furnish(engine)
    send_all(engine)
    signal = Signal(row=3, kind=EventKind.OPENED, happened_at=NOW, send_id="anna-1-0", to="ben@client.example")
    assert take_in(Breaks(engine, -1), RULES, Told(signals=[signal]), "api: s", NOW) == Taken(unknown=[3])
