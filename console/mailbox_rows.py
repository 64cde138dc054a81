"""How mailboxes are told of, to people and to programs alike: what is wrong with one, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from console.render import lasts
from models.tables.mailboxes import Mailbox, SignIn
from worker.acts.mailbox_columns import PORTS
from worker.oauth.providers import KINDS
from worker.queries.figures import LABELS
from worker.queries.story import Row
from worker.watch.mailboxes import STALE, STALE_POLLS


@dataclass(frozen=True, slots=True)
class Trouble:
    """What keeps a mailbox from being read, and what a person does about it."""

    says: str
    step: str
    ill: bool = True
    """Somebody has to look after it."""


def providers_of(mailbox: Mailbox) -> list[SignIn]:
    """Return the providers that may sign a mailbox in: tokens are shown to their own servers alone."""
    if mailbox.sign_in is not SignIn.PASSWORD:
        return [mailbox.sign_in]
    return [
        name for name, kind in KINDS.items() if (kind.host, PORTS[mailbox.security]) == (mailbox.host, mailbox.port)
    ]


def trouble(row: Row, now: datetime, poll_seconds: int) -> Trouble | None:
    """Return why a mailbox is not read, from its row; None: it is."""
    tell = {
        "stopped": _stopped,
        "failing": _failing,
        "trying again": _trying_again,
        "paused": _paused,
        "not polled yet": _not_polled,
    }.get(row["state"])
    if tell:
        return tell(row)
    late = delay(row, now)
    missed = max(STALE, timedelta(seconds=STALE_POLLS * poll_seconds))
    return _missed(late) if late and late > missed else None


def shown(row: Row, now: datetime, poll_seconds: int) -> Row:
    """Return a mailbox's row with its trouble, and how far behind it is in words."""
    late = behind(row, now, poll_seconds)
    return row | {"trouble": trouble(row, now, poll_seconds), "behind": lasts(late) if late else None}


def delay(row: Row, now: datetime) -> timedelta | None:
    """Return the time since a mailbox was read; what arrived meanwhile is not known yet. None: it never was."""
    return now - row["last_success_at"] if row["last_success_at"] else None


def behind(row: Row, now: datetime, poll_seconds: int) -> timedelta | None:
    """Return the delay where it is longer than the time between two polls explains."""
    late = delay(row, now)
    # One poll may take a while; two intervals and a minute are more than that.
    return late if late and late > timedelta(seconds=2 * poll_seconds + 60) else None


def counts_in_words(counts: Mapping[str, Any]) -> str:
    """Return what a poll or a backfill brought, in a sentence."""
    mails = sum(counts["messages"].values())
    kinds = ", ".join(f"{LABELS.get(name, name)}: {count:,}" for name, count in counts["verdicts"].items())
    said = [f"{_many(mails, 'mail')} taken in" + (f" ({kinds})" if kinds else "")]
    said += [f"{_many(counts['sends_learnt'], 'send')} learnt"] if counts["sends_learnt"] else []
    return "; ".join([*said, f"{_many(counts['changes'], 'recipient')} changed"])


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _stopped(row: Row) -> Trouble:
    anew = "Give the right password (Change)"
    if row["sign_in"] is not SignIn.PASSWORD:
        anew = f"Sign in with {row['sign_in'].value.capitalize()} anew"
    return Trouble(
        f"The server does not let us in. It is not polled since {row['stopped_at']:%d %b %Y, %H:%M} UTC, as providers"
        " lock accounts that go on signing in wrongly.",
        f"{anew}; or, where only the provider had to be asked, Resume.",
    )


def _failing(row: Row) -> Trouble:
    return Trouble(
        f"{row['failures']} polls failed in a row. It is tried again by itself, ever less often.",
        "Check it: that goes through signing in and reading step by step, and says at which it fails and why.",
    )


def _trying_again(row: Row) -> Trouble:
    times = "The last poll" if row["failures"] == 1 else f"The last {row['failures']} polls"
    return Trouble(
        f"{times} failed. It is tried again by itself.",
        "Wait for the next poll; a server that restarts does this. If it goes on, Check it.",
    )


def _paused(row: Row) -> Trouble:
    return Trouble(
        f"Paused since {row['paused_at']:%d %b %Y, %H:%M} UTC: it is not polled, and what arrives is not known.",
        "Resume it, and what arrived meanwhile is read at once.",
        ill=False,
    )


def _not_polled(row: Row) -> Trouble:
    del row
    return Trouble(
        "It was never polled.",
        "The daemon polls it within a minute. If it does not, see that it runs: inbox-worker run.",
        ill=False,
    )


def _missed(late: timedelta) -> Trouble:
    return Trouble(
        f"It was not read for {lasts(late)}, and nothing says why: what arrived meanwhile is not known.",
        "See that the daemon runs (inbox-worker run), and look at its log.",
    )
