"""After an erasure nothing tells whom it was: not a column of a table, not a byte of the file.

Everything that can hold something of a person is filled with words that occur nowhere else; then they are looked for.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import JSON, Engine, Enum, LargeBinary, String, func, select, update

from models.base import Base
from models.session import reading, transaction
from models.tables.mailing import SentMessage
from models.tables.outside import Delivery, DeliveryState
from tests.keys import VAULT
from tests.worker.small_world import NOW, SENT_AT, furnish
from tests.worker.xenophon import ACT, HIM, fill
from worker.privacy.erasure import erase
from worker.privacy.retention import remove_old
from worker.privacy.sqlite_log import empty_log
from worker.secrets.pseudonyms import carry
from worker.webhooks.dispatch import dispatch

MARKS = ("xenophon", "phontis", "quillfeather", "zanzibar")

HELD = {
    "aside_message.raw",
    "automation_command.outcome",
    "bulk_act.targets",
    "contact.address",
    "contact.domain",
    "delivery.last_error",
    "delivery.subject",
    "dne_entry.lifted_why",
    "dne_entry.note",
    "dne_entry.target",
    "idempotency_key.answer",
    "inbound_message.clues",
    "inbound_message.error",
    "inbound_message.from_address",
    "inbound_message.message_id",
    "inbound_message.problems",
    "inbound_message.subject",
    "label.note",
    "label.subject",
    "label.text",
    "message_clue.value",
    "message_move.error",
    "outbox_event.payload",
    "outbox_event.subject",
    "recipient_event.because",
    "recipient_event.booking_id",
    "recipient_event.link",
    "recipient_event.other_address",
    "recipient_event.send_id",
    "second_address.address",
    "second_address.why",
    "sent_message.send_id",
    "sent_message.subject_key",
    "sent_message.token",
    "sent_message_id.message_id",
    "status_change.because",
    "verdict.details",
    "verdict.rest",
}
"""Columns that hold something of a person: filled below, and empty or renamed afterwards."""

HASHES = {
    "automation_command.event_key",
    "dne_entry.source",
    "recipient.decided_by",
    "recipient_event.about",
    "recipient_event.key",
    "review_item.event_key",
    "status_change.event_key",
}
"""Hashes by which an address could be tried out; the erasure gives them others."""

NOT_THEIRS = {
    "what mail is known again by": {"inbound_message.content_hash", "label.key", "label.text_key"},
    "where mail lies": {
        "backfill_range.folder", "folder_cursor.folder", "inbound_message.folder", "message_move.to_folder",
        "aside_message.omitted",
    },
    "who works here": {
        "api_token.actor", "automation_rule.actor", "bulk_act.actor", "bulk_act.undone_by", "console_user.name",
        "console_user.password_hash", "console_user.time_zone", "dne_entry.actor", "dne_entry.lifted_by",
        "ended_session.token_hash", "label.actor", "mailbox_request.actor", "promotion.actor", "recipient_event.actor",
        "second_address.actor", "sign_in_failure.client", "sign_in_failure.name", "status_change.actor",
    },
    "our mailboxes": {
        "mailbox.addresses", "mailbox.authserv_ids", "mailbox.bounces_to", "mailbox.ca_file", "mailbox.folders",
        "mailbox.host", "mailbox.last_error", "mailbox.name", "mailbox.opt_out_aliases", "mailbox.opt_outs_to",
        "mailbox.password", "mailbox.security", "mailbox.sent_folder", "mailbox.username", "mailbox_request.error",
        "mailbox_request.result", "backfill_range.counts", "backfill_range.error", "backfill_range.holder",
        "oauth_grant.access_token", "oauth_grant.error", "oauth_grant.refresh_token",
    },
    "our campaigns, rules and teams": {
        "automation_command.action", "automation_rule.definition", "automation_rule.name", "campaign.key",
        "campaign.name", "outbox_event.endpoint", "recipient_event.rule", "team.calendly_key", "team.holidays",
        "team.name", "team.time_zone", "team.working_days", "webhook_endpoint.name", "webhook_endpoint.secret",
        "webhook_endpoint.types", "webhook_endpoint.url", "api_token.name", "api_token.scopes", "api_token.token_hash",
        "alarm.says", "alarm.subject", "bulk_act.kind", "bulk_act.says", "day_figure.name",
    },
    "what the classifier is": {
        "artifact.metrics", "artifact.path", "artifact.sha256", "artifact.version", "label.language",
        "promotion.reasons", "promotion.why", "recipient_event.artifact", "status_change.artifact", "verdict.artifact",
        "verdict.kind", "verdict.reply_class",
    },
    "the sending side's own key of a request": {"idempotency_key.key", "idempotency_key.request_hash"},
    "the erasure itself": {
        "erasure.actor", "erasure.counts", "erasure.pseudonyms", "erasure.why", "erasure_key.sealed",
    },
}  # fmt: skip


def texts() -> set[str]:
    """Return every column that may hold any words at all."""
    return {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if isinstance(column.type, String | JSON | LargeBinary) and not isinstance(column.type, Enum)
    }


def test_for_every_column_somebody_has_said_what_an_erasure_makes_of_it() -> None:
    told = HELD | HASHES | {column for columns in NOT_THEIRS.values() for column in columns}
    assert texts() - told == set(), (
        "may hold something of a person: worker/privacy/scrub.py, then HELD; else NOT_THEIRS"
    )
    assert told - texts() == set()


@pytest.fixture
def engine(engine: Engine) -> Engine:
    carry(engine, VAULT)
    furnish(engine)
    return engine


def marked(engine: Engine) -> set[str]:
    """Return the columns that hold one of the words."""
    found: set[str] = set()
    with reading(engine) as session:
        for table in Base.metadata.tables.values():
            for row in session.execute(select(table)).mappings():
                for column in table.columns:
                    if any(mark in str(row[column]).casefold() for mark in MARKS):
                        found.add(f"{table.name}.{column.name}")
    return found


def hashes(engine: Engine, names: Collection[str] = HASHES) -> set[str]:
    """Return the keys of events, wherever they stand."""
    with reading(engine) as session:
        return {
            value
            for name in names
            for table, _, column in [name.partition(".")]
            for value in session.scalars(select(Base.metadata.tables[table].c[column]))
            if value
        }


def in_files(engine: Engine) -> set[str]:
    """Return the words that can be read in the files of a SQLite database, its log included."""
    if engine.dialect.name != "sqlite":
        return set()
    path = Path(engine.url.database or "")
    content = b"".join(each.read_bytes() for each in path.parent.glob(f"{path.name}*")).lower()
    return {mark for mark in MARKS if mark.encode() in content}


def test_nothing_tells_whom_it_was(engine: Engine) -> None:
    fill(engine)
    assert marked(engine) == HELD
    keys = hashes(engine, ("recipient_event.key", "automation_command.event_key"))
    with transaction(engine) as session:
        erase(session, 1, HIM, replace(ACT, why="asked by letter"))
    # The address is still told to those who may mail it; whatever was known of it is gone at once.
    assert marked(engine) == {"outbox_event.payload", "outbox_event.subject"}
    with reading(engine) as session:
        assert session.scalar(select(func.count(SentMessage.id))) == 2
    assert hashes(engine).isdisjoint(keys)
    dispatch(engine, NOW)
    assert "delivery.subject" in marked(engine)
    with transaction(engine) as session:
        session.execute(update(Delivery).values(state=DeliveryState.DELIVERED))
    remove_old(engine, SENT_AT - timedelta(days=400))
    empty_log(engine)
    assert marked(engine) == set()
    assert in_files(engine) == set()


def test_an_address_waits_in_the_outbox_until_every_endpoint_has_heard(engine: Engine) -> None:
    fill(engine)
    with transaction(engine) as session:
        erase(session, 1, HIM, replace(ACT, why="asked by letter"))
    remove_old(engine, SENT_AT - timedelta(days=400))
    assert "outbox_event.subject" in marked(engine)
    dispatch(engine, NOW)
    remove_old(engine, SENT_AT - timedelta(days=400))
    assert {"outbox_event.subject", "delivery.subject"} <= marked(engine)
