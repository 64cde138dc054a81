from __future__ import annotations

import pytest

from classifier import html
from classifier.message import parse
from classifier.own_words.flowed import unflow
from classifier.own_words.quote_words import LANGUAGES
from classifier.own_words.words import OwnWords, own_words, strip_text
from tests.classifier.letters import letter
from tests.classifier.own_words_cases import OwnWordsCase, read_cases

CASES = read_cases()

INTRODUCTIONS = [
    "On Mon, 1 Jun 2026 at 10:12, Lena Ott <lena@our-outreach.example> wrote:",
    "On Mon, 1 Jun 2026 at 10:12,\nLena Ott\n<lena@our-outreach.example> wrote:",
    "Am 01.06.2026 um 10:12 schrieb Lena Ott <lena@our-outreach.example>:",
    "Le lun. 1 juin 2026 à 10:12, Lena Ott <lena@our-outreach.example> a écrit :",
    "El lun, 1 jun 2026 a las 10:12, Lena Ott (<lena@our-outreach.example>) escribió:",
    "Il giorno lun 1 giu 2026 alle ore 10:12 Lena Ott <lena@our-outreach.example> ha scritto:",
    "Em seg., 1 de jun. de 2026 às 10:12, Lena Ott <lena@our-outreach.example> escreveu:",
    "Op ma 1 jun 2026 om 10:12 schreef Lena Ott <lena@our-outreach.example>:",
    "W dniu 1.06.2026 o 10:12, Lena Ott pisze:",
    "Den mån 1 juni 2026 kl 10:12 skrev Lena Ott <lena@our-outreach.example>:",
    "-----Original Message-----",
    "-----Ursprüngliche Nachricht-----",
    "-------- Message original --------",
    "From: Lena Ott <lena@our-outreach.example>\nSent: Monday, June 1, 2026 10:12\nTo: Tom\nSubject: A question",
    "Von: Lena Ott\nGesendet: Montag, 1. Juni 2026 10:12\nAn: Tom\nBetreff: Eine Frage",
    "De : Lena Ott\nEnvoyé : lundi 1 juin 2026 10:12\nÀ : Tom\nObjet : Une question",
    "*From:* Lena Ott\n*Date:* Monday\n*To:* Tom\n*Subject:* A question",
]


@pytest.mark.parametrize("introduction", INTRODUCTIONS)
def test_the_quoted_mail_is_cut_in_many_languages(introduction: str) -> None:
    text = f"Sounds good, call me.\n\n{introduction}\n\nDear Tom, reply stop to unsubscribe.\n"
    assert strip_text(text) == OwnWords("Sounds good, call me.")


def test_answers_between_quoted_lines_are_kept() -> None:
    text = "On 1 Jun 2026 10:12, Lena <l@o.example> wrote:\n> Are you in charge?\n\nYes.\n\n> A call?\nFriday.\n"
    assert strip_text(text).text.split() == ["Yes.", "Friday."]


def test_signatures_and_phone_footers_are_cut() -> None:
    assert strip_text("No thanks\n\n-- \nTom Reed\nHead of Stop").text == "No thanks"
    assert strip_text("No thanks\n\nSent from my iPhone").text == "No thanks"
    assert strip_text("Nein danke\n\nVon meinem iPhone gesendet").text == "Nein danke"
    assert strip_text("Non merci\n\nEnvoyé de mon iPhone").text == "Non merci"


@pytest.mark.parametrize(
    "text",
    [
        "On Monday I wrote:\nthe price list, see below\nand on Friday the rest",
        "From: the top of the list\nI would take the first two.",
        "Sent from my desk is the last offer you get",
        "a -- b",
    ],
)
def test_what_only_looks_like_a_quotation_is_kept(text: str) -> None:
    assert strip_text(text).text == text


def test_a_mail_that_only_quotes_has_no_words_of_its_own() -> None:
    assert strip_text("> Hello Tom\n> unsubscribe here\n") == OwnWords("", quoted_alone=True)


def test_a_footer_that_is_the_whole_text_is_kept() -> None:
    assert strip_text("Sent from my iPhone").text == "Sent from my iPhone"


