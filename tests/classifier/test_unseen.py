"""What an artifact says of replies it has not seen, and what follows: the gate, doubtful labels, figures, drift."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from classifier.artifact import LABELS, Artifact, HeldOut, load_default, short_key
from classifier.drift import FEWEST, TooFewError, drift
from classifier.estimator import ReplyClassifier
from classifier.evaluation import evaluate
from classifier.gate import FEWEST_OPT_OUTS, Check, compare
from classifier.heard import Heard, hear
from classifier.labelled import CORPUS, LabelledReply, LabelledReplyError, read_corpus, read_rows
from classifier.replies import TrainedJudge
from classifier.train import hear_all, train
from classifier.unseen import known, self_confidence, unseen
from classifier.verdict import ReplyClass

SOME = read_corpus()[::8]
ROWS = hear_all(SOME)
FLOOR = 0.5


def learnt(rows: list[LabelledReply], version: str = "v1", **choices: object) -> Artifact:
    return train(rows, version=version, learner=ReplyClassifier(**choices)).artifact


@pytest.fixture(scope="module")
def artifact() -> Artifact:
    return learnt(SOME)


def wrong(row: LabelledReply) -> LabelledReply:
    return replace(row, label=tuple(ReplyClass)[(tuple(ReplyClass).index(row.label) + 1) % 6])


def test_of_a_reply_it_learnt_from_counts_what_was_said_while_it_was_held_out(artifact: Artifact) -> None:
    left = [each for each in ROWS if each.by_rule is None]
    found = unseen(artifact, left)
    direct = TrainedJudge(artifact).shares([each.document for each in left])
    at = {key: place for place, key in enumerate(artifact.held_out.shown.tolist())}
    held = np.array([artifact.held_out.shares[at[short_key(each.document)]] for each in left])
    human = [not each.by_machine for each in left]
    np.testing.assert_allclose(found[human], held[human], rtol=1e-6)
    truth = [LABELS.index(each.row.label) for each in left]
    # Who has seen a reply knows its class; whoever has not is right less often.
    assert (direct.argmax(axis=1) == truth).mean() > (found.argmax(axis=1) == truth).mean() + 0.1


def test_of_a_reply_it_never_saw_the_artifact_speaks_for_itself(artifact: Artifact) -> None:
    new = hear(LabelledReply(id="x", language="en", subject="", text="Which colours?", label=ReplyClass.ENGAGED))
    assert new.by_rule is None
    np.testing.assert_allclose(unseen(artifact, [new])[0], TrainedJudge(artifact).shares([new.document])[0])


def test_of_a_reply_it_learnt_from_without_a_test_nothing_is_said() -> None:
    artifact = learnt(SOME, stream_from=100, hash_from=10**9)
    left = [each for each in ROWS if each.by_rule is None]
    told = known(unseen(artifact, left))
    assert 0 < told.sum() < len(left) / 4
    assert evaluate(artifact, ROWS).left_out == len(left) - told.sum()


def test_what_a_rule_decides_is_asked_of_no_artifact(artifact: Artifact) -> None:
    ruled = [each for each in ROWS if each.by_rule is not None]
    assert known(unseen(artifact, ruled)).all()
    with pytest.raises(LabelledReplyError, match="none is left to judge artifact v1 by"):
        evaluate(artifact, ruled)


def test_wrong_labels_are_the_doubtful_ones() -> None:
    random = np.random.default_rng(1)
    flipped = set(random.permutation(len(SOME))[: len(SOME) // 20].tolist())
    given = [wrong(row) if at in flipped else row for at, row in enumerate(SOME)]
    rows = hear_all(given)
    ids = {SOME[at].id for at in flipped}
    confidence = self_confidence(rows, unseen(learnt(given), rows))
    worst = np.argsort(confidence, kind="stable")[: len(rows) // 5]
    assert sum(rows[at].row.id in ids for at in worst) / len(flipped) > 0.6


def test_a_label_against_a_rule_is_the_most_doubtful(artifact: Artifact) -> None:
    ruled = next(each for each in ROWS if each.by_rule is not None and each.by_rule is each.row.label)
    rows = [ruled, replace(ruled, row=wrong(ruled.row))]
    assert self_confidence(rows, unseen(artifact, rows)).tolist() == [1, 0]


def checks(now: Artifact, candidate: Artifact, rows: list[Heard] = ROWS, floor: float = FLOOR) -> dict[str, Check]:
    return {check.what: check for check in compare(rows, "replies", now, candidate, floor=floor)}


def test_an_artifact_is_as_good_as_itself(artifact: Artifact) -> None:
    found = checks(artifact, artifact)
    assert all(check.passed for check in found.values())
    assert found["macro-F1"].before == found["macro-F1"].after == pytest.approx(found["macro-F1"].limit)


def test_an_artifact_that_learnt_wrong_labels_is_refused(artifact: Artifact) -> None:
    spoilt = learnt([wrong(row) if number % 3 else row for number, row in enumerate(SOME)])
    found = checks(artifact, spoilt)
    assert not found["macro-F1"].passed
    assert not found["cost of a reply"].passed
    assert str(found["macro-F1"]).startswith("FAILS   macro-F1 0.")
    assert all(
        check.passed for what, check in checks(spoilt, artifact).items() if what != "opt-outs recognised or held"
    )


def test_where_what_serves_misses_the_floor_of_the_opt_outs_a_candidate_may_not_keep_fewer(artifact: Artifact) -> None:
    asked = "opt-outs recognised or held"
    careless = replace(artifact, thresholds=replace(artifact.thresholds, hold=0.9))
    assert checks(artifact, careless, floor=0.01)[asked].passed
    found = checks(artifact, careless, floor=0.999)[asked]
    assert (found.passed, found.limit < found.before) == (False, True)
    assert checks(careless, artifact, floor=0.999)[asked].passed


def test_a_handful_of_opt_outs_says_nothing(artifact: Artifact) -> None:
    asked = [each for each in ROWS if each.row.label is ReplyClass.UNSUBSCRIBED]
    few = [each for each in ROWS if each.row.label is not ReplyClass.UNSUBSCRIBED] + asked[: FEWEST_OPT_OUTS - 1]
    assert "opt-outs recognised or held" not in checks(artifact, artifact, few, floor=1.0)
    assert "opt-outs recognised or held" in checks(artifact, artifact, [*few, *asked[-1:]], floor=1.0)


def test_without_any_reply_both_can_be_asked_about_nothing_is_checked(artifact: Artifact) -> None:
    seen_whole = replace(artifact, held_out=HeldOut(shown=artifact.held_out.shown))
    left = [each for each in ROWS if each.by_rule is None]
    assert compare(left, "replies", artifact, seen_whole, floor=FLOOR) == []


def test_the_figures_of_an_artifact_are_those_it_was_trained_with() -> None:
    shipped = load_default()
    found = evaluate(shipped, hear_all(read_corpus()))
    assert found.report.macro_f1 == shipped.metrics["macro_f1"]
    assert found.report.cost == pytest.approx(shipped.metrics["cost"], abs=2e-4)
    assert [count for count, _ in found.learning] == sorted(count for count, _ in found.learning)
    assert found.learning[-1][1] > found.learning[0][1] + 0.05
    holds = [each.kept for each in found.thresholds]
    assert holds == sorted(holds, reverse=True)
    assert sum(each.rows for each in found.report.bins) == found.report.rows - found.report.by_rules


LETTERS, TERSE = (
    [hear(row).document for row in read_rows(CORPUS / f"{name}.jsonl")] for name in ("en-letters", "en-terse")
)


def test_another_style_is_a_change_and_its_words_are_told() -> None:
    found = drift(LETTERS, TERSE)
    assert found.changed
    assert found.auc > 0.8
    assert len(found.words) > 5


def test_mail_of_one_style_is_no_change() -> None:
    found = drift(LETTERS[::2], LETTERS[1::2])
    assert not found.changed
    assert found.words == ()


def test_the_same_text_on_one_side_is_no_sign_of_change() -> None:
    # Learnt from in one fold and recognised in another it would look like one.
    pairs = [f"{text} {extra}" for text in LETTERS[:200] for extra in ("", "!")]
    assert not drift(pairs[:200], pairs[200:]).changed


def test_too_little_mail_is_not_compared() -> None:
    with pytest.raises(TooFewError, match=f"99 older and 300 newer replies are too few.*{FEWEST}"):
        drift(LETTERS[:99], TERSE[:300])


def test_mail_that_always_says_the_same_is_not_compared() -> None:
    with pytest.raises(TooFewError, match="only 1 of one side differ"):
        drift(LETTERS, ["we are closed today"] * 300)
