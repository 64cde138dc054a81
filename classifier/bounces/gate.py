"""The gate before the costly looks: structure and sender alone; most mail ends here."""

from __future__ import annotations

import re
from enum import StrEnum

from classifier.answers.automatic import submitted_by
from classifier.bounces.fields import has_status_part
from classifier.bounces.notice_words import STATEMENT, SUBJECT
from classifier.bounces.returned import RETURNED_TYPES
from classifier.message import ParsedMessage


class Gate(StrEnum):
    """What let a message through, and how it is told in the evidence."""

    REPORT = "delivery-status report"
    FIELD = "X-Failed-Recipients"
    DAEMON = "sent by a mail system"
    RETURNED = "mail returned by a null sender"
    SUBJECT = "subject of a delivery report"
    NULL = "null sender and a refusal in the text"


_DAEMON = re.compile(
    r"^(?:.*mailer[-_.]?d(?:a?e|e?a)mon.*|post[-_.]master|mail[-_.]?daemon|maildelivery|mdaemon|double-bounce"
    r"|mail[-_.]delivery[-_.](?:system|subsystem)|microsoftexchange[0-9a-f]{10,}.*"
    r"|mailadm(?:in)?|smtpd?[-_]?(?:server|daemon|gateway)?|mmdf|mailmaster|mailsystem|symantec_.*|returned[-_.]?mail"
    r"|e\d{3}_smtp_.*|mail[-_]?gateway|non-?delivery.*|undeliver.*)$"
)
_MACHINE = re.compile(
    r"^(?:no|do[-_.]?not)[-_.]?reply|admin|^root$|^mail$|^e?mail[-_.]|^smtp|^system|^notif|^alert|^abuse|gateway|scan"
    r"|filter|daemon|virus|spam|imss|mimesweeper|security|^info-?mail"
)
_POSTMASTER = re.compile(r"^(?:post-?master.*|bounces?(?:[-+=_.].*)?)$")
_DAEMON_NAME = re.compile(
    r"(?:mail(?:er)?[ -]?(?:deliver\w?[ -]?)?(?:(?:sub)?system|service|daemon|administrator|admin|server|gateway"
    r"|delivery)|delivery (?:sub)?system|postmaster|system administrator|mailsysteem|undeliver\w*)\W{0,3}$"
)
_OF_PEOPLE = frozenset({"user-agent", "in-reply-to", "thread-topic", "x-originating-ip"})
"""Fields that no mail system's own report carries."""
_ANSWERED = re.compile(r"^\s*(?:re|aw|sv|vs|antw?|antwort|rif|res|odp|fwd?|wg|tr|rv|enc|doorst)\s?(?:\[\d+\])?:")
_REFUSAL = re.compile(r"(?<![\d.])55\d[ \-#]{1,3}(?:#?5\.\d{1,3}\.\d{1,3}\b|\D)|(?<![\d.])5\.[1-7]\.\d{1,3}(?![\d.])")
_CERTIFIED_FAILURES = frozenset(
    {"non-accettazione", "errore-consegna", "preavviso-errore-consegna", "rilevazione-virus"}
)
_LIST = frozenset({"list-id", "list-post", "list-unsubscribe"})
_WHOLE_REPORT = 1_500
_BY_HAND = frozenset({"user-agent", "x-mailer", "thread-topic", "x-originating-ip", "x-ms-has-attach", "in-reply-to"})
"""Fields that the programs of people write, and mail systems seldom do."""


def gate(parsed: ParsedMessage) -> Gate | None:
    """Return what lets the costlier looks happen at all, or None."""
    by_machine = is_sent_by_machine(parsed)
    if "report-type=delivery-status" in parsed.content_type.replace('"', ""):
        return Gate.REPORT
    # A person attaches a report that they got, and may forge any field: then what they write counts.
    by_hand = not by_machine and not is_daemon_address(parsed) and not _BY_HAND.isdisjoint(parsed.header_fields.names())
    if not by_hand and has_status_part(parsed):
        return Gate.REPORT
    if not by_hand and ("x-failed-recipients" in parsed.header_fields or _certified_failure(parsed)):
        return Gate.FIELD
    if _is_daemon(parsed, by_machine=by_machine):
        return Gate.DAEMON
    if has_null_sender(parsed) and _returns_mail(parsed):
        return Gate.RETURNED
    return _by_words(parsed)


