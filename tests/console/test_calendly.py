"""Bookings as Calendly tells them: signed, told again, in any order, and about whom."""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from models.events import Trust
from models.session import reading, transaction
from models.tables.people import Team
from models.tables.standing import ReviewItem
from tests.console.conftest import ANNA, BEN, KEY, OURS, THEIRS, Console
from tests.console.visiting import Browser
from tests.databases import database_url as database_url  # noqa: PLC0414 - on both databases
from tests.keys import SECRET_KEY, VAULT
from tests.worker.small_world import SENDS, send_all
from worker.matching.links import Purpose, make_token

SECRET = "calendly-signing-key"
WHERE = "/webhooks/calendly/default"
URI = "https://api.calendly.com/scheduled_events/AAA/invitees/BBB"


@pytest.fixture
def calendly(console: Console) -> Console:
    with transaction(console.engine) as session:
        session.get_one(Team, OURS).calendly_key = SECRET
    return console


def a_webhook(console: Console, event: str = "invitee.created", **payload: Any) -> dict[str, Any]:
    told = {
        "uri": URI,
        "email": "someone@elsewhere.example",
        "created_at": (console.now - timedelta(minutes=5)).isoformat(),
        "tracking": {"utm_content": None, "utm_source": "mail"},
        "status": "active",
    }
    return {"event": event, "created_at": console.now.isoformat(), "payload": told | payload}


def token(console: Console, purpose: Purpose = Purpose.BOOKING, address: str = ANNA) -> dict[str, Any]:
    return {"tracking": {"utm_content": make_token(KEY, purpose, console.linked(address))}}


def signature(body: bytes, at: datetime, key: str = SECRET) -> str:
    stamp = int(at.timestamp())
    return f"t={stamp},v1={hmac.new(key.encode(), f'{stamp}.'.encode() + body, hashlib.sha256).hexdigest()}"


