from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from models.events import Bounced, Event, EventKind, Interval, ReviewKind, Status
from models.table import CODES, Cell, Column, cell, read
from tests.models.strategies import (
    absence,
    auto_reply,
    booked,
    bounce,
    day,
    event,
    folded,
    manual,
    opt_out,
    questions,
    reply,
)

ACTIVE, ENGAGED, INTERESTED = Status.ACTIVE, Status.ENGAGED, Status.INTERESTED
DECLINED, AUTO, AWAY = Status.NOT_INTERESTED, Status.AUTO_RESPONSE, Status.OUT_OF_OFFICE
OPTED, LINK, BOUNCED = Status.UNSUBSCRIBED, Status.UNSUBSCRIBE_LINK, Status.BOUNCED
REMOVED, STOPPED, BOOKED = Status.REMOVED, Status.CAMPAIGN_STOPPED, Status.APPOINTMENT_BOOKED
KEPT = None
BY_PERSON = "removed by a person"

ROWS: list[Status | str] = [
    ACTIVE, AUTO, AWAY, ENGAGED, INTERESTED, DECLINED, BOOKED, STOPPED, REMOVED, BY_PERSON, BOUNCED, OPTED, LINK,
]  # fmt: skip

# Typed from the page column by column, while the code holds it row by row; the order is that of ROWS.
EXPECTED: Mapping[Column, Sequence[Status | None]] = {
    Column.AUTO: [AUTO] + [KEPT] * 12,
    Column.ABSENCE: [AWAY, AWAY, AWAY] + [KEPT] * 10,
    Column.ENGAGED: [
        ENGAGED, ENGAGED, ENGAGED, KEPT, KEPT, KEPT, KEPT, ENGAGED, ENGAGED, KEPT, ENGAGED, KEPT, KEPT,
    ],
    Column.INTERESTED: [
        INTERESTED, INTERESTED, INTERESTED, INTERESTED, KEPT, INTERESTED, KEPT, INTERESTED, INTERESTED, KEPT,
        INTERESTED, KEPT, KEPT,
    ],
    Column.NOT_INTERESTED: [
        DECLINED, DECLINED, DECLINED, DECLINED, DECLINED, KEPT, KEPT, DECLINED, DECLINED, KEPT, DECLINED, KEPT, KEPT,
    ],
    Column.OPT_OUT: [OPTED] * 11 + [KEPT, KEPT],
    Column.LINK: [LINK] * 11 + [KEPT, KEPT],
    Column.BOUNCE: [BOUNCED] * 6 + [KEPT, BOUNCED] + [KEPT] * 5,
    Column.DNE: [REMOVED] * 3 + [KEPT] * 10,
    Column.AUTOMATION: [STOPPED] * 3 + [KEPT] * 10,
    Column.BOOKED: [BOOKED] * 6 + [KEPT, BOOKED, BOOKED, KEPT, BOOKED, KEPT, KEPT],
    Column.MANUAL: [KEPT] * 13,
}  # fmt: skip

REVIEWED: set[tuple[Status | str, Column]] = {
    (BOOKED, Column.NOT_INTERESTED), (BOOKED, Column.BOUNCE),
    (REMOVED, Column.ENGAGED), (REMOVED, Column.INTERESTED), (REMOVED, Column.BOOKED),
    (BY_PERSON, Column.ENGAGED), (BY_PERSON, Column.INTERESTED), (BY_PERSON, Column.BOOKED),
    (BOUNCED, Column.ABSENCE), (BOUNCED, Column.ENGAGED), (BOUNCED, Column.INTERESTED),
    (BOUNCED, Column.NOT_INTERESTED), (BOUNCED, Column.BOOKED),
    (OPTED, Column.INTERESTED), (OPTED, Column.BOOKED), (LINK, Column.INTERESTED), (LINK, Column.BOOKED),
}  # fmt: skip

NOTES: dict[tuple[Status | str, Column], str] = {
    (ENGAGED, Column.BOUNCE): "a", (INTERESTED, Column.BOUNCE): "a", (DECLINED, Column.BOUNCE): "a",
    (INTERESTED, Column.NOT_INTERESTED): "b", (DECLINED, Column.INTERESTED): "b",
    **{(row, Column.MANUAL): "c" for row in (REMOVED, BY_PERSON, BOUNCED, OPTED, LINK)},
}  # fmt: skip

CELLS = [(row, column, EXPECTED[column][place]) for place, row in enumerate(ROWS) for column in Column]

