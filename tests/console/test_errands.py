"""What runs beside the pages: once at a time, and however it ends that is told."""

from __future__ import annotations

import threading

import pytest

from console.errands import Errands
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
    first = errands.begin("one", "petra", lambda: (go_on.wait(10), done.append("one")))
    assert errands.begin("one", "paul", lambda: done.append("again")) is first
    second = errands.begin("other", "paul", lambda: done.append("other"))
    assert (second.over.wait(0.05), first.ended_at) == (False, None)
    go_on.set()
    assert second.over.wait(10)
    assert (done, first.ended_at, first.by) == (["one", "other"], NOW, "petra")
    assert errands.begin("one", "paul", lambda: None) is not first


def test_why_an_errand_has_no_result_is_told(errands: Errands, caplog: pytest.LogCaptureFixture) -> None:
    assert errands.finish("sum", "petra", lambda: 2) == 2
    with pytest.raises(InputError, match="there is none"):
        errands.finish("sum", "petra", refused)
    with pytest.raises(InputError, match="nobody foresaw this; the log has the cause"):
        errands.finish("sum", "petra", broken)
    assert "ZeroDivisionError" in caplog.text
