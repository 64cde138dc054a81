"""Takes in mails of attackers as a poll does, sees who reaches out meanwhile, and says who was banned by them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count

from sqlalchemy import Engine

from models.session import reading, transaction
from tests.journey.world import end_state
from tests.worker.small_world import NOW, SENDS, SENT_AT, furnish, send_all
from tests.worker.trust.attacks import ANNA, BEN, CARA, DAN, MILA, MX, STOP
from worker.apply import Box
from worker.desk import Desk
from worker.imap.fetched import FetchedMessage
from worker.matching.known_sends import Sent
from worker.matching.links import Linked, Purpose, linked_of_addresses, make_token
from worker.process import process
from worker.rules import Rules

KEY = "a key of thirty-two characters, or more"
SHARED = [
    Sent(
        campaign="campaign-1",
        to=to,
        message_ids=("shared@us",),
        sent_at=SENT_AT,
        subject="Question 1",
        send_id=f"shared {to}",
    )
    for to in (CARA, DAN)
]
OF_ANNA = Sent(
    campaign="campaign-1",
    to=ANNA,
    message_ids=("anna-token@us",),
    sent_at=SENT_AT,
    subject="Question 1",
    send_id="with a token",
    token="x7fq2mzk",
)
DESK = Desk(
    box=Box(1, MILA, Rules(team_id=1, link_keys=(KEY,))),
    own_addresses=frozenset({MILA}),
    opt_out_aliases=frozenset({STOP}),
    authserv_ids=frozenset({MX}),
    classifier=None,
)
UIDS = count(1)


def furnished(engine: Engine) -> dict[str, str]:
    furnish(engine)
    mike = replace(OF_ANNA, to="mike@client.example", message_ids=("mike@us",), send_id="mike", token=None)
    send_all(engine, [*SENDS, *SHARED, OF_ANNA, mike])
    with reading(engine) as session:
        anna, ben = (linked_of_addresses(session, 1, [each], "campaign-1")[0] for each in (ANNA, BEN))
    return tokens_of(anna, ben)


def tokens_of(anna: Linked, ben: Linked) -> dict[str, str]:
    good, other = (make_token(KEY, Purpose.UNSUBSCRIBE, each) for each in (anna, ben))
    return {
        "ANNAS-LINK": good,
        "ANNAS-BOOKING": make_token(KEY, Purpose.BOOKING, anna),
        "FORGED-LINK": make_token("another key of thirty-two characters", Purpose.UNSUBSCRIBE, anna),
        "TURNED-LINK": other[:13] + good[13:],
    }


_forbidden = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "pickle.",
    "urllib.",
    "smtplib.",
    "webbrowser.",
)
_seen: list[str] | None = None


def _audit(event: str, _arguments: object) -> None:
    if _seen is not None and event.startswith(_forbidden):
        _seen.append(event)


sys.addaudithook(_audit)


@contextmanager
def alone() -> Iterator[None]:
    """Fail where the code inside reaches for the network, another program or somebody's objects."""
    global _seen  # noqa: PLW0603 - an audit hook cannot be taken off again
    _seen = seen = []
    try:
        yield
    finally:
        _seen = None
    assert seen == [], f"reached for {seen}"


def receive(engine: Engine, tokens: dict[str, str], *raws: bytes, junk: bool = False) -> None:
    """Process mails as a poll does, in one batch."""
    for name, token in tokens.items():
        raws = tuple(raw.replace(name.encode(), token.encode()) for raw in raws)
    fetched = [
        FetchedMessage(MILA, "INBOX", 1, next(UIDS), SENT_AT + timedelta(hours=30), raw, len(raw), junk=junk)
        for raw in raws
    ]
    process(DESK, fetched, lambda: transaction(engine), NOW)


def banned(engine: Engine) -> set[str]:
    return {target for target, _, _ in end_state(engine).dne}


def changed(engine: Engine) -> set[str]:
    """Return whose status is another than it was."""
    return {address for (_, address), (status, *_) in end_state(engine).recipients.items() if status != "Active"}
