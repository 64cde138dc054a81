from __future__ import annotations

import pytest

from classifier.message import parse
from classifier.words import OwnWords, own_words, strip_text
from tests.classifier.letters import letter

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
