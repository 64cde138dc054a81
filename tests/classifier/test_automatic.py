"""Did a machine answer, is it an absence, and whom does it name instead?"""

from __future__ import annotations

import re
import time

import pytest

from classifier.answers.absence import automatic_answer
from classifier.answers.automatic import submitted_by
from classifier.answers.templates import compiled
from classifier.context import Case
from classifier.message import parse
from classifier.verdict import Absence, AutoResponse, OptOut, Reply, name_of
from tests.classifier.human_mails import HUMANS
from tests.classifier.letters import ALIAS, OURS, context, judged, letter
from tests.classifier.machine_mails import MACHINES, SAID


@pytest.mark.parametrize(("text", "expected", "fields"), MACHINES)
def test_a_machines_answer_is_recognised(text: str, expected: str, fields: dict[str, str]) -> None:
    assert name_of(judged(letter(text, **fields))) == expected


@pytest.mark.parametrize(("text", "expected"), SAID)
def test_an_automatic_answer_is_an_absence_by_what_it_says(text: str, expected: str) -> None:
    assert name_of(judged(letter(text, Auto_Submitted="auto-replied", subject="Re: Hello"))) == expected


@pytest.mark.parametrize(("text", "fields"), HUMANS)
def test_a_persons_mail_is_no_machines_answer(text: str, fields: dict[str, str]) -> None:
    assert isinstance(judged(letter(text, **fields)), Reply)


@pytest.mark.parametrize("text", [text for text, fields in HUMANS if not fields])
def test_a_persons_mail_stays_one_whatever_the_server_suppresses(text: str) -> None:
    assert isinstance(judged(letter(text, X_Auto_Response_Suppress="All")), Reply)


@pytest.mark.parametrize(
    "fields",
    [
        {"Auto_Submitted": "auto-replied", "X_Apple_Unsubscribe": "true"},
        {"Auto_Submitted": "auto-generated", "To": ALIAS},
    ],
)
def test_an_opt_out_sent_by_a_mail_program_comes_before_its_automatic_fields(fields: dict[str, str]) -> None:
    assert isinstance(judged(letter("I am out of the office.", **fields)), OptOut)


@pytest.mark.parametrize(
    "text", ["Please do not reply to this message. Unsubscribe.", "Unsubscribe\n\nThis mailbox is not monitored."]
)
def test_words_alone_make_no_machine_of_somebody_who_asks_us_to_stop(text: str) -> None:
    verdict = judged(letter(text))
    assert isinstance(verdict, OptOut)
    assert not verdict.by_machine


