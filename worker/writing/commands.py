"""What automations do outside the fold: call an endpoint, move to another campaign; done once and never undone."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.automation import Call, Command, Move
from models.events import Event, EventKind
from models.outcome import Folded
from models.session import insert_new
from models.tables.mailing import Campaign, Recipient
from models.tables.outside import AutomationCommand, EventType
from models.tables.standing import RecipientEvent
from worker.chunks import chunks
from worker.writing.book import Book, Person
from worker.writing.outbox import Told, tell
from worker.writing.stored import event_columns


def run_commands(session: Session, book: Book, folded: Mapping[int, Folded], now: datetime) -> set[int]:
    """Do what the rules ask for and was not done yet; return the contacts that joined another campaign by it.

    That it was done is written in the same transaction as what it does.
    """
    wanted = [(person, command) for person in book.people for command in folded[person.row.id].commands]
    done = _done(session, {person.row.id for person, _ in wanted})
    held = {person.row.contact_id for person in book.people if any(r.holds for r in folded[person.row.id].reviews)}
    joined: set[int] = set()
    for person, command in wanted:
        if (person.row.id, command.fired.rule_id, command.fired.key, command.says) in done:
            continue
        # Who may have opted out, wherever in the team, moves on only once a person has looked.
        if isinstance(command.action, Move) and person.row.contact_id in held:
            continue
        outcome = _run(session, book, person, command, now)
        _note(session, person, command, outcome, now)
        if outcome == JOINED:
            joined.add(person.row.contact_id)
    return joined


def _done(session: Session, recipient_ids: Collection[int]) -> set[tuple[int, int, str, str]]:
    table = AutomationCommand
    query = select(table.recipient_id, table.rule_id, table.event_key, table.action)
    return {
        (row[0], row[1], row[2], row[3])
        for chunk in chunks(recipient_ids)
        for row in session.execute(query.where(table.recipient_id.in_(chunk)))
    }


def _note(session: Session, person: Person, command: Command, outcome: str, now: datetime) -> None:
    row = {
        "recipient_id": person.row.id,
        "rule_id": command.fired.rule_id,
        "event_key": command.fired.key,
        "action": command.says,
        "outcome": outcome,
        "recorded_at": now,
    }
    insert_new(session, AutomationCommand, [row])


JOINED = "joined"


def _run(session: Session, book: Book, person: Person, command: Command, now: datetime) -> str:
    if isinstance(command.action, Call):
        return _call(session, person, command, command.action, now)
    return _move(session, book, person, command, command.action, now)


def _call(session: Session, person: Person, command: Command, action: Call, now: datetime) -> str:
    payload = {
        "address": person.row.address,
        "campaign": person.row.campaign,
        "rule": command.fired.rule,
        "at": command.fired.at.isoformat(),
        "because": command.fired.because,
        "event": command.fired.trigger,
    }
    told = Told(EventType.AUTOMATION, person.row.address, payload, endpoint=action.endpoint)
    tell(session, person.row.team_id, [told], now)
    return "told"


def _move(session: Session, book: Book, person: Person, command: Command, action: Move, now: datetime) -> str:
    banned = book.covered_by(person)
    if banned:
        return f"refused: {banned} is under Do Not Email"
    query = select(Campaign.id).where(Campaign.team_id == person.row.team_id, Campaign.key == action.campaign)
    campaign_id = session.scalar(query)
    if campaign_id is None:
        return f"refused: no campaign {action.campaign!r}"
    whose = {"campaign_id": campaign_id, "contact_id": person.row.contact_id}
    if not insert_new(session, Recipient, [whose | {"team_id": person.row.team_id, "changed_at": now}]):
        return f"is in campaign {action.campaign!r} already"
    recipient_id = session.scalars(select(Recipient.id).filter_by(**whose)).one()
    key = hashlib.sha256(f"joined\n{command.fired.key}\n{action.campaign}".encode()).hexdigest()
    row = event_columns(Event(kind=EventKind.JOINED, happened_at=command.fired.at, key=key, rule=command.fired.rule))
    row |= {
        "recipient_id": recipient_id,
        "because": [f"moved from campaign {person.row.campaign!r} by {command.fired.because}"],
        "actor": f"automation {command.fired.rule}",
        "recorded_at": now,
    }
    insert_new(session, RecipientEvent, [row])
    return JOINED
