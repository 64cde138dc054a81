"""Opens a mailbox for work: the one place that puts desk and station together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from classifier.judge import ReplyJudge
from config.settings import Settings
from models.session import reading, transaction
from models.tables.mailboxes import Mailbox
from worker.desk import Desk, open_desk
from worker.errors import InputError
from worker.poll import poll
from worker.reading.crew import Understanding, in_turn
from worker.reading.visit import PollReport, Station, Watch


def open_mailbox(engine: Engine, mailbox_id: int, settings: Settings, classifier: ReplyJudge) -> tuple[Mailbox, Desk]:
    """Read a mailbox and prepare its desk.

    Raises:
        InputError: it was removed meanwhile.
    """
    with reading(engine) as session:
        mailbox = session.get(Mailbox, mailbox_id)
        if mailbox is None:
            raise InputError(f"mailbox {mailbox_id} was removed")
        return mailbox, open_desk(session, mailbox, settings, classifier)


def station(
    engine: Engine,
    settings: Settings,
    watch: Watch,
    writer: Callable[[], AbstractContextManager[Session]] | None = None,
    understanding: Understanding | None = None,
) -> Station:
    """Put together what polls share; `writer` replaces the ordinary transactions (a rehearsal)."""
    return Station(
        settings=settings,
        engine=engine,
        writer=writer or partial(transaction, engine),
        watch=watch,
        understanding=understanding or in_turn(settings),
    )


def poll_by_id(where: Station, classifier: ReplyJudge, mailbox_id: int) -> PollReport:
    """Poll one mailbox by its id."""
    mailbox, desk = open_mailbox(where.engine, mailbox_id, where.settings, classifier)
    return poll(where, mailbox, desk)
