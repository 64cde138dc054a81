"""Judging: equal to what was trained, sure only where it may be, and with its reasons."""

import time
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from classifier.artifact import LABELS, Artifact, Stage, Thresholds, load_default
from classifier.estimator import ReplyClassifier
from classifier.features import LONGEST, document, normalise, pieces, tokens, word_terms
from classifier.meaning import SIZE, Encode, meanings
from classifier.replies import TrainedJudge
from classifier.train import read_corpus, train
from classifier.vectors import Listed, Vectoriser
from classifier.verdict import ReplyClass

SHIPPED = TrainedJudge(load_default(), meanings)


def meant(texts: Sequence[str]) -> NDArray[np.float32]:
    return np.tile(np.eye(1, SIZE, dtype=np.float32), (len(texts), 1))


def one_word_judge(
    word: str,
    weights: dict[ReplyClass, float],
    *,
    sure: float = 0.6,
    hold: float = 0.2,
    second: Stage | None = None,
    encode: Encode | None = meant,
) -> TrainedJudge:
    """A judge that knows a single word and gives the classes these probabilities when it sees it."""
    one = np.ones(1, dtype=np.float32)
    return TrainedJudge(
        Artifact(
            version="one",
            vectoriser=Vectoriser(Listed([word]), Listed(["zzz"]), one, one),
            first=Stage(
                coefficients=np.array([logarithms(weights), [0.0] * 6], dtype=np.float32),
                intercepts=np.zeros(6, dtype=np.float32),
                sharpness=1.0,
            ),
            second=second,
            ask_below=0.7,
            thresholds=Thresholds(dict.fromkeys(LABELS, sure), hold),
        ),
        meanings=encode,
    )


def logarithms(weights: dict[ReplyClass, float]) -> list[float]:
    return [float(np.log(max(weights.get(ReplyClass(label), 0.0), 1e-9))) for label in LABELS]


def by_meaning(weights: dict[ReplyClass, float]) -> Stage:
    """A second stage that sees nothing but the first number of a meaning."""
    coefficients = np.zeros((2 + SIZE, 6), dtype=np.float32)
    coefficients[2] = logarithms(weights)
    return Stage(coefficients=coefficients, intercepts=np.zeros(6, dtype=np.float32), sharpness=1.0)


@pytest.mark.parametrize("meaning", [False, True])
def test_the_artifact_judges_as_the_trained_estimator_does(*, meaning: bool) -> None:
    rows = read_corpus()[::24]
    learner = ReplyClassifier(meaning=meaning)
    judge = TrainedJudge(train(rows, version="v1", learner=learner).artifact, meanings)
    unseen = read_corpus()[1::60]
    expected = learner.predict_proba([document(row.subject, row.text) for row in unseen])
    found = judge.judge_many([(row.subject, row.text, row.language) for row in unseen])
    actual = [[reply.probabilities[label] for label in learner.classes_] for reply in found]
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_who_is_unsure_asks_for_the_meaning() -> None:
    second = by_meaning({ReplyClass.INTERESTED: 0.9, ReplyClass.ENGAGED: 0.1})
    judge = one_word_judge("hm", {ReplyClass.ENGAGED: 0.5, ReplyClass.NOT_INTERESTED: 0.5}, second=second)
    reply = judge.judge("", "hm", "en")
    assert (reply.reply_class, reply.confidence) == (ReplyClass.INTERESTED, pytest.approx(0.9))
    assert reply.evidence[0].because.endswith("the meaning of the whole")


def test_who_has_nobody_to_ask_is_not_sure_of_what_would_be_asked_about() -> None:
    second = by_meaning({ReplyClass.INTERESTED: 1.0})
    nearly = {ReplyClass.ENGAGED: 0.65, ReplyClass.INTERESTED: 0.35}
    alone = one_word_judge("hm", nearly, second=second, encode=None).judge("", "hm", "en")
    assert (alone.reply_class, alone.sure) == (ReplyClass.ENGAGED, False)
    never_asked = one_word_judge("hm", nearly, second=None, encode=None).judge("", "hm", "en")
    assert (never_asked.reply_class, never_asked.sure) == (ReplyClass.ENGAGED, True)
    clearly = {ReplyClass.ENGAGED: 0.75, ReplyClass.INTERESTED: 0.25}
    assert one_word_judge("hm", clearly, second=second, encode=None).judge("", "hm", "en").sure


