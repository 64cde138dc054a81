"""Why a delivery failed: one reason from the words of the diagnostic first, from its codes second."""

from __future__ import annotations

import re
from dataclasses import dataclass

from classifier.bounces.words_about_them import ABOUT_THEM, ABOUT_THEM_FIRST, ABOUT_THEM_LAST
from classifier.bounces.words_about_us import ABOUT_BOTH, ABOUT_SIZE, ABOUT_US, ABOUT_US_LAST
from classifier.phrases import Phrases
from classifier.verdict import BounceKind

HARD, SOFT, POLICY, UNKNOWN = BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.UNKNOWN

KIND_OF: dict[str, BounceKind] = {
    "user_unknown": HARD,
    "host_unknown": HARD,
    "has_moved": HARD,
    "suspended": HARD,
    "not_accepting": HARD,
    "mailbox_full": SOFT,
    "expired": SOFT,
    "filtered": SOFT,
    "system_full": SOFT,
    "system_error": SOFT,
    "network_error": SOFT,
    "exceed_limit": SOFT,
    "blocked": POLICY,
    "bad_reputation": POLICY,
    "spam_detected": POLICY,
    "policy_violation": POLICY,
    "auth_failure": POLICY,
    "require_ptr": POLICY,
    "speeding": POLICY,
    "too_many_connections": POLICY,
    "no_relaying": POLICY,
    "security_error": POLICY,
    "rejected": POLICY,
    "message_too_big": POLICY,
    "content_error": POLICY,
    "virus_detected": POLICY,
    "syntax_error": POLICY,
    "undefined": UNKNOWN,
}
"""What each reason means for the address: only a reason that names the address or its domain as dead is hard."""

ROWS = (*ABOUT_BOTH, *ABOUT_US, *ABOUT_THEM_FIRST, *ABOUT_SIZE, *ABOUT_THEM, *ABOUT_US_LAST, *ABOUT_THEM_LAST)
"""The order decides where several fit: what the mail, its content, its sender or our server did wrong comes first,
since then the address is not to blame, whatever else the words say."""
_PLACES = tuple((reason, each.replace(" ~ ", ".{0,50}")) for reason, patterns in ROWS for each in patterns)
_WORDS = Phrases(*(pattern for _, pattern in _PLACES))
_VAGUE = frozenset({"filtered", "security_error", "system_error", "syntax_error", "network_error"})
_FIRST_VAGUE = sum(len(patterns) for _, patterns in ROWS) - sum(len(p) for _, p in (*ABOUT_US_LAST, *ABOUT_THEM_LAST))
"""Words that servers use for anything: a code that names the address, or what a server said, knows better."""

_BY_STATUS: tuple[tuple[str, str], ...] = (
    ("5.1.1", "user_unknown"),
    ("5.1.10", "user_unknown"),
    ("5.4.310", "host_unknown"),
    ("x.2.121", "exceed_limit"),
    ("x.2.122", "exceed_limit"),
    ("5.1.2", "host_unknown"),
    ("5.1.3", "user_unknown"),
    ("5.1.4", "user_unknown"),
    ("5.1.6", "has_moved"),
    ("5.1.7", "rejected"),
    ("5.1.8", "rejected"),
    ("5.2.1", "suspended"),
    ("x.2.2", "mailbox_full"),
    ("x.2.3", "exceed_limit"),
    ("x.3.1", "system_full"),
    ("x.3.4", "message_too_big"),
    ("5.4.4", "host_unknown"),
    ("x.4.7", "expired"),
    ("x.4.", "network_error"),
    ("x.3.", "system_error"),
    ("x.5.", "syntax_error"),
    ("x.6.", "content_error"),
    ("x.7.", "policy_violation"),
    ("x.1.", "undefined"),
)
"""Enhanced codes (RFC 3463) to reasons, the longest first where one begins like another; x is 4 or 5."""

_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
_REPLY = re.compile(r"(?<![\d.])([45]\d\d)(?=[ \-#:]|$)")
_ADDRESSES = re.compile(r"[^\s<>()\",;:]{1,64}@[^\s<>()\",;:]{1,255}")
MOST_DIAGNOSTIC = 2_000
_BEFORE_RECIPIENT = frozenset({"CONN", "EHLO", "HELO", "AUTH", "STAR", "MAIL"})
"""Commands a server answers before it has heard an address of the recipient's."""
_OF_AUTHENTICATION = frozenset({"530", "535"})
_SURELY_UNKNOWN = frozenset({"5.1.1", "5.1.10"})
_SAYS_NONE = re.compile(r"not exist|does ?n[o']t (?:exist|have)")


@dataclass(frozen=True, slots=True)
class Cause:
    """Why, what it means for the address, the codes that were given, and which words or code told."""

    reason: str
    kind: BounceKind
    status: str | None
    reply: str | None
    because: str


@dataclass(frozen=True, slots=True)
class _Told:
    """A reason, what told it, and whether servers use such words for anything."""

    reason: str
    because: str
    vague: bool = False


