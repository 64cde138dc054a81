"""Two writers that meet on PostgreSQL wait for each other in one direction only."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, func, select, text
from sqlalchemy.orm import Session

from classifier.verdict import OptOut
from models.events import Status
from models.session import open_engine, reading, transaction
from models.tables.mail import InboundMessage, MessageState, VerdictRow
from models.tables.mailboxes import SignIn
from models.tables.mailing import Recipient
from models.tables.people import Team
from tests.databases import postgres_database
from tests.keys import VAULT
from tests.worker.small_world import BOX, NOW, RULES, a_mail, a_reply, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts.mailbox_columns import new_columns
from worker.acts.mailboxes import add_mailbox
from worker.acts.person import find_recipients, set_status
from worker.apply import apply
from worker.errors import InputError
from worker.writing.locks import lock


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


@pytest.mark.server
def test_of_a_batch_that_another_worker_writes_in_part_only_the_rest_is_written(
    postgres_url: str, postgres_template: str
) -> None:
    with postgres_database(postgres_url, postgres_template) as url:
        engine = open_engine(url)
        furnish(engine)
        send_all(engine)
        ours = a_mail(OptOut(), answers=("anna-1-0@us",)), a_mail(a_reply(), answers=("ben-1-1@us",))
        with transaction(engine) as other:
            apply(other, BOX, [ours[0]], NOW)
            with ThreadPoolExecutor(1) as pool:
                waiting = pool.submit(take_in, engine, *ours)
                with transaction(engine) as watching:
                    until(lambda: watching.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
                other.commit()
                waiting.result(timeout=30)
        with reading(engine) as session:
            assert session.scalar(select(func.count()).select_from(VerdictRow)) == len(ours)
            found = session.execute(select(InboundMessage.content_hash, InboundMessage.state)).all()
        assert sorted(map(tuple, found)) == [(each.content_hash, MessageState.JUDGED) for each in ours]
        assert statuses(engine)["campaign-1", "anna@client.example"] == "Unsubscribed"
        assert statuses(engine)["campaign-1", "ben@client.example"] == "Interested"
        engine.dispose()


@pytest.mark.server
def test_a_mailbox_that_two_people_add_at_once_is_there_once_and_the_second_is_told(
    postgres_url: str, postgres_template: str
) -> None:
    columns = new_columns("nora@us.example", SignIn.PASSWORD, {"host": "imap.example", "password": "sesame"})

    def add(session: Session) -> int:
        return add_mailbox(session, 1, columns, VAULT, Act("petra", NOW))

    def add_too(engine: Engine) -> int:
        with transaction(engine) as session:
            return add(session)

    with postgres_database(postgres_url, postgres_template) as url:
        engine = open_engine(url)
        with transaction(engine) as session:
            session.add(Team(id=1, name="default"))
        with transaction(engine) as first, ThreadPoolExecutor(1) as pool:
            add(first)
            second = pool.submit(add_too, engine)
            with transaction(engine) as watching:
                until(lambda: watching.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))
            first.commit()
            with pytest.raises(InputError, match="is there already"):
                second.result(timeout=30)
        engine.dispose()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)
