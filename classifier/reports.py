"""Reports that are no bounces: complaints (RFC 5965), read receipts (RFC 8098), reports about our whole domain."""

from __future__ import annotations

import re

from classifier.bounces.returned import ReturnedMail, split_report
from classifier.context import Case
from classifier.decode import addresses_in, message_ids
from classifier.message import ParsedMessage
from classifier.mime import Headers, read_headers
from classifier.verdict import Complaint, Evidence, Receipt, ReceiptKind

_NO_COMPLAINT = frozenset({"not-spam", "auth-failure", "dkim", "dmarc"})
"""Feedback types that speak of our mail without anybody having complained (RFC 5965 section 7.3, RFC 6591)."""
_AGGREGATE_SUBJECT = re.compile(r"^(?:\[?\w+\]? )?report domain: ?\S+ .{0,100}report-id:", re.IGNORECASE)
_LOOP_SUBJECT = re.compile(
    r"complaint about message from \S+|(?:fw:? )?e?mail abuse report\b|abuse report\b.{0,80}\bfeedback"
)
_NOTES_RECEIPT = re.compile(r"return receipt\b|empfangsbest.tigung\b|accus. de r.ception\b", re.IGNORECASE)
_RECEIVED_BY = re.compile(
    r"^was received by\s?:|^wurde empfangen von\s?:|^a .t. re.u par\s?:", re.IGNORECASE | re.MULTILINE
)
"""Notes writes its receipts as ordinary mail (before RFC 8098)."""
_NOT_READ = re.compile(r"rejected|refused|quota|could not be delivered|undeliver", re.IGNORECASE)


def complaint(case: Case) -> Complaint | None:
    """Recognise a feedback report: somebody pressed "this is spam"."""
    parsed = case.parsed
    fields = _fields(parsed, "message/feedback-report")
    if fields is None and "report-type=feedback-report" in parsed.content_type.replace('"', ""):
        fields = read_headers(parsed.text)
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
    fields = _fields(parsed, "message/disposition-notification")
    if fields is None and "report-type=disposition-notification" in parsed.content_type.replace('"', ""):
        fields = read_headers(parsed.text)
    if fields is None and _NOTES_RECEIPT.match(parsed.subject) and _RECEIVED_BY.search(parsed.text[:2_000]):
        return Receipt(kind=ReceiptKind.READ, evidence=(Evidence("read_receipt", f"subject {parsed.subject[:60]!r}"),))
    if fields is None or _NOT_READ.search(parsed.text[:2_000]):
        # Mail filters refuse mail with a notification of this type too; those are bounces (RFC 5429, section 2.1).
        return None
    named = [value for name in ("Original-Recipient", "Final-Recipient") for value in fields.all(name)]
    disposition = fields.get("Disposition") or "without a disposition"
    return Receipt(
        kind=ReceiptKind.READ,
        recipients=addresses_in(" ".join(named))[:1],
        original_message_ids=message_ids(fields.get("Original-Message-ID") or ""),
        evidence=(Evidence("read_receipt", disposition[:100]),),
    )


def aggregate(case: Case) -> Receipt | None:
    """Recognise DMARC and TLS reports (RFC 7489, RFC 8460): they speak of a domain, not of a mail."""
    parsed = case.parsed
    tls = "report-type=tlsrpt" in parsed.content_type.replace('"', "") or parsed.header("TLS-Report-Domain")
    if not tls and not _AGGREGATE_SUBJECT.match(parsed.subject):
        return None
    return Receipt(kind=ReceiptKind.AGGREGATE, evidence=(Evidence("aggregate", f"subject {parsed.subject[:60]!r}"),))


def _fields(parsed: ParsedMessage, content_type: str) -> Headers | None:
    part = next((part for part in parsed.parts if part.content_type == content_type and not part.embedded), None)
    if part is None:
        return None
    # The parser takes the report's fields for the headers of an embedded message, unless a server encoded them.
    return part.headers
