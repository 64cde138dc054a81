from __future__ import annotations

from datetime import date

import pytest

from classifier.judge import judge, judge_batch
from classifier.message import parse
from classifier.present import applied_class, as_card, as_json, class_of
from classifier.verdict import (
    Absence,
    AutoResponse,
    Complaint,
    Evidence,
    OptOut,
    Receipt,
    ReceiptKind,
    Reply,
    ReplyClass,
    Verdict,
)
from tests.classifier.letters import ALIAS, context, judged, letter


class OneAnswer:
    """A classifier that gives the same class to everything, and counts how often it is asked."""

    def __init__(self, reply_class: ReplyClass, *, sure: bool = True) -> None:
        self.asked: list[list[tuple[str, str, str | None]]] = []
        self._answer = (reply_class, sure)

    def judge(self, subject: str, text: str, language: str | None) -> Reply:
        return self.judge_many([(subject, text, language)])[0]

    def judge_many(self, replies: list[tuple[str, str, str | None]]) -> list[Reply]:  # type: ignore[override]
        self.asked.append(list(replies))
        reply_class, sure = self._answer
        evidence = (Evidence("classifier", "because"),)
        return [
            Reply(
                reply_class=reply_class,
                confidence=0.9,
                probabilities={reply_class: 0.9},
                sure=sure,
                visible_text=text,
                evidence=evidence,
            )
            for _, text, _ in replies
        ]


def report_of(kind: str, fields: str, words: str = "This is a report.") -> bytes:
    body = (
        f"--b\nContent-Type: text/plain\n\n{words}\n--b\nContent-Type: message/{kind}\n\n{fields}\n"
        "--b\nContent-Type: message/rfc822\n\nTo: tom@customer.example\nSubject: A question\n"
        "Message-ID: <s1@our-outreach.example>\n\nHello\n--b--\n"
    )
    return letter(body, content_type=f'multipart/report; report-type={kind}; boundary="b"', subject="Report")


def test_a_complaint_names_the_mail_and_the_person() -> None:
    verdict = judged(
        report_of("feedback-report", "Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: <Tom@customer.example>")
    )
    assert isinstance(verdict, Complaint)
    assert (verdict.feedback_type, verdict.recipients) == ("abuse", ("tom@customer.example",))
    assert verdict.original_message_ids == ("s1@our-outreach.example",)


def test_a_feedback_report_about_authentication_names_nobody() -> None:
    verdict = judged(
        report_of("feedback-report", "Feedback-Type: auth-failure\nOriginal-Rcpt-To: tom@customer.example")
    )
    assert isinstance(verdict, Complaint)
    assert verdict.recipients == verdict.original_message_ids == ()


def test_a_read_receipt_is_neither_reply_nor_bounce() -> None:
    fields = (
        "Final-Recipient: rfc822;tom@customer.example\nOriginal-Message-ID: <s1@our-outreach.example>\n"
        "Disposition: manual-action/MDN-sent-manually; displayed"
    )
    verdict = judged(report_of("disposition-notification", fields))
    assert isinstance(verdict, Receipt)
    assert (verdict.kind, verdict.original_message_ids) == (ReceiptKind.READ, ("s1@our-outreach.example",))


def text_report(kind: str, fields: str) -> bytes:
    """A report whose fields stand in a part that says nothing of itself, as some gateways leave them."""
    body = f"--b\nContent-Type: text/plain\n\n{fields}\n--b--\n"
    return letter(body, content_type=f'multipart/report; report-type={kind}; boundary="b"', subject="Report")


def test_a_complaint_is_understood_whose_fields_are_plain_text() -> None:
    fields = "Feedback-Type: abuse\nOriginal-Rcpt-To: <tom@customer.example>"
    verdict = judged(text_report("feedback-report", fields))
    assert isinstance(verdict, Complaint)
    assert (verdict.feedback_type, verdict.recipients) == ("abuse", ("tom@customer.example",))
    nobody = judged(text_report("feedback-report", fields.replace("abuse", "not-spam")))
    assert isinstance(nobody, Complaint)
    assert nobody.recipients == ()


def test_a_read_receipt_is_understood_whose_fields_are_plain_text() -> None:
    fields = "Final-Recipient: rfc822;tom@customer.example\nDisposition: manual-action/MDN-sent-manually; displayed"
    verdict = judged(text_report("disposition-notification", fields))
    assert isinstance(verdict, Receipt)
    assert (verdict.kind, verdict.recipients) == (ReceiptKind.READ, ("tom@customer.example",))