_VAGUE_BY_CODE = frozenset({"undefined", "syntax_error"})
"""Codes that stand for anything at many servers: 5.1.0 and 5.5.0 above all."""
_NOTHING = _Told("undefined", "nothing tells why")


def cause_of(
    diagnostic: str,
    status: str | None,
    command: str | None = None,
    around: str = "",
    senders: frozenset[str] = frozenset(),
) -> Cause:
    """Return why a mail was refused.

    Args:
        diagnostic: what the refusing server said.
        status: the enhanced code of the report (RFC 3463), where it has one.
        command: the SMTP command that was refused, where the report tells.
        around: the report's words for people, asked where the diagnostic gives no reason.
        senders: addresses of ours: what is said of them is not said of the recipient.
    """
    reply = reply_in(diagnostic)
    told = _told(_without_addresses(diagnostic, senders), status, _without_addresses(around))
    reason, because = told.reason, told.because
    codes = (status or "", status_in(diagnostic) or "")
    if reason == "user_unknown" and command == "DATA" and not _surely_unknown(diagnostic, codes):
        # The server had taken the address before: a filter speaks, in the words that tell least.
        reason, because = "filtered", f"{because} in answer to DATA"
    if KIND_OF[reason] is HARD and (command in _BEFORE_RECIPIENT or reply in _OF_AUTHENTICATION):
        reason, because = "rejected", f"{because} before any address was named"
    if reason == "filtered" and any(code.startswith("5.7.") for code in codes):
        # RFC 3463 section 3.8: not a state of the mailbox, but a decision against us.
        reason, because = "rejected", f"{because}, status 5.7"
    return Cause(reason, kind_of(reason, *codes, reply or ""), status, reply, because)


def _surely_unknown(diagnostic: str, codes: tuple[str, ...]) -> bool:
    return not _SURELY_UNKNOWN.isdisjoint(codes) or _SAYS_NONE.search(diagnostic.lower()) is not None


def _told(diagnostic: str, status: str | None, around: str) -> _Told:
    """Return what tells why: the server's words, then a clear code, then the report's own words, then any code."""
    words = _told_by(diagnostic)
    code = _told_by_code(status_in(diagnostic)) or _told_by_code(status)
    if words and not (words.vague and code and not code.vague and KIND_OF[code.reason] in {HARD, SOFT}):
        return words
    if code and not code.vague:
        return code
    return _told_around(around, reply_in(diagnostic)) or code or _NOTHING


def _told_around(words: str, reply: str | None) -> _Told | None:
    """Return the reason the whole text gives; where a server spoke unclearly, the text around it bans nobody."""
    told = _told_by(words)
    return None if told and reply and (told.vague or KIND_OF[told.reason] is HARD) else told


def _without_addresses(words: str, senders: frozenset[str] = frozenset()) -> str:
    """Return the words in lower case on one line, our addresses as "sender" and all others as "@"."""
    text = _ADDRESSES.sub(lambda found: "sender" if found[0] in senders else "@", words[:MOST_DIAGNOSTIC].lower())
    for domain in {each.rpartition("@")[2] for each in senders if each}:
        text = re.sub(rf"(?<![\w.@-]){re.escape(domain)}(?![\w-]|\.\w)", "sender domain", text)
    return " ".join(text.split())


def _told_by(words: str) -> _Told | None:
    """Return the reason that words give, or None where they give none."""
    place, found = next(_WORDS.finditer(words), (0, None))
    if found is None:
        return None
    reason = _PLACES[place][0]
    return _Told(reason, f"says {found[0].strip()[:80]!r}", place >= _FIRST_VAGUE and reason in _VAGUE)


def _told_by_code(status: str | None) -> _Told | None:
    reason = reason_of_codes(status)
    return _Told(reason, f"status {status}", vague=reason in _VAGUE_BY_CODE) if reason else None


def reason_of_codes(status: str | None) -> str | None:
    """Return the reason an enhanced status code gives by itself (RFC 3463), or None."""
    if not status:
        return None
    for code, reason in _BY_STATUS:
        wanted = status[0] + code[1:] if code[0] == "x" else code
        if status == wanted or (code.endswith(".") and status.startswith(wanted)):
            return reason
    return None


def status_in(words: str) -> str | None:
    """Return the first enhanced status code in the words that says more than "other"."""
    codes = _STATUS.findall(words[:MOST_DIAGNOSTIC])
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else None)


def reply_in(words: str) -> str | None:
    """Return the first SMTP reply code (RFC 5321) of a refusal in the words."""
    found = _REPLY.search(words[:MOST_DIAGNOSTIC])
    return found[1] if found else None


def kind_of(reason: str, *codes: str) -> BounceKind:
    """Return what the reason means for the address; a "not now" code among them never makes it dead."""
    kind = KIND_OF[reason]
    passing = any(code.startswith("4") and not code.endswith(".0.0") for code in codes)
    return SOFT if kind is HARD and passing else kind