@pytest.mark.parametrize(
    "quote",
    [
        '<div class="gmail_quote">old</div>',
        '<blockquote type="cite">old</blockquote>',
        '<div id="appendonsend"></div><hr><div id="divRplyFwdMsg">From: x</div><div>old</div>',
        '<div class="yahoo_quoted">old</div>',
        '<div class="protonmail_quote">old</div>',
        '<div class="moz-cite-prefix">On x y wrote:</div><blockquote type="cite">old</blockquote>',
    ],
)
def test_quotes_of_html_mail_are_cut_by_their_containers(quote: str) -> None:
    parsed = parse(letter(f"<html><body><div>Yes, please</div>{quote}</body></html>", content_type="text/html"))
    assert own_words(parsed).text == "Yes, please"


def folded(text: str) -> str:
    return " ".join(text.split())


def lines_of(text: str) -> set[str]:
    return {folded(line) for line in text.split("\n") if line.strip()}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_whole_mails_of_many_programs_give_the_senders_own_words(case: OwnWordsCase) -> None:
    found = own_words(parse(case.raw))
    own, written = (
        lines_of(case.own),
        lines_of(html.to_text(case.bodies.get("html", "")) + "\n" + case.bodies.get("plain", "")),
    )
    # Quoted lines first: they name what is wrong better than two texts that differ.
    assert not (written - own) & lines_of(found.text)
    assert folded(found.text) == folded(case.own)
    assert found.quoted_alone == (not own)


def test_there_are_cases_of_many_languages_and_of_both_kinds() -> None:
    assert len(CASES) > 150
    assert sum("html" in case.bodies for case in CASES) > 30


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_copied_header_and_a_separator_are_recognised_in_each_language(language: str) -> None:
    words = LANGUAGES[language]
    fields = [getattr(words, column).split("|")[0].capitalize() for column in ("from_", "sent", "to", "subject")]
    values = ["Lena Ott <l@our-outreach.example>", "1.6.2026 10:12", "tom@customer.example", "Question"]
    header = "\n".join(f"{name}: {value}" for name, value in zip(fields, values, strict=True))
    assert strip_text(f"Yes, please.\n\n{header}\n\nold words").text == "Yes, please."
    for original in words.original.split("|"):
        assert strip_text(f"Yes, please.\n\n----- {original.title()} -----\n\nold words").text == "Yes, please."


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_verb_of_an_introduction_is_recognised_in_each_language(language: str) -> None:
    for verb in LANGUAGES[language].wrote.split("|"):
        text = f"Yes, please.\n\n1.6.2026 10:12 Lena Ott <l@our-outreach.example> {verb}:\n\nold words"
        assert strip_text(text).text == "Yes, please.", verb


@pytest.mark.parametrize(
    "text",
    [
        "Lena, on 1 June 2026 you asked for this list:\n40 boxes\n60 bags",
        "Yes.\n\nPS: call before ten",
        "Look at this:\n>>> only today <<<\nand tell me what it costs",
        "Ship to\n-----\nour house in Leeds.",
        "--\nI answer below my signature, please send the offer to Jim.",
        "Please delete my email address, the recipient of your mail left us, and notify everybody in your company.",
        "Print this and think before you order: does your product harm the environment? Tell me please.",
        "Best regards\nTom Reed\n\nBack on 12.06.2026 - 14.06.2026",
        "Regards\nTom\n\nUw bericht is aangekomen,\nvragen kunt u zenden aan Rink (rink@reed.example)\n\nHenk",
        "I am away.\n\nBest regards\nTom Reed\n\nIn urgent cases: jim@reed.example, +44 113 496 0001",
        "Yes.\n\nBest\nTom Reed\n\nPlease send it to Mill Lane 1, or call\n+44 113 496 0001",
        "Ja.\n\nViele Grüße\nTom Rot\n\nMeine Nummer: +49 40 1234567",
        "Attention: the link in your mail to the external shop does not work, please send a new one.",
    ],
)
def test_words_that_resemble_footers_and_quotations_are_kept(text: str) -> None:
    assert strip_text(text).text == text


def test_words_below_a_signature_and_a_quotation_are_kept() -> None:
    text = "Yes.\n\n-- \nTom Reed\n\n> And when?\n\nOn Friday.\n"
    assert strip_text(text).text == "Yes.\n\nOn Friday."


