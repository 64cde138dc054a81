"""Does the loop keep the classifier good? A history is simulated, and everything that people would use is used on it.

    python -m bench.loop [--seeds 3]

The shipped corpus is revealed 500 rows at a time; one row in twenty carries a wrong label, and half way the writers of
all languages that have several are others. A fifth of the rows is kept apart, with its true labels, and stands for the
truth. Of each 500 rows a person labels 100: those that `review list --teach` puts first, or any. Prints what came
out and writes bench/loop.json and the pictures docs/loop-*.svg.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from bench.loop_pictures import draw
from bench.loop_world import World, relabelled, world
from classifier import estimator, thresholds
from classifier import train as training
from classifier.artifact import Artifact
from classifier.drift import drift
from classifier.estimator import ReplyClassifier
from classifier.figures import decided, macro_f1, truth_of
from classifier.heard import Heard, hear
from classifier.labelled import CORPUS, LabelledReplyError, read_rows
from classifier.meaning import meanings
from classifier.replies import TrainedJudge
from classifier.unseen import self_confidence, unseen
from classifier.verdict import ReplyClass
from worker.decide import is_drawn
from worker.learning import trial

RESULT = Path(__file__).with_suffix(".json")
STEP, LABELLED_A_STEP, AT_FIRST = 500, 100, 200
DRAWN = 0.02
FLOOR = 0.9
REFERENCE = 2_000
KNOWN: dict[str, np.ndarray] = {}
Pick = Callable[[Artifact | None, Sequence[Heard], int, np.random.Generator], list[int]]
"""Says which of the revealed rows a person labels."""


def known(documents: Sequence[str]) -> np.ndarray:
    """The meanings, which are worked out once for all trainings."""
    new = [each for each in documents if each not in KNOWN]
    KNOWN.update(zip(new, meanings(new), strict=True) if new else ())
    return np.stack([KNOWN[each] for each in documents])


def learn(rows: Sequence[Heard], version: str = "bench") -> Artifact:
    learner = ReplyClassifier(meaning=True)
    return training.train([each.row for each in rows], version=version, learner=learner).artifact


def quality(artifact: Artifact, rows: Sequence[Heard]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What is true of an artifact: the truth, what it says and what it costs, of each row kept apart."""
    shares = decided(rows, unseen(artifact, rows, known))
    truth = truth_of(rows)
    return truth, thresholds.name(shares), thresholds.costs(shares, truth, artifact.thresholds)


def by_queue(
    artifact: Artifact | None, revealed: Sequence[Heard], count: int, random: np.random.Generator
) -> list[int]:
    """The places that `review list --teach` puts first; what it does not ask about comes last, in any order."""
    if artifact is None:
        return random.permutation(len(revealed))[:count].tolist()
    left = [at for at, each in enumerate(revealed) if each.by_rule is None]
    judge = TrainedJudge(artifact, known)
    rows = [revealed[at].row for at in left]
    replies = dict(zip(left, judge.judge_many([(row.subject, row.text, row.language) for row in rows]), strict=True))

    def rank(at: int) -> tuple[int, float]:
        reply = replies.get(at)
        if is_drawn(revealed[at].row.id, DRAWN):
            return 0, random.random()
        if reply is None or not (reply.hold or reply.near_opt_out or not reply.sure):
            return 2, random.random()
        return 1, reply.confidence

    return sorted(range(len(revealed)), key=rank)[:count]


def at_random(_: Artifact | None, revealed: Sequence[Heard], count: int, random: np.random.Generator) -> list[int]:
    return random.permutation(len(revealed))[:count].tolist()


def history(seed: int, everything: Sequence[tuple[str, Heard]]) -> dict[str, object]:
    training.meanings = estimator.meanings = known
    trial.encoder_here = lambda: known
    made = world(seed, everything)
    random = np.random.default_rng(seed)
    curves = {"queue": list(curve(made, by_queue, seed)), "random": list(curve(made, at_random, seed))}
    return {
        "seed": seed,
        "rows": len(made.arrived),
        "apart": len(made.apart),
        "turn": made.turn,
        "curves": curves,
        "gate": list(gate(made, random)),
        "doubtful": list(doubtful(made)),
        "drift": list(drifts(made)),
    }


