"""The life of Xenophon Quillfeather: everything happens that leaves something of a person in the database."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from functools import partial

from sqlalchemy import Engine, select, update

from classifier.verdict import Bounce, BounceKind, Evidence, OptOut, ReplyClass
from models.automation import Automation
from models.events import DneReason, EventKind, Status
from models.session import transaction
from models.tables.handling import MessageMove, MoveState
from models.tables.learning import Label, LabelSource
from models.tables.mail import InboundMessage
from models.tables.mailing import Campaign
from models.tables.outside import AutomationCommand, Delivery, DeliveryState, IdempotencyKey, WebhookEndpoint
from tests.worker.small_world import NOW, RULES, SENT_AT, a_mail, a_reply, take_in
from worker.act import Act
from worker.acts.automations import put_automations
from worker.acts.bulk_dne import add_many_to_dne
from worker.acts.contacts import merge
from worker.acts.do_not_email import add_dne, lift_dne
from worker.acts.joining import join
from worker.acts.person import find_recipients, set_status
from worker.matching.known_sends import Sent
from worker.sending.bookings import hear_booking
from worker.sending.intake import Signal, Told
from worker.sending.intake import take_in as hear_sender
from worker.sending.sends import import_sends
from worker.webhooks.dispatch import dispatch

HIM = "xenophon@quillfeather.example"
HOME = "xeno.phontis@zanzibar.example"
SAID = "I am Xenophon Quillfeather, and I like Zanzibar."
ACT = Act("petra", NOW, f"phoned {HIM}")


def fill(engine: Engine) -> None:
    """Let everything happen that leaves something of a person behind."""
    furnish_campaign(engine)
    hear_mail(engine)
    hear_sending_side(engine)
    let_people_act(engine)
    note_outcomes(engine)
    deliver(engine)


def furnish_campaign(engine: Engine) -> None:
    """Put in a campaign with a rule, and two sends that name him in every way that sends can."""
    call = {"name": "curious", "when": {"link": "/offer"}, "then": [{"do": "call", "endpoint": "crm"}]}
    sends = [
        Sent(campaign="spring", to=HIM, message_ids=(f"{step}-{HIM}", f"{step}@us"), sent_at=SENT_AT,
             subject=f"Zanzibar for Xenophon {step}", send_id=f"{step} {HIM}", token=f"xenophon=quillfeather-{step}")
        for step in (0, 1)
    ]  # fmt: skip
    with transaction(engine) as session:
        session.add(WebhookEndpoint(team_id=1, name="crm", url="https://c.example", secret="s", recorded_at=SENT_AT))
        session.add(Campaign(team_id=1, key="spring", name="Spring"))
        session.flush()
        put_automations(session, 1, "spring", [Automation.model_validate(call)], Act("petra", SENT_AT))
        import_sends(session, RULES, sends, NOW)


def hear_mail(engine: Engine) -> None:
    """Take in what he says: replies from both addresses, a copy of one, a bounce, and a mail that was set aside."""
    evidence = (Evidence("classifier", SAID),)
    reply = replace(a_reply(ReplyClass.ENGAGED, sure=False), visible_text=SAID, evidence=evidence)
    words = {"from_address": HIM, "subject": f"Re: {SAID}"}
    first = replace(
        a_mail(reply, answers=("0@us",), **words), problems=(SAID,), message_id=f"1@{HIM}", rest=SAID, **words
    )
    opt_out = OptOut(visible_text=SAID, evidence=evidence)
    take_in(engine, first, a_mail(opt_out, hours=40, answers=("1@us",), from_address=HOME))
    take_in(engine, replace(first, folder="Archive", uid=77))
    bounce = Bounce(kind=BounceKind.HARD, recipients=(HIM,), reason="user_unknown", diagnostic=SAID)
    take_in(engine, a_mail(bounce, addresses=(HIM,), answers=("no@where",)))
    aside = a_mail(reply, from_address=HIM)
    take_in(engine, replace(aside, error=SAID, raw=SAID.encode(), from_address=HIM, subject=SAID))


def hear_sending_side(engine: Engine) -> None:
    """Let the sending side tell of a click, and Calendly of a booking."""
    signal = Signal(row=0, kind=EventKind.CLICKED, happened_at=SENT_AT + timedelta(hours=9), send_id=f"0 {HIM}",
                    link=f"https://us.example/offer?to={HIM}", because=SAID)  # fmt: skip
    hear_sender(partial(transaction, engine), RULES, Told(signals=[signal]), "sender", NOW)
    booking = {"event": "invitee.created", "payload": {"uri": f"https://calendly.example/{HIM}", "email": HIM}}
    with transaction(engine) as session:
        hear_booking(session, RULES, json.dumps(booking).encode(), NOW)


def let_people_act(engine: Engine) -> None:
    """Let a person do with him all that can be done, alone and with many."""
    third = "third.phontis@zanzibar.example"
    with transaction(engine) as session:
        (recipient,) = find_recipients(session, 1, HIM)
        set_status(session, RULES, recipient, Status.UNSUBSCRIBED, ACT)
        merge(session, RULES, HIM, third, ACT)
        add_dne(session, 1, {HIM: SAID}, DneReason.MANUAL, ACT)
        lift_dne(session, 1, HIM, ACT)
        join(session, RULES, "spring", [HIM], ACT)
    add_many_to_dne(partial(transaction, engine), 1, [HIM, third], replace(ACT, why=SAID))


def note_outcomes(engine: Engine) -> None:
    """Put in what a daemon, an import of labels and the API would leave: outcomes, a move, a label, a kept answer."""
    with transaction(engine) as session:
        session.execute(update(AutomationCommand).values(outcome=f"refused: {HIM} is under Do Not Email"))
        message = session.scalars(select(InboundMessage.id).order_by(InboundMessage.id)).first()
        session.add(
            MessageMove(message_id=message, mailbox_id=1, to_folder="Done", state=MoveState.REFUSED, error=SAID,
                        changed_at=NOW)
        )  # fmt: skip
        session.add(
            Label(team_id=1, key="imported", text_key="i", subject=HIM, text=SAID, note=HIM, language="en",
                  label=Status.ENGAGED, source=LabelSource.IMPORT, recorded_at=NOW)
        )  # fmt: skip
        answer = {"recipients": [{"address": HIM}]}
        session.add(
            IdempotencyKey(team_id=1, key="k", request_hash="h", status_code=200, answer=answer, recorded_at=NOW)
        )


def deliver(engine: Engine) -> None:
    """Dispatch what other systems hear of; some of it arrives, and all of it failed once."""
    dispatch(engine, NOW)
    with transaction(engine) as session:
        session.execute(update(Delivery).values(last_error=f"answered 500: no {HIM}"))
        some = select(Delivery.id).order_by(Delivery.id).limit(3).scalar_subquery()
        session.execute(update(Delivery).where(Delivery.id.in_(some)).values(state=DeliveryState.DELIVERED))