def test_who_has_nobody_to_ask_holds_what_may_be_an_opt_out_all_the_same() -> None:
    second = by_meaning({ReplyClass.ENGAGED: 1.0})
    perhaps = {ReplyClass.UNSUBSCRIBED: 0.65, ReplyClass.ENGAGED: 0.35}
    alone = one_word_judge("hm", perhaps, second=second, encode=None).judge("", "hm", "en")
    assert (alone.sure, alone.hold) == (False, True)
    faintly = {ReplyClass.UNSUBSCRIBED: 0.15, ReplyClass.ENGAGED: 0.85}
    assert one_word_judge("hm", faintly, second=second, encode=None).judge("", "hm", "en").hold
    assert not one_word_judge("hm", faintly, second=None, encode=None).judge("", "hm", "en").hold


def test_who_is_sure_does_not_ask() -> None:
    second = by_meaning({ReplyClass.INTERESTED: 0.9, ReplyClass.ENGAGED: 0.1})
    judge = one_word_judge("no", {ReplyClass.NOT_INTERESTED: 0.9, ReplyClass.ENGAGED: 0.1}, second=second)
    assert judge.judge("", "no", "en").reply_class is ReplyClass.NOT_INTERESTED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Please take me off your list.", ReplyClass.UNSUBSCRIBED),
        ("Bitte nehmen Sie mich aus dem Verteiler.", ReplyClass.UNSUBSCRIBED),
        ("I am out of the office until Monday.", ReplyClass.OUT_OF_OFFICE),
        ("Your ticket has been created, our support team will answer soon.", ReplyClass.AUTO_RESPONSE),
        ("Sounds good, can we talk on Tuesday at 10?", ReplyClass.INTERESTED),
        ("No thanks, we already have a supplier.", ReplyClass.NOT_INTERESTED),
        ("Please find attached the minutes of the meeting.", ReplyClass.ENGAGED),
    ],
)
def test_the_shipped_artifact_tells_plain_cases(text: str, expected: ReplyClass) -> None:
    reply = SHIPPED.judge("Re: a question", text, "en")
    assert reply.reply_class is expected
    assert reply.artifact == SHIPPED.version
    assert (reply.visible_text, reply.language) == (text, "en")


def test_judging_many_equals_judging_one_by_one() -> None:
    asked = [("Re: hello", "Yes please", "en"), ("", "", None), ("Abwesend", "bis Montag", "de")]
    together, alone = SHIPPED.judge_many(asked), [SHIPPED.judge(*reply) for reply in asked]
    for one, other in zip(together, alone, strict=True):
        # The encoder multiplies matrices of another size, which rounds differently.
        assert one.probabilities == pytest.approx(other.probabilities, abs=1e-5)
        assert (one.reply_class, one.sure, one.hold) == (other.reply_class, other.sure, other.hold)


def test_the_deciding_words_are_the_evidence() -> None:
    (evidence,) = SHIPPED.judge("", "please unsubscribe me from this", "en").evidence
    assert evidence.detector == "classifier"
    assert "unsubscribe" in evidence.because


def test_of_terms_that_tell_as_much_single_words_are_named_first() -> None:
    one = np.ones(4, dtype=np.float32)
    likes = logarithms({ReplyClass.INTERESTED: 0.9})
    judge = TrainedJudge(
        Artifact(
            version="one",
            vectoriser=Vectoriser(Listed(["a b", "b", "b c", "c"]), Listed(["zzz"]), one, one[:1]),
            first=Stage(
                coefficients=np.array([*[likes] * 4, [0.0] * 6], dtype=np.float32),
                intercepts=np.zeros(6, dtype=np.float32),
                sharpness=1.0,
            ),
            thresholds=Thresholds(dict.fromkeys(LABELS, 0.6), 0.2),
        )
    )
    assert judge.judge("", "a b c", "en").evidence[0].because == "words: b, c, a b"


def test_placeholders_are_named_as_people_would() -> None:
    judge = one_word_judge("xxdate", {ReplyClass.OUT_OF_OFFICE: 0.9})
    assert judge.judge("", "until 12 May 2025", "en").evidence[0].because == "words: a date"


def test_an_empty_text_is_judged_by_its_subject() -> None:
    assert SHIPPED.judge("Re: Unsubscribe", "  \n", "en").reply_class is ReplyClass.UNSUBSCRIBED


@pytest.mark.parametrize("nothing", ["", "   ", "\n\t", "...", "-- "])
def test_nothing_at_all_is_engaged_with_the_lowest_confidence(nothing: str) -> None:
    reply = SHIPPED.judge("Re: ", nothing, None)
    assert (reply.reply_class, reply.sure, reply.hold) == (ReplyClass.ENGAGED, False, False)
    assert reply.confidence == pytest.approx(1 / 6)


