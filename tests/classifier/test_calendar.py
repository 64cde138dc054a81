"""Answers to invitations: by their calendar (RFC 5546), or as Exchange writes them without one."""

from __future__ import annotations

import subprocess
import sys
import time
from base64 import b64encode

import pytest

from classifier.present import class_of, needs_review
from classifier.verdict import Absence, OptOut, Reply, ReplyClass
from tests.classifier.letters import judged, letter

WISH, NEUTRAL = ReplyClass.INTERESTED, ReplyClass.ENGAGED
ME = "ATTENDEE;CN=Tom Reed;PARTSTAT={}:mailto:tom.reed@customer.example"


def ics(method: str, *lines: str, component: str = "VEVENT") -> str:
    head = ("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//example//EN", *([f"METHOD:{method}"] if method else []))
    event = (f"BEGIN:{component}", "UID:1@our-outreach.example", "DTSTAMP:20260603T080000Z", *lines)
    return "\r\n".join((*head, *event, f"END:{component}", "END:VCALENDAR", ""))


def mail(calendar: str, words: str = "", *, kind: str = "text/calendar; charset=utf-8", **fields: str) -> bytes:
    parts = f"--b\nContent-Type: text/plain\n\n{words}\n--b\nContent-Type: {kind}\n\n{calendar}\n--b--\n"
    return letter(parts, content_type='multipart/alternative; boundary="b"', **fields)


def me(status: str) -> str:
    return ME.format(status)


