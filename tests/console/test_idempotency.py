"""Keys of requests, where two callers meet at one moment; the rest is in `tests/console/test_signing_in.py`."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from console import idempotency
from console.idempotency import Refused, Request, begin, give_up
from models.session import insert_new, transaction
from tests.worker.small_world import NOW, furnish

ASKED = Request(1, "one", "hash", NOW)


def test_a_key_that_another_gives_up_at_this_moment_is_free_for_the_next_attempt(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(engine)
    with transaction(engine) as session:
        assert begin(session, ASKED) is None

    def given_up(session: Session, *what: Any) -> int:
        found = insert_new(session, *what)
        give_up(session, ASKED)
        return found

    with monkeypatch.context() as patched, transaction(engine) as session:
        patched.setattr(idempotency, "insert_new", given_up)
        assert begin(session, ASKED) is Refused.IN_WORK
    with transaction(engine) as session:
        assert begin(session, ASKED) is None