def test_our_own_subject_coming_back_does_not_matter() -> None:
    with_subject = SHIPPED.judge("AW: Re: unsubscribe rates, out of office?", "Yes, let us talk", "en")
    assert with_subject == SHIPPED.judge("", "Yes, let us talk", "en")


def test_a_sure_opt_out_is_not_held() -> None:
    reply = one_word_judge("stop", {ReplyClass.UNSUBSCRIBED: 0.9, ReplyClass.ENGAGED: 0.1}).judge("", "stop", "en")
    assert (reply.reply_class, reply.sure, reply.hold) == (ReplyClass.UNSUBSCRIBED, True, False)


@pytest.mark.parametrize(("likely", "named"), [(0.7, ReplyClass.UNSUBSCRIBED), (0.65, ReplyClass.ENGAGED)])
def test_an_unsure_opt_out_is_held_whatever_it_is_named(likely: float, named: ReplyClass) -> None:
    judge = one_word_judge("stop", {ReplyClass.UNSUBSCRIBED: likely, ReplyClass.ENGAGED: 1 - likely}, sure=0.9)
    reply = judge.judge("", "stop", "en")
    assert (reply.reply_class, reply.sure, reply.hold) == (named, False, True)


def test_what_is_less_likely_than_not_is_engaged_and_says_so() -> None:
    judge = one_word_judge("hm", {ReplyClass.INTERESTED: 0.45, ReplyClass.ENGAGED: 0.2, ReplyClass.OUT_OF_OFFICE: 0.35})
    reply = judge.judge("", "hm", "en")
    assert (reply.reply_class, reply.confidence, reply.sure) == (ReplyClass.ENGAGED, pytest.approx(0.2), False)
    assert reply.evidence[0].because == "nothing likely enough; most of all Interested (45%)"


def test_what_may_be_an_opt_out_is_held_whatever_it_is_called() -> None:
    judge = one_word_judge("stop", {ReplyClass.UNSUBSCRIBED: 0.25, ReplyClass.ENGAGED: 0.75})
    reply = judge.judge("", "stop", "en")
    assert (reply.reply_class, reply.hold) == (ReplyClass.ENGAGED, True)


def test_what_is_hardly_an_opt_out_is_not_held() -> None:
    judge = one_word_judge("hi", {ReplyClass.UNSUBSCRIBED: 0.05, ReplyClass.ENGAGED: 0.95})
    assert not judge.judge("", "hi", "en").hold


@settings(max_examples=200)
@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_gets_a_class_and_probabilities_that_sum_to_one(subject: str, text: str) -> None:
    reply = SHIPPED.judge(subject, text, None)
    assert sum(reply.probabilities.values()) == pytest.approx(1)
    assert reply.confidence == reply.probabilities[reply.reply_class]
    assert reply.reply_class is ReplyClass.ENGAGED or reply.confidence >= 0.5


@given(st.text(max_size=300))
def test_the_normal_form_is_stable_for_the_words_counted(text: str) -> None:
    normal = normalise(text)
    assert normal == " ".join(normal.split())
    assert tokens(normal) == [term for term in word_terms(tokens(normal)) if " " not in term]


def test_letters_quotes_and_numbers_take_one_form() -> None:
    assert normalise("DON\u2019T  \uff25mail\nme") == normalise("don't email me")
    assert normalise("désinscrire ÜBER") == "desinscrire uber"
    assert (
        normalise("back on 12 May 2025 at 10:30, see https://x.example/a?b=1") == "back on xxdate at xxtime , see xxurl"
    )
    assert normalise("zurück am 04.08. um 9 Uhr") == "zuruck am xxdate um xxtime"
    assert normalise("write to jo@example.com or 12 seats") == "write to xxaddress or xxnumber seats"


def test_negations_and_questions_survive() -> None:
    assert tokens(normalise("I don't. Why? No!")) == ["i", "don't", "why", "?", "no", "!"]
    assert {" no", " no ", "no "} & set(pieces("no"))


@pytest.mark.parametrize("long", ["a" * 10**6, "a@" * 10**5, "1." * 10**5, "1 " * 10**5, "re:" * 10**5, "'" * 10**6])
def test_an_endless_text_is_judged_in_no_time(long: str) -> None:
    begun = time.perf_counter()
    SHIPPED.judge(long, long, "en")
    assert time.perf_counter() - begun < 2
    assert len(normalise("b" * 10**6)) == LONGEST