ANSWERS: list[tuple[str, bytes, ReplyClass, bool]] = [
    ("accepted", mail(ics("REPLY", me("ACCEPTED"))), WISH, True),
    ("tentative", mail(ics("REPLY", me("TENTATIVE"))), NEUTRAL, True),
    ("declined", mail(ics("REPLY", me("DECLINED"))), NEUTRAL, False),
    ("delegated", mail(ics("REPLY", me("DELEGATED"))), NEUTRAL, True),
    ("another time", mail(ics("COUNTER", me("TENTATIVE"), "DTSTART:20260610T080000Z")), WISH, True),
    ("another time, though declined", mail(ics("COUNTER", me("DECLINED"), "DTSTART:20260610T080000Z")), WISH, True),
    ("another time, with no attendee", mail(ics("COUNTER", "DTSTART:20260610T080000Z")), WISH, True),
    ("in small letters", mail(ics("reply", me("accepted"))), WISH, True),
    ("quoted", mail(ics("REPLY", me('"ACCEPTED"'))), WISH, True),
    (
        "a name with a semicolon and a folded line",
        mail(ics("REPLY", 'ATTENDEE;CN="Reed; Tom";PARTSTAT=DECL\r\n INED:mailto:tom.reed@customer.example')),
        NEUTRAL,
        False,
    ),
    (
        "of the sender, not of the others",
        mail(ics("REPLY", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:x@other.example", me("DECLINED"))),
        NEUTRAL,
        False,
    ),
    (
        "sent for somebody else",
        mail(ics("REPLY", "ATTENDEE;PARTSTAT=TENTATIVE:mailto:boss@customer.example")),
        NEUTRAL,
        True,
    ),
    ("of a task", mail(ics("REPLY", me("ACCEPTED"), component="VTODO")), WISH, True),
    (
        "in base64",
        mail(
            b64encode(ics("REPLY", me("ACCEPTED")).encode()).decode(),
            kind="text/calendar; charset=utf-8\nContent-Transfer-Encoding: base64",
        ),
        WISH,
        True,
    ),
    ("as a file", mail(ics("REPLY", me("ACCEPTED")), kind="application/ics; name=invite.ics"), WISH, True),
    ("the whole mail", letter(ics("REPLY", me("ACCEPTED")), content_type="text/calendar; method=REPLY"), WISH, True),
    (
        "written by a calendar service",
        mail(
            ics("REPLY", me("ACCEPTED")),
            "Tom Reed has accepted this invitation.",
            subject="Accepted: Demo @ Wed Jun 10, 2026 (lena@our-outreach.example)",
            Auto_Submitted="auto-generated",
        ),
        WISH,
        True,
    ),
]


@pytest.mark.parametrize(("raw", "expected", "sure"), [each[1:] for each in ANSWERS], ids=[each[0] for each in ANSWERS])
def test_a_calendar_answer_is_read_from_its_calendar(raw: bytes, expected: ReplyClass, *, sure: bool) -> None:
    verdict = judged(raw)
    assert isinstance(verdict, Reply)
    assert (verdict.reply_class, verdict.evidence[0].detector) == (expected, "calendar_answer")
    assert needs_review(verdict) is not sure


NO_ANSWERS: list[tuple[str, bytes]] = [
    ("invitation", mail(ics("REQUEST", me("ACCEPTED")))),
    ("cancelled", mail(ics("CANCEL", me("DECLINED")))),
    ("published", mail(ics("PUBLISH"))),
    ("our counter-proposal declined", mail(ics("DECLINECOUNTER", me("DECLINED")))),
    ("nothing said yet", mail(ics("REPLY", me("NEEDS-ACTION")))),
    ("nobody answers", mail(ics("REPLY"))),
    ("no method", mail(ics("", me("ACCEPTED")))),
    ("the method beside the type alone", mail(ics("", me("ACCEPTED")), kind='text/calendar; method="REPLY"')),
    ("broken", mail("BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nATTENDEE;PARTSTAT=ACCEPTED")),
    ("broken dates", mail(ics("REPLY", "DTSTART;TZID=:::\x00", "RRULE:FREQ=SOMETIMES", "ATTENDEE"))),
    ("no calendar at all", mail("METHOD:REPLY")),
    ("only the text around it", letter("METHOD:REPLY\nATTENDEE;PARTSTAT=ACCEPTED:mailto:tom.reed@customer.example")),
    (
        "forwarded",
        letter(
            "--b\nContent-Type: text/plain\n\nLook.\n--b\nContent-Type: message/rfc822\n\nSubject: x\nContent-Type: "
            f"text/calendar; method=REPLY\n\n{ics('REPLY', me('ACCEPTED'))}\n--b--\n",
            content_type='multipart/mixed; boundary="b"',
        ),
    ),
]


@pytest.mark.parametrize("raw", [each[1] for each in NO_ANSWERS], ids=[each[0] for each in NO_ANSWERS])
def test_what_answers_no_invitation_goes_on_to_the_classifier(raw: bytes) -> None:
    verdict = judged(raw)
    assert isinstance(verdict, Reply)
    assert verdict.evidence[0].detector == "classifier"


HURTFUL = [
    "ATTENDEE:x",
    "COMMENT:x",
    "BEGIN:VEVENT",
    " folded",
    "X-A;B=" + '"' * 50_000,
]


@pytest.mark.parametrize("line", HURTFUL, ids=[line[:20] for line in HURTFUL])
def test_a_calendar_made_to_hurt_takes_no_time(line: str) -> None:
    judged(mail(ics("REPLY", me("DECLINED"))))  # Loads the library.
    raw = mail(ics("REPLY", me("DECLINED"), *[line] * (60_000 // len(line))))
    started = time.perf_counter()
    assert class_of(judged(raw)) is NEUTRAL
    assert time.perf_counter() - started < 10


def test_the_calendar_library_is_loaded_only_where_a_mail_carries_a_calendar() -> None:
    code = "import sys, classifier.judge; print('icalendar' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_opt_out_typed_beside_the_answer_comes_first() -> None:
    raw = mail(ics("REPLY", me("DECLINED")), "Please take me off your list.")
    assert isinstance(judged(raw), OptOut)


def test_the_words_typed_beside_the_answer_are_kept() -> None:
    verdict = judged(mail(ics("REPLY", me("DECLINED")), "Not this week."))
    assert isinstance(verdict, Reply)
    assert verdict.visible_text == "Not this week."


def test_an_absence_notice_with_a_calendar_stays_one() -> None:
    raw = mail(ics("PUBLISH"), "I am on vacation.", Auto_Submitted="auto-replied")
    assert isinstance(judged(raw), Absence)


CLASS = {"Content_Class": "urn:content-classes:calendarmessage"}
SUBJECTS: list[tuple[str, ReplyClass, bool]] = [
    ("Accepted: Demo", WISH, True),
    ("Tentative: Demo", NEUTRAL, True),
    ("Tentatively Accepted: Demo", NEUTRAL, True),
    ("Declined: Demo", NEUTRAL, False),
    ("New Time Proposed: Demo", WISH, True),
    ("Zugesagt: Demo", WISH, True),
    ("Mit Vorbehalt: Demo", NEUTRAL, True),
    ("Abgelehnt: Demo", NEUTRAL, False),
    ("Neue Zeit vorgeschlagen: Demo", WISH, True),
    ("Accepté : Démo", WISH, True),
    ("Provisoire : Démo", NEUTRAL, True),
    ("Refusé : Démo", NEUTRAL, False),
    ("Nouvelle heure proposée : Démo", WISH, True),
    ("Aceptada: Demo", WISH, True),
    ("Rechazada: Demo", NEUTRAL, False),
    ("Nueva hora propuesta: Demo", WISH, True),
    ("Accettato: Demo", WISH, True),
    ("Provvisorio: Demo", NEUTRAL, True),
    ("Rifiutato: Demo", NEUTRAL, False),
    ("Nuova ora proposta: Demo", WISH, True),
    ("Aceite: Demo", WISH, True),
    ("Recusado: Demo", NEUTRAL, False),
    ("Nova hora proposta: Demo", WISH, True),
    ("Geaccepteerd: Demo", WISH, True),
    ("Voorlopig: Demo", NEUTRAL, True),
    ("Geweigerd: Demo", NEUTRAL, False),
    ("Nieuwe tijd voorgesteld: Demo", WISH, True),
    ("Zaakceptowano: Demo", WISH, True),
    ("Wstępna akceptacja: Demo", NEUTRAL, True),
    ("Odrzucono: Demo", NEUTRAL, False),
    ("Zaproponowano nową godzinę: Demo", WISH, True),
]


@pytest.mark.parametrize(("subject", "expected", "sure"), SUBJECTS)
def test_an_exchange_answer_without_a_calendar_is_read_from_its_subject(
    subject: str, expected: ReplyClass, *, sure: bool
) -> None:
    verdict = judged(letter("", subject=subject, **CLASS))
    assert isinstance(verdict, Reply)
    assert verdict.evidence[0].detector == "calendar_answer"
    assert (verdict.reply_class, needs_review(verdict)) == (expected, not sure)


@pytest.mark.parametrize(
    "raw",
    [
        letter("", subject="Declined: Demo", X_MS_Exchange_Calendar_Originator_Id="tom"),
        mail("eJ8+", kind="application/ms-tnef; name=winmail.dat", subject="Declined: Demo"),
    ],
)
def test_an_exchange_answer_is_marked_in_several_ways(raw: bytes) -> None:
    assert judged(raw).evidence[0].detector == "calendar_answer"


@pytest.mark.parametrize(
    "raw",
    [
        letter("Congratulations.", subject="Accepted: your talk at our conference"),
        letter("See the mail below.", subject="Re: Declined: Demo", **CLASS),
        letter("Shall we?", subject="Invitation: Demo", **CLASS),
        letter("What is it?", subject="Accepted payments in your shop", **CLASS),
    ],
)
def test_a_subject_alone_or_a_mark_alone_is_no_answer(raw: bytes) -> None:
    assert judged(raw).evidence[0].detector == "classifier"


FILE = "text/calendar; name=old.ics"
ATTACHED = f"{FILE}\nContent-Disposition: attachment; filename=old.ics"
BOB = "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@other.example"


@pytest.mark.parametrize(
    ("calendar", "words", "kind"),
    [
        (ics("REPLY", BOB), "Not interested, thanks.", ATTACHED),
        (ics("REPLY", BOB), "Not interested, thanks.", FILE),
        (ics("REPLY", BOB), "", ATTACHED),
        (ics("REPLY", me("ACCEPTED")), "Not interested, thanks.", ATTACHED),
        (ics("COUNTER", BOB), "", ATTACHED),
        (ics("COUNTER", me("TENTATIVE")), "Not interested.", ATTACHED),
    ],
)
def test_an_attached_calendar_is_no_answer_where_it_is_somebody_elses_or_words_stand_beside_it(
    calendar: str, words: str, kind: str
) -> None:
    assert judged(mail(calendar, words, kind=kind)).evidence[0].detector == "classifier"


def test_the_senders_own_answer_counts_as_an_attachment_alone_too() -> None:
    assert class_of(judged(mail(ics("REPLY", me("ACCEPTED")), kind=ATTACHED))) is WISH


def test_the_calendar_that_is_the_mail_comes_before_one_that_is_attached() -> None:
    attached = f"--b\nContent-Type: {ATTACHED}\n\n{ics('REPLY', BOB)}\n"
    own = f"--b\nContent-Type: text/calendar\n\n{ics('REPLY', me('DECLINED'))}\n--b--\n"
    raw = letter(attached + own, content_type='multipart/mixed; boundary="b"')
    assert class_of(judged(raw)) is NEUTRAL
    assert needs_review(judged(raw))
