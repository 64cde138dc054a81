"""From a parsed message and its verdict to what the matcher may use."""

from __future__ import annotations

import re
from collections.abc import Collection

from classifier.message import ParsedMessage
from classifier.verdict import Bounce, Complaint, Receipt, Verdict
from worker.match import Clues, Family

_RESULT = re.compile(r"\b(dmarc|spf|dkim)\s*=\s*([a-z]+)", re.IGNORECASE)
MOST_REFERENCES = 50


def clues_of(parsed: ParsedMessage, verdict: Verdict, authserv_ids: Collection[str]) -> Clues:
    """Collect the keys by which a message may belong to a send of ours.

    Args:
        parsed: the message.
        verdict: what it is; a report speaks of other addresses than its sender.
        authserv_ids: whose Authentication-Results count (RFC 8601); empty: the topmost field only.
    """
    thread = (parsed.in_reply_to, *reversed(parsed.references[-MOST_REFERENCES:]))
    tokens = tuple(dict.fromkeys(token for address in parsed.to_addresses for token in _tokens(address)))
    if isinstance(verdict, Bounce | Complaint | Receipt):
        return Clues(
            family=Family.REPORT,
            answers=_ids(*verdict.original_message_ids, *thread),
            from_address=None,
            subject=verdict.original_subject or "",
            addresses=verdict.recipients,
            tokens=tokens,
        )
    return Clues(
        family=Family.REPLY,
        answers=_ids(*thread),
        from_address=parsed.from_address,
        subject=parsed.subject,
        tokens=tokens,
        authentic=_authentic(parsed.authentication_results, authserv_ids),
    )


def _ids(*values: str | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value.strip("<> ") for value in values if value))


def _tokens(address: str) -> tuple[str, ...]:
    """Return the detail of a plus address, and the whole local part for VERP addresses."""
    local = address.partition("@")[0]
    detail = local.partition("+")[2]
    return (detail, local) if detail else (local,)


def _authentic(results: Collection[str], authserv_ids: Collection[str]) -> bool:
    """Say whether our own provider leaves room for believing From; silence is no proof against it."""
    believed = list(results)[:1] if not authserv_ids else [each for each in results if _server(each) in authserv_ids]
    for each in believed:
        found: dict[str, str] = {method.lower(): result.lower() for method, result in _RESULT.findall(each)}
        if found.get("dmarc") in {"pass", "fail"}:
            return found["dmarc"] == "pass"
        if found.get("spf") == "fail" and found.get("dkim") != "pass":
            return False
    return True


def _server(result: str) -> str:
    return result.partition(";")[0].strip().split(" ")[0].lower()
