"""Manners: how many connections, how fast, and how long one waits after a refusal."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from random import Random

import pytest

from worker.errors import MailboxError, Trouble
from worker.imap.manners import REFUSALS, STOPS_AT, WINDOW, Hosts, counts, longest_pause, pause_after, stops

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
FAST = 1_000_000.0
CHANCE = Random()  # noqa: S311 - no secret


def error(trouble: Trouble, *, permanent: bool = False) -> MailboxError:
    return MailboxError("mila: it failed", permanent=permanent, trouble=trouble)


class Even(Random):
    """Chance that always takes the middle."""

    def uniform(self, a: float, b: float) -> float:
        return (a + b) / 2


def seconds(trouble: Trouble, failures: int, poll_seconds: int = 60) -> float:
    return pause_after(error(trouble), failures, poll_seconds, Even()).total_seconds()


def test_no_more_connections_to_one_host_than_are_allowed() -> None:
    hosts = Hosts(2, FAST)
    assert [hosts.take("imap.example", NOW) for _ in range(3)] == [True, True, False]
    assert hosts.take("other.example", NOW)
    assert hosts.crowded(NOW) == {"imap.example"}
    hosts.give_back("imap.example")
    assert hosts.crowded(NOW) == frozenset()
    assert hosts.take("IMAP.example", NOW)
    assert hosts.crowded(NOW) == {"imap.example"}


def test_new_connections_come_at_a_steady_pace() -> None:
    hosts = Hosts(1000, 2.0)
    assert [hosts.take("h", NOW) for _ in range(3)] == [True, True, False]
    assert hosts.crowded(NOW) == {"h"}
    assert hosts.crowded(NOW + SECOND / 2) == frozenset()
    assert [hosts.take("h", NOW + SECOND / 2) for _ in range(2)] == [True, False]
    assert sum(hosts.take("h", NOW + HOUR) for _ in range(9)) == 2


def test_less_than_one_connection_a_second_is_possible() -> None:
    hosts = Hosts(1000, 0.5)
    assert [hosts.take("h", NOW + n * SECOND) for n in range(5)] == [True, False, True, False, True]


def test_a_clock_that_is_set_back_gives_nothing_and_stops_nothing() -> None:
    hosts = Hosts(1000, 1.0)
    assert hosts.take("h", NOW)
    assert not hosts.take("h", NOW - HOUR)
    assert hosts.take("h", NOW - HOUR + SECOND)


def open_many(hosts: Hosts, number: int, now: datetime = NOW) -> None:
    assert all(hosts.take("h", now) for _ in range(number))


def refuse(hosts: Hosts, now: datetime, times: int = REFUSALS) -> None:
    """Be told so many times that connections are too many, as the keeper goes about it."""
    for _ in range(times):
        assert hosts.take("h", now)
        hosts.give_back("h")
        hosts.refused("h", now)


def room(hosts: Hosts, now: datetime) -> int:
    """Count how many more connections may be opened, without leaving them open."""
    count = 0
    while hosts.take("h", now):
        count += 1
    for _ in range(count):
        hosts.give_back("h")
    return count


def test_a_host_that_is_full_is_given_less_for_an_hour_then_ever_more() -> None:
    hosts = Hosts(200, FAST)
    open_many(hosts, 100)
    later = NOW + WINDOW
    refuse(hosts, later)
    assert "h" in hosts.crowded(later)
    assert not hosts.may_keep("h")
    for _ in range(50):
        hosts.give_back("h")
    assert room(hosts, later) == 40
    assert room(hosts, later + HOUR - SECOND) == 40
    assert room(hosts, later + HOUR) == 130
    assert room(hosts, later + 2 * HOUR) == 150
    assert room(hosts, later + 2 * HOUR + SECOND) == 150


def test_one_account_with_too_many_clients_does_not_slow_down_the_others_of_its_host() -> None:
    hosts = Hosts(200, FAST)
    for minute in range(120):
        now = NOW + minute * MINUTE
        open_many(hosts, 1, now)
        hosts.give_back("h")
        if minute % 5 == 0:
            refuse(hosts, now, times=1)
    assert room(hosts, NOW + 3 * HOUR) == 200


def test_a_host_that_refuses_everything_is_still_tried() -> None:
    hosts = Hosts(200, FAST)
    refuse(hosts, NOW)
    assert room(hosts, NOW) == 1


def test_the_last_tenth_of_the_connections_is_not_kept() -> None:
    hosts = Hosts(20, FAST)
    open_many(hosts, 18)
    assert hosts.may_keep("h")
    open_many(hosts, 1)
    assert not hosts.may_keep("h")


def test_hosts_that_were_left_long_ago_are_forgotten() -> None:
    hosts = Hosts(20, FAST)
    for number in range(100):
        hosts.take(f"h{number}", NOW)
        hosts.give_back(f"h{number}")
    hosts.take("h", NOW)
    hosts.crowded(NOW + WINDOW)
    assert set(hosts._hosts) == {"h"}  # noqa: SLF001 - what grows is what is kept


def test_a_host_that_is_asked_is_remembered_whatever_the_clock_does_meanwhile() -> None:
    hosts = Hosts(20, FAST)
    assert hosts.ask("h", NOW)
    hosts.crowded(NOW + WINDOW)
    hosts.asked("h", answered=True)
    hosts.crowded(NOW + 2 * WINDOW)
    assert not hosts._hosts  # noqa: SLF001 - the same


def test_threads_that_ask_at_once_get_no_more_than_there_is() -> None:
    hosts = Hosts(50, FAST)
    got: list[bool] = []

    def ask() -> None:
        got.extend(hosts.take("h", NOW) for _ in range(30))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(got), sum(got)) == (120, 50)


def test_pauses_double_up_to_an_hour() -> None:
    assert [seconds(Trouble.UNAVAILABLE, n) / 60 for n in (1, 2, 3, 4)] == [2, 4, 8, 16]
    assert seconds(Trouble.UNAVAILABLE, 10) / 60 == seconds(Trouble.TLS, 9_999) / 60 == 60
    assert seconds(Trouble.UNAVAILABLE, 5, poll_seconds=7200) / 60 == 120


def test_no_two_mailboxes_come_back_at_the_same_time() -> None:
    pauses = {pause_after(error(Trouble.UNAVAILABLE), 1, 60, CHANCE).total_seconds() for _ in range(50)}
    assert len(pauses) == 50
    assert 108 <= min(pauses) < max(pauses) <= 132


def test_a_session_that_broke_once_costs_nothing() -> None:
    assert seconds(Trouble.NETWORK, 1) == 60
    assert seconds(Trouble.NETWORK, 2) == 120


@pytest.mark.parametrize("trouble", [Trouble.THROTTLED, Trouble.QUOTA])
def test_who_is_asked_too_much_is_left_alone_for_longer(trouble: Trouble) -> None:
    assert [seconds(trouble, n, poll_seconds=1) / 60 for n in (1, 2, 3, 5, 6, 50)] == [15, 30, 60, 240, 240, 240]


def test_a_budget_is_looked_at_again_every_hour() -> None:
    assert seconds(Trouble.BUDGET, 1) / 60 == seconds(Trouble.BUDGET, 20) / 60 == 60


def test_who_waits_for_a_turn_comes_again_soon_and_has_not_failed() -> None:
    pauses = [pause_after(error(Trouble.TURN), 9, 60, CHANCE).total_seconds() for n in range(50)]
    assert 1 <= min(pauses) < max(pauses) <= 15
    assert not counts(error(Trouble.TURN))
    assert counts(error(Trouble.NETWORK))
    assert counts(ValueError("a bug"))


def test_any_other_error_pauses_like_a_server_that_fails() -> None:
    assert 108 <= pause_after(ValueError("a bug"), 1, 60, CHANCE).total_seconds() <= 132


def test_only_refused_sign_ins_stop_a_mailbox_and_not_at_once() -> None:
    refused = error(Trouble.SIGN_IN, permanent=True)
    assert [stops(refused, n) for n in (1, 2, 3, 4)] == [False, False, True, True]
    assert not stops(error(Trouble.SIGN_IN), STOPS_AT)
    assert not stops(error(Trouble.TLS, permanent=True), STOPS_AT)
    assert not stops(ValueError("a bug"), STOPS_AT)


def test_a_folder_that_cannot_be_opened_keeps_the_others_from_nothing() -> None:
    assert seconds(Trouble.FOLDER, 9) == 60


def test_a_silent_host_keeps_one_thread_waiting_and_no_more_until_it_answers() -> None:
    hosts = Hosts(10, 100)
    assert hosts.ask("Quiet", NOW)
    hosts.asked("quiet", answered=False)
    assert hosts.ask("quiet", NOW)
    assert not hosts.ask("QUIET", NOW)
    assert hosts.crowded(NOW) == {"quiet"}
    assert hosts.ask("other", NOW)
    hosts.asked("quiet", answered=True)
    assert hosts.ask("quiet", NOW)
    assert hosts.ask("quiet", NOW)


def test_no_pause_is_longer_than_the_longest() -> None:
    for trouble in Trouble:
        for failures in (1, 5, 10_000):
            for poll_seconds in (1, 60, 86_400):
                pause = pause_after(error(trouble), failures, poll_seconds, CHANCE)
                assert pause <= longest_pause(poll_seconds)
