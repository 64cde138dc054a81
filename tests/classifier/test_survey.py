"""The survey shows monotony."""

from classifier.labelled import LabelledReply
from classifier.survey import new_words, survey
from classifier.verdict import ReplyClass


def rows(*texts: str) -> list[LabelledReply]:
    return [
        LabelledReply(id=f"r{at}", language="en", subject="", text=text, label=ReplyClass.ENGAGED, hard=at == 0)
        for at, text in enumerate(texts)
    ]


def test_lengths_openings_and_words_are_counted() -> None:
    seen = survey(rows("Thanks", "Thanks for the plans", "Thanks for your letter and the drawings", "When?"))
    assert (seen.rows, seen.hard, seen.classes) == (4, 1, {"Engaged": 4})
    assert (seen.shortest, seen.middle, seen.longest) == (1, 3, 7)
    assert (seen.words, seen.only_once) == (10, 0.7)
    assert (seen.openings, seen.common_opening) == (0.5, "thanks for (2)")


def test_near_duplicates_are_named() -> None:
    assert survey(rows("Please call me", "please CALL me!", "No")).near_duplicates == (("r0", "r1"),)


def test_new_words_fall_when_rows_repeat_themselves() -> None:
    assert new_words(rows("one two", "three", "one three", "two"), step=2) == [3, 0]