def _by_words(parsed: ParsedMessage) -> Gate | None:
    subject, null = parsed.subject.lower(), has_null_sender(parsed)
    # A person may write about a failed delivery, so a subject needs a machine behind it.
    if SUBJECT.search(subject) and not _is_post(parsed, subject):
        return Gate.SUBJECT if null or _is_machine(parsed, subject) or _is_notice(parsed, subject) else None
    return Gate.NULL if null and _REFUSAL.search(parsed.text) else None


def is_sent_by_machine(parsed: ParsedMessage) -> bool:
    """Say whether the envelope or Auto-Submitted says that no person sent it (RFC 5321, RFC 3834)."""
    return has_null_sender(parsed) or bool(submitted_by(parsed))


def has_null_sender(parsed: ParsedMessage) -> bool:
    """Say whether the envelope names no sender (RFC 5321 section 4.5.5), as far as the mail tells."""
    return (parsed.header("Return-Path") or "").strip() in {"<>", "< >"}


def _certified_failure(parsed: ParsedMessage) -> bool:
    """Say whether a certified-mail provider reports a failure (RFC 6109 section 4)."""
    return (parsed.header("X-Ricevuta") or "").strip().lower() in _CERTIFIED_FAILURES


def is_daemon_address(parsed: ParsedMessage) -> bool:
    """Say whether the sender's address is one that nobody but a mail system writes from."""
    sender = (parsed.header("From") or "").rstrip().lower()
    local = (parsed.from_address or sender.strip("<> ")).partition("@")[0].strip('"')
    return sender.endswith("<>") or _DAEMON.match(local) is not None


def _is_daemon(parsed: ParsedMessage, *, by_machine: bool) -> bool:
    """Say whether a mail system sent it; those that people sign as, too, must show that it was no person."""
    if is_daemon_address(parsed):
        return True
    sender = (parsed.header("From") or "").lower()
    local = (parsed.from_address or "").partition("@")[0]
    name = (parsed.from_name or sender.partition("<")[0]).lower().strip()
    if not (_POSTMASTER.match(local) or _DAEMON_NAME.search(name)):
        return False
    return by_machine or _returns_mail(parsed) or not (_is_by_hand(parsed) or _is_newsletter(parsed))


def _is_machine(parsed: ParsedMessage, subject: str) -> bool:
    """Say whether a machine's address wrote in the shape of a report: not every notification is one."""
    local = (parsed.from_address or "").partition("@")[0]
    by_machine = bool(submitted_by(parsed)) or not local or _MACHINE.search(local) is not None
    return by_machine and not (_ANSWERED.match(subject) or _is_by_hand(parsed) or _is_newsletter(parsed))


def _is_by_hand(parsed: ParsedMessage) -> bool:
    return not _OF_PEOPLE.isdisjoint(parsed.header_fields.names())


def _is_newsletter(parsed: ParsedMessage) -> bool:
    """Say whether it went to subscribers; reports to the owner of a discussion list pass through the list, too."""
    return "list-unsubscribe" in parsed.header_fields and "list-post" not in parsed.header_fields


def _is_post(parsed: ParsedMessage, subject: str) -> bool:
    """Say whether somebody answers on a mailing list; a list's owner gets reports through the list, too."""
    return not _LIST.isdisjoint(parsed.header_fields.names()) and _ANSWERED.match(subject) is not None


def _is_notice(parsed: ParsedMessage, subject: str) -> bool:
    """Say whether an unknown sender's mail has the shape of a report: nobody's answer, by no person's program."""
    if parsed.header_fields.names() & _BY_HAND:
        return False
    if _returns_mail(parsed):
        return not _ANSWERED.match(subject)
    text = parsed.text
    return len(text) < _WHOLE_REPORT and STATEMENT.search(" ".join(text.lower().split())) is not None


def _returns_mail(parsed: ParsedMessage) -> bool:
    return any(part.content_type in RETURNED_TYPES and not part.embedded for part in parsed.parts)