NEW_CONTACTS: list[tuple[str, str | None]] = [
    ("I have left the company. Please contact Ann@Customer.example instead.", "ann@customer.example"),
    ("I am away. In urgent cases write to ann@customer.example.", "ann@customer.example"),
    ("My e-mail address has changed. My new address is tom@new.example.", "tom@new.example"),
    ("Please note my new e-mail address: tom@new.example", "tom@new.example"),
    ("Meine neue E-Mail-Adresse lautet tom@new.example.", "tom@new.example"),
    ("Ma nouvelle adresse est tom@new.example.", "tom@new.example"),
    ("Mi nueva dirección es tom@new.example.", "tom@new.example"),
    ("Il mio nuovo indirizzo è tom@new.example.", "tom@new.example"),
    ("O meu novo endereço é tom@new.example.", "tom@new.example"),
    ("Mijn nieuwe adres is tom@new.example.", "tom@new.example"),
    ("Mój nowy adres to tom@new.example.", "tom@new.example"),
    (("I am no longer at Customer. For job applications use hr@customer.example; for everything about business please"
     " write to sales@customer.example."), "sales@customer.example"),
    ("I have left. My private address is tom@home.example. My successor is Ann, ann@customer.example.",
     "ann@customer.example"),
    (("Ich bin nicht mehr im Unternehmen. Technische Fragen: it@customer.example. Meine Nachfolgerin ist"
     " ann@customer.example."), "ann@customer.example"),
    ("Je suis absent. En cas d'urgence, contactez ann@customer.example.", "ann@customer.example"),
    ("Estoy de vacaciones. Para asuntos urgentes, escriba a ann@customer.example.", "ann@customer.example"),
    ("Jestem na urlopie. W pilnych sprawach proszę o kontakt: ann@customer.example.", "ann@customer.example"),
    ("I am away. Please call +1 555 0100 in urgent cases.", None),
    ("I am away. You can reach me at tom.reed@customer.example.", None),
    (f"I am away. Your message to {OURS} was received. Please contact my colleague.", None),
    (f"I am away. Please contact {OURS} or tom.reed@customer.example.", None),
    ("I am away.\n\nTo leave the list write to dev-unsubscribe@lists.example.", None),
    ("I am away.\n_______________________________________________\nDev mailing list\ndev@lists.example", None),
    ("I am away. Please do not reply to no-reply@customer.example.", None),
    ("I am away. Please contact ann@customer.", None),
    ("Tom Reed has left. For all future correspondence please use ann@customer.example.", "ann@customer.example"),
    ("I am out. Ann Lee <ann@customer.example> is covering for me.", "ann@customer.example"),
    ("I'm away until Monday. If urgent: ann@customer.example or bob@customer.example", "ann@customer.example"),
    (("My e-mail has changed from tom.reed@customer.example to tom@new.example. Please"
      " update your records."), "tom@new.example"),
    (("Please note that tom.reed@customer.example is no longer active. Send mail to"
      " tom@new.example."), "tom@new.example"),
    ("I'm on leave. Urgent? ann@customer.example", "ann@customer.example"),
    ("Ab sofort erreichen Sie mich unter tom@neu.example.", "tom@neu.example"),
    (("Herr Reed ist nicht mehr im Haus. Ihre neue Ansprechpartnerin ist Ann Lee,"
      " ann@kunde.example."), "ann@kunde.example"),
    ("In dringenden Fällen: ann@kunde.example", "ann@kunde.example"),
    (("Pour toute question commerciale, merci d'écrire à ventes@client.example. Pour"
      " la presse: presse@client.example"), "ventes@client.example"),
    ("Mon remplaçant est Marc : marc@client.example", "marc@client.example"),
    ("Para cualquier consulta puede dirigirse a ana@cliente.example", "ana@cliente.example"),
    ("Può contattare la collega Anna all'indirizzo anna@cliente.example", "anna@cliente.example"),
    ("Neem voor spoed contact op met Anna via anna@klant.example", "anna@klant.example"),
    (("W sprawach handlowych proszę pisać na adres handel@klient.example, w sprawach"
      " kadrowych kadry@klient.example"), "handel@klient.example"),
    ("I am away.\n\n-- \nTom Reed | tom.reed@customer.example | info@customer.example", None),
    ("I am away.\n\nTom Reed\nCustomer Ltd\nE-mail: info@customer.example\nPhone: 1", None),
    ("I am out of the office. Call Ann on +44 20 0000.", None),
    (("We received your mail to sales@customer.example. To unsubscribe from our"
      " newsletter write to news@customer.example."), None),
    (("I am away. This e-mail is confidential. If you are not the addressee, write to"
      " legal@customer.example."), None),
    (("For press please contact press@customer.example. For anything else contact"
      " ann@customer.example."), "ann@customer.example"),
    ("I've moved to New Corp; reach me at tom@newcorp.example.", "tom@newcorp.example"),
    (("I have retired. You can still reach me privately at tom@home.example, but for"
      " company matters write to ann@customer.example."), "ann@customer.example"),
    ("Kontakta min kollega Anna, anna@kund.example", "anna@kund.example"),
    ("Contact: <mailto:ann@customer.example> ann@customer.example", "ann@customer.example"),
    ("I am away. Please do not contact bob@customer.example", None),
    ("I am away. Please do not hesitate to contact ann@customer.example.", "ann@customer.example"),
    ("I am away. Please do not reply to this mail but write to ann@customer.example.", "ann@customer.example"),
    ("I am away. If you do not use the portal please write to ann@customer.example.", "ann@customer.example"),
    ("I am away. Do not write to bob@customer.example; write to ann@customer.example.", "ann@customer.example"),
    ("Ich bin abwesend. Bitte schreiben Sie nicht an bob@kunde.example.", None),
    ("Je suis absent. N'écrivez plus à bob@client.example.", None),
    ("Je suis absent. Merci de ne pas contacter bob@client.example.", None),
    ("Estoy de vacaciones. No escriba a bob@cliente.example.", None),
    ("In urgent cases please contact:\nAnn Lee\nE-mail: ann@customer.example", "ann@customer.example"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), NEW_CONTACTS)
