"""One recipient for every front end: how it stands, and what a person corrects there."""

from __future__ import annotations

from sqlalchemy.orm import Session

from models.events import Status
from worker.act import Act
from worker.errors import InputError
from worker.pages import row_of
from worker.person import Choice, recipient_of, set_status
from worker.story import Row, live_targets
from worker.tie import Rules
from worker.undo import undo


def recipient_row(session: Session, team_id: int, recipient_id: int) -> Row:
    """Return one recipient as `worker.pages.recipients_page` returns many.

    Raises:
        InputError: the team has no such recipient.
    """
    recipient, contact, campaign = recipient_of(session, team_id, recipient_id)
    banned = live_targets(session, team_id, [contact.address]).get(contact.address, [])
    return row_of(recipient, contact.address, campaign.key, campaign.name, banned)


def correct(session: Session, rules: Rules, recipient_id: int, choice: Choice, act: Act) -> Row:
    """Set a recipient's status by hand, inside a write transaction; return how it stands now.

    Raises:
        InputError: no such recipient, a day of return that cannot be one, or Active for an address under Do Not Email.
    """
    if choice.until and choice.status is not Status.OUT_OF_OFFICE:
        raise InputError(f"a day of return goes with {Status.OUT_OF_OFFICE.value}, not with {choice.status.value}")
    if choice.until and choice.until < act.at.date():
        raise InputError(f"{choice.until} has passed; give the day the person is back")
    set_status(session, rules, recipient_id, choice.status, act, choice.until, by_mail=choice.by_mail)
    return recipient_row(session, rules.team_id, recipient_id)


def take_back(session: Session, rules: Rules, recipient_id: int, act: Act) -> Row:
    """Take back the newest act of a person on a recipient; return how it stands now.

    Raises:
        InputError: no such recipient, nothing to take back, or an opt-out to be taken back without a reason.
    """
    undo(session, rules, recipient_id, act)
    return recipient_row(session, rules.team_id, recipient_id)