def test_a_dmarc_report_is_a_receipt() -> None:
    verdict = judged(letter("", subject="Report domain: ours.example Submitter: x.example Report-ID: <1>"))
    assert isinstance(verdict, Receipt)
    assert verdict.kind is ReceiptKind.AGGREGATE


ABSENCES: list[tuple[str, date | None]] = [
    ("I am out of the office until 12 June 2026.", date(2026, 6, 13)),
    ("I am on annual leave and will be back on Monday.", date(2026, 6, 8)),
    ("I'm away from June 1st to June 19th, with limited access to email.", date(2026, 6, 20)),
    ("I am out of the office. I return on 2026-06-15.", date(2026, 6, 15)),
    ("I am out of the office until 06/07/2026.", None),
    ("I am on maternity leave.", None),
    ("On vacation; back in the office on Monday, June 15.", date(2026, 6, 15)),
    ("I am on leave until 31 December 9999.", None),
    ("I was away until 3 May 2025 and am out of the office again.", None),
    ("I am out of the office and will be back on\n15 June 2026.", date(2026, 6, 15)),
    ("Ich bin bis zum 19.06.2026 nicht im Büro.", date(2026, 6, 20)),
    ("Ich bin im Urlaub und ab dem 22.6. wieder erreichbar.", date(2026, 6, 22)),
    ("Je suis absente du bureau jusqu'au 18 juin inclus.", date(2026, 6, 19)),
    ("Je suis en congés, de retour le 15/06/2026.", date(2026, 6, 15)),
    ("Estoy fuera de la oficina hasta el 20 de junio de 2026.", date(2026, 6, 21)),
    ("Sono in ferie fino al 26 giugno.", date(2026, 6, 27)),
    ("Estou de férias até 30 de junho.", date(2026, 7, 1)),
    ("Ik ben met vakantie tot 17 juni.", date(2026, 6, 18)),
    ("Jestem na urlopie do 24 czerwca 2026.", date(2026, 6, 25)),
]


@pytest.mark.parametrize(("text", "back"), ABSENCES)
def test_an_absence_notice_says_when_the_person_is_back(text: str, back: date | None) -> None:
    verdict = judged(letter(text, subject="Automatic reply: A question", Auto_Submitted="auto-replied"))
    assert isinstance(verdict, Absence)
    assert verdict.return_date == back


def test_a_date_of_january_read_in_december_is_next_year() -> None:
    now = context().arrived_at.replace(month=12, day=21)
    raw = letter("I am out of the office until 4 January.", Auto_Submitted="auto-replied")
    verdict = judge(parse(raw), context(arrived_at=now))
    assert isinstance(verdict, Absence)
    assert verdict.return_date == date(2027, 1, 5)


@pytest.mark.parametrize(
    "text",
    [
        "Thank you for your message. We received it as ticket 4711.",
        "Tom Reed is no longer with the company. Please write to ann@customer.example.",
        "Tom Reed ist aus dem Unternehmen ausgeschieden und nicht mehr erreichbar.",
        "This mailbox is no longer monitored.",
        "I am here but behind on mail, so a reply may take some days.",
    ],
)
def test_an_automatic_answer_that_is_no_absence_is_an_auto_response(text: str) -> None:
    assert isinstance(judged(letter(text, Auto_Submitted="auto-replied")), AutoResponse)


def test_the_new_contact_is_the_address_we_are_sent_to() -> None:
    text = "Tom Reed (tom.reed@customer.example) has left the company. Please contact ann@customer.example instead."
    verdict = judged(letter(text, Auto_Submitted="auto-replied"))
    assert isinstance(verdict, AutoResponse)
    assert verdict.new_contact == "ann@customer.example"


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied"},
        {"X_Autoreply": "yes"},
        {"Precedence": "auto_reply"},
        {"subject": "Automatic reply: A question"},
        {"subject": "Abwesenheitsnotiz: Frage"},
        {"subject": "[External] Réponse automatique : question"},
    ],
)
def test_vendors_mark_automatic_answers_in_many_ways(fields: dict[str, str]) -> None:
    assert isinstance(judged(letter("Your message has arrived.", **fields)), AutoResponse | Absence)


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "no"},
        {"X_Auto_Response_Suppress": "All"},
        {"Return_Path": "<>"},
        {"subject": "Re: Out of Office: A question"},
    ],
)
def test_weak_signs_alone_make_no_machine(fields: dict[str, str]) -> None:
    assert isinstance(judged(letter("Thanks, I will read it tomorrow.", **fields)), Reply)


