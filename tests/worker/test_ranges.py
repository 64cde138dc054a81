"""Ranges of a backfill: every message in one of them, counted by whoever holds it and by nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, delete, select, update

from models.session import reading, transaction
from models.tables.handling import BackfillRange, MailboxRequest, Wish
from models.tables.mailboxes import Mailbox
from tests.worker.small_world import NOW, furnish
from worker.act import Act
from worker.apply import Applied
from worker.errands.claims import claim
from worker.errands.requests import ask, request_of, stop
from worker.errors import MailboxError
from worker.fleet import ranges
from worker.fleet.ranges import (
    Span,
    close,
    coordinate,
    cut,
    expect,
    finished,
    give_up,
    lay_out,
    leave,
    note,
    rest,
    standing,
    take,
)
from worker.imap.fetched import FolderState
from worker.reading.visit import PollReport

TWO = [Span("INBOX", 7, 1, 40, 30), Span("INBOX", 7, 41, 90, 20, junk=True)]


@pytest.fixture
def request_id(engine: Engine) -> int:
    furnish(engine)
    with transaction(engine) as session:
        return ask(session, 1, 1, Wish.BACKFILL, Act("petra", NOW))


def laid_out(engine: Engine, request_id: int, holder: str = "me") -> int:
    own = coordinate(engine, (request_id, 0, {}), holder)
    lay_out(engine, (own, holder), TWO, NOW, None)
    return own


def brought(count: int, sends: int = 0) -> PollReport:
    report = PollReport(sends=sends, applied=Applied())
    report.applied.states["processed"] = count
    return report


def change(engine: Engine, **said: Any) -> None:
    with transaction(engine) as session:
        session.execute(update(MailboxRequest).values(**said))


def noted(engine: Engine, range_id: int, holder: str, count: int) -> bool:
    with transaction(engine) as session:
        return note(session, range_id, holder, count, brought(count))


@given(
    st.dictionaries(st.integers(1, 2**32 - 1), st.booleans(), max_size=80).map(lambda found: sorted(found.items())),
    st.integers(1, 12),
)
def test_every_uid_is_in_one_range_and_no_range_is_too_large(folder: list[tuple[int, bool]], size: int) -> None:
    there, uids = [uid for uid, _ in folder], [uid for uid, is_new in folder if is_new]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "SIZE", size)
        patch.setattr(ranges, "MOST", 2)
        spans = cut(FolderState("INBOX", 7, 2**32 - 1, len(there)), uids, there)
    found = [[uid for uid in uids if span.first_uid <= uid <= span.last_uid] for span in spans]
    assert [uid for each in found for uid in each] == uids
    assert [len(each) for each in found] == [span.coming for span in spans]
    assert all(0 < span.coming <= size for span in spans)
    assert all(sum(span.first_uid <= uid <= span.last_uid for uid in there) <= 2 * size for span in spans)


def test_a_backfill_is_the_sum_of_its_ranges(engine: Engine, request_id: int) -> None:
    own = coordinate(engine, (request_id, 5, {"messages": {"processed": 5}}), "me")
    expect(engine, own, "me", 3)
    with transaction(engine) as session:
        note(session, own, "me", 3, brought(0, sends=3))
    assert not standing(engine, request_id, NOW).is_laid_out
    lay_out(engine, (own, "me"), TWO, NOW, None)
    before = standing(engine, request_id, NOW)
    assert (before.is_laid_out, before.coming, before.done, len(before.ready)) == (True, 5 + 3 + 50, 5 + 3, 2)
    held = take(engine, before.ready[0], "w1", NOW)
    assert held
    assert (held.span, held.since, held.failed, held.mailbox_id) == (TWO[0], None, False, 1)
    noted(engine, held.range_id, "w1", 10)
    noted(engine, held.range_id, "w1", 18)
    finished(engine, held, NOW)
    after = standing(engine, request_id, NOW)
    # Two of the thirty were taken in by somebody else meanwhile, or are gone.
    assert (after.coming, after.done, len(after.open)) == (5 + 3 + 28 + 20, 5 + 3 + 28, 1)
    assert after.counts["messages"] == {"processed": 33}
    assert after.counts["sends_learnt"] == 3


def test_who_has_lost_a_range_writes_nothing_more_of_it(engine: Engine, request_id: int) -> None:
    laid_out(engine, request_id)
    first = standing(engine, request_id, NOW).open[0]
    lost = take(engine, first, "w1", NOW)
    assert lost
    assert take(engine, first, "w2", NOW)
    with pytest.raises(MailboxError, match="another worker"):
        noted(engine, first, "w1", 4)
    finished(engine, lost, NOW)
    assert standing(engine, request_id, NOW).done == 0
    assert first in standing(engine, request_id, NOW).open
    noted(engine, first, "w2", 4)
    assert standing(engine, request_id, NOW).done == 4


def test_the_next_coordinator_finds_the_ranges_and_the_former_writes_nothing(engine: Engine, request_id: int) -> None:
    own = laid_out(engine, request_id, "old")
    open_before = standing(engine, request_id, NOW).open
    assert coordinate(engine, (request_id, 99, {"messages": {"processed": 99}}), "new") == own
    with pytest.raises(MailboxError):
        lay_out(engine, (own, "old"), [Span("Other", 1, 1, 2, 2)], NOW, None)
    found = standing(engine, request_id, NOW)
    assert (found.is_laid_out, found.open, found.done) == (True, open_before, 0)


def test_what_was_expected_and_not_done_is_expected_anew_by_the_next_coordinator(
    engine: Engine, request_id: int
) -> None:
    own = coordinate(engine, (request_id, 0, {}), "old")
    expect(engine, own, "old", 10)
    with transaction(engine) as session:
        note(session, own, "old", 4, brought(0, sends=4))
    coordinate(engine, (request_id, 4, {}), "new")
    expect(engine, own, "new", 6)
    assert (standing(engine, request_id, NOW).coming, standing(engine, request_id, NOW).done) == (10, 4)


@pytest.mark.parametrize("said", [{"stop_at": NOW}, {"ended_at": NOW}], ids=["is to stop", "has ended"])
def test_no_range_is_taken_up_of_a_backfill_that(engine: Engine, request_id: int, said: dict[str, Any]) -> None:
    laid_out(engine, request_id)
    change(engine, **said)
    assert take(engine, standing(engine, request_id, NOW).open[0], "w1", NOW) is None


def test_a_range_in_hand_hears_that_a_person_stopped_it_and_writes_nothing_once_it_has_ended(
    engine: Engine, request_id: int
) -> None:
    laid_out(engine, request_id)
    first = standing(engine, request_id, NOW).open[0]
    take(engine, first, "w1", NOW)
    assert not noted(engine, first, "w1", 1)
    change(engine, stop_at=NOW)
    assert noted(engine, first, "w1", 1)
    assert close(engine, request_id, NOW).done == 2
    with pytest.raises(MailboxError):
        noted(engine, first, "w1", 1)
    assert standing(engine, request_id, NOW).done == 2


def test_nothing_is_written_of_a_backfill_that_was_ended_by_who_knows_no_ranges(
    engine: Engine, request_id: int
) -> None:
    laid_out(engine, request_id)
    first = standing(engine, request_id, NOW).open[0]
    take(engine, first, "w1", NOW)
    change(engine, ended_at=NOW)
    with pytest.raises(MailboxError):
        noted(engine, first, "w1", 1)


def test_a_range_that_failed_waits_and_what_is_taken_in_makes_that_forgotten(engine: Engine, request_id: int) -> None:
    laid_out(engine, request_id)
    first = standing(engine, request_id, NOW).open[0]
    held = take(engine, first, "w1", NOW)
    assert held
    leave(engine, held, again_at=NOW + timedelta(minutes=1), error="the line broke")
    assert first not in standing(engine, request_id, NOW).ready
    assert first in standing(engine, request_id, NOW + timedelta(minutes=1)).ready
    assert standing(engine, request_id, NOW).failed is None
    assert take(engine, first, "w2", NOW) is None
    again = take(engine, first, "w2", NOW + timedelta(minutes=1))
    assert again
    assert again.failed
    noted(engine, first, "w2", 1)
    leave(engine, again)
    third = take(engine, first, "w3", NOW)
    assert third
    assert not third.failed
    leave(engine, third, ended_at=NOW, error="not let in")
    assert standing(engine, request_id, NOW).failed == "not let in"


def test_a_range_that_rests_since_the_clock_was_ahead_does_not_rest_until_then(engine: Engine, request_id: int) -> None:
    laid_out(engine, request_id)
    first = standing(engine, request_id, NOW).open[0]
    held = take(engine, first, "w1", NOW + timedelta(days=400))
    assert held
    leave(engine, held, again_at=NOW + timedelta(days=400, minutes=1), error="the line broke")
    assert first in standing(engine, request_id, NOW).ready
    assert take(engine, first, "w2", NOW)


def test_where_one_fails_by_what_passes_all_rest_that_nobody_has_in_hand(engine: Engine, request_id: int) -> None:
    own = coordinate(engine, (request_id, 0, {}), "me")
    lay_out(engine, (own, "me"), [Span("INBOX", 7, uid, uid, 1) for uid in range(4)], NOW, None)
    failed, busy, done, waits = standing(engine, request_id, NOW).open
    held, other, ended = (take(engine, each, f"w{each}", NOW) for each in (failed, busy, done))
    assert held
    assert other
    assert ended
    finished(engine, ended, NOW)
    rest(engine, held, NOW + timedelta(minutes=5), "throttled")
    assert standing(engine, request_id, NOW).ready == [busy]
    assert take(engine, waits, "w", NOW) is None
    noted(engine, busy, other.holder, 1)
    later = NOW + timedelta(minutes=5)
    assert standing(engine, request_id, later).ready == [failed, busy, waits]
    found = take(engine, waits, "w", later)
    assert found
    assert not found.failed


@pytest.mark.parametrize("how", ["laid out", "given up"])
def test_a_folder_that_was_numbered_anew_is_laid_out_anew(engine: Engine, request_id: int, how: str) -> None:
    own = laid_out(engine, request_id)
    first, second = standing(engine, request_id, NOW).open
    held, other = take(engine, first, "w1", NOW), take(engine, second, "w2", NOW)
    assert held
    assert other
    noted(engine, first, "w1", 3)
    leave(engine, held, more=True, ended_at=NOW)
    assert standing(engine, request_id, NOW).stale == ["INBOX"]
    if how == "laid out":
        lay_out(engine, (own, "me"), [Span("INBOX", 8, 1, 50, 47)], NOW, None)
        with pytest.raises(MailboxError):
            noted(engine, second, "w2", 1)
    give_up(engine, request_id, ["INBOX"], NOW)
    found = standing(engine, request_id, NOW)
    assert found.stale == []
    assert (found.coming, found.done) == ((50, 3) if how == "laid out" else (23, 3))


def test_what_could_not_be_laid_out_is_told_and_stays_told(engine: Engine, request_id: int) -> None:
    own = coordinate(engine, (request_id, 0, {}), "me")
    lay_out(engine, (own, "me"), TWO, NOW, "no such folder")
    lay_out(engine, (own, "me"), TWO, NOW, None)
    found = standing(engine, request_id, NOW)
    assert (found.left_out, found.failed, len(found.open)) == ("no such folder", None, 2)


@pytest.mark.parametrize("gone", [MailboxRequest, Mailbox], ids=["request", "mailbox"])
def test_ranges_go_with_their(engine: Engine, request_id: int, gone: type[Any]) -> None:
    laid_out(engine, request_id)
    with transaction(engine) as session:
        session.execute(delete(gone))
    with reading(engine) as session:
        assert session.scalars(select(BackfillRange)).all() == []


@pytest.mark.parametrize("how", ["by a person", "by a daemon that claims it"])
def test_what_is_stopped_while_nobody_looks_after_it_tells_what_its_ranges_came_to(
    engine: Engine, request_id: int, how: str
) -> None:
    laid_out(engine, request_id)
    first = standing(engine, request_id, NOW).open[0]
    take(engine, first, "w1", NOW)
    noted(engine, first, "w1", 4)
    if how == "by a person":
        with transaction(engine) as session:
            stop(session, 1, request_id, Act("petra", NOW))
    else:
        change(engine, stop_at=NOW)
        assert claim(engine, request_id, NOW) is None
    with pytest.raises(MailboxError):
        noted(engine, first, "w1", 4)
    with reading(engine) as session:
        found = request_of(session, 1, request_id, NOW)
    assert (found["state"], found["done"], found["coming"]) == ("stopped", 4, 50)
    assert found["counts"]["messages"] == {"processed": 4}
