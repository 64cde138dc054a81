"""From a parsed message and its verdict to what the matcher may use."""

from __future__ import annotations

import re
from collections.abc import Collection

from classifier.message import ParsedMessage
from classifier.verdict import Bounce, Complaint, OptOut, Receipt, Verdict
from worker.match import Clues, Family

# At the start of a part: further on stand properties (RFC 8601 2.2), and a sender may choose "dmarc=pass" as address.
_RESULT = re.compile(r"(dmarc|spf|dkim)(?:\s*/\s*\d+)?\s*=\s*([a-z]+)")
# What `worker.links.list_unsubscribe` writes into the subject; whether a key of ours signed it is asked later.
_LINK = re.compile(r"\bunsubscribe\s+([a-z2-7]{40})\b")
_PIECE = re.compile(r"\\.|[()\"]|[^\\()\"]+|\\", re.DOTALL)
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
        links=tuple(_LINK.findall(parsed.subject.lower())) if isinstance(verdict, OptOut) else (),
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
    """Say whether our own provider leaves room for believing From; silence is no proof against it.

    Servers write one field for all methods or one for each, and several results of a method (two DKIM signatures).
    """
    fields = [[part.strip().lower() for part in _bare(each).split(";")] for each in results]
    believed = [each for each in fields if _server(each) in authserv_ids] if authserv_ids else fields[:1]
    said = {found.groups() for parts in believed for part in parts if (found := _RESULT.match(part))}
    if said & {("dmarc", "fail"), ("dmarc", "pass")}:
        return ("dmarc", "fail") not in said
    return ("spf", "fail") not in said or ("dkim", "pass") in said


def _server(parts: list[str]) -> str:
    """Return the authserv-id; a version may stand behind it."""
    return next(iter(parts[0].split()), "")


def _bare(result: str) -> str:
    """Return a field without comments and quoted text, where a sender's words and other servers' results stand."""
    kept: list[str] = []
    depth, quoted = 0, False
    for piece in _PIECE.findall(result):
        if piece == '"' and not depth:
            quoted = not quoted
        elif piece in "()" and not quoted:
            depth = max(0, depth + (1 if piece == "(" else -1))
        elif not depth and not quoted:
            kept.append(piece)
    # Left open, a comment or quote would hide what comes after it.
    return result if depth or quoted else "".join(kept)