def test_mail_to_an_opt_out_alias_is_an_opt_out_even_when_empty() -> None:
    assert isinstance(judged(letter("", To=ALIAS, subject="x")), OptOut)


def test_what_apples_mail_program_sends_is_an_opt_out_and_no_absence() -> None:
    raw = letter("Sent to unsubscribe.", Auto_Submitted="auto-replied", X_Apple_Unsubscribe="true")
    assert isinstance(judged(raw), OptOut)


def test_a_machine_that_asks_us_to_stop_is_an_opt_out_a_person_looks_at() -> None:
    verdict = judged(letter("Please remove me from your mailing list.", Auto_Submitted="auto-replied"))
    assert isinstance(verdict, OptOut)
    assert verdict.by_machine


def test_removal_words_in_the_footer_of_a_notice_do_not_count() -> None:
    raw = letter(
        "I am on vacation.\n\n-- \nACME\nUnsubscribe\nTo unsubscribe click here", Auto_Submitted="auto-replied"
    )
    assert isinstance(judged(raw), Absence)


def calendar(method: str, status: str) -> bytes:
    body = (
        "--b\nContent-Type: text/plain\n\nSee the invitation.\n--b\nContent-Type: text/calendar; charset=utf-8\n\n"
        f"BEGIN:VCALENDAR\nMETHOD:{method}\nBEGIN:VEVENT\nATTENDEE;CN=Tom;PARTSTAT={status}:mailto:tom@customer\n"
        " .example\nEND:VEVENT\nEND:VCALENDAR\n--b--\n"
    )
    return letter(body, content_type='multipart/alternative; boundary="b"')


@pytest.mark.parametrize(
    ("method", "status", "expected", "sure"),
    [
        ("REPLY", "ACCEPTED", ReplyClass.INTERESTED, True),
        ("REPLY", "TENTATIVE", ReplyClass.ENGAGED, True),
        ("REPLY", "DECLINED", ReplyClass.ENGAGED, False),
        ("COUNTER", "TENTATIVE", ReplyClass.INTERESTED, True),
    ],
)
def test_calendar_answers_are_read(method: str, status: str, expected: ReplyClass, *, sure: bool) -> None:
    verdict = judged(calendar(method, status))
    assert isinstance(verdict, Reply)
    assert (verdict.reply_class, verdict.sure) == (expected, sure)


def test_the_classifier_is_asked_once_for_all_that_rules_leave_open() -> None:
    mind = OneAnswer(ReplyClass.INTERESTED)
    world = context(classifier=mind)
    raws = [letter("Sure, let us talk"), letter("unsubscribe"), letter("Sounds fine\n> old")]
    verdicts = judge_batch([parse(raw) for raw in raws], [world] * 3)
    assert [class_of(each) for each in verdicts] == [
        ReplyClass.INTERESTED,
        ReplyClass.UNSUBSCRIBED,
        ReplyClass.INTERESTED,
    ]
    assert [[text for _, text, _ in asked] for asked in mind.asked] == [["Sure, let us talk", "Sounds fine"]]


def test_each_reply_of_many_has_its_language_and_one_without_words_that_of_its_subject() -> None:
    mind = OneAnswer(ReplyClass.INTERESTED)
    subject = "Wir haben leider keinen Bedarf an Ihrem Lager"
    raws = [letter("Merci, pouvez-vous me rappeler demain matin ?"), letter("", subject=subject)]
    judge_batch([parse(raw) for raw in raws], [context(classifier=mind)] * 2)
    assert [language for _, _, language in mind.asked[0]] == ["fr", "de"]


def test_without_a_classifier_a_reply_is_engaged_and_a_person_looks() -> None:
    verdict = judged(letter("Sure, let us talk"))
    assert isinstance(verdict, Reply)
    assert (verdict.reply_class, verdict.confidence, verdict.sure) == (ReplyClass.ENGAGED, 0.0, False)