HISTORY: dict[Status | str, list[Event]] = {
    ACTIVE: [],
    AUTO: [auto_reply(1)],
    AWAY: [absence(1, until=300)],
    ENGAGED: [reply(1)],
    INTERESTED: [reply(1, INTERESTED)],
    DECLINED: [reply(1, DECLINED)],
    BOOKED: [booked(1, "first")],
    STOPPED: [event(EventKind.AUTOMATION_STOP, 1)],
    REMOVED: [],
    BY_PERSON: [manual(1, REMOVED)],
    BOUNCED: [bounce(1)],
    OPTED: [opt_out(1)],
    LINK: [event(EventKind.LINK_OPT_OUT, 1)],
}

CAUSE: dict[Column, Event] = {
    Column.AUTO: auto_reply(5),
    Column.ABSENCE: absence(5, until=350),
    Column.ENGAGED: reply(5),
    Column.INTERESTED: reply(5, INTERESTED),
    Column.NOT_INTERESTED: reply(5, DECLINED),
    Column.OPT_OUT: opt_out(5),
    Column.LINK: event(EventKind.LINK_OPT_OUT, 5),
    Column.BOUNCE: bounce(5, Bounced.HARD, send_id="send2"),
    Column.AUTOMATION: event(EventKind.AUTOMATION_STOP, 5),
    Column.BOOKED: booked(5, "second"),
    Column.MANUAL: manual(5, STOPPED),
}

YIELDS = {Column.AUTO, Column.ABSENCE, Column.ENGAGED, Column.INTERESTED, Column.NOT_INTERESTED}


def test_there_are_thirteen_rows_of_twelve_statuses() -> None:
    assert set(CODES.values()) == set(Status)
    assert all(len(column) == len(ROWS) == 13 for column in EXPECTED.values())


def test_a_picture_is_read_cell_by_cell() -> None:
    assert read("     link auto manual\nAC   UN/b AR   X/c\nRP   ./R  .    .\n") == {
        ("AC", Column.LINK): Cell(OPTED, note="b"),
        ("AC", Column.AUTO): Cell(AUTO),
        ("AC", Column.MANUAL): Cell(chosen=True, note="c"),
        ("RP", Column.LINK): Cell(review=True),
        ("RP", Column.AUTO): Cell(),
        ("RP", Column.MANUAL): Cell(),
    }


def test_a_picture_with_a_cell_too_many_or_too_few_is_none() -> None:
    for row in ("AC   UN   X   .", "AC   UN"):
        with pytest.raises(ValueError, match=r"shorter|longer"):
            read(f"     link manual\n{row}\n")


@pytest.mark.parametrize(("row", "column", "expected"), CELLS)
def test_every_cell_reads_as_on_the_page(row: Status | str, column: Column, expected: Status | None) -> None:
    status = REMOVED if row == BY_PERSON else Status(row)
    found = cell(status, column, by_person=row == BY_PERSON)
    assert found.status is expected
    assert found.review is ((row, column) in REVIEWED)
    assert found.note == NOTES.get((row, column), "")
    assert found.chosen is (column is Column.MANUAL)


def test_who_is_removed_is_so_by_an_entry_unless_a_person_did_it() -> None:
    assert cell(REMOVED, Column.INTERESTED) == Cell(INTERESTED, review=True)


@pytest.mark.parametrize(("row", "column", "expected"), CELLS)
def test_the_fold_moves_as_the_table_says(row: Status | str, column: Column, expected: Status | None) -> None:
    status = REMOVED if row == BY_PERSON else Status(row)
    # The entry that removed the recipient is lifted in time, so that only the event at hand speaks.
    covered = [Interval(day(1), day(2))] if row == REMOVED else []
    if column is Column.DNE:
        covered.append(Interval(day(5)))
        after = []
    else:
        after = [CAUSE[column]]
    before = folded(*HISTORY[row], now=4, intervals=covered[:1] if row == REMOVED else [])
    found = folded(*HISTORY[row], event(EventKind.SENT, 3, send_id="send2"), *after, now=6, intervals=covered)
    assert before.status is status
    assert found.status is (STOPPED if column is Column.MANUAL else expected or status)
    if expected:
        assert found.decided_by == (after[0].key if after else None)
    if row == BY_PERSON and column in YIELDS:
        # A person's Removed is a label: every newer mail is a question, whatever the cell says.
        assert questions(found) == [ReviewKind.AGAINST_LABEL]
    else:
        assert questions(found) == [ReviewKind.CONTRADICTION] * ((row, column) in REVIEWED)
