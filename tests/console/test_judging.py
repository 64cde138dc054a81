"""The classifier that judges single mails is loaded once, however many ask at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from console import judging


def test_two_first_retries_at_once_load_the_classifier_once(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[object] = []
    both = threading.Barrier(2)

    class Slow:
        def __init__(self, *_: object) -> None:
            loaded.append(self)
            # Were the other one let in as well, both would meet here.
            with pytest.raises(threading.BrokenBarrierError):
                both.wait(0.2)

    monkeypatch.setattr("worker.daemon.serving.Classifier", Slow)
    asked: Any = object()
    with ThreadPoolExecutor(2) as pool:
        first, second = (pool.submit(judging.classifier_of, asked, asked) for _ in range(2))
        assert first.result(10) is second.result(10)
    assert len(loaded) == 1
