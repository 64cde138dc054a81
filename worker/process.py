"""The straight line: what happens to a batch of fetched messages, from bytes to rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from classifier.judge import JudgeContext, judge, judge_batch
from classifier.message import ParsedMessage, parse
from classifier.own_words.rest import rest_of
from classifier.verdict import Outgoing, Verdict
from config import logs
from models.session import Writer
from worker.apply import Applied, apply
from worker.desk import Desk
from worker.imap.fetched import FetchedMessage
from worker.matching.clues import clues_of
from worker.tracing import step, tell
from worker.writing.fingerprint import content_hash
from worker.writing.record import Judged

log = logs.logger(__name__)

DEADLOCK_TRIES = 5
TRY_AGAIN = frozenset({"40P01", "40001"})  # PostgreSQL: deadlock detected, serialization failure.
Finish = Callable[[Session, Applied], None]
"""What is written in the transaction of a batch besides it; it is told what the batch did."""


def process(
    desk: Desk,
    fetched: Sequence[FetchedMessage],
    writer: Writer,
    now: datetime,
    finish: Finish | None = None,
) -> Applied:
    """Parse, judge, match, decide and apply a batch; `finish` runs in the same transaction (the folder's cursor)."""
    return write(desk, understand(desk, fetched), writer, now, finish)


def understand(desk: Desk, fetched: Sequence[FetchedMessage]) -> list[Judged]:
    """Parse and judge a batch; touches nothing but the messages, so that any process can do it."""
    with step("parse"):
        parsed = [parse(each.raw, arrived_at=each.arrived_at, omitted=each.omitted) for each in fetched]
    verdicts = _judge(desk, parsed, fetched)
    return [_judged(desk, *each) for each in zip(fetched, parsed, verdicts, strict=True)]


def not_understood(fetched: FetchedMessage, error: str | None) -> Judged:
    """Return a message of which no more is known than where it lies, and why that is so."""
    return Judged(
        folder=fetched.folder,
        uidvalidity=fetched.uidvalidity,
        uid=fetched.uid,
        arrived_at=fetched.arrived_at,
        size=fetched.size,
        content_hash=content_hash(fetched.raw, fetched.size, whole=not fetched.omitted),
        error=error,
        raw=fetched.raw,
        omitted=fetched.omitted,
        junk=fetched.junk,
    )


@step("write")
def write(
    desk: Desk,
    judged: Sequence[Judged],
    writer: Writer,
    now: datetime,
    finish: Finish | None = None,
) -> Applied:
    """Write judged messages in one transaction, again where the database chose it as the victim of a deadlock."""
    for _ in range(DEADLOCK_TRIES):
        try:
            with writer() as session:
                applied = apply(session, desk.box, judged, now)
                if finish:
                    finish(session, applied)
            tell(judged)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in TRY_AGAIN:
                raise
            log.info(
                "batch_tried_again",
                says="mailbox {mailbox}: two workers met in one batch, trying it again",
                mailbox=desk.box.name,
            )
        else:
            return applied
    raise RuntimeError(
        f"{desk.box.name}: {DEADLOCK_TRIES} deadlocks in a row on one batch; it is tried at the next poll"
    )


@step("judge")
def _judge(desk: Desk, parsed: Sequence[ParsedMessage], fetched: Sequence[FetchedMessage]) -> list[Verdict | Exception]:
    contexts = [desk.context(each.arrived_at) for each in fetched]
    try:
        return list(judge_batch(list(parsed), contexts))
    except Exception:
        # One message breaks the batch: find it, and let the others through.
        log.exception(
            "batch_not_judged",
            says="mailbox {mailbox}: judging a batch failed, trying its messages one by one",
            mailbox=desk.box.name,
        )
        return [_judge_one(*each) for each in zip(parsed, contexts, strict=True)]


def _judge_one(parsed: ParsedMessage, context: JudgeContext) -> Verdict | Exception:
    try:
        return judge(parsed, context)
    except Exception as error:  # noqa: BLE001 - whatever it is, the message is set aside with it
        return error


def _judged(desk: Desk, fetched: FetchedMessage, parsed: ParsedMessage, found: Verdict | Exception) -> Judged:
    verdict = None if isinstance(found, Exception) else found
    error = f"{type(found).__name__}: {found}" if isinstance(found, Exception) else None
    return replace(
        not_understood(fetched, f"the server refuses it: {fetched.refused}" if fetched.refused else error),
        message_id=parsed.message_id,
        from_address=parsed.from_address,
        subject=parsed.subject,
        problems=parsed.problems,
        verdict=verdict,
        rest=_rest(parsed, verdict) if verdict else None,
        clues=clues_of(parsed, verdict, desk.authserv_ids, junk=fetched.junk) if verdict else None,
    )


def _rest(parsed: ParsedMessage, verdict: Verdict) -> str | None:
    """Return what a reader sees besides the sender's own words: of a report all of it, of our own mail nothing."""
    if isinstance(verdict, Outgoing):
        return None
    own = getattr(verdict, "visible_text", None)
    return parsed.text if own is None else rest_of(parsed, own)
