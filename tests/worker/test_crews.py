"""The crew that backfills share: one while any of them needs it, ended when none does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from config.settings import Settings
from worker import crews as module
from worker.crews import Crews


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was begun and ended, by the classifier it judges with."""
    told: list[str] = []

    @contextmanager
    def side_by_side(_: Settings, classifier: Any) -> Iterator[Any]:
        told.append(f"begin {classifier}")
        yield object()
        told.append(f"end {classifier}")

    monkeypatch.setattr(module, "side_by_side", side_by_side)
    return told


def crews(linger: float = 0) -> Crews:
    return Crews(Settings(), linger)


def use(made: Crews, classifier: str) -> Any:
    return made.use(classifier)  # type: ignore[arg-type]


def test_two_backfills_share_one_and_the_last_ends_it(told: list[str]) -> None:
    made = crews()
    with use(made, "a") as first:
        with use(made, "a") as second:
            assert first is second
        assert told == ["begin a"]
    assert told == ["begin a", "end a"]


def test_another_classifier_has_another(told: list[str]) -> None:
    made = crews()
    with use(made, "a") as first, use(made, "b") as second:
        assert first is not second
    assert told == ["begin a", "begin b", "end b", "end a"]


def test_one_that_lingers_is_there_for_the_next_and_ends_when_the_daemon_does(told: list[str]) -> None:
    made = crews(600)
    with use(made, "a") as first:
        pass
    with use(made, "a") as second:
        assert first is second
        made.close()
        assert told == ["begin a"]
    made.close()
    assert told == ["begin a", "end a"]


def test_one_that_lingered_ends_by_itself_unless_it_was_used_since(told: list[str]) -> None:
    made = crews(600)
    with use(made, "a"):
        pass
    [kept] = made._kept  # noqa: SLF001
    [timer] = made._timers  # noqa: SLF001
    with use(made, "a"):
        pass
    timer.function(*timer.args)
    assert told == ["begin a"]
    made._end(kept, kept.turn)  # noqa: SLF001
    assert told == ["begin a", "end a"]
    made.close()


def test_what_fails_in_one_leaves_the_crew_to_the_others(told: list[str]) -> None:
    made = crews()
    with use(made, "a"):
        with pytest.raises(ValueError, match="mail"), use(made, "a"):
            raise ValueError("mail")
        assert told == ["begin a"]
    assert told == ["begin a", "end a"]
