"""What is well and what is not: the findings of a diagnosis, and how mailboxes fare as the database tells it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, case, func, select
from sqlalchemy.orm import Session

from models.revision import current, known
from models.session import DatabaseUnavailable
from models.tables.mailboxes import Mailbox, SignIn
from models.tables.outside import Alarm, AlarmKind, Delivery, DeliveryState, WebhookEndpoint

FAILING = 3
"""Failures in a row from which on a mailbox counts as failing; one may be a server that restarts."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is well, what was seen, and what to do where it is not."""

    what: str
    ok: bool
    says: str
    mend: str | None = None
    look: bool = False
    """Nothing is broken, and somebody should look at it all the same."""


def well(what: str, says: str) -> Finding:
    """Return the finding that something is as it should be."""
    return Finding(what, True, says)  # noqa: FBT003 - the one place


def notable(what: str, says: str, mend: str | None = None) -> Finding:
    """Return the finding that something is worth a look, though nothing is broken."""
    return Finding(what, True, says, mend, look=True)  # noqa: FBT003 - the one place


def wrong(what: str, says: str, mend: str | None = None) -> Finding:
    """Return the finding that something is not; `mend` is the next step where `says` does not name it."""
    return Finding(what, False, says, mend)  # noqa: FBT003 - the one place


def state_of(mailbox: Mailbox) -> str:
    """Return how a mailbox fares, in a word or two."""
    if mailbox.paused_at:
        return "paused"
    if mailbox.stopped_at:
        return "stopped"
    if mailbox.failures:
        return "failing" if mailbox.failures >= FAILING else "trying again"
    return "well" if mailbox.last_success_at else "not polled yet"


STATE = case(
    (Mailbox.paused_at.is_not(None), "paused"),
    (Mailbox.stopped_at.is_not(None), "stopped"),
    (Mailbox.failures >= FAILING, "failing"),
    (Mailbox.failures > 0, "trying again"),
    (Mailbox.last_success_at.is_not(None), "well"),
    else_="not polled yet",
)
"""The same within a statement, where there are many."""


def why_stopped(mailbox: Mailbox, most: int = 2_000) -> str:
    """Return since when and why a mailbox is left alone; of the last error at most so many characters."""
    since = f"since {mailbox.stopped_at:%Y-%m-%d %H:%MZ}" if mailbox.stopped_at else ""
    error = (mailbox.last_error or "unknown")[:most]
    return f"not polled {since}, as providers lock accounts that go on signing in wrongly; the last error: {error}"


def how_to_go_on(mailbox: Mailbox) -> str:
    """Return what a person does about a mailbox that is left alone."""
    anew = f"set {mailbox.name} --password-file FILE"
    if mailbox.sign_in is not SignIn.PASSWORD:
        anew = f"sign-in {mailbox.name}"
    return (
        f"run: inbox-worker mailboxes {anew}; or, where only the provider had to be asked: "
        f"inbox-worker mailboxes resume {mailbox.name}"
    )


def mailboxes(session: Session) -> Iterator[Finding]:
    """Find every mailbox that fails or is left alone, and sum up all of them."""
    states: Counter[str] = Counter()
    for mailbox in session.scalars(select(Mailbox).order_by(Mailbox.name)):
        states[state_of(mailbox)] += 1
        if state_of(mailbox) == "stopped":
            yield wrong(f"mailbox {mailbox.name}", why_stopped(mailbox), how_to_go_on(mailbox))
        if state_of(mailbox) == "failing":
            said = f"{mailbox.failures} failures in a row; the last: {mailbox.last_error or 'unknown'}"
            yield wrong(f"mailbox {mailbox.name}", said, f"run: inbox-worker mailboxes check {mailbox.name}")
    counts = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    if counts:
        yield well("mailboxes", counts)
    else:
        yield notable("mailboxes", "none yet", "run: inbox-worker mailboxes add")


def alarms(session: Session) -> Iterator[Finding]:
    """Find every open alarm, but those of mailboxes that fail or are left alone, which `mailboxes` finds."""
    query = select(Alarm).where(
        Alarm.closed_at.is_(None), Alarm.kind.not_in([AlarmKind.MAILBOX_FAILING, AlarmKind.SIGN_IN])
    )
    for alarm in session.scalars(query.order_by(Alarm.kind, Alarm.subject)):
        yield wrong(f"alarm: {alarm.kind.value}: {alarm.subject}", alarm.says)


def dead_letters(session: Session) -> Iterator[Finding]:
    """Find every endpoint for which deliveries were given up."""
    query = (
        select(WebhookEndpoint.name, func.count())
        .join(Delivery, Delivery.endpoint_id == WebhookEndpoint.id)
        .where(Delivery.state == DeliveryState.DEAD)
        .group_by(WebhookEndpoint.id, WebhookEndpoint.name)
        .order_by(WebhookEndpoint.name)
    )
    for name, count in session.execute(query):
        step = f"see inbox-worker webhooks deliveries {name} --state dead; then run: inbox-worker events replay {name}"
        yield wrong(f"endpoint {name}", f"deliveries given up: {count}", step)


def polling(session: Session, now: datetime, max_age: timedelta) -> Finding:
    """Find whether any mailbox that is polled at all was read successfully within `max_age`.

    One mailbox with a wrong password says nothing about the daemon; that none is read any more does.
    """
    query = select(func.count(), func.max(Mailbox.last_success_at)).where(
        Mailbox.paused_at.is_(None), Mailbox.stopped_at.is_(None)
    )
    count, newest = session.execute(query).one()
    if not count:
        return well("polling", "no mailbox to poll")
    said = f"newest success {newest:%Y-%m-%d %H:%M:%SZ}" if newest else "no success yet"
    if newest is not None and now - newest <= max_age:
        return well("polling", said)
    return wrong("polling", said, "see the log of inbox-worker run, and: inbox-worker doctor")


def not_ready(engine: Engine) -> str | None:
    """Say why nothing can be done with the database now; None: it answers, and has this version's schema."""
    try:
        found = current(engine)
    except DatabaseUnavailable as error:
        return str(error)
    if found != known()[-1]:
        return f"the database schema is {found or 'empty'}, not {known()[-1]}; run: inbox-worker migrate"
    return None
