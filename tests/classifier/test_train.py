"""Training: honest figures, the same bytes for the same rows, clear words where rows are wrong."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.utils.estimator_checks import check_estimator

from classifier import thresholds
from classifier import train as module
from classifier.artifact import LABELS, Thresholds, load, pack, save
from classifier.estimator import ReplyClassifier
from classifier.features import document
from classifier.labelled import LabelledReply, LabelledReplyError, read_rows
from classifier.meaning import meanings
from classifier.replies import TrainedJudge
from classifier.train import describe, read_corpus, train
from classifier.verdict import ReplyClass

NAMES = ["Ada of the garage", "the reading room", "our night shift", "Ben", "the orchard people", "a tired nurse"]
SOME = read_corpus()[::20]


def row(number: int, text: str, label: ReplyClass) -> LabelledReply:
    return LabelledReply(id=f"r{number}", language="en", subject="", text=text, label=label)


def alike() -> Iterator[LabelledReply]:
    """Rows of which every class has many, but all of one class say the same."""
    for number in range(60):
        label = tuple(ReplyClass)[number % 6]
        yield row(number, f"{label}!" if number % 2 else str(label), label)


def test_the_same_rows_in_any_order_give_the_same_bytes() -> None:
    forward, backward = train(SOME, version="v1"), train(SOME[::-1], version="v1")
    assert pack(forward.artifact) == pack(backward.artifact)
    assert forward.report == backward.report


def test_other_rows_give_another_data_hash() -> None:
    one, other = train(SOME, version="v1"), train(SOME[:-1], version="v1")
    assert one.artifact.data["sha256"] != other.artifact.data["sha256"]


def test_the_report_counts_what_was_learnt_from() -> None:
    report = train(SOME, version="v1").report
    assert report.rows == sum(figures.rows for figures in report.classes.values()) == len(SOME)
    assert set(report.classes) == set(LABELS)
    assert {row.language for row in SOME} == set(report.languages)


def test_near_duplicates_do_not_stand_on_both_sides_of_a_split() -> None:
    with pytest.raises(LabelledReplyError, match=r"Engaged has 1"):
        train(list(alike()), version="v1")


def test_a_class_without_enough_replies_is_named_with_the_next_step() -> None:
    few = [found for found in SOME if found.label is not ReplyClass.INTERESTED]
    with pytest.raises(LabelledReplyError, match=r"5 different replies; Interested has 0\. Label"):
        train(few, version="v1")


def test_rows_without_any_words_are_left_out() -> None:
    empty = row(1, " \n ", ReplyClass.ENGAGED)
    assert train([*SOME, empty], version="v1").report == train(SOME, version="v1").report


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", r"rows\.jsonl, row 2: not JSON"),
        ("[]", r"row 2: not a JSON object"),
        ('{"id": "2", "text": "Yes", "class": "Keen"}', r"row 2: the class 'Keen' is none of Engaged, "),
        ('{"id": "2", "text": "Yes"}', r"row 2: the class None is none of"),
        ('{"id": "2", "class": "Engaged"}', r"row 2: 'text' must be a text, not None"),
        ('{"id": 2, "text": "Yes", "class": "Engaged"}', r"row 2: 'id' must be a text, not 2"),
        ('{"id": "1", "text": "Yes", "class": "Engaged"}', r"the id '1' occurs twice"),
    ],
)
def test_a_wrong_row_is_named_with_its_file_and_number(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "1", "text": "No", "class": "Not Interested"}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(LabelledReplyError, match=message):
        read_rows(path)


def test_a_row_may_hold_line_separators_and_leave_out_what_is_optional(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    text = "First\u2028second"
    path.write_text(
        json.dumps({"id": "1", "subject": None, "text": text, "class": "Engaged"}, ensure_ascii=False) + "\n\n",
        encoding="utf-8",
    )
    (found,) = read_rows(path)
    assert (found.text, found.subject, found.hard, found.label) == (text, "", False, ReplyClass.ENGAGED)


@pytest.mark.parametrize("hash_from", [100, 10**9], ids=["hashed", "listed"])
def test_many_rows_are_learnt_in_chunks_and_tested_on_a_tenth(hash_from: int, tmp_path: Path) -> None:
    rows = read_corpus()[::6]
    learner = ReplyClassifier(meaning=True, stream_from=100, hash_from=hash_from)
    training = train(rows, version="many", learner=learner)
    assert len(learner.unseen_) < len(rows) / 5
    assert training.report.learner_macro_f1 > 0.2  # Always the commonest class: 0.08.
    assert training.artifact.second is None
    assert pack(training.artifact) == pack(train(rows[::-1], version="many", learner=clone(learner)).artifact)
    save(training.artifact, tmp_path / "many")
    judge = TrainedJudge(load(tmp_path / "many"))
    expected = learner.predict_proba([document(row.subject, row.text) for row in rows[:50]])
    found = judge.judge_many([(row.subject, row.text, None) for row in rows[:50]])
    actual = [[reply.probabilities[label] for label in learner.classes_] for reply in found]
    np.testing.assert_allclose(actual, expected, atol=1e-5)
    assert judge.judge("", "no thanks", "en").evidence[0].because.startswith(("words: ", "nothing"))


def test_many_rows_are_heard_in_many_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = train(SOME, version="v1", learner=ReplyClassifier())
    monkeypatch.setattr(module, "_MANY", 10)
    assert pack(train(SOME, version="v1", learner=ReplyClassifier()).artifact) == pack(alone.artifact)


def test_a_class_that_rules_always_recognise_is_learnt_all_the_same() -> None:
    asked = [row(n, f"Please take me off your list, {name}.", ReplyClass.UNSUBSCRIBED) for n, name in enumerate(NAMES)]
    rows = [*(each for each in SOME if each.label is not ReplyClass.UNSUBSCRIBED), *asked]
    report = train(rows, version="v1", learner=ReplyClassifier()).report
    assert report.classes["Unsubscribed"].rows == len(asked)


def test_the_card_tells_what_it_learnt_from_and_how_well_it_does() -> None:
    training = train(SOME, version="spring", learner=ReplyClassifier())
    card = training.artifact.card
    assert card.startswith("# Reply classifier spring\n")
    for words in (
        f"{len(SOME)} labelled replies",
        training.artifact.data["sha256"][:16],
        f"| macro-F1, rules and learner together | {training.report.macro_f1} |",
        f"| opt-outs recognised or held | {training.report.opt_outs_kept} |",
        f"| Unsubscribed | {training.report.thresholds.sure['Unsubscribed']} |",
    ):
        assert words in card


def test_the_estimator_keeps_the_contract_of_scikit_learn() -> None:
    # The checks that need tables of numbers are skipped by scikit-learn itself, with this warning.
    with pytest.warns(SkipTestWarning, match="Can't test estimator ReplyClassifier"):
        check_estimator(ReplyClassifier())


def test_the_estimator_learns_says_what_it_learnt_and_can_be_cloned() -> None:
    learner = ReplyClassifier(C=1.0, folds=3)
    with pytest.raises(NotFittedError):
        learner.predict(["yes"])
    texts = [f"{word} {number}" for word in ("yes please", "no thanks") for number in "abcdef"]
    answers = ["good"] * 6 + ["bad"] * 6
    fitted = clone(learner).fit(texts, answers)
    assert list(fitted.classes_) == ["bad", "good"]
    assert list(fitted.predict(["yes please", "no thanks"])) == ["good", "bad"]
    assert fitted.predict_proba(texts).sum(axis=1) == pytest.approx(1)
    assert fitted.score(texts, answers) == 1


def opinions(*rows: dict[ReplyClass, float]) -> np.ndarray:
    return np.array([[said.get(ReplyClass(label), 0.0) for label in LABELS] for said in rows])


def test_a_missed_opt_out_costs_more_than_many_reviews() -> None:
    engaged, unsubscribed = LABELS.index(ReplyClass.ENGAGED), LABELS.index(ReplyClass.UNSUBSCRIBED)
    said = opinions(*[{ReplyClass.ENGAGED: 0.7, ReplyClass.UNSUBSCRIBED: 0.3}] * 6)
    chosen = thresholds.choose(said, np.array([unsubscribed] + [engaged] * 5))
    assert chosen.hold <= 0.3
    assert thresholds.cost(said, np.array([unsubscribed] + [engaged] * 5), chosen) == 1.0


def test_the_model_alone_bans_nobody_unless_it_is_nearly_certain() -> None:
    engaged, unsubscribed = LABELS.index(ReplyClass.ENGAGED), LABELS.index(ReplyClass.UNSUBSCRIBED)
    low = {ReplyClass.ENGAGED: 0.4, ReplyClass.UNSUBSCRIBED: 0.6}
    high = {ReplyClass.ENGAGED: 0.1, ReplyClass.UNSUBSCRIBED: 0.9}
    truth = np.array([engaged, unsubscribed, unsubscribed, unsubscribed])
    chosen = thresholds.choose(opinions(low, low, high, high), truth)
    assert chosen.sure[ReplyClass.UNSUBSCRIBED] >= 0.98


def test_what_is_less_likely_than_not_is_never_sure() -> None:
    said = opinions(*[{ReplyClass.ENGAGED: 0.4, ReplyClass.INTERESTED: 0.3, ReplyClass.NOT_INTERESTED: 0.3}] * 5)
    chosen = thresholds.choose(said, np.zeros(5, dtype=np.intp))
    assert chosen.sure[ReplyClass.ENGAGED] >= 0.5
    assert thresholds.reviewed(said, chosen).all()


def test_errors_cost_what_the_page_says() -> None:
    open_door = Thresholds(dict.fromkeys(LABELS, 0.0), 1.0)
    at = {label: LABELS.index(label) for label in ReplyClass}
    said = opinions({ReplyClass.ENGAGED: 1.0}, {ReplyClass.UNSUBSCRIBED: 1.0}, {ReplyClass.INTERESTED: 1.0})
    truth = np.array([at[ReplyClass.UNSUBSCRIBED], at[ReplyClass.ENGAGED], at[ReplyClass.NOT_INTERESTED]])
    assert thresholds.cost(said, truth, open_door) == pytest.approx((10 + 4 + 1) / 3)


def test_judging_does_not_load_the_training_libraries() -> None:
    asked = "import sys, classifier.replies, classifier.artifact; print([m for m in sys.modules if 'sklearn' in m])"
    answer = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "[]"


def test_a_file_of_rows_in_another_encoding_is_named_and_a_mark_at_its_beginning_is_no_matter(tmp_path: Path) -> None:
    line = '{"id": "1", "text": "Grüße", "class": "Engaged"}\n'
    (tmp_path / "marked.jsonl").write_text(line, encoding="utf-8-sig")
    assert [row.text for row in read_rows(tmp_path / "marked.jsonl")] == ["Grüße"]
    (tmp_path / "latin.jsonl").write_text(line, encoding="latin-1")
    with pytest.raises(LabelledReplyError, match=r"latin\.jsonl: not UTF-8 .*; write it anew in that encoding"):
        read_rows(tmp_path / "latin.jsonl")
    (tmp_path / "deep.jsonl").write_text("[" * 100_000, encoding="utf-8")
    with pytest.raises(LabelledReplyError, match=r"deep\.jsonl, row 1: not JSON"):
        read_rows(tmp_path / "deep.jsonl")


def test_a_row_with_half_a_character_can_be_learnt_from(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"id": "1", "text": "Yes \\ud83d", "class": "Engaged"}\n', encoding="utf-8")
    rows = read_rows(path)
    assert [row.text for row in rows] == ["Yes ?"]
    assert describe(rows)["rows"] == 1


def test_a_learner_that_is_given_no_meanings_reads_them_itself() -> None:
    some = [each for label in ReplyClass for each in [row for row in SOME if row.label is label][:12]]
    documents, labels = [document(row.subject, row.text) for row in some], [str(row.label) for row in some]
    given = ReplyClassifier(meaning=True).fit(documents, labels, meant=meanings(documents))
    alone = ReplyClassifier(meaning=True).fit(documents, labels)
    assert np.array_equal(given.out_of_fold_, alone.out_of_fold_)
    assert given.second_ is not None
    assert not np.array_equal(alone.out_of_fold_, ReplyClassifier().fit(documents, labels).out_of_fold_)
