"""What was tried for the reply classifier, measured alike: which learner, on which rows, with which features.

    python -m bench.learners [--foreign FILE]

Every approach judges the shipped corpus twice, always replies it has not seen: in five folds that keep near-duplicates
and translations together, and one batch of 400 rows or more (one file, one writer and brief) at a time by learning from
all other batches. FILE holds replies of other people, JSON lines of {id, subject, text, label}; they are judged after
learning from the whole corpus. Prints a table and writes bench/learners.json.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
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
from classifier.estimator import ReplyClassifier
from classifier.heard import Heard, hear, possible
from classifier.labelled import CORPUS, LabelledReply, read_rows
from classifier.likeness import groups, near_duplicates, translations
from classifier.linear import as_matrix, sharpness_of
from classifier.meaning import meanings
from classifier.vectors import learn_terms
from classifier.verdict import ReplyClass

RESULT = Path(__file__).with_suffix(".json")
UNSUBSCRIBED = LABELS.index(ReplyClass.UNSUBSCRIBED)
LARGE_BATCH = 400
KNOWN: dict[str, np.ndarray] = {}
"""Meanings are worked out once for all approaches."""


class Split:
    """Documents to learn from and documents to judge; the numbers of both are worked out once for all approaches."""

    def __init__(self, seen: Sequence[Heard], unseen: Sequence[Heard]) -> None:
        self.seen = [each.document for each in seen]
        self.unseen = [each.document for each in unseen]
        self.labels = [str(each.row.label) for each in seen]
        self.truth = np.array([LABELS.index(label) for label in self.labels])

    @cached_property
    def blocks(self) -> dict[str, tuple[sparse.csr_matrix, sparse.csr_matrix]]:
        vectoriser = learn_terms(self.seen)
        seen, unseen = (as_matrix(vectoriser, texts) for texts in (self.seen, self.unseen))
        words = len(vectoriser.words)
        meant = tuple(
            sparse.csr_matrix(np.stack([KNOWN[text] for text in texts])) for texts in (self.seen, self.unseen)
        )
        return {
            "words": (seen[:, :words], unseen[:, :words]),
            "pieces": (seen[:, words:], unseen[:, words:]),
            "meaning": meant,
        }

    def numbers(self, names: Iterable[str]) -> tuple[sparse.csr_matrix, sparse.csr_matrix]:
        chosen = [self.blocks[name] for name in names]
        return tuple(sparse.hstack(each, format="csr") for each in zip(*chosen, strict=True))


Learn = Callable[[Split], np.ndarray]
"""Returns the probabilities (unseen, classes)."""


@dataclass(frozen=True)
class Approach:
    learn: Learn
    rules: bool = True
    """Rules decide first, and the learner is shown what they leave."""


def linear(make: Callable[[], object], *names: str) -> Learn:
    """An estimator of scikit-learn, its temperature found on a fifth that it is not shown at first."""

    @lru_cache(1)
    def learn(split: Split) -> np.ndarray:
        seen, unseen = split.numbers(names)
        held = np.random.default_rng(0).permutation(len(split.truth)) % 5 == 0
        trial = make().fit(seen[~held], split.truth[~held])
        sharpness = sharpness_of(decide(trial, seen[held]), split.truth[held])
        return softmax(sharpness * decide(make().fit(seen, split.truth), unseen), axis=1)

    return learn


def decide(learnt: object, numbers: sparse.csr_matrix) -> np.ndarray:
    return (
        learnt.decision_function(numbers) if hasattr(learnt, "decision_function") else learnt.predict_log_proba(numbers)
    )


def in_stages(below: float) -> Learn:
    """Words and pieces first; the meaning as well where no class is as likely as `below`."""

    def learn(split: Split) -> np.ndarray:
        shares = WORDS_AND_PIECES(split).copy()
        asked = shares.max(axis=1) < below
        shares[asked] = WITH_MEANING(split)[asked]
        return shares

    return learn


def in_chunks(**choices: int) -> Learn:
    def learn(split: Split) -> np.ndarray:
        learner = ReplyClassifier(stream_from=0, **choices).fit(split.seen, split.labels)
        return learner.predict_proba(split.unseen)[:, np.searchsorted(learner.classes_, LABELS)]

    return learn


def regression(C: float = 5.0) -> Callable[[], object]:  # noqa: N803
    one = LogisticRegression(C=C, solver="liblinear", dual=True, random_state=0, max_iter=1000)
    return lambda: OneVsRestClassifier(one)


def machine(C: float = 0.5) -> Callable[[], object]:  # noqa: N803
    return lambda: LinearSVC(C=C, random_state=0)


WORDS_AND_PIECES = linear(regression(), "words", "pieces")
WITH_MEANING = linear(regression(), "words", "pieces", "meaning")
APPROACHES = {
    "no rules: words, LinearSVC": Approach(linear(machine(1.0), "words"), rules=False),
    "no rules: words and pieces, LinearSVC": Approach(linear(machine(), "words", "pieces"), rules=False),
    "LinearSVC": Approach(linear(machine(), "words", "pieces")),
    "complement naive Bayes": Approach(linear(lambda: ComplementNB(alpha=0.1), "words", "pieces")),
    "logistic regression": Approach(WORDS_AND_PIECES),
    "logistic regression, C 1": Approach(linear(regression(1.0), "words", "pieces")),
    "logistic regression, words alone": Approach(linear(regression(), "words")),
    "logistic regression, pieces alone": Approach(linear(regression(), "pieces")),
    "in chunks (SGD), hashed": Approach(in_chunks(hash_from=0)),
    "meaning alone": Approach(linear(regression(30.0), "meaning")),
    "LinearSVC with the meaning": Approach(linear(machine(), "words", "pieces", "meaning")),
    "meaning asked below 0.5": Approach(in_stages(0.5)),
    "meaning asked below 0.7": Approach(in_stages(0.7)),
    "meaning asked below 0.8": Approach(in_stages(0.8)),
    "meaning asked below 0.9": Approach(in_stages(0.9)),
    "meaning always": Approach(in_stages(2.0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--foreign", type=Path)
    asked = parser.parse_args()
    heard = [(path.stem, hear(row)) for path in sorted(CORPUS.glob("*.jsonl")) for row in read_rows(path)]
    batches, rows = np.array([batch for batch, _ in heard]), [each for _, each in heard]
    foreign = [hear(row) for row in foreign_rows(asked.foreign)] if asked.foreign else []
    documents = [each.document for each in rows + foreign]
    KNOWN.update(zip(documents, meanings(documents), strict=True))
    documents = documents[: len(rows)]
    alike = (near_duplicates(documents), translations(np.stack([KNOWN[text] for text in documents])))
    truth = [str(each.row.label) for each in rows]
    folds = StratifiedGroupKFold(5, shuffle=True, random_state=1).split(rows, truth, groups(len(rows), *alike))
    large = [batch for batch in np.unique(batches) if (batches == batch).sum() >= LARGE_BATCH]
    out = ((np.flatnonzero(batches != batch), np.flatnonzero(batches == batch)) for batch in large)
    tests = {
        "folds": [([rows[at] for at in seen], [rows[at] for at in unseen]) for seen, unseen in folds],
        "batches": [([rows[at] for at in seen], [rows[at] for at in unseen]) for seen, unseen in out],
        "foreign": [(rows, foreign)] if foreign else [],
    }
    with multiprocessing.get_context("fork").Pool() as pool:
        judged = {test: pool.starmap(judge, splits, chunksize=1) for test, splits in tests.items() if splits}
    results: list[dict[str, object]] = [{"approach": name} for name in APPROACHES]
    for result in results:
        name = str(result["approach"])
        for test, each in judged.items():
            unseen = [row for _, rows in tests[test] for row in rows]
            result[test] = figures(unseen, np.concatenate([shares[name] for shares in each]), APPROACHES[name])
        print(json.dumps(result), flush=True)
    RESULT.write_text(json.dumps(results, indent=1) + "\n", "utf-8")


def judge(seen: Sequence[Heard], unseen: Sequence[Heard]) -> dict[str, np.ndarray]:
    """The probabilities (unseen, classes) of every approach."""
    split = {True: Split([each for each in seen if each.by_rule is None], unseen), False: Split(seen, unseen)}
    return {name: approach.learn(split[approach.rules]) for name, approach in APPROACHES.items()}


def foreign_rows(path: Path) -> Iterator[LabelledReply]:
    for line in filter(str.strip, path.read_text("utf-8").splitlines()):
        row = json.loads(line)
        if row.get("label"):
            texts = {name: row.get(name) or "" for name in ("subject", "text")}
            yield LabelledReply(id=str(row["id"]), language="", label=ReplyClass(row["label"]), **texts)


def figures(rows: Sequence[Heard], shares: np.ndarray, approach: Approach) -> dict[str, float]:
    """Macro-F1, recall of opt-outs, Brier score of what is left to the learner, cost under thresholds chosen on it."""
    if approach.rules:
        shares = possible(rows, shares)
        for at, each in enumerate(rows):
            if each.by_rule is not None:
                shares[at] = np.eye(len(LABELS))[LABELS.index(each.by_rule)]
    truth = np.array([LABELS.index(each.row.label) for each in rows])
    said = thresholds.name(shares)
    left = np.array([not approach.rules or each.by_rule is None for each in rows])
    chosen = thresholds.choose(shares[left], truth[left])
    return {
        "macro_f1": round(float(f1_score(truth, said, labels=np.unique(truth), average="macro")), 3),
        "opt_out_recall": round(float((said[truth == UNSUBSCRIBED] == UNSUBSCRIBED).mean()), 3),
        "brier": round(float(((shares[left] - np.eye(len(LABELS))[truth[left]]) ** 2).sum(axis=1).mean()), 3),
        "cost": round(thresholds.cost(shares, truth, chosen), 3),
    }


if __name__ == "__main__":
    main()
