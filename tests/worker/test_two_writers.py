"""Two writers that meet on PostgreSQL wait for each other in one direction only."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import text

from models.events import Status
from models.session import open_engine, transaction
from models.tables import Recipient
from tests.databases import postgres_database
from tests.worker.small_world import NOW, RULES, furnish, send_all, statuses
from worker.act import Act
from worker.person import find_recipients, set_status
from worker.refold import lock


@pytest.mark.server
def test_who_folds_a_contact_does_not_wait_for_an_import_that_waits_for_the_contact(
    postgres_url: str, postgres_template: str
) -> None:
    with postgres_database(postgres_url, postgres_template) as url:
        engine = open_engine(url)
        furnish(engine)
        send_all(engine)
        with transaction(engine) as session:
            (recipient_id,) = find_recipients(session, 1, "anna@client.example", "campaign-1")
            contact_id = session.get_one(Recipient, recipient_id).contact_id
        with transaction(engine) as person:
            lock(person, [contact_id])
            with ThreadPoolExecutor(1) as pool:
                importing = pool.submit(send_all, engine)
                with transaction(engine) as watching:
                    until(lambda: watching.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
                set_status(person, RULES, recipient_id, Status.ENGAGED, Act("petra", NOW))
                person.commit()
                importing.result(timeout=30)
        assert statuses(engine)["campaign-1", "anna@client.example"] == "Engaged"
        engine.dispose()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
