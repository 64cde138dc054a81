"""What was tried for the reply classifier, measured alike: which learner, on which rows, with which features.

    python -m bench.learners [--foreign FILE] [--only NAME ...]

Every approach judges the shipped corpus twice, always replies it has not seen: in five folds that keep near-duplicates
and translations together, and one batch (one file, one writer and brief) at a time by learning from all other batches.
FILE holds replies of other people, JSON lines of {id, subject, text, label}; they are judged after learning from the
whole corpus. Prints a table and writes bench/learners.json.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import sparse
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import StratifiedGroupKFold
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import ComplementNB
from sklearn.svm import LinearSVC

from classifier import thresholds
from classifier.artifact import LABELS
from classifier.estimator import ReplyClassifier, _sharpness, as_matrix
from classifier.heard import Heard, hear
from classifier.labelled import CORPUS, LabelledReply, read_rows
from classifier.likeness import groups, near_duplicates, translations
from classifier.meaning import meanings
from classifier.vectors import learn_terms
from classifier.verdict import ReplyClass

RESULT = Path(__file__).with_suffix(".json")
UNSUBSCRIBED = LABELS.index(ReplyClass.UNSUBSCRIBED)
Learn = Callable[[Sequence[str], Sequence[str]], Callable[[Sequence[str]], np.ndarray]]


@dataclass(frozen=True)
class Approach:
    """A way to learn. Probabilities are (n, classes) in the order of LABELS."""

    learn: Learn
    rules: bool = True
    """Rules decide first, and the learner is shown what they leave."""
    own: str = "document"


def estimator(make: Callable[[], object], *, words: bool = True, pieces: bool = True, meaning: float = 0.0) -> Learn:
    """An estimator of scikit-learn over our weights, calibrated by one temperature on the examples it learnt from."""

    def learn(documents: Sequence[str], labels: Sequence[str]) -> Callable[[Sequence[str]], np.ndarray]:
        vectoriser = learn_terms(documents)

        def numbers(texts: Sequence[str]) -> sparse.csr_matrix:
            found = as_matrix(vectoriser, texts)
            split = len(vectoriser.words)
            blocks = ([found[:, :split]] if words else []) + ([found[:, split:]] if pieces else [])
            if meaning:
                blocks.append(sparse.csr_matrix(meanings(texts) * meaning))
            return sparse.hstack(blocks, format="csr")

        shown = numbers(documents)
        truth = np.array([LABELS.index(label) for label in labels])
        folds = np.arange(len(truth)) % 5
        unseen = np.zeros((len(truth), len(LABELS)))
        for fold in range(5):
            unseen[folds == fold] = decide(make().fit(shown[folds != fold], truth[folds != fold]), shown[folds == fold])
        sharpness = _sharpness(unseen, truth)
        learnt = make().fit(shown, truth)
        return lambda texts: softmax(sharpness * decide(learnt, numbers(texts)), axis=1)

    return learn


def decide(learnt: object, numbers: sparse.csr_matrix) -> np.ndarray:
    if hasattr(learnt, "decision_function"):
        return learnt.decision_function(numbers)
    return learnt.predict_log_proba(numbers)


def ours(**choices: object) -> Learn:
    def learn(documents: Sequence[str], labels: Sequence[str]) -> Callable[[Sequence[str]], np.ndarray]:
        learner = ReplyClassifier(**choices).fit(documents, labels)
        order = np.searchsorted(learner.classes_, LABELS)
        return lambda texts: learner.predict_proba(texts)[:, order]

    return learn


def regression(C: float = 5.0) -> object:  # noqa: N803
    return OneVsRestClassifier(LogisticRegression(C=C, solver="liblinear", dual=True, random_state=0, max_iter=1000))


APPROACHES = {
    "plain: TF-IDF of words, LinearSVC, no rules": Approach(
        estimator(lambda: LinearSVC(random_state=0), pieces=False), rules=False
    ),
    "words and pieces, LinearSVC, no rules": Approach(estimator(lambda: LinearSVC(C=0.5, random_state=0)), rules=False),
    "rules, then LinearSVC": Approach(estimator(lambda: LinearSVC(C=0.5, random_state=0))),
    "rules, then complement naive Bayes": Approach(estimator(lambda: ComplementNB(alpha=0.1))),
    "rules, then logistic regression": Approach(ours()),
    "the same, words alone": Approach(estimator(regression, pieces=False)),
    "the same, pieces alone": Approach(estimator(regression, words=False)),
    "the same, C 1": Approach(ours(C=1.0)),
    "the same, C 20": Approach(ours(C=20.0)),
    "the same, shown in chunks (SGD)": Approach(ours(stream_from=0, hash_from=10**9)),
    "the same, in chunks and hashed": Approach(ours(stream_from=0, hash_from=0)),
    "rules, then the meaning alone": Approach(estimator(regression, words=False, pieces=False, meaning=1.0)),
    "second stage below 0.5": Approach(ours(meaning=True, ask_below=0.5)),
    "second stage below 0.7": Approach(ours(meaning=True, ask_below=0.7)),
    "second stage below 0.8": Approach(ours(meaning=True, ask_below=0.8)),
    "second stage below 0.9": Approach(ours(meaning=True, ask_below=0.9)),
    "second stage always": Approach(ours(meaning=True, ask_below=2.0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--foreign", type=Path)
    parser.add_argument("--only", nargs="*")
    asked = parser.parse_args()
    heard = [(path.stem, hear(row)) for path in sorted(CORPUS.glob("*.jsonl")) for row in read_rows(path)]
    batches = np.array([batch for batch, _ in heard])
    rows = [each for _, each in heard]
    documents = [each.document for each in rows]
    parts = np.array(groups(len(rows), near_duplicates(documents), translations(meanings(documents))))
    foreign = [hear(row) for row in foreign_rows(asked.foreign)] if asked.foreign else []
    results = []
    for name, approach in APPROACHES.items():
        if asked.only and name not in asked.only:
            continue
        begun = time.perf_counter()
        result = {
            "approach": name,
            "folds": figures(rows, by_folds(approach, rows, parts), approach),
            "batches": figures(rows, by_batches(approach, rows, batches), approach),
        }
        if foreign:
            result["foreign"] = figures(foreign, judged(approach, rows, foreign), approach)
        result["seconds"] = round(time.perf_counter() - begun)
        results.append(result)
        print(json.dumps(result), flush=True)
    if not asked.only:
        RESULT.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def foreign_rows(path: Path) -> list[LabelledReply]:
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines() if line.strip()]
    return [
        LabelledReply(
            id=str(row["id"]),
            language=row.get("lang") or "",
            subject=row.get("subject") or "",
            text=row.get("text") or "",
            label=ReplyClass(row["label"]),
        )
        for row in found
        if row.get("label")
    ]


def judged(approach: Approach, seen: Sequence[Heard], unseen: Sequence[Heard]) -> np.ndarray:
    """Return the probabilities (unseen, classes) after learning from the seen; a rule is sure."""
    shown = [each for each in seen if not approach.rules or each.by_rule is None]
    judge = approach.learn([each.document for each in shown], [str(each.row.label) for each in shown])
    shares = judge([each.document for each in unseen])
    if approach.rules:
        for at, each in enumerate(unseen):
            if each.by_rule is not None:
                shares[at] = np.eye(len(LABELS))[LABELS.index(each.by_rule)]
            elif each.by_machine:
                shares[at, ~np.isin(LABELS, (ReplyClass.AUTO_RESPONSE, ReplyClass.OUT_OF_OFFICE))] = 0
                shares[at] /= shares[at].sum()
    return shares


def by_folds(approach: Approach, rows: Sequence[Heard], parts: np.ndarray) -> np.ndarray:
    truth = [str(each.row.label) for each in rows]
    return together(approach, rows, StratifiedGroupKFold(5, shuffle=True, random_state=1).split(rows, truth, parts))


def by_batches(approach: Approach, rows: Sequence[Heard], batches: np.ndarray) -> np.ndarray:
    return together(
        approach, rows, ((np.flatnonzero(batches != one), np.flatnonzero(batches == one)) for one in np.unique(batches))
    )


def together(approach: Approach, rows: Sequence[Heard], splits: object) -> np.ndarray:
    shares = np.zeros((len(rows), len(LABELS)))
    for seen, unseen in splits:
        shares[unseen] = judged(approach, [rows[at] for at in seen], [rows[at] for at in unseen])
    return shares


def figures(rows: Sequence[Heard], shares: np.ndarray, approach: Approach) -> dict[str, float]:
    """Macro-F1, recall of opt-outs, Brier score of what is left to the learner, cost under thresholds chosen on it."""
    truth = np.array([LABELS.index(each.row.label) for each in rows])
    said = thresholds.name(shares)
    left = np.array([not approach.rules or each.by_rule is None for each in rows])
    chosen = thresholds.choose(shares[left], truth[left])
    asked = truth == UNSUBSCRIBED
    return {
        "macro_f1": round(float(f1_score(truth, said, labels=np.unique(truth), average="macro")), 3),
        "opt_out_recall": round(float((said[asked] == UNSUBSCRIBED).mean()), 3),
        "brier": round(float(((shares[left] - np.eye(len(LABELS))[truth[left]]) ** 2).sum(axis=1).mean()), 3),
        "cost": round(thresholds.cost(shares, truth, chosen), 3),
    }


if __name__ == "__main__":
    main()
