"""What people ask the daemon for: asking, stopping, how far it is, and which daemon carries it out."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, update

from models.session import reading, transaction
from models.tables.handling import MailboxRequest, Wish
from models.tables.mailboxes import Mailbox
from models.tables.people import Team
from tests.worker.small_world import BOX, NOW, fresh, furnish
from worker.act import Act
from worker.errands.claims import Claim, claim, end, hand_back, renew, told_to_stop, waiting
from worker.errands.requests import ask, request_of, requests_of, stop
from worker.errors import InputError

PETRA = Act("petra", NOW)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


@pytest.fixture
def world() -> Iterator[Engine]:
    with fresh() as engine:
        yield engine


@pytest.fixture
def each_world(engine: Engine) -> Engine:
    """The same on a database of each kind, for what they may do differently."""
    furnish(engine)
    return engine


def asked(engine: Engine, wish: Wish = Wish.BACKFILL, since: date | None = None) -> int:
    with transaction(engine) as session:
        return ask(session, 1, 1, wish, PETRA, since)


def stopped(engine: Engine, request_id: int, at: datetime = NOW) -> None:
    with transaction(engine) as session:
        stop(session, 1, request_id, Act("petra", at))


def row(engine: Engine, request_id: int, now: datetime = NOW) -> dict[str, Any]:
    with reading(engine) as session:
        return request_of(session, 1, request_id, now)


def claimed(engine: Engine, request_id: int, now: datetime = NOW) -> Claim:
    found = claim(engine, request_id, now)
    assert found is not None
    return found


def test_an_open_request_is_not_asked_for_twice_and_another_kind_is_its_own(world: Engine) -> None:
    first = asked(world)
    assert asked(world) == first
    assert asked(world, Wish.CHECK) != first
    end(world, claimed(world, first), {"result": {"more": False}}, NOW)
    assert asked(world) != first
    with reading(world) as session:
        assert [each["wish"] for each in requests_of(session, 1, 1, 2, NOW)] == ["backfill", "check"]


def test_who_asks_while_another_does_gets_the_same_request(each_world: Engine) -> None:
    with ThreadPoolExecutor(1) as threads:
        with transaction(each_world) as session:
            first = ask(session, 1, 1, Wish.POLL, PETRA)
            second = threads.submit(asked, each_world, Wish.POLL)
            # Whoever does not wait for the other has made a request of its own by then.
            with suppress(TimeoutError):
                second.result(0.2)
        assert second.result() == first


def test_a_team_sees_nothing_of_another_teams_mailboxes(world: Engine) -> None:
    request = asked(world)
    with transaction(world) as session:
        session.add(Team(id=2, name="north"))
        for forbidden in (
            lambda: ask(session, 2, 1, Wish.CHECK, PETRA),
            lambda: stop(session, 2, request, PETRA),
            lambda: request_of(session, 2, request, NOW),
            lambda: requests_of(session, 2, 1, 10, NOW),
        ):
            with pytest.raises(InputError, match=r"no (mailbox|request) \d+"):
                forbidden()
    assert row(world, request)["state"] == "waiting"


@pytest.mark.parametrize("column", ["paused_at", "stopped_at"])
def test_a_mailbox_that_is_not_polled_is_resumed_before_it_is_polled_at_once(world: Engine, column: str) -> None:
    with transaction(world) as session:
        session.execute(update(Mailbox).values({column: NOW}))
    with pytest.raises(InputError, match="resume it, then it is polled at once"):
        asked(world, Wish.POLL)
    assert asked(world, Wish.CHECK)


def test_a_day_that_makes_no_sense_is_refused(world: Engine) -> None:
    with pytest.raises(InputError, match="is still to come"):
        asked(world, since=NOW.date() + timedelta(days=1))
    with pytest.raises(InputError, match="only a backfill takes a day"):
        asked(world, Wish.POLL, NOW.date())


def test_a_backfill_of_other_mail_waits_for_the_end_of_the_one_before(world: Engine) -> None:
    request = asked(world, since=date(2026, 1, 2))
    with pytest.raises(InputError, match="since 2026-01-02 is under way"):
        asked(world)
    claimed(world, request)
    stopped(world, request)
    with pytest.raises(InputError, match="is being stopped"):
        asked(world, since=date(2026, 1, 2))


def test_what_nobody_has_begun_is_stopped_at_once(world: Engine) -> None:
    request = asked(world)
    stopped(world, request, NOW + SECOND)
    stopped(world, request, NOW + MINUTE)
    found = row(world, request)
    assert (found["state"], found["open"], found["ended_at"]) == ("stopped", False, NOW + SECOND)
    assert not waiting(world, NOW)
    assert claim(world, request, NOW) is None


def test_what_is_in_hand_is_stopped_by_who_has_it(world: Engine) -> None:
    request, other = asked(world), asked(world, Wish.CHECK)
    mine = claimed(world, request)
    stopped(world, request)
    assert row(world, request)["state"] == "stopping"
    assert told_to_stop(world, [request, other]) == {request}
    end(world, mine, {"result": {"counts": {}, "more": True}}, NOW)
    assert row(world, request)["state"] == "stopped"


def test_what_was_done_when_it_was_told_to_stop_is_done(world: Engine) -> None:
    request = asked(world)
    mine = claimed(world, request)
    stopped(world, request)
    end(world, mine, {"result": {"counts": {"changes": 2}, "more": False}}, NOW)
    found = row(world, request)
    assert (found["state"], found["counts"]) == ("done", {"changes": 2})


def test_what_a_dead_daemon_has_begun_is_stopped_at_once(each_world: Engine) -> None:
    request = asked(each_world)
    mine = claimed(each_world, request)
    stopped(each_world, request, NOW + 3 * MINUTE)
    assert row(each_world, request)["state"] == "stopped"
    assert renew(each_world, [(mine, {})], NOW + 3 * MINUTE) == [mine]


def test_who_waits_for_long_is_sent_to_look_after_the_daemon(world: Engine) -> None:
    request = asked(world)
    assert row(world, request, NOW + 59 * SECOND)["says"] is None
    found = row(world, request, NOW + MINUTE)
    assert found["state"] == "waiting"
    assert found["says"].startswith("waiting for the daemon: is it running?")
    claimed(world, asked(world, Wish.CHECK), NOW + MINUTE)
    assert row(world, request, NOW + 2 * MINUTE)["says"].startswith("waiting for its turn")


def test_only_one_of_many_daemons_carries_a_request_out(each_world: Engine) -> None:
    request = asked(each_world)
    with ThreadPoolExecutor(6) as threads:
        claims = list(threads.map(lambda _: claim(each_world, request, NOW), range(6)))
    assert sum(each is not None for each in claims) == 1
    found = row(each_world, request)
    assert (found["state"], found["started_at"], waiting(each_world, NOW + MINUTE)) == ("running", NOW, [])


def test_who_was_silent_for_two_minutes_has_lost_it_to_another(each_world: Engine) -> None:
    request = asked(each_world)
    mine = claimed(each_world, request)
    assert (
        renew(each_world, [(mine, {"done": 7, "coming": 9, "result": {"counts": {"changes": 1}}})], NOW + MINUTE) == []
    )
    later = NOW + 3 * MINUTE + SECOND
    assert [each.request_id for each in waiting(each_world, later)] == [request]
    assert row(each_world, request, later)["state"] == "waiting"
    other = claimed(each_world, request, later)
    assert (other.done, other.coming, other.result) == (7, 7, {"counts": {"changes": 1}})
    assert renew(each_world, [(mine, {"done": 8})], later) == [mine]
    end(each_world, mine, {"error": "mine"}, later)
    found = row(each_world, request, later)
    assert (found["state"], found["done"], found["started_at"]) == ("running", 7, NOW)


def test_a_claim_from_the_future_keeps_nobody_waiting(world: Engine) -> None:
    request = asked(world)
    claimed(world, request, NOW + timedelta(days=300))
    assert [each.request_id for each in waiting(world, NOW)] == [request]


def test_what_is_handed_back_is_taken_up_at_once_and_says_why(world: Engine) -> None:
    request = asked(world)
    hand_back(world, claimed(world, request), {"error": "the budget is used up", "done": 3})
    found = row(world, request)
    assert (found["state"], found["says"], found["error"]) == ("waiting", "the budget is used up", None)
    assert claimed(world, request).done == 3
    assert row(world, request)["says"] is None


def test_a_request_goes_with_its_mailbox(each_world: Engine) -> None:
    mine = claimed(each_world, asked(each_world))
    with transaction(each_world) as session:
        session.delete(session.get_one(Mailbox, 1))
    assert renew(each_world, [(mine, {})], NOW) == [mine]
    with reading(each_world) as session:
        assert session.get(MailboxRequest, mine.request_id) is None


def test_a_request_tells_what_was_asked_for_and_what_came_of_it(world: Engine) -> None:
    request = asked(world, Wish.CHECK)
    finding = {"what": "host name", "ok": False, "says": "h has no address", "mend": "correct it"}
    end(world, claimed(world, request), {"result": {"findings": [finding], "more": False}}, NOW)
    found = row(world, request)
    assert (found["mailbox"], found["wish"], found["by"], found["asked_at"]) == (BOX.name, "check", "petra", NOW)
    assert (found["state"], found["findings"], found["counts"], found["error"]) == ("done", [finding], None, None)
