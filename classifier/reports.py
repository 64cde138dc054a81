"""Reports that are no bounces: complaints (RFC 5965), read receipts (RFC 8098), reports about our whole domain."""

from __future__ import annotations

import re

from classifier.bounces.returned import ReturnedMail, split_report
from classifier.context import Case
from classifier.decode import addresses_in, message_ids
from classifier.message import ParsedMessage
from classifier.mime import Headers, read_headers
from classifier.phrases import Phrases
from classifier.verdict import Complaint, Evidence, Receipt, ReceiptKind

_NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "dkim", "dmarc"})
"""Feedback types that speak of our mail without anybody having complained (RFC 5965 section 7.3, RFC 6591)."""
_AGGREGATE_SUBJECT = re.compile(r"^(?:\[?\w+\]? )?report domain: ?\S+ .{0,100}report-id:", re.IGNORECASE)
_LOOP_SUBJECT = re.compile(
    r"complaint about message from \S+|(?:fw:? )?e?mail abuse report\b|abuse report\b.{0,80}\bfeedback"
)
_READ_SUBJECT = Phrases(
    r"^(?:return receipt|read|gelesen|lu|leído|letto|lida?|gelezen|läst|lest|luettu|przeczytan[oae]|přečteno)\b",
    r"^(?:empfangs|lese)bestätigung\b|^accusé de (?:réception|lecture)\b|^(?:confirmación|conferma) de? ?lect?ura",
)
_WAS_READ = Phrases(
    r"(?:was|has been) (?:read|displayed|opened|received by)\b|wurde (?:\S+ ){0,6}(?:gelesen|empfangen|geöffnet)",
    r"a été (?:lu|re[çc]u|ouvert)\b|ha sido le[íi]do|fue le[íi]do|è stato letto|fo[ir] (?:lid|abert)|is gelezen|lästes",
    r"został\w? (?:prze|od)czytan|byla? přečten",
)
"""Receipts written as ordinary mail: Notes, and Outlook without a report part."""
_CERTIFIED = frozenset({"accettazione", "avvenuta-consegna", "presa-in-carico"})
"""What X-Ricevuta says of a certified mail that goes well (RFC 6109 section 4)."""
_SUBJECT_LINE = re.compile(r"^[^\n:]{0,20}:[^\n]*", re.MULTILINE)
"""A field of our mail that the receipt cites: our own words are none of the reader's."""
_NOT_READ = re.compile(r"rejected|refused|quota|could not be delivered|undeliver", re.IGNORECASE)


def complaint(case: Case) -> Complaint | None:
    """Recognise a feedback report: somebody pressed "this is spam"."""
    parsed = case.parsed
    fields = _fields(parsed, "feedback-report")
    if fields is None and not _LOOP_SUBJECT.match(parsed.subject.lower()):
        return None
    returned = split_report(parsed)[1]
    if fields is None:
        return _complaint("abuse", (), returned, f"subject {parsed.subject[:60]!r}") if returned.message_ids else None
    kind = (fields.get("Feedback-Type") or "abuse").strip().lower()
    if kind in _NO_COMPLAINT:
        # Nobody complained, so it names nobody: it is listed for a person to see, and can ban no one.
        return Complaint(feedback_type=kind, evidence=(Evidence("complaint", f"Feedback-Type {kind}, about nobody"),))
    named = [value for name in ("Original-Rcpt-To", "Removal-Recipient") for value in fields.all(name)]
    return _complaint(kind, addresses_in(" ".join(named)), returned, f"Feedback-Type {kind}")


def _complaint(kind: str, recipients: tuple[str, ...], returned: ReturnedMail, why: str) -> Complaint:
    return Complaint(
        feedback_type=kind,
        recipients=recipients or returned.to_addresses[:1] or returned.delivered_for[:1],
        original_message_ids=returned.message_ids,
        original_subject=returned.subject,
        evidence=(Evidence("complaint", why),),
    )


def read_receipt(case: Case) -> Receipt | None:
    """Recognise a message disposition notification: displayed, deleted unread, and the like."""
    parsed = case.parsed
    fields = _fields(parsed, "disposition-notification")
    if (
        fields is None
        and _READ_SUBJECT.search(parsed.subject.lower())
        and _WAS_READ.search(parsed.text[:2_000].lower())
    ):
        return Receipt(kind=ReceiptKind.READ, evidence=(Evidence("read_receipt", f"subject {parsed.subject[:60]!r}"),))
    if fields is None or _is_refusal(parsed, fields):
        return None
    named = [value for name in ("Original-Recipient", "Final-Recipient") for value in fields.all(name)]
    disposition = fields.get("Disposition") or "without a disposition"
    return Receipt(
        kind=ReceiptKind.READ,
        recipients=addresses_in(" ".join(named))[:1],
        original_message_ids=message_ids(fields.get("Original-Message-ID") or ""),
        evidence=(Evidence("read_receipt", disposition[:100]),),
    )


def _is_refusal(parsed: ParsedMessage, fields: Headers) -> bool:
    """Say whether a mail filter refused the mail with a notification of this type (RFC 5429 section 2.1)."""
    disposition = (fields.get("Disposition") or "").lower()
    if "displayed" in disposition or disposition.startswith("manual-action"):
        return False
    return _NOT_READ.search(_SUBJECT_LINE.sub("", parsed.text[:2_000])) is not None


def certified_mail(case: Case) -> Receipt | None:
    """Recognise the receipts of certified mail (RFC 6109): taken, and delivered."""
    told = (case.parsed.header("X-Ricevuta") or "").strip().lower()
    if told not in _CERTIFIED:
        return None
    ids = message_ids(case.parsed.header("X-Riferimento-Message-ID") or "")
    evidence = (Evidence("certified_mail", f"X-Ricevuta: {told}"),)
    return Receipt(kind=ReceiptKind.DELIVERED, original_message_ids=ids, evidence=evidence)


def aggregate(case: Case) -> Receipt | None:
    """Recognise DMARC and TLS reports (RFC 7489, RFC 8460): they speak of a domain, not of a mail."""
    parsed = case.parsed
    tls = _is_report(parsed, "tlsrpt") or parsed.header("TLS-Report-Domain")
    if not tls and not _AGGREGATE_SUBJECT.match(parsed.subject):
        return None
    return Receipt(kind=ReceiptKind.AGGREGATE, evidence=(Evidence("aggregate", f"subject {parsed.subject[:60]!r}"),))


def _fields(parsed: ParsedMessage, kind: str) -> Headers | None:
    """Return the fields of a report's own part; where the whole message is called a report, those in its text."""
    for part in parsed.parts:
        if part.content_type == f"message/{kind}" and not part.embedded:
            return part.headers
    return read_headers(parsed.text) if _is_report(parsed, kind) else None


def _is_report(parsed: ParsedMessage, kind: str) -> bool:
    """Say whether the whole message is called a report of this kind (RFC 6522)."""
    return f"report-type={kind}" in parsed.content_type.replace('"', "")