def test_an_absence_written_by_hand_keeps_its_date() -> None:
    world = context(classifier=OneAnswer(ReplyClass.OUT_OF_OFFICE))
    verdict = judge(parse(letter("I am travelling, back on June 15th.")), world)
    assert isinstance(verdict, Absence)
    assert verdict.return_date == date(2026, 6, 15)


BY_MACHINE = letter(
    "Shop shut, the kiln is being rebuilt. Firing again on June 15th.", subject="Automatic reply: offer"
)


def test_which_automatic_answer_it_is_the_classifier_says_where_no_rule_knows_the_words() -> None:
    world = context(classifier=OneAnswer(ReplyClass.OUT_OF_OFFICE, sure=False))
    verdict = judge(parse(BY_MACHINE), world)
    assert isinstance(verdict, Absence)
    assert verdict.return_date == date(2026, 6, 15)
    assert {each.detector for each in verdict.evidence} == {"automatic_answer", "classifier"}


@pytest.mark.parametrize("said", [ReplyClass.AUTO_RESPONSE, ReplyClass.UNSUBSCRIBED, ReplyClass.INTERESTED])
def test_what_a_machine_wrote_the_classifier_makes_nothing_else(said: ReplyClass) -> None:
    assert isinstance(judge(parse(BY_MACHINE), context(classifier=OneAnswer(said))), AutoResponse)
    assert isinstance(judge(parse(BY_MACHINE), context()), AutoResponse)


def test_an_automatic_answer_whose_words_a_rule_knows_is_not_asked_about() -> None:
    mind = OneAnswer(ReplyClass.OUT_OF_OFFICE)
    raw = letter("This mailbox is no longer monitored.", subject="Automatic reply: offer")
    assert isinstance(judge(parse(raw), context(classifier=mind)), AutoResponse)
    assert mind.asked == [[]] or not mind.asked


def test_an_unsure_reply_acts_as_engaged() -> None:
    unsure = judge(parse(letter("hm")), context(classifier=OneAnswer(ReplyClass.INTERESTED, sure=False)))
    assert (class_of(unsure), applied_class(unsure)) == (ReplyClass.INTERESTED, ReplyClass.ENGAGED)
    held = Reply(reply_class=ReplyClass.UNSUBSCRIBED, confidence=0.4, hold=True)
    assert applied_class(held) is ReplyClass.ENGAGED


KEYS = [
    "file",
    "verdict",
    "class",
    "applied_class",
    "hold",
    "confidence",
    "probabilities",
    "needs_review",
    "visible_text",
    "return_date",
    "new_contact",
    "bounce",
    "evidence",
    "language",
    "problems",
]


@pytest.mark.parametrize(
    "raw",
    [
        letter("Sure"),
        letter("unsubscribe"),
        letter("I am out of the office until 12 June 2026.", Auto_Submitted="auto-replied"),
        letter(
            "550 user unknown\n<gone@customer.example>:", subject="failure notice", sender="MAILER-DAEMON@x.example"
        ),
    ],
)
def test_the_json_and_the_card_say_the_same(raw: bytes) -> None:
    parsed = parse(raw)
    verdict: Verdict = judge(parsed, context())
    row = as_json({"file": "a.eml"}, parsed, verdict)
    assert list(row) == KEYS
    assert row["evidence"]
    card = as_card({"file": "a.eml"}, parsed, verdict)
    assert card.startswith("a.eml\n")
    assert row["verdict"].replace("_", " ") in card


def test_a_complaint_whose_reader_is_hidden_is_told_by_the_servers_field() -> None:
    body = (
        "--b\nContent-Type: text/plain\n\nA complaint.\n"
        "--b\nContent-Type: message/feedback-report\n\nFeedback-Type: abuse\n"
        "--b\nContent-Type: message/rfc822\n\nX-HmXmrOriginalRecipient: Gone@customer.example\nTo: undisclosed:;\n"
        "From: lena@our-outreach.example\nSubject: A question\nMessage-ID: <s1@our-outreach.example>\n\nHello\n--b--\n"
    )
    found = judged(letter(body, content_type="multipart/report; report-type=feedback-report; boundary=b"))
    assert isinstance(found, Complaint)
    assert found.recipients == ("gone@customer.example",)
    assert found.original_message_ids == ("s1@our-outreach.example",)