def curve(made: World, pick: Pick, seed: int) -> Iterator[dict[str, float]]:
    """How good the artifact is after each step, by the rows kept apart."""
    random = np.random.default_rng(seed)
    labelled: list[Heard] = []
    artifact = None
    for start in range(0, len(made.arrived), STEP):
        revealed = made.arrived[start : start + STEP]
        count = LABELLED_A_STEP if start else AT_FIRST
        labelled += [revealed[at] for at in pick(artifact, revealed, count, random)]
        artifact = learn(labelled)
        truth, said, costs = quality(artifact, made.apart)
        yield {
            "revealed": start + len(revealed),
            "labelled": len(labelled),
            "macro_f1": macro_f1(truth, said),
            "cost": round(float(costs.mean()), 4),
        }


def gate(made: World, random: np.random.Generator) -> Iterator[dict[str, object]]:
    """Candidates of four kinds at each step, what the gate said of them, and what is true of them."""
    serving: Artifact | None = None
    labelled: list[Heard] = []
    for start in range(0, len(made.arrived), STEP):
        revealed = made.arrived[start : start + STEP]
        labelled += [revealed[at] for at in random.permutation(len(revealed))[: 2 * LABELLED_A_STEP]]
        offered = candidates(labelled, revealed, random)
        if serving is None:
            serving = learn(labelled)
            continue
        honest = None
        for kind, (rows, tried_on) in offered.items():
            try:
                candidate = learn(rows)
            except LabelledReplyError:
                continue
            said = tried(serving, candidate, tried_on)
            yield {"labelled": len(labelled), "kind": kind, **said, **truly(serving, candidate, made.apart)}
            if kind == "all labels" and said["passed"]:
                honest = candidate
        serving = honest or serving


