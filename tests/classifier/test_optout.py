from __future__ import annotations

import pytest

from classifier.verdict import AutoResponse, OptOut, Reply
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
    "They told me to write to you to get off the list.",
    "Someone please take me off this list.",
    "Go to hell.\nunsubscribe",
    "They are spam, unsubscribe now.",
    "You people stop emailing this address.",
    "You people need to stop sending spam.",
    "Could someone take this address off your list?",
    "Somebody must take me off this list.",
    "How does someone get off this list?",
    "They must get off the list, all three of them.",
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
    "All unsubscribe messages go to the robot, he says.",
    "Somebody forgot to sign off the list before the office was closed.",
    "If they were really trying to get off the list they would find the link.",
    "To leave, put this line in the body of your mail:\nunsubscribe bell-ringers",
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


DENIED = [
    "I never asked you to stop emailing me. Please continue.",
    "I did not say that you should stop writing to me.",
    "I never said I want to be removed from your list.",
    "I'm not asking you to remove me from your list.",
    "Nobody asked you to stop emailing me.",
    "I don't want you to ever stop emailing me.",
    "I never told your colleague to take me off the list.",
    "I didn't mean that you should remove me from your list.",
    "I do not want you to take me off your mailing list.",
    "I don't think you should stop emailing me.",
    "Ich habe nie gesagt, dass Sie mich aus dem Verteiler nehmen sollen.",
    "Ich habe nie darum gebeten, mich aus dem Verteiler zu nehmen.",
    "Ich wollte nicht, dass Sie mich aus dem Verteiler nehmen.",
    "Ich will nicht, dass Sie mich aus Ihrer Liste streichen.",
    "Je n'ai jamais demandé de me désinscrire.",
    "Je ne vous ai pas dit de me retirer de la liste.",
    "Je n'ai jamais dit que vous deviez me retirer.",
    "Nunca pedí que me dieran de baja.",
    "No he dicho que quiera darme de baja.",
    "No quiero que me den de baja.",
]


@pytest.mark.parametrize("text", DENIED)
def test_what_somebody_says_they_did_not_ask_is_no_request(text: str) -> None:
    assert isinstance(judged(letter(text)), Reply)


DENYING_SOMETHING_ELSE = [
    "I do not want these emails, please stop emailing me",
    "don't you get it? remove me",
    "Why don't you take me off your list?",
    "I never asked to be on your list and I want you to stop emailing me.",
    "I never asked for this so stop emailing me.",
    "I never asked for this stop emailing me",
    "I didn't ask to get this, remove me.",
    "I did not request this mail please remove me from your list.",
    "I have not asked for your mails and want to be removed from your list.",
    "You never asked me so stop sending me emails",
    "I never told you my address, stop emailing me",
    "I don't think you understand stop emailing me",
    "I never said yes to this, stop contacting me",
    "Ich habe nie darum gebeten, bitte nehmen Sie mich aus dem Verteiler.",
    "Ich habe das nie verlangt, nehmen Sie mich aus dem Verteiler.",
    "Ich will nicht, dass Sie mir schreiben, nehmen Sie mich aus dem Verteiler.",
    "Je n'ai jamais demandé vos mails merci de me désinscrire.",
    "Je n'ai rien demandé, retirez-moi de votre liste.",
    "Nunca pedí sus correos, denme de baja.",
    "No quiero sus correos, por favor denme de baja.",
]


@pytest.mark.parametrize("text", DENYING_SOMETHING_ELSE)
def test_a_request_stays_one_whatever_else_is_denied(text: str) -> None:
    assert isinstance(judged(letter(text)), OptOut)


BY_PROGRAM = [
    ("unsubscribe", "This message was automatically generated by Gmail.", {}),
    ("unsubscribe", "This is an automatically generated message.", {"Auto_Submitted": "auto-generated"}),
    ("Unsubscribe", "Diese Nachricht wurde automatisch erstellt.", {"Auto_Submitted": "auto-generated"}),
    ("unsubscribe", "unsubscribe", {"Auto_Submitted": "auto-generated"}),
    ("Désinscription", "", {"Auto_Submitted": "auto-generated"}),
    ("abmelden", "", {"Auto_Submitted": "auto-generated"}),
]


@pytest.mark.parametrize(("subject", "text", "fields"), BY_PROGRAM)
def test_a_mail_program_asks_by_the_subject(subject: str, text: str, fields: dict[str, str]) -> None:
    assert isinstance(judged(letter(text, subject=subject, **fields)), OptOut)


@pytest.mark.parametrize(
    ("subject", "text", "fields"),
    [
        ("Re: unsubscribe", "This message was automatically generated by Gmail.", {}),
        ("basta", "I am away until Monday.", {"Auto_Submitted": "auto-replied"}),
        ("Unsubscribe", "", {"List_Unsubscribe": "<mailto:leave@news.example>"}),
    ],
)
def test_such_a_subject_is_no_request_where_it_answers_announces_or_advertises(
    subject: str, text: str, fields: dict[str, str]
) -> None:
    assert not isinstance(judged(letter(text, subject=subject, **fields)), OptOut)


OF_ITS_ADDRESS = [
    "This mailbox is not monitored. Please do not write to this address.",
    "Please don't message me here, use Slack.",
    "Please do not contact me at this address. Use sue@new.example instead.",
    "Do not send any more mail to this address; it is no longer in use.",
    "I no longer read this account, please stop writing to this address and use tom@new.example.",
    "Bitte kontaktieren Sie mich nicht mehr über diese Adresse, sondern unter tom@neu.example.",
    "Dieses Postfach wird nicht mehr gelesen. Bitte schreiben Sie mir nicht mehr hier.",
    "Bitte keine weiteren E-Mails an diese Adresse, sie ist nicht mehr gültig.",
    "Merci de ne plus m'écrire à cette adresse, elle n'est plus consultée.",
    "Veuillez ne plus me contacter ici : nouvelle adresse tom@nouveau.example.",
    "Por favor, no me escriban más a esta dirección. Mi nueva dirección es tom@nuevo.example.",
    "No me contacten más por aquí, usen tom@nuevo.example.",
]


@pytest.mark.parametrize("text", OF_ITS_ADDRESS)
def test_a_machine_that_sends_us_elsewhere_asks_for_no_end(text: str) -> None:
    assert isinstance(judged(letter(text, Auto_Submitted="auto-replied")), AutoResponse)


BY_MACHINE = [
    "Please remove us from your list.",
    "Please stop sending us advertising.",
    "Please stop emailing us.",
    "Do not contact us again. Here at Customer we buy nothing.",
    "Please stop contacting us at this address.",
    "This mailbox is not monitored. Please remove us from your mailing list.",
    "Please do not send marketing to this address, it is not monitored.",
    "Please don't contact me here again, use the portal, and remove me from your list.",
    "Bitte nehmen Sie uns aus Ihrem Verteiler.",
    "Bitte keine weiteren Werbemails an diese Adresse, sie wird nicht gelesen.",
    "Merci de nous retirer de votre liste.",
    "Veuillez ne plus nous contacter.",
    "Por favor, no nos escriban más.",
]


@pytest.mark.parametrize("text", BY_MACHINE)
def test_a_machine_that_asks_for_an_end_is_an_opt_out_to_look_at(text: str) -> None:
    verdict = judged(letter(text, Auto_Submitted="auto-replied"))
    assert isinstance(verdict, OptOut)
    assert verdict.by_machine
