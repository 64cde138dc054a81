"""What runs beside the pages: once at a time, and however it ends that is told."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from console.errands import BusyError, Errands
from models.session import DatabaseUnavailable
from tests.worker.small_world import NOW
from worker.errors import InputError


def broken() -> None:
    raise ZeroDivisionError


def refused() -> None:
    raise InputError("there is none")


@pytest.fixture
def errands() -> Errands:
    return Errands(lambda: NOW)


def test_an_errand_that_runs_is_not_begun_again_and_others_wait_for_it(errands: Errands) -> None:
    go_on, done = threading.Event(), []
    first = errands.begin(("sum", "one"), "petra", lambda: (go_on.wait(10), done.append("one")))
    assert errands.begin(("sum", "one"), "paul", lambda: done.append("again")) is first
    second = errands.begin(("sum", "other"), "paul", lambda: done.append("other"))
    assert (second.over.wait(0.05), first.ended_at) == (False, None)
    go_on.set()
    assert second.over.wait(10)
    assert (done, first.ended_at, first.by) == (["one", "other"], NOW, "petra")
    assert errands.begin(("sum", "one"), "paul", lambda: None) is not first


def test_why_an_errand_has_no_result_is_told(errands: Errands, caplog: pytest.LogCaptureFixture) -> None:
    assert errands.finish(("sum", "all"), "petra", lambda: 2) == 2
    with pytest.raises(InputError, match="there is none"):
        errands.finish(("sum", "all"), "petra", refused)
    with pytest.raises(InputError, match="nobody foresaw this; the log has the cause"):
        errands.finish(("sum", "all"), "petra", broken)
    assert "ZeroDivisionError" in caplog.text


def test_of_what_changes_something_for_all_one_runs_and_only_who_asks_for_the_same_shares_it(errands: Errands) -> None:
    go_on = threading.Event()
    first = errands.begin(("trial", "a"), "petra", lambda: go_on.wait(10), asked="gently")
    try:
        assert errands.begin(("trial", "a"), "paul", refused, asked="gently") is first
        for version, asked in (("a", "by force"), ("b", "gently")):
            with pytest.raises(BusyError, match="a trial of a is running; ask again when it has ended"):
                errands.begin(("trial", version), "petra", refused, asked=asked)
        errands.begin(("doubts", 1), "petra", refused)
    finally:
        go_on.set()
    assert first.over.wait(10)
    assert errands.finish(("trial", "b"), "petra", lambda: "b", asked="gently") == "b"


def test_few_wait_for_one_errand(errands: Errands) -> None:
    go_on = threading.Event()
    name = ("sum", "slow")
    errand = errands.begin(name, "petra", lambda: go_on.wait(10))
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(errands.finish, name, "petra", refused) for _ in range(2)]
        try:
            while errand.waiting < 2:
                time.sleep(0.005)
            with pytest.raises(BusyError, match="2 others wait for the same already"):
                errands.finish(name, "petra", refused)
        finally:
            go_on.set()
        assert [each.result(10) for each in waiting] == [True, True]
    assert errands.finish(name, "petra", lambda: 2) == 2


def test_a_database_that_does_not_answer_is_told_without_its_name(
    errands: Errands, caplog: pytest.LogCaptureFixture
) -> None:
    def unanswered() -> None:
        raise DatabaseUnavailable("postgresql://mila@inside.example does not answer")

    with pytest.raises(InputError, match="the database does not answer; nothing was changed") as told:
        errands.finish(("sum", "all"), "petra", unanswered)
    assert "inside.example" not in str(told.value)
    assert "inside.example" in caplog.text
