from __future__ import annotations

import pytest

from classifier.verdict import OptOut, Reply
from tests.classifier.letters import judged, letter

ASKED = [
    "unsubscribe",
    "STOP",
    "Stop.",
    "Unsuscribe please",
    "Please remove me from your list.",
    "Take me off your mailing list, thanks!",
    "Kindly stop emailing me.",
    "Not interested. Do not contact me again.",
    "How do I get off this list?",
    "Please don't send me any more emails.",
    "I wish to be removed from all future mailings.",
    "Cease and desist.",
    "Delete all my personal data under the GDPR.",
    "No more emails please, we have a supplier.",
    "Bitte nehmen Sie mich aus Ihrem Verteiler.",
    "Ich möchte keine weiteren E-Mails von Ihnen erhalten.",
    "Löschen Sie meine Daten.",
    "Kontaktieren Sie mich bitte nicht mehr.",
    "Merci de me désinscrire de votre liste.",
    "Veuillez ne plus me contacter.",
    "Supprimez mon adresse de vos fichiers.",
    "Por favor, denme de baja.",
    "No me escriban más.",
    "Dejen de enviarme correos.",
    "Cancellatemi dalla vostra lista.",
    "Non voglio più ricevere le vostre email.",
    "Por favor, remova-me da lista.",
    "Não quero mais receber seus emails.",
    "Graag uitschrijven.",
    "Stuur me geen mails meer.",
    "Proszę o wypisanie mnie z listy.",
    "Nie życzę sobie takich wiadomości.",
]


@pytest.mark.parametrize("text", ASKED)
def test_a_request_to_stop_is_an_opt_out(text: str) -> None:
    verdict = judged(letter(text))
    assert isinstance(verdict, OptOut)
    assert verdict.evidence[0].because


NOT_ASKED = [
    "Please don't remove me from the list, I like your mails.",
    "I do not want to unsubscribe.",
    "Your unsubscribe link is broken, by the way.",
    "Remove me from the meeting on Friday, but send the slides.",
    "Could you stop by our office?",
    "We can't stop growing, so yes, let us talk.",
    'He wrote "unsubscribe me" and you laughed.',
    "Don't email me before Monday, I am travelling.",
    "Send no more than two pages.",
    "How many people unsubscribe?",
    "Bitte nehmen Sie Kontakt mit meiner Kollegin auf.",
    "Bitte melden Sie sich im Herbst wieder.",
    "Nous ne sommes pas intéressés, mais merci de votre message.",
    "No estamos interesados, gracias.",
    "Geen interesse, bedankt.",
]


@pytest.mark.parametrize("text", NOT_ASKED)
def test_what_only_sounds_like_a_request_is_a_reply(text: str) -> None:
    assert isinstance(judged(letter(text)), Reply)


def test_our_own_footer_quoted_back_is_no_request() -> None:
    text = "Sounds good.\n\nOn 1 Jun 2026 10:12, Lena <l@our-outreach.example> wrote:\n> Reply stop to unsubscribe me\n"
    assert isinstance(judged(letter(text)), Reply)


def test_a_mail_that_only_quotes_ours_is_no_request() -> None:
    assert isinstance(judged(letter("> Please remove me from your list\n> unsubscribe\n")), Reply)


def test_a_newsletter_that_arrives_is_no_request() -> None:
    assert isinstance(judged(letter("News!\n\nUnsubscribe", List_Unsubscribe="<mailto:x@news.example>")), Reply)


def test_a_subject_alone_can_ask() -> None:
    assert isinstance(judged(letter("", subject="Unsubscribe")), OptOut)
    assert isinstance(judged(letter("", subject="Re: unsubscribe")), Reply)


def test_the_request_is_found_below_other_words() -> None:
    text = (
        "Hello Lena,\n\nthanks for the offer, we decided for somebody else.\n" * 20 + "Please take me off your list.\n"
    )
    assert isinstance(judged(letter(text)), OptOut)
