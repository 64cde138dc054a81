"""Answers to an invitation (iTIP, RFC 5546): accepted, tentative, declined, or another time proposed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from classifier.answers.calendar_words import SUBJECTS
from classifier.answers.templates import compiled
from classifier.context import Case
from classifier.message import ParsedMessage
from classifier.part import MOST_TEXT, Part
from classifier.verdict import Evidence, Reply, ReplyClass

_TYPES = frozenset({"text/calendar", "application/ics"})
_COMPONENTS = frozenset({"VEVENT", "VTODO"})
_ANSWERS: dict[str, tuple[ReplyClass, bool]] = {
    "ACCEPTED": (ReplyClass.INTERESTED, True),
    "COUNTER": (ReplyClass.INTERESTED, True),
    "TENTATIVE": (ReplyClass.ENGAGED, True),
    "DELEGATED": (ReplyClass.ENGAGED, True),
    "DECLINED": (ReplyClass.ENGAGED, False),
}
"""What each answer means, and whether a person need not look at it."""
_SUBJECT = {answer: compiled([rf"(?:{'|'.join(words)})\s?:\s?[^ ]"]) for answer, words in SUBJECTS.items()}
_MARKS = ("x-ms-exchange-calendar", "x-microsoft-cdo", "x-ms-exchange-meeting")
"""How the fields begin that Exchange writes on mails about meetings alone."""


def calendar_answer(case: Case) -> Reply | None:
    """Recognise a calendar answer by its calendar, or by what Exchange writes where it sends none."""
    parsed = case.parsed
    part = _calendar(parsed)
    attached = part is not None and _is_file(part)
    # A file beside words may be any old one: the words say what is meant.
    if part is None or (attached and case.text.strip()):
        answer = _in_subject(parsed, case.folded_subject)
    else:
        answer = _in_calendar(part.text, parsed.from_address, attached=attached)
    if answer is None:
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


def _calendar(parsed: ParsedMessage) -> Part | None:
    """Return the calendar of the mail; one that is the mail itself comes before one that is attached."""
    calendars = [part for part in parsed.parts if part.content_type in _TYPES and not part.embedded]
    return min(calendars, key=_is_file, default=None)


def _is_file(part: Part) -> bool:
    """Say whether somebody attached the calendar; one that a program answers with names its method (RFC 6047)."""
    return part.disposition == "attachment" or (part.is_attachment and part.entity.parameter("method") is None)


_IS_ANSWER = re.compile(r"^METHOD\b[^\n]{0,80}(?:REPLY|COUNTER)", re.IGNORECASE | re.MULTILINE)


@lru_cache(8)
def _in_calendar(text: str, sender: str | None, *, attached: bool) -> str | None:
    """Return what a REPLY or COUNTER says; None for anything else, and for what is no calendar.

    A calendar that is only attached may be anybody's: then the sender's own answer in it counts alone.
    """
    if not _IS_ANSWER.search(text):
        return None
    # Loading the library takes as long as judging hundreds of mails, and few mails carry a calendar.
    from icalendar import Calendar  # noqa: PLC0415

    try:
        calendar = Calendar.from_ical(text[:MOST_TEXT])
        method = str(calendar.get("METHOD", "")).upper()
        answers = dict(_answers(calendar)) if method in {"REPLY", "COUNTER"} else {}
    except Exception:  # noqa: BLE001 - the text is a stranger's, and a broken calendar is no answer
        return None
    if attached and sender not in answers:
        return None
    said = "COUNTER" if method == "COUNTER" else answers.get(sender or "") or next(iter(answers.values()), None)
    return said if said in _ANSWERS else None


def _answers(calendar: Any) -> Iterator[tuple[str, str]]:
    """Yield who answers what; a REPLY has one attendee, but some programs keep the others."""
    for component in calendar.walk():
        if component.name in _COMPONENTS:
            found = component.get("ATTENDEE", [])
            for each in found if isinstance(found, list) else [found]:
                address = str(each).lower().removeprefix("mailto:").strip()
                yield address, str(each.params.get("PARTSTAT", "")).upper()


def _in_subject(parsed: ParsedMessage, subject: str) -> str | None:
    if ":" not in subject:
        return None
    answer = next((answer for answer, pattern in _SUBJECT.items() if pattern.match(subject)), None)
    return answer if answer and _is_about_a_meeting(parsed) else None


def _is_about_a_meeting(parsed: ParsedMessage) -> bool:
    return (
        "calendarmessage" in (parsed.header("Content-Class") or "").lower()
        or any(name.startswith(_MARKS) for name in parsed.header_fields.names())
        or any(part.content_type == "application/ms-tnef" and not part.embedded for part in parsed.parts)
    )
