"""After an erasure nothing tells whom it was: not a column of a table, not a byte of the file.

Everything that can hold something of a person is filled with words that occur nowhere else; then they are looked for.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from sqlalchemy import JSON, Engine, Enum, LargeBinary, String, func, select, update

from classifier.verdict import Bounce, BounceKind, Evidence, OptOut, ReplyClass
from models.automation import Automation
from models.base import Base
from models.events import DneReason, EventKind, Status
from models.session import reading, transaction
from models.tables.handling import MessageMove, MoveState
from models.tables.learning import Label, LabelSource
from models.tables.mail import InboundMessage
from models.tables.mailing import Campaign, SentMessage
from models.tables.outside import AutomationCommand, Delivery, DeliveryState, IdempotencyKey, WebhookEndpoint
from tests.keys import VAULT
from tests.worker.small_world import NOW, RULES, SENT_AT, a_mail, a_reply, furnish, take_in
from worker.act import Act
from worker.acts.automations import put_automations
from worker.acts.bulk_dne import add_many_to_dne
from worker.acts.contacts import merge
from worker.acts.do_not_email import add_dne, lift_dne
from worker.acts.joining import join
from worker.acts.person import find_recipients, set_status
from worker.matching.known_sends import Sent
from worker.privacy.erasure import erase
from worker.privacy.retention import remove_old
from worker.privacy.stored_secrets import empty_log
from worker.secrets.pseudonyms import carry
from worker.sending.bookings import hear_booking
from worker.sending.intake import Signal, Told
from worker.sending.intake import take_in as hear_sender
from worker.sending.sends import import_sends
from worker.webhooks.dispatch import dispatch

HIM = "xenophon@quillfeather.example"
HOME = "xeno.phontis@zanzibar.example"
MARKS = ("xenophon", "phontis", "quillfeather", "zanzibar")
SAID = "I am Xenophon Quillfeather, and I like Zanzibar."
ACT = Act("petra", NOW, f"phoned {HIM}")

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


def fill(engine: Engine) -> None:
    """Let everything happen that leaves something of a person behind."""
    writer = partial(transaction, engine)
    call = {"name": "curious", "when": {"link": "/offer"}, "then": [{"do": "call", "endpoint": "crm"}]}
    with transaction(engine) as session:
        session.add(WebhookEndpoint(team_id=1, name="crm", url="https://c.example", secret="s", recorded_at=SENT_AT))
        session.add(Campaign(team_id=1, key="spring", name="Spring"))
        session.flush()
        put_automations(session, 1, "spring", [Automation.model_validate(call)], Act("petra", SENT_AT))
    sends = [
        Sent(campaign="spring", to=HIM, message_ids=(f"{step}-{HIM}", f"{step}@us"), sent_at=SENT_AT,
             subject=f"Zanzibar for Xenophon {step}", send_id=f"{step} {HIM}", token=f"xenophon=quillfeather-{step}")
        for step in (0, 1)
    ]  # fmt: skip
    with transaction(engine) as session:
        import_sends(session, RULES, sends, NOW)
    words = {"from_address": HIM, "subject": f"Re: {SAID}"}
    evidence = (Evidence("classifier", SAID),)
    reply = replace(a_reply(ReplyClass.ENGAGED, sure=False), visible_text=SAID, evidence=evidence)
    heard = [
        replace(a_mail(reply, answers=("0@us",), **words), problems=(SAID,), message_id=f"1@{HIM}", rest=SAID, **words),
        a_mail(OptOut(visible_text=SAID, evidence=evidence), hours=40, answers=("1@us",), from_address=HOME),
    ]
    take_in(engine, *heard)
    take_in(engine, replace(heard[0], folder="Archive", uid=77))
    bounce = Bounce(kind=BounceKind.HARD, recipients=(HIM,), reason="user_unknown", diagnostic=SAID)
    take_in(engine, a_mail(bounce, addresses=(HIM,), answers=("no@where",)))
    aside = a_mail(reply, from_address=HIM)
    take_in(engine, replace(aside, error=SAID, raw=SAID.encode(), from_address=HIM, subject=SAID))
    signal = Signal(row=0, kind=EventKind.CLICKED, happened_at=SENT_AT + timedelta(hours=9), send_id=f"0 {HIM}",
                    link=f"https://us.example/offer?to={HIM}", because=SAID)  # fmt: skip
    hear_sender(writer, RULES, Told(signals=[signal]), "sender", NOW)
    booking = {"event": "invitee.created", "payload": {"uri": f"https://calendly.example/{HIM}", "email": HIM}}
    with transaction(engine) as session:
        hear_booking(session, RULES, json.dumps(booking).encode(), NOW)
        (recipient,) = find_recipients(session, 1, HIM)
        set_status(session, RULES, recipient, Status.UNSUBSCRIBED, ACT)
        merge(session, RULES, HIM, "third.phontis@zanzibar.example", ACT)
        add_dne(session, 1, {HIM: SAID}, DneReason.MANUAL, ACT)
        lift_dne(session, 1, HIM, ACT)
        join(session, RULES, "spring", [HIM], ACT)
    add_many_to_dne(writer, 1, [HIM, "third.phontis@zanzibar.example"], replace(ACT, why=SAID))
    with transaction(engine) as session:
        session.execute(update(AutomationCommand).values(outcome=f"refused: {HIM} is under Do Not Email"))
        message = session.scalars(select(InboundMessage.id).order_by(InboundMessage.id)).first()
        moved = MessageMove(message_id=message, mailbox_id=1, to_folder="Done", state=MoveState.REFUSED, error=SAID)
        moved.changed_at = NOW
        session.add(moved)
        session.add(
            Label(team_id=1, key="imported", text_key="i", subject=HIM, text=SAID, note=HIM, language="en",
                  label=Status.ENGAGED, source=LabelSource.IMPORT, recorded_at=NOW)
        )  # fmt: skip
        answer = {"recipients": [{"address": HIM}]}
        session.add(
            IdempotencyKey(team_id=1, key="k", request_hash="h", status_code=200, answer=answer, recorded_at=NOW)
        )
    dispatch(engine, NOW)
    with transaction(engine) as session:
        session.execute(update(Delivery).values(last_error=f"answered 500: no {HIM}"))
        some = select(Delivery.id).order_by(Delivery.id).limit(3).scalar_subquery()
        session.execute(update(Delivery).where(Delivery.id.in_(some)).values(state=DeliveryState.DELIVERED))


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
