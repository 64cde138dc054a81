"""A small world for the writer: two people in two campaigns, one mailbox, a database of each kind."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from sqlalchemy import Engine

from classifier.verdict import Bounce, BounceKind, Complaint, Reply, ReplyClass, Verdict
from models.base import Base
from models.session import open_engine, transaction
from models.tables.mailboxes import Mailbox
from models.tables.people import Team
from tests.journey.world import end_state
from worker.apply import Applied, Box, apply
from worker.match import Clues, Family
from worker.matching.known_sends import Sent
from worker.rules import Rules
from worker.sending.sends import import_sends
from worker.writing.record import Judged

SENT_AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
NOW = SENT_AT + timedelta(days=10)
RULES = Rules(team_id=1)
BOX = Box(1, "mila@outreach.example", RULES)
SENDS = [
    Sent(
        campaign=f"campaign-{campaign}",
        to=f"{name}@client.example",
        message_ids=(f"{name}-{campaign}-{step}@us",),
        sent_at=SENT_AT + timedelta(days=step),
        subject=f"Question {campaign}",
        send_id=f"{name}-{campaign}-{step}",
    )
    for campaign in (1, 2)
    for name in ("anna", "ben")
    for step in (0, 1)
]


@contextmanager
def fresh() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(f"sqlite:///{folder}/test.sqlite")
        with transaction(engine) as session:
            Base.metadata.create_all(session.connection())
        furnish(engine)
        yield engine
        engine.dispose()


def furnish(engine: Engine) -> None:
    """Put in the team and the mailbox that every test here works with."""
    with transaction(engine) as session:
        session.add(Team(id=1, name="default"))
        session.flush()
        session.add(Mailbox(id=1, team_id=1, name=BOX.name, host="h", port=993, username="u", password="p"))


def send_all(engine: Engine, sends: Sequence[Sent] = SENDS) -> None:
    with transaction(engine) as session:
        import_sends(session, RULES, sends, NOW)


def take_in(engine: Engine, *batch: Judged) -> Applied:
    with transaction(engine) as session:
        return apply(session, BOX, batch, NOW)


UIDS = count(1)


def a_mail(verdict: Verdict, hours: int = 30, uid: int | None = None, **clues: Any) -> Judged:
    report = isinstance(verdict, Bounce | Complaint)
    number = next(UIDS) if uid is None else uid
    return Judged(
        folder="INBOX",
        uidvalidity=1,
        uid=number,
        arrived_at=SENT_AT + timedelta(hours=hours),
        size=1000,
        content_hash=f"mail-{number}",
        verdict=verdict,
        clues=Clues(family=Family.REPORT if report else Family.REPLY, **clues),
    )


def a_reply(reply_class: ReplyClass = ReplyClass.INTERESTED, *, sure: bool = True) -> Reply:
    return Reply(reply_class=reply_class, confidence=0.9 if sure else 0.4, sure=sure)


HARD = Bounce(kind=BounceKind.HARD, recipients=("anna@client.example",), reason="user_unknown")


def statuses(engine: Engine) -> dict[tuple[str, str], str]:
    return {key: status for key, (status, *_) in end_state(engine).recipients.items()}
