"""Mailboxes as front ends show them: with how polling them fares, and without their secrets."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from models.tables.mail import InboundMessage
from models.tables.mailboxes import Mailbox
from models.tables.mailing import SentMessage
from models.tables.people import Team
from worker.errors import NotFoundError
from worker.queries.story import Row
from worker.watch.health import state_of

_SHOWN: Final = (
    *("id", "name", "host", "port", "security", "sign_in", "username"),
    *("addresses", "opt_out_aliases", "authserv_ids", "folders", "read_junk", "bounces_to", "opt_outs_to"),
    *("sent_folder", "learn_sends", "ca_file"),
    *("paused_at", "stopped_at", "next_poll_at", "last_success_at", "last_error", "failures", "backlog"),
)


def mailbox_in(session: Session, team_id: int, mailbox_id: int) -> Mailbox:
    """Return a mailbox of the team.

    Raises:
        NotFoundError: the team has none of this id.
    """
    mailbox = session.scalar(select(Mailbox).where(Mailbox.id == mailbox_id, Mailbox.team_id == team_id))
    if mailbox is None:
        raise NotFoundError(f"no mailbox {mailbox_id}; it may have been removed")
    return mailbox


def list_mailboxes(
    session: Session,
    team_id: int | None,
    limit: int,
    *,
    after: str | None = None,
    part: str | None = None,
    ill: bool = False,
) -> list[Row]:
    """Return at most `limit` mailboxes by name, and how polling them fares.

    Args:
        session: open.
        team_id: whose; None: of every team.
        limit: at most so many.
        after: only those behind this name.
        part: any part of the name.
        ill: only those that fail, or are left alone as they were not let in.
    """
    query = select(Mailbox, Team.name).join(Team, Team.id == Mailbox.team_id).order_by(Mailbox.name).limit(limit)
    if team_id is not None:
        query = query.where(Mailbox.team_id == team_id)
    if after is not None:
        query = query.where(Mailbox.name > after)
    if part:
        query = query.where(Mailbox.name.contains(part.strip().lower(), autoescape=True))
    if ill:
        query = query.where(Mailbox.paused_at.is_(None), or_(Mailbox.stopped_at.is_not(None), Mailbox.failures > 0))
    return [mailbox_row(mailbox, team) for mailbox, team in session.execute(query)]


def mailboxes_of(session: Session, team_id: int, ids: Collection[int]) -> dict[int, Row]:
    """Return id -> row of some of a team's mailboxes, in the order in which they were asked for."""
    query = select(Mailbox).where(Mailbox.team_id == team_id, Mailbox.id.in_(ids))
    found = {mailbox.id: mailbox for mailbox in session.scalars(query)}
    return {each: mailbox_row(found[each], "") for each in ids if each in found}


def mailbox_row(mailbox: Mailbox, team: str) -> Row:
    """Return everything about a mailbox but its secrets."""
    return {name: getattr(mailbox, name) for name in _SHOWN} | {"team": team, "state": state_of(mailbox)}


def goes_with(session: Session, mailbox: Mailbox) -> tuple[int, int]:
    """Return how many recorded messages go with a mailbox, and how many sends stay without it."""
    mails, sends = (
        session.scalar(select(func.count()).where(table.mailbox_id == mailbox.id)) or 0
        for table in (InboundMessage, SentMessage)
    )
    return mails, sends