def candidates(
    labelled: Sequence[Heard], revealed: Sequence[Heard], random: np.random.Generator
) -> dict[str, tuple[list[Heard], list[Heard]]]:
    """What each kind of candidate learns from, and the labels that the gate tries it on."""
    right = list(labelled)
    imported = right + [relabelled(each, tuple(ReplyClass)[random.integers(6)]) for each in revealed]
    some = [right[at] for at in random.permutation(len(right))]
    return {
        "all labels": (right, right),
        "a bad import": (imported, imported),
        "half of the labels": (some[: len(some) // 2], right),
        "the newest labels alone": (right[-2 * LABELLED_A_STEP :], right),
    }


def tried(serving: Artifact, candidate: Artifact, labels: Sequence[Heard]) -> dict[str, object]:
    """What the gate says of a candidate, and how much worse it would have let it be."""
    checks = list(trial.trial([], [each.row for each in labels], serving, candidate, floor=FLOOR))
    score, cost = (next(each for each in checks if each.what == what) for what in ("macro-F1", "cost of a reply"))
    return {
        "passed": all(check.passed for check in checks),
        "failed": [f"{check.what} on {check.on}" for check in checks if not check.passed],
        "measured": round(score.after - (score.before or 0.0), 4),
        "tolerance": round((score.before or 0.0) - score.limit, 4),
        "cost_tolerance": round(cost.limit - (cost.before or 0.0), 4),
    }


def truly(serving: Artifact, candidate: Artifact, apart: Sequence[Heard]) -> dict[str, float]:
    """By how much the candidate is better, with the standard error of that, on the rows kept apart."""
    truth, old, old_costs = quality(serving, apart)
    _, new, new_costs = quality(candidate, apart)
    random = np.random.default_rng(0)
    draws = [random.integers(len(truth), size=len(truth)) for _ in range(200)]
    differences = [macro_f1(truth[draw], new[draw]) - macro_f1(truth[draw], old[draw]) for draw in draws]
    return {
        "better": round(macro_f1(truth, new) - macro_f1(truth, old), 4),
        "noise": round(float(np.std(differences)), 4),
        "cheaper": round(float((old_costs - new_costs).mean()), 4),
        "cost_noise": round(float((new_costs - old_costs).std() / np.sqrt(len(truth))), 4),
    }


def doubtful(made: World) -> Iterator[dict[str, float]]:
    """Which share of the wrong labels stands in the most doubtful part of all that were given so far."""
    for count in (1_000, 2_000, 4_000, len(made.arrived)):
        rows = made.arrived[:count]
        wrong = np.array([each.row.label is not true for each, true in zip(rows, made.truth, strict=False)])
        order = np.argsort(self_confidence(rows, unseen(learn(rows), rows, known)), kind="stable")
        yield {"rows": count} | {
            f"in {share:.0%}": round(float(wrong[order[: int(share * count)]].sum() / wrong.sum()), 3)
            for share in (0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)
        }


def drifts(made: World) -> Iterator[dict[str, object]]:
    """The first 2,000 rows against each 500 that follow."""
    documents = [each.document for each in made.arrived]
    for start in range(REFERENCE, len(documents) - STEP + 1, STEP):
        found = drift(documents[:REFERENCE], documents[start : start + STEP])
        new = max(0, min(STEP, start + STEP - made.turn)) / STEP
        yield {"revealed": start + STEP, "new_style": round(new, 2), "changed": found.changed} | {
            name: value for name, value in asdict(found).items() if name in {"auc", "limit", "words"}
        }


def tell(found: Sequence[dict]) -> None:
    """Print what came out, of all seeds together."""
    for name in ("queue", "random"):
        last = [each["curves"][name][-1] for each in found]
        area = np.mean([step["macro_f1"] for each in found for step in each["curves"][name][1:]])
        print(
            f"{name}: macro-F1 {np.mean([step['macro_f1'] for step in last]):.3f} at the end, {area:.3f} on the way,"
            f" cost {np.mean([step['cost'] for step in last]):.3f}"
        )
    for steps in zip(*(each["doubtful"] for each in found), strict=True):
        shares = ", ".join(f"{step['in 10%']:.2f}" for step in steps)
        print(f"doubtful: {shares} of the wrong labels in the worst tenth of about {steps[0]['rows']} rows")
    blocks = [block for each in found for block in each["drift"]]
    for what, chosen in (
        ("before the turn", [b for b in blocks if b["new_style"] == 0]),
        ("after it", [b for b in blocks if b["new_style"] == 1]),
    ):
        print(f"drift: {sum(b['changed'] for b in chosen)} of {len(chosen)} blocks {what}")
    tried = [each for one in found for each in one["gate"]]
    worse = [each for each in tried if is_worse(each)]
    fine = [each for each in tried if not is_worse(each)]
    print(
        f"gate: {sum(not each['passed'] for each in worse)} of {len(worse)} worse candidates refused,"
        f" {sum(each['passed'] for each in fine)} of {len(fine)} others let through"
    )
    for each in worse:
        if each["passed"]:
            print("   let through:", each)


def is_worse(each: dict) -> bool:
    """Worse by more than noise: by more than the gate tolerates and two standard errors of what is known to be true."""
    by_score = each["better"] < -each["tolerance"] - 2 * each["noise"]
    return by_score or each["cheaper"] < -each["cost_tolerance"] - 2 * each["cost_noise"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--draw", action="store_true", help="Draw the pictures anew from bench/loop.json.")
    asked = parser.parse_args()
    if not asked.draw:
        begun = time.perf_counter()
        everything = [(path.stem, hear(row)) for path in sorted(CORPUS.glob("*.jsonl")) for row in read_rows(path)]
        documents = [each.document for _, each in everything]
        KNOWN.update(zip(documents, meanings(documents), strict=True))
        with multiprocessing.get_context("fork").Pool(2) as pool:
            seeds = pool.starmap(history, [(seed, everything) for seed in range(asked.seeds)], chunksize=1)
        minutes = round((time.perf_counter() - begun) / 60, 1)
        RESULT.write_text(json.dumps({"minutes": minutes, "seeds": seeds}, indent=1) + "\n", "utf-8")
    found = json.loads(RESULT.read_text("utf-8"))["seeds"]
    tell(found)
    draw(found)


if __name__ == "__main__":
    main()
