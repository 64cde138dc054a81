"""What a mailbox's messages are worked on with: its place in the database, our own addresses, rules, classifier."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.judge import JudgeContext, ReplyJudge
from config.settings import Settings
from models.tables.mailboxes import Mailbox
from worker.apply import Box
from worker.rules import rules_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything a batch of one mailbox is worked on with."""

    box: Box
    own_addresses: frozenset[str]
    opt_out_aliases: frozenset[str]
    authserv_ids: frozenset[str]
    classifier: ReplyJudge | None

    def context(self, arrived_at: datetime) -> JudgeContext:
        """Return what the cascade may know besides the message."""
        return JudgeContext(
            own_addresses=self.own_addresses,
            opt_out_aliases=self.opt_out_aliases,
            trusted_authserv_ids=self.authserv_ids,
            arrived_at=arrived_at,
            classifier=self.classifier,
        )


@dataclass(frozen=True, slots=True)
class Ours:
    """The addresses of a whole team: its own, and those where opt-outs by mail go."""

    addresses: frozenset[str]
    opt_out_aliases: frozenset[str]


def open_desk(session: Session, mailbox: Mailbox, settings: Settings, classifier: ReplyJudge | None) -> Desk:
    """Prepare the work on a mailbox; mail from any mailbox of the same team counts as our own."""
    return desk_of(mailbox, ours(session, mailbox.team_id), settings, classifier)


def desk_of(mailbox: Mailbox, ours: Ours, settings: Settings, classifier: ReplyJudge | None) -> Desk:
    """Prepare the work on a mailbox of a team whose addresses are known."""
    return Desk(
        box=Box(mailbox.id, mailbox.name, rules_of(settings, mailbox.team_id)),
        own_addresses=ours.addresses,
        opt_out_aliases=ours.opt_out_aliases,
        authserv_ids=frozenset(each.lower() for each in mailbox.authserv_ids),
        classifier=classifier,
    )


def ours(session: Session, team_id: int) -> Ours:
    """Read the addresses of a team."""
    query = select(Mailbox.name, Mailbox.addresses, Mailbox.opt_out_aliases).where(Mailbox.team_id == team_id)
    team = session.execute(query).all()
    return Ours(
        addresses=frozenset(each.lower() for row in team for each in (row.name, *row.addresses)),
        opt_out_aliases=frozenset(each.lower() for row in team for each in row.opt_out_aliases),
    )
