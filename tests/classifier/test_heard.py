"""A labelled row is heard as a message would be: by the rules first, and only its own words go to the learner."""

import numpy as np
import pytest

from classifier.artifact import LABELS
from classifier.heard import hear, possible
from classifier.labelled import LabelledReply
from classifier.verdict import ReplyClass


def row(text: str, subject: str = "") -> LabelledReply:
    return LabelledReply(id="r", language="en", subject=subject, text=text, label=ReplyClass.ENGAGED)


@pytest.mark.parametrize(
    ("subject", "text", "by_rule", "by_machine"),
    [
        ("Re: offer", "Who is this?", None, False),
        ("", "Please take me off your list.", ReplyClass.UNSUBSCRIBED, False),
        ("Automatic reply: offer", "I am out of the office until Monday.", ReplyClass.OUT_OF_OFFICE, False),
        ("Automatic reply: offer", "Shop shut, the kiln is being rebuilt.", None, True),
        ("", "", None, False),
    ],
)
def test_rules_speak_first(subject: str, text: str, by_rule: ReplyClass | None, *, by_machine: bool) -> None:
    heard = hear(row(text, subject))
    assert (heard.by_rule, heard.by_machine) == (by_rule, by_machine)


def test_the_learner_sees_own_words_alone_and_an_own_subject() -> None:
    assert hear(row("Call me\n\nSent from my iPad", "Re: offer")).document == "call me"
    assert hear(row("Call me", "Größe\u00a0der Halle")).document == "grosse der halle call me"


def test_text_that_no_mail_can_carry_is_heard_all_the_same() -> None:
    assert hear(row("yes \ud800 please")).document == "yes ? please"


def test_where_a_machine_wrote_two_classes_are_left() -> None:
    heard = [hear(row("Shop shut, the kiln is being rebuilt.", "Automatic reply: offer")), hear(row("Who is this?"))]
    found = possible(heard, np.full((2, len(LABELS)), 1 / len(LABELS)))
    left = {label for label, share in zip(LABELS, found[0], strict=True) if share}
    assert left == {ReplyClass.AUTO_RESPONSE, ReplyClass.OUT_OF_OFFICE}
    assert np.allclose(found.sum(axis=1), 1)
    assert found[1].min() > 0
