"""Notifications that Amazon SES sends as JSON instead of a report: bounce, complaint, delivery."""

from __future__ import annotations

import json
from typing import Any

from classifier.bounces.findings import Finding, gravest
from classifier.bounces.reasons import cause_of
from classifier.context import Case
from classifier.decode import printable, valid_address
from classifier.verdict import Bounce, BounceKind, Complaint, Evidence, Receipt, ReceiptKind

_MARKS = ("notificationType", "eventType")
_UNCLEAR = {"Permanent": BounceKind.UNKNOWN, "Transient": BounceKind.SOFT}

Json = dict[str, Any]


def ses_notification(case: Case) -> Bounce | Complaint | Receipt | None:
    """Recognise a notification of Amazon SES by its JSON."""
    text = case.parsed.plain.lstrip()
    if not text.startswith("{") or not any(mark in text for mark in _MARKS):
        return None
    content = _content(text)
    kind = _text(content.get("notificationType") or content.get("eventType")).lower()
    evidence = (Evidence("ses_notification", f"type {kind}"),)
    about, mail = _dict(content.get(kind)), _dict(content.get("mail"))
    common = _dict(mail.get("commonHeaders"))
    subject = _text(common.get("subject")) or None
    ids = tuple(_text(each).strip("<>") for each in (common.get("messageId"), mail.get("messageId")) if each)
    if kind == "bounce":
        return _bounce(about, ids, subject, evidence)
    if kind == "complaint":
        return Complaint(
            feedback_type=_text(about.get("complaintFeedbackType")) or "abuse",
            recipients=_addresses(about.get("complainedRecipients")),
            original_message_ids=ids,
            original_subject=subject,
            evidence=evidence,
        )
    if kind == "delivery":
        to = _addresses(about.get("recipients"))
        return Receipt(kind=ReceiptKind.DELIVERED, recipients=to, original_message_ids=ids, evidence=evidence)
    return None


def _bounce(about: Json, ids: tuple[str, ...], subject: str | None, evidence: tuple[Evidence, ...]) -> Bounce:
    bounced = about.get("bouncedRecipients")
    leader, addresses = gravest(
        [_finding(_dict(each)) for each in (bounced if isinstance(bounced, list) else [])] or [_finding({})]
    )
    cause = leader.cause
    unclear = cause.kind is BounceKind.UNKNOWN
    return Bounce(
        kind=_UNCLEAR.get(_text(about.get("bounceType")), cause.kind) if unclear else cause.kind,
        recipients=addresses,
        reason=cause.reason,
        status=cause.status,
        smtp_reply=cause.reply,
        action=leader.action or None,
        diagnostic=leader.diagnostic or None,
        original_message_ids=ids,
        original_subject=subject,
        evidence=(*evidence, Evidence("reason", cause.because)),
    )


def _finding(recipient: Json) -> Finding:
    diagnostic = _text(recipient.get("diagnosticCode"))
    cause = cause_of(diagnostic, _text(recipient.get("status")) or None)
    return Finding(_address(recipient), cause, diagnostic, _text(recipient.get("action")))


def _content(text: str) -> Json:
    try:
        # Mail servers break long lines with "!" and a blank; the notification's own footer follows the object.
        found, _ = json.JSONDecoder(strict=False).raw_decode(text.replace("!\n ", ""))
    except (ValueError, RecursionError):
        return {}
    found = _dict(found)
    # Through the notification service (SNS) the object comes as text within another.
    inner = found.get("Message")
    return _content(inner) if isinstance(inner, str) and any(mark in inner for mark in _MARKS) else found


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    """Return a value as text that can be printed and stored: JSON may hold half characters."""
    return printable(str(value))[:4_000] if value is not None else ""


def _address(value: Any) -> str | None:
    named = value.get("emailAddress") if isinstance(value, dict) else value
    return valid_address(_text(named).rpartition("<")[2])


def _addresses(values: Any) -> tuple[str, ...]:
    found = map(_address, values if isinstance(values, list) else [])
    return tuple(dict.fromkeys(each for each in found if each))