def tell(console: Console, webhook: dict[str, Any], where: str = WHERE) -> str:
    body = json.dumps(webhook).encode()
    headers = {"Calendly-Webhook-Signature": signature(body, console.now), "Content-Type": "application/json"}
    answer = console.ask("POST", where, content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    heard: str = answer.json()["heard"]
    return heard


def test_a_booking_through_the_link_in_the_mail_gives_the_status(calendly: Console) -> None:
    assert tell(calendly, a_webhook(calendly, **token(calendly))) == "recorded"
    assert calendly.status() == "Appointment Booked"
    assert calendly.status(campaign="campaign-2") == "Active"
    (event,) = calendly.events("booked")
    assert (event.booking_id, event.trust, event.actor) == (URI, Trust.ACTS, "calendly")
    assert event.happened_at == calendly.now - timedelta(minutes=5)


def test_an_encrypted_key_is_opened_and_a_missing_one_makes_calendly_tell_it_again(calendly: Console) -> None:
    with transaction(calendly.engine) as session:
        session.get_one(Team, OURS).calendly_key = VAULT.seal(SECRET)
    body = json.dumps(a_webhook(calendly)).encode()
    headers = {"Calendly-Webhook-Signature": signature(body, calendly.now)}
    answer = calendly.ask("POST", WHERE, content=body, headers=headers)
    assert answer.status_code == 503
    assert "INBOX_SECRET_KEYS" not in answer.text
    calendly.settings |= {"secret_keys": SECRET_KEY}
    assert tell(calendly, a_webhook(calendly)) == "nobody"


def test_the_same_booking_told_again_changes_nothing_also_after_it_was_cancelled(calendly: Console) -> None:
    booked = a_webhook(calendly, **token(calendly))
    cancelled = a_webhook(calendly, "invitee.canceled", **token(calendly))
    assert [tell(calendly, each) for each in (booked, booked, cancelled, cancelled, booked)] == [
        "recorded", "known", "recorded", "known", "known",
    ]  # fmt: skip
    assert calendly.status() == "Active"
    assert len(calendly.events("booked", "booking_cancelled")) == 2


def test_a_cancellation_that_arrives_first_cancels_the_booking(calendly: Console) -> None:
    tell(calendly, a_webhook(calendly, "invitee.canceled", **token(calendly)))
    tell(calendly, a_webhook(calendly, **token(calendly)))
    assert calendly.status() == "Active"


def test_a_rescheduled_appointment_stays_booked(calendly: Console) -> None:
    tell(calendly, a_webhook(calendly, **token(calendly)))
    tell(calendly, a_webhook(calendly, "invitee.canceled", **token(calendly)))
    tell(calendly, a_webhook(calendly, uri=URI + "2", **token(calendly)))
    assert calendly.status() == "Appointment Booked"


def test_a_cancellation_finds_the_booking_without_any_token(calendly: Console) -> None:
    tell(calendly, a_webhook(calendly, **token(calendly)))
    assert tell(calendly, a_webhook(calendly, "invitee.canceled", email=BEN)) == "recorded"
    assert calendly.status() == "Active"
    (event,) = calendly.events("booking_cancelled")
    assert event.recipient_id == calendly.linked().recipient_id


def test_a_booking_matched_by_address_alone_waits_for_a_person(calendly: Console) -> None:
    assert tell(calendly, a_webhook(calendly, email=ANNA.upper())) == "recorded"
    (event,) = calendly.events("booked")
    assert event.trust is Trust.SUGGESTS
    # The latest send to her was of the second campaign.
    assert event.recipient_id == calendly.linked(campaign="campaign-2").recipient_id
    assert calendly.status(campaign="campaign-2") == "Active"
    with reading(calendly.engine) as session:
        (item,) = session.scalars(select(ReviewItem)).all()
    assert (item.kind.value, item.holds, item.closed_at) == ("uncertain match", True, None)
    tell(calendly, a_webhook(calendly, "invitee.canceled", email=ANNA))
    with reading(calendly.engine) as session:
        assert session.scalars(select(ReviewItem.closed_at)).all() == [calendly.now]


@pytest.mark.parametrize("purpose", [Purpose.UNSUBSCRIBE, None])
def test_a_token_that_is_no_booking_token_books_for_nobody(calendly: Console, purpose: Purpose | None) -> None:
    forged = token(calendly, purpose) if purpose else {"tracking": {"utm_content": "a" * 40}}
    assert tell(calendly, a_webhook(calendly, **forged)) == "nobody"
    assert not calendly.events("booked")


def test_a_token_of_another_team_books_for_nobody(calendly: Console) -> None:
    with transaction(calendly.engine) as session:
        session.get_one(Team, THEIRS).calendly_key = SECRET
    theirs = "/webhooks/calendly/theirs"
    assert tell(calendly, a_webhook(calendly, email=ANNA, **token(calendly)), theirs) == "nobody"
    assert not calendly.events("booked")


def test_what_is_no_booking_is_ignored(calendly: Console) -> None:
    assert tell(calendly, {"event": "routing_form_submission.created", "payload": []}) == "ignored"


def test_a_booking_from_a_clock_that_is_ahead_happened_now(calendly: Console) -> None:
    ahead = (calendly.now + timedelta(days=3)).isoformat()
    tell(calendly, a_webhook(calendly, created_at=ahead, **token(calendly)))
    (event,) = calendly.events("booked")
    assert event.happened_at == calendly.now


def test_a_long_booking_id_is_kept_by_its_hash(calendly: Console) -> None:
    long = URI + "x" * 500
    tell(calendly, a_webhook(calendly, uri=long, **token(calendly)))
    tell(calendly, a_webhook(calendly, "invitee.canceled", uri=long))
    assert calendly.status() == "Active"


def test_a_wrong_signature_and_an_unknown_team_have_the_same_answer(calendly: Console) -> None:
    body = json.dumps(a_webhook(calendly, **token(calendly))).encode()
    good = signature(body, calendly.now)
    late, early = (calendly.now + timedelta(seconds=each) for each in (-181, 181))
    tries = [
        (WHERE, ""), (WHERE, "t=,v1="), (WHERE, good[:-1]), (WHERE, good.replace("v1", "v0")),
        (WHERE, signature(body, calendly.now, "other key")), (WHERE, signature(body + b" ", calendly.now)),
        (WHERE, signature(body, late)), (WHERE, signature(body, early)), (WHERE, good + ",t=1"),
        (WHERE, "t=" + "9" * 5000 + ",v1=00"), ("/webhooks/calendly/nobody", good),
        ("/webhooks/calendly/theirs", signature(body, calendly.now, "no key")), ("/webhooks/calendly/%00", good),
    ]  # fmt: skip
    answers = [
        calendly.ask("POST", where, content=body, headers={"Calendly-Webhook-Signature": header})
        for where, header in tries
    ]
    assert {(each.status_code, each.text) for each in answers} == {(401, answers[0].text)}
    assert not calendly.events("booked")


def test_one_of_several_signatures_is_enough_while_keys_change(calendly: Console) -> None:
    body = json.dumps(a_webhook(calendly, **token(calendly))).encode()
    header = signature(body, calendly.now - timedelta(seconds=179)).replace("v1=", f"v1={'0' * 64},v1=")
    answer = calendly.ask("POST", WHERE, content=body, headers={"Calendly-Webhook-Signature": header})
    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"event": "invitee.created"}',
        b'{"event": "invitee.created", "payload": {"uri": ""}}',
    ],
)
def test_a_signed_body_that_is_no_webhook_is_refused(calendly: Console, body: bytes) -> None:
    headers = {"Calendly-Webhook-Signature": signature(body, calendly.now)}
    assert calendly.ask("POST", WHERE, content=body, headers=headers).status_code == 422