def test_a_mail_with_a_signature_above_a_quotation_has_no_words_of_its_own() -> None:
    text = "Sent from my iPhone\n\nOn 1 Jun 2026 10:12, Lena <l@our-outreach.example> wrote:\n> old words"
    assert strip_text(text) == OwnWords("", quoted_alone=True)


def test_soft_breaks_are_joined_within_one_depth_of_quotation() -> None:
    text = "> a quoted \n> line\nan own \n line \n> and a quoted one\n-- \nTom"
    assert unflow(text) == "> a quoted line\nan own line \n> and a quoted one\n-- \nTom"
    assert unflow("in  \n side", delete_space=True) == "in side"
    assert unflow("in  \n the Donau \ndampf", delete_space=True) == "in the Donaudampf"
    assert unflow("there \nis", delete_space=True) == "there is"


@pytest.mark.parametrize("tag", ["blockquote", "div", "pre", "dl", "center"])
def test_elements_nested_without_end_are_read_without_building_a_tree(
    tag: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(html, "LexborHTMLParser")
    assert html.own_text("Yes" + f"<{tag}>" * 2_000 + "old words" + f"</{tag}>" * 2_000).split() == [
        "Yes",
        "old",
        "words",
    ]
    assert html.to_text(f"<{tag}>" * 5_000 + "x") == "x"


def test_an_answer_typed_into_the_signature_of_html_mail_is_kept() -> None:
    quote = '<blockquote type="cite">old words</blockquote>'
    signature = '<div class="gmail_signature">{}</div>'
    answer = letter(signature.format("Please send the offer to Jim.") + quote, content_type="text/html")
    assert own_words(parse(answer)).text == "Please send the offer to Jim."
    nothing = letter(signature.format("Tom Reed<br>Leeds") + quote, content_type="text/html")
    assert own_words(parse(nothing)) == OwnWords("", quoted_alone=True)


def test_flowed_lines_are_joined_in_a_part_of_a_multipart_too() -> None:
    raw = letter(
        "--b\nContent-Type: text/plain; charset=utf-8; format=flowed\n\nYes, we would like \nto see it.\n--b\n"
        "Content-Type: text/html\n\n<p>Yes, we would like to see it.</p>\n--b--\n",
        content_type="multipart/alternative; boundary=b",
    )
    assert own_words(parse(raw)).text == "Yes, we would like to see it."


def test_what_html_hides_is_nobodys_words() -> None:
    hidden = '<div style="display:none">preview<span style="color:red;display: none">of it</span></div>'
    assert html.own_text(f"{hidden}<p>Yes, please</p>") == "Yes, please"
    assert html.to_text("<p>Yes</p><p style='display:none'>stop</p>") == "Yes"


@pytest.mark.parametrize("source", ["", "<!-- nothing -->", "<frameset></frameset>"])
def test_html_without_a_body_holds_no_words(source: str) -> None:
    assert (html.to_text(source), html.own_text(source)) == ("", "")


def test_a_text_may_end_with_a_soft_break() -> None:
    assert unflow("Yes, \nplease ") == "Yes, please "
    assert unflow("> old \n> words \nYes, \nplease ") == "> old words \nYes, please "


@pytest.mark.parametrize("below", ["> old words", "old words"])
def test_a_date_and_an_address_without_a_verb_introduce_a_quoted_mail(below: str) -> None:
    text = f"Yes, please.\n\n2026-06-01 10:12 GMT+02:00 Lena Ott <l@our-outreach.example>\n\n{below}"
    assert strip_text(text) == OwnWords("Yes, please.")


def test_an_excuse_of_a_phone_is_cut_and_a_question_is_not() -> None:
    assert strip_text("No thanks\n\nPlease excuse typos and brevity").text == "No thanks"
    assert strip_text("No thanks\n\nPlease excuse me, who are you?").text.endswith("who are you?")


def test_a_postscript_below_a_signature_is_kept() -> None:
    own = strip_text("No thanks\n\n-- \nTom Reed\nReed Ltd\n\nPS: call me on Friday\nor on Monday").text
    assert own == "No thanks\n\nPS: call me on Friday\nor on Monday"


def test_a_legal_footer_in_short_lines_is_cut_as_a_whole() -> None:
    footer = (
        "This e-mail and its files\nare confidential and only for\nthe intended recipient, so\n"
        "please delete it otherwise."
    )
    assert strip_text(f"Yes, please.\n\n{footer}").text == "Yes, please."