def test_the_new_contact_is_whom_the_notice_names_instead(text: str, expected: str | None) -> None:
    verdict = judged(letter(text, Auto_Submitted="auto-replied"))
    assert isinstance(verdict, Absence | AutoResponse)
    assert verdict.new_contact == expected


def test_the_address_of_the_absent_person_in_another_spelling_is_no_new_contact() -> None:
    raw = letter(
        "I am away. Contact tom.reed@customer.example.",
        sender="TOM.REED@CUSTOMER.EXAMPLE",
        Auto_Submitted="auto-replied",
    )
    verdict = judged(raw)
    assert isinstance(verdict, Absence)
    assert verdict.new_contact is None


@pytest.mark.parametrize(
    ("notice", "expected"),
    [
        ('I am away. Please <a href="mailto:Sue@customer.example?subject=x">write to <b>Sue</b></a>.', True),
        ("I am away. <a href='mailto:sue%40customer.example'>Contact Sue</a>", True),
        ('I am away. Please do not <a href="mailto:sue@customer.example">write to Sue</a>.', False),
        ('I am away.<p>-- <br><a href="mailto:sue@customer.example">Write to us</a></p>', False),
        ('I am away. <a href="https://customer.example">Write to Sue</a>', False),
    ],
)
def test_a_link_names_the_new_contact_too(notice: str, *, expected: bool) -> None:
    verdict = judged(letter(f"<p>{notice}</p>", content_type="text/html", Auto_Submitted="auto-replied"))
    assert isinstance(verdict, Absence)
    assert verdict.new_contact == ("sue@customer.example" if expected else None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("no", ""), ("No; x=y", ""), ("(machine) no", ""), ("", ""), ("(rule 3) auto-replied", "auto-replied")],
)
def test_who_submitted_a_mail_is_read_without_comments(value: str, expected: str) -> None:
    assert submitted_by(parse(letter(Auto_Submitted=value))) == expected


@pytest.mark.parametrize(
    "piece", ["not ", "on vacation ", "a@b.example ", "received ", "automatic ", "ticket #1 ", "("]
)
def test_a_hostile_text_takes_no_time(piece: str) -> None:
    text = piece * 5_000
    case = Case(parse(letter(text, subject=piece * 100, Return_Path="<>")), context())
    started = time.perf_counter()
    automatic_answer(case)
    assert time.perf_counter() - started < 10


@pytest.mark.parametrize("pattern", [r"a\S", r"\bab\B", r"[à-ü]", r"[a-ü]", r"x[^0-9à-ü]y"])
def test_a_pattern_that_folding_would_turn_round_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match=re.escape(repr(pattern))):
        compiled([pattern])


@pytest.mark.parametrize("pattern", [r"[íi]", r"[a-z]é-", r"[-é]", r"[ê-]", r"été-là"])
def test_a_pattern_that_folding_leaves_as_it_is_meant_is_taken(pattern: str) -> None:
    compiled([pattern])
