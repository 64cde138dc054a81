"""Notifications that Amazon SES sends as JSON instead of a report: bounce, complaint, delivery."""

from __future__ import annotations

import json
from typing import Any

from classifier.bounces.reasons import cause_of
from classifier.context import Case
from classifier.decode import valid_address
from classifier.verdict import Bounce, BounceKind, Complaint, Evidence, Receipt, ReceiptKind

_MARKS = ("notificationType", "eventType")
_UNCLEAR = {"Permanent": BounceKind.UNKNOWN, "Transient": BounceKind.SOFT}

Json = dict[str, Any]


def ses_notification(case: Case) -> Bounce | Complaint | Receipt | None:
    """Recognise a notification of Amazon SES by its JSON."""
    text = case.parsed.plain
    if not any(mark in text for mark in _MARKS):
        return None
    content = _content(text)
    kind = str(content.get("notificationType") or content.get("eventType")).lower()
    evidence = (Evidence("ses_notification", f"type {kind}"),)
    about, mail = _dict(content.get(kind)), _dict(content.get("mail"))
    common = _dict(mail.get("commonHeaders"))
    subject = str(common["subject"]) if "subject" in common else None
    ids = tuple(str(each).strip("<>") for each in (common.get("messageId"), mail.get("messageId")) if each)
    if kind == "bounce":
        return _bounce(about, ids, subject, evidence)
    if kind == "complaint":
        return Complaint(
            feedback_type=str(about.get("complaintFeedbackType") or "abuse"),
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
    first = _dict(bounced[0]) if isinstance(bounced, list) and bounced else {}
    diagnostic = str(first.get("diagnosticCode") or "")
    status = str(first["status"]) if first.get("status") else None
    cause = cause_of(diagnostic, status)
    kind = cause.kind
    if kind is BounceKind.UNKNOWN:
        kind = _UNCLEAR.get(str(about.get("bounceType")), kind)
    return Bounce(
        kind=kind,
        recipients=_addresses(bounced),
        reason=cause.reason,
        status=status,
        smtp_reply=cause.reply,
        action=str(first["action"]) if first.get("action") else None,
        diagnostic=diagnostic or None,
        original_message_ids=ids,
        original_subject=subject,
        evidence=(*evidence, Evidence("reason", cause.because)),
    )


def _content(text: str) -> Json:
    start = text.find("{")
    try:
        # Mail servers break long lines with "!" and a blank; the notification's own footer follows the object.
        found, _ = json.JSONDecoder(strict=False).raw_decode(text[start:].replace("!\n ", ""))
    except (ValueError, RecursionError):
        return {}
    found = _dict(found)
    # Through the notification service (SNS) the object comes as text within another.
    inner = found.get("Message")
    return _content(inner) if isinstance(inner, str) and "notificationType" in inner else found


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _addresses(values: Any) -> tuple[str, ...]:
    values = values if isinstance(values, list) else []
    named = (each.get("emailAddress") if isinstance(each, dict) else each for each in values)
    found = (valid_address(str(each).rpartition("<")[2]) for each in named)
    return tuple(dict.fromkeys(each for each in found if each))
