"""From a parsed message and its verdict to what the matcher may use."""

from __future__ import annotations

import re
from collections.abc import Collection

from classifier.message import ParsedMessage
from classifier.verdict import Bounce, Complaint, OptOut, Receipt, Verdict
from worker.match import Clues, Family
from worker.matching.authentic import is_authentic

# What `worker.matching.links.list_unsubscribe` writes into the subject; whether a key of ours signed it is asked later.
_LINK = re.compile(r"\bunsubscribe\s+([a-z2-7]{40})\b")
MOST_REFERENCES = 50
MOST_TOKENS = 100


def clues_of(parsed: ParsedMessage, verdict: Verdict, authserv_ids: Collection[str], *, junk: bool = False) -> Clues:
    """Collect the keys by which a message may belong to a send of ours.

    Args:
        parsed: the message.
        verdict: what it is; a report speaks of other addresses than its sender.
        authserv_ids: whose Authentication-Results count (RFC 8601); empty: the topmost field only.
        junk: it lay in the junk folder.
    """
    thread = (parsed.in_reply_to, *reversed(parsed.references[-MOST_REFERENCES:]))
    tokens = tuple(dict.fromkeys(token for address in parsed.to_addresses for token in _tokens(address)))[:MOST_TOKENS]
    authentic = is_authentic(parsed.authentication_results, authserv_ids, parsed.from_address)
    if isinstance(verdict, Bounce | Complaint | Receipt):
        return Clues(
            family=Family.REPORT,
            answers=_ids(*verdict.original_message_ids, *thread),
            from_address=None,
            subject=verdict.original_subject or "",
            addresses=verdict.recipients,
            tokens=tokens,
            authentic=authentic,
            junk=junk,
        )
    return Clues(
        family=Family.REPLY,
        answers=_ids(*thread),
        from_address=parsed.from_address,
        subject=parsed.subject,
        tokens=tokens,
        links=tuple(_LINK.findall(parsed.subject.lower())) if isinstance(verdict, OptOut) else (),
        authentic=authentic,
        junk=junk,
    )


def _ids(*values: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip("<> ") for value in values if value))


def _tokens(address: str) -> tuple[str, ...]:
    """Return the detail of a plus address, and the whole local part for VERP addresses."""
    local = address.partition("@")[0]
    detail = local.partition("+")[2]
    return (detail, local) if detail else (local,)
