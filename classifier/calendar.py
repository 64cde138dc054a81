"""Answers to an invitation (iTIP, RFC 5546): accepted, tentative, declined, or another time proposed."""

from __future__ import annotations

import re

from classifier.context import Case
from classifier.verdict import Evidence, Reply, ReplyClass

_METHOD = re.compile(r"^METHOD:[ \t]*(REPLY|COUNTER)\b", re.IGNORECASE | re.MULTILINE)
_PARTSTAT = re.compile(r"^ATTENDEE\b[^\n]{0,500}?;PARTSTAT=\"?([A-Z-]{4,20})", re.IGNORECASE | re.MULTILINE)
_FOLD = re.compile(r"\n[ \t]")
_ANSWERS: dict[str, tuple[ReplyClass, bool]] = {
    "ACCEPTED": (ReplyClass.INTERESTED, True),
    "COUNTER": (ReplyClass.INTERESTED, True),
    "TENTATIVE": (ReplyClass.ENGAGED, True),
    "DECLINED": (ReplyClass.ENGAGED, False),
}
"""What each answer means, and whether a person need not look at it."""


def calendar_answer(case: Case) -> Reply | None:
    """Recognise a calendar answer by its text/calendar part."""
    part = next(
        (part for part in case.parsed.parts if part.content_type == "text/calendar" and not part.embedded), None
    )
    if part is None:
        return None
    lines = _FOLD.sub("", part.text)
    method = _METHOD.search(lines)
    if method is None:
        return None
    status = _PARTSTAT.search(lines)
    answer = "COUNTER" if method[1].upper() == "COUNTER" else (status[1].upper() if status else "")
    if answer not in _ANSWERS:
        return None
    reply_class, sure = _ANSWERS[answer]
    return Reply(
        reply_class=reply_class,
        confidence=1.0 if sure else 0.5,
        sure=sure,
        visible_text=case.text,
        language=case.language,
        evidence=(Evidence("calendar_answer", answer.lower()),),
    )