def test_a_booking_that_names_nobody_is_nobodys(calendly: Console) -> None:
    assert tell(calendly, a_webhook(calendly, email=None)) == "nobody"
    assert tell(calendly, a_webhook(calendly, email=" ")) == "nobody"


def test_strange_characters_in_a_booking_do_no_harm(calendly: Console) -> None:
    assert tell(calendly, a_webhook(calendly, uri="a\x00b", **token(calendly))) == "recorded"
    assert tell(calendly, a_webhook(calendly, email="a\x00@b.example")) == "nobody"


def test_a_booking_told_again_stays_where_it_was_whatever_was_sent_since(calendly: Console) -> None:
    webhook = a_webhook(calendly, email=ANNA)
    assert tell(calendly, webhook) == "recorded"
    late = replace(SENDS[0], campaign="campaign-1", message_ids=("late@us",), send_id="late", sent_at=calendly.now)
    send_all(calendly.engine, [late])
    assert tell(calendly, webhook) == "known"
    assert len(calendly.events("booked")) == 1
    assert tell(calendly, a_webhook(calendly, "invitee.canceled", email=ANNA)) == "recorded"
    assert len(calendly.events("booking_cancelled")) == 1


def test_a_booking_belongs_to_the_mail_before_it_also_when_it_is_told_late(calendly: Console) -> None:
    late = replace(SENDS[0], campaign="campaign-1", message_ids=("late@us",), send_id="late", sent_at=calendly.now)
    send_all(calendly.engine, [late])
    assert tell(calendly, a_webhook(calendly, email=ANNA)) == "recorded"
    (event,) = calendly.events("booked")
    assert event.recipient_id == calendly.linked(campaign="campaign-2").recipient_id


def test_a_booking_without_a_mail_is_asked_about_with_the_only_answer_that_fits(calendly: Console) -> None:
    tell(calendly, a_webhook(calendly, email=ANNA))
    page = Browser(calendly).sign_in().page("/review")
    values = [each.attributes["value"] for each in page.css("button[name=answer]")]
    assert "Appointment Booked" in values
    assert "Interested" not in values
