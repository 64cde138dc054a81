"""Histories with every cause mixed: in any order, twice, by two workers at once, the end is the same.

One worker on SQLite takes everything in once, in the order in which it happened. Two workers on PostgreSQL take the
same things in shuffled, twice, at the same time. Both must end in the same statuses, sequences, Do Not Email entries
and open reviews, and what the outbox told must be just that: nothing lost, nothing doubled in effect.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from random import Random
from shutil import copyfile
from tempfile import TemporaryDirectory
from typing import Any
from zlib import crc32

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select
from sqlalchemy.exc import OperationalError

from classifier.verdict import (
    Absence,
    AutoResponse,
    Bounce,
    BounceKind,
    Complaint,
    OptOut,
    Receipt,
    ReceiptKind,
    ReplyClass,
)
from models.automation import Automation
from models.events import Bounced, DneReason, EventKind, Status
from models.session import open_engine, reading, transaction
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.outside import AutomationCommand, EventType, OutboxEvent, WebhookEndpoint
from models.tables.standing import DneEntry, ReviewItem
from tests.databases import postgres_database
from tests.journey.world import end_state
from tests.worker.small_world import NOW, RULES, SENT_AT, a_mail, a_reply, furnish, send_all, take_in
from worker.act import Act
from worker.acts.automations import put_automations
from worker.acts.do_not_email import add_dne, lift_dne
from worker.acts.opt_out import opt_out_by_link
from worker.acts.person import find_recipients, set_status
from worker.acts.undo import undo
from worker.acts.unread import UnreadError
from worker.daemon.ticks import due_contacts, fold_all
from worker.matching.known_sends import Sent
from worker.matching.links import Linked, Purpose, make_token
from worker.sending.bookings import hear_booking
from worker.sending.intake import Signal, Told
from worker.sending.intake import take_in as hear_sender

KEY = "k" * 32
WITH_KEYS = replace(RULES, link_keys=(KEY,))
LATER = NOW + timedelta(days=60)
NAMES = ("anna", "ben", "carl", "dora")
CAMPAIGNS = ("campaign-1", "campaign-2")

Work = Callable[[Engine], object]


def address(name: str) -> str:
    return f"{name}@client.example"


SENDS = [
    Sent(
        campaign=campaign,
        to=address(name),
        message_ids=(f"{name}-{campaign}-{step}@us",),
        sent_at=SENT_AT + timedelta(days=step),
        subject=f"Question of {campaign}",
        send_id=f"{name}-{campaign}-{step}",
    )
    for campaign in CAMPAIGNS
    for name in NAMES
    for step in (0, 1, 2)
]
AUTOMATIONS = {
    "campaign-1": [
        {"name": "curious", "when": {"opens": 2}, "then": [{"do": "call", "endpoint": "crm"}]},
        {"name": "silent", "when": {"days_without_reply": 4}, "then": [{"do": "stop"}]},
    ],
    "campaign-2": [
        {"name": "clicked", "when": {"link": "/stop"}, "then": [{"do": "add_dne"}]},
        {"name": "away", "when": {"class": ["Out of Office"]}, "then": [{"do": "set_status", "status": "Engaged"}]},
    ],
}

# --- What may happen; each is one transaction of one worker ---

_people = st.sampled_from(NAMES)
_campaigns = st.sampled_from(CAMPAIGNS)
_hours = st.integers(25, 200)
_steps = st.integers(0, 2)
_verdicts = st.one_of(
    st.builds(lambda kind, sure: a_reply(kind, sure=sure), st.sampled_from(ReplyClass), st.booleans()),
    st.sampled_from([Absence(), AutoResponse(), OptOut(), Receipt(kind=ReceiptKind.DELIVERED)]),
    st.sampled_from(BounceKind).map(lambda kind: Bounce(kind=kind, recipients=(), reason="user_unknown")),
    st.just(Complaint(feedback_type="abuse")),
)


@st.composite
def mails(draw: st.DrawFn) -> Work:
    name, campaign, verdict = draw(_people), draw(_campaigns), draw(_verdicts)
    clues: dict[str, Any] = {"answers": (f"{name}-{campaign}-{draw(_steps)}@us",)}
    if isinstance(verdict, Bounce | Complaint | Receipt):
        clues["addresses"] = (address(name),)
    else:
        clues["from_address"] = draw(st.sampled_from([address(name), address(name), f"{name}@home.example"]))
    hours = draw(_hours)
    # The same mail has the same place, and another mail another one.
    mail = a_mail(verdict, hours, crc32(repr((verdict, hours, clues)).encode()) + 1, **clues)
    return lambda engine: take_in(engine, mail)


@st.composite
def signals(draw: st.DrawFn) -> Work:
    kind = draw(st.sampled_from([EventKind.OPENED, EventKind.OPENED, EventKind.CLICKED, EventKind.BOUNCE]))
    signal = Signal(
        row=0,
        kind=kind,
        happened_at=SENT_AT + timedelta(hours=draw(_hours)),
        send_id=f"{draw(_people)}-{draw(_campaigns)}-{draw(_steps)}",
        link=draw(st.sampled_from(["https://us.example/stop", "https://us.example/go"])),
        bounce=draw(st.sampled_from(Bounced)) if kind is EventKind.BOUNCE else None,
    )
    return lambda engine: hear_sender(partial(transaction, engine), RULES, Told(signals=[signal]), "sender", NOW)


def linked(engine: Engine, name: str, campaign: str) -> Linked | None:
    query = (
        select(Recipient.id, Contact.id, Contact.team_id, Contact.address, Campaign.key)
        .join(Contact, Contact.id == Recipient.contact_id)
        .join(Campaign, Campaign.id == Recipient.campaign_id)
        .where(Contact.address == address(name), Campaign.key == campaign)
    )
    with reading(engine) as session:
        row = session.execute(query).one_or_none()
    return Linked(*row) if row else None


@st.composite
def link_presses(draw: st.DrawFn, now: datetime) -> Work:
    name, campaign = draw(_people), draw(_campaigns)

    def work(engine: Engine) -> None:
        whose = linked(engine, name, campaign)
        if whose is not None:
            with transaction(engine) as session:
                assert opt_out_by_link(session, (KEY,), make_token(KEY, Purpose.UNSUBSCRIBE, whose), "one-click", now)

    return work


@st.composite
def bookings(draw: st.DrawFn) -> Work:
    name, campaign = draw(_people), draw(_campaigns)
    event = draw(st.sampled_from(["invitee.created", "invitee.created", "invitee.canceled"]))
    number = draw(st.integers(1, 2))
    uri = f"https://api.calendly.example/{name}/{campaign}/{number}"
    # However often it is told, a booking is made at one time: of two the first to be taken in would stand.
    hours = {"invitee.created": 50, "invitee.canceled": 80}[event] + 60 * number
    at = (SENT_AT + timedelta(hours=hours)).isoformat()

    def work(engine: Engine) -> None:
        whose = linked(engine, name, campaign)
        if whose is None:
            return
        tracking = {"utm_content": make_token(KEY, Purpose.BOOKING, whose)}
        payload = {"uri": uri, "email": whose.address, "created_at": at, "tracking": tracking}
        body = json.dumps({"event": event, "created_at": at, "payload": payload}).encode()
        with transaction(engine) as session:
            hear_booking(session, WITH_KEYS, body, NOW)

    return work


@st.composite
def bans(draw: st.DrawFn) -> Work:
    target = draw(st.sampled_from([*map(address, NAMES), "elsewhere.example"]))
    # All at one time: what is banned already stays as it is, so of two times the first to be taken in would stand.
    act = Act("petra", SENT_AT + timedelta(hours=100), "asked on the phone")

    def work(engine: Engine) -> None:
        with transaction(engine) as session:
            add_dne(session, 1, {target: None}, DneReason.MANUAL, act)

    return work


def causes(now: datetime) -> st.SearchStrategy[Work]:
    """Return what may come in until `now`, when links are pressed."""
    return st.one_of(mails(), mails(), mails(), signals(), link_presses(now), bookings(), bans())


PERSONS_AT = NOW - timedelta(hours=1)
"""After all mail, so that persons speak of the same in every order; between the presses before and after."""


@st.composite
def acts(draw: st.DrawFn) -> Work:
    """Return what a person does with what is there; it happens after everything before it was taken in."""
    name, campaign = draw(_people), draw(_campaigns)
    status = draw(st.sampled_from([each for each in Status if each is not Status.ACTIVE]))
    kind = draw(st.sampled_from(["label", "label and undo", "lift"]))
    act = Act("petra", PERSONS_AT, "as she said")

    def work(engine: Engine) -> None:
        with transaction(engine) as session:
            if kind == "lift":
                live = select(DneEntry.id).where(
                    DneEntry.target == address(name), DneEntry.lifted_at.is_(None), DneEntry.withdrawn_at.is_(None)
                )
                if session.scalar(live.limit(1)):
                    lift_dne(session, 1, address(name), act)
                return
            (recipient_id,) = find_recipients(session, 1, address(name), campaign)
            set_status(session, RULES, recipient_id, status, act)
            if kind == "label and undo":
                undo(session, RULES, recipient_id, act)

    def allowed(engine: Engine) -> None:
        # Where a possible opt-out waits for an answer nothing is done, whatever order that came in.
        with suppress(UnreadError):
            work(engine)

    return allowed


# --- Taking it in ---


def furnished(engine: Engine) -> None:
    furnish(engine)
    with transaction(engine) as session:
        session.add(WebhookEndpoint(team_id=1, name="crm", url="https://c.example", secret="s", recorded_at=SENT_AT))
        for campaign, rules in AUTOMATIONS.items():
            session.add(Campaign(team_id=1, key=campaign, name=campaign))
            session.flush()
            found = [Automation.model_validate(rule) for rule in rules]
            put_automations(session, 1, campaign, found, Act("petra", SENT_AT - timedelta(days=1)))


def one_after_the_other(engine: Engine, works: Sequence[Work]) -> None:
    for work in works:
        work(engine)


def two_at_once(engine: Engine, works: Sequence[Work], random: Random) -> None:
    """Let two workers do everything in any order, and then everything again."""
    for _ in range(2):
        shuffled = random.sample(list(works), len(works))
        halves = (shuffled[::2], shuffled[1::2])
        with ThreadPoolExecutor(2) as pool:
            for done in [pool.submit(_patiently, engine, half) for half in halves]:
                done.result()


def _patiently(engine: Engine, works: Sequence[Work]) -> None:
    for work in works:
        for attempt in range(5):
            try:
                work(engine)
                break
            except OperationalError as error:
                # As a poll does: the database chose this worker of two that met.
                if getattr(error.orig, "sqlstate", None) not in {"40P01", "40001"} or attempt == 4:
                    raise


def let_time_pass(engine: Engine) -> None:
    for piece in due_contacts(engine, LATER):
        fold_all(engine, piece, LATER)
    assert due_contacts(engine, LATER) == []


# --- What is compared ---


def outcome(engine: Engine) -> tuple[Any, ...]:
    """Return what holds in the end, without the keys of acts, which are new each time."""
    state = end_state(engine)
    live = Counter((target, reason) for target, reason, _ in state.dne)
    with reading(engine) as session:
        lifted = Counter(
            (entry.target, entry.reason)
            for entry in session.scalars(select(DneEntry).where(DneEntry.withdrawn_at.is_(None)))
            if entry.lifted_at
        )
        called = sorted(session.scalars(select(AutomationCommand.event_key)))
    return state.recipients, live, lifted, state.reviews, state.events, called


def check_outbox(engine: Engine) -> None:
    """Let somebody who hears only the outbox build the same picture; every change must follow on the one before."""
    statuses: dict[tuple[str, str], str] = {}
    sequences: dict[tuple[str, str], str] = {}
    banned: Counter[tuple[str, str]] = Counter()
    reviews: set[tuple[str, str, str, str]] = set()
    with reading(engine) as session:
        for event in session.scalars(select(OutboxEvent).order_by(OutboxEvent.id)):
            told = event.payload
            if event.type is EventType.STATUS_CHANGED:
                key = told["campaign"], told["address"]
                assert statuses.get(key, "Active") == told["from"]
                assert sequences.get(key, "running") == told["sequence"]["from"]
                statuses[key], sequences[key] = told["to"], told["sequence"]["to"]
            elif event.type is EventType.DNE_ADDED:
                banned[told["target"], told["reason"]] += 1
            elif event.type is EventType.DNE_WITHDRAWN:
                banned[told["target"], told["reason"]] -= 1
            elif event.type is EventType.DNE_LIFTED:
                for reason in told["reasons"]:
                    del banned[told["target"], reason]
            elif event.type in {EventType.REVIEW_OPENED, EventType.REVIEW_CLOSED}:
                item = told["campaign"], told["address"], told["kind"], told["event"]
                opened = event.type is EventType.REVIEW_OPENED
                assert (item in reviews) is not opened
                (reviews.add if opened else reviews.remove)(item)
        live = Counter(
            (entry.target, entry.reason.value)
            for entry in session.scalars(select(DneEntry))
            if entry.lifted_at is None and entry.withdrawn_at is None
        )
        assert +banned == live
        asked = session.scalar(select(ReviewItem.id).where(ReviewItem.closed_at.is_(None)).limit(1))
        assert bool(reviews) is (asked is not None)
        calls = session.scalars(select(OutboxEvent.payload).where(OutboxEvent.type == EventType.AUTOMATION)).all()
        assert len(calls) == len(session.scalars(select(AutomationCommand.id)).all())
    state = end_state(engine)
    assert reviews == {(campaign, whose, kind, key) for campaign, whose, kind, key in state.reviews}
    for key, (status, sequence, *_) in state.recipients.items():
        assert (statuses.get(key, "Active"), sequences.get(key, "running")) == (status, sequence)


@contextmanager
def sqlite(template: Path) -> Iterator[Engine]:
    with TemporaryDirectory() as folder:
        copyfile(template, Path(folder) / "test.sqlite")
        engine = open_engine(f"sqlite:///{folder}/test.sqlite")
        try:
            yield engine
        finally:
            engine.dispose()


@contextmanager
def postgresql(server: str, template: str) -> Iterator[Engine]:
    with postgres_database(server, template) as url:
        engine = open_engine(url)
        try:
            yield engine
        finally:
            engine.dispose()


@pytest.mark.server
# No shrinking: an example takes a second, and what it prints tells enough.
@settings(
    max_examples=12,
    phases=(Phase.explicit, Phase.reuse, Phase.generate),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(
    before=st.lists(causes(NOW - timedelta(hours=2)), min_size=5, max_size=25),
    persons=st.lists(acts(), max_size=4),
    after=st.lists(causes(NOW), max_size=10),
    random=st.randoms(use_true_random=False),
)
def test_every_cause_in_any_order_twice_by_two_workers_ends_in_the_same_state(  # noqa: PLR0917 - pytest names them
    sqlite_template: Path,
    postgres_template: str,
    postgres_url: str,
    before: list[Work],
    persons: list[Work],
    after: list[Work],
    random: Random,
) -> None:
    sends: list[Work] = [partial(_send, send) for send in SENDS]
    with sqlite(sqlite_template) as calm, postgresql(postgres_url, postgres_template) as busy:
        for engine in (calm, busy):
            furnished(engine)
        one_after_the_other(calm, [*sends, *before, *persons, *after])
        two_at_once(busy, [*sends, *before], random)
        one_after_the_other(busy, persons)
        two_at_once(busy, after, random)
        for engine in (calm, busy):
            let_time_pass(engine)
            check_outbox(engine)
        assert outcome(busy) == outcome(calm)


def _send(send: Sent, engine: Engine) -> None:
    send_all(engine, [send])
