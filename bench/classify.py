"""How fast does the classifier judge, and what does training cost? One core to judge, the whole machine to train.

    python -m bench.classify [--sizes 1000 10000 100000 300000] [--repeat 5]

Replies to judge: every other row of the shipped corpus, of the length named, by a classifier that learnt from the rest;
so the second stage is asked as often as of new mail. Replies to train on: two rows of one class of the
corpus, joined and mixed with made-up words of Zipf's frequencies, 44 words in the middle. Prints tables and writes
bench/classify.json.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from classifier.artifact import load_default
from classifier.heard import hear
from classifier.labelled import LabelledReply, read_corpus
from classifier.meaning import meanings
from classifier.replies import TrainedJudge
from classifier.train import train

RESULT = Path(__file__).with_suffix(".json")
LENGTHS = {"12 words": (9, 15), "40 words": (30, 50), "60 words": (50, 75)}
SIZES = [1_000, 10_000, 100_000, 300_000]


def judging(repeat: int) -> Iterator[dict[str, object]]:

    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    begun = time.perf_counter()
    artifact = load_default()
    yield {"what": "load the shipped artifact", "milliseconds": round(1000 * (time.perf_counter() - begun), 1)}
    rows = list(read_corpus())
    artifact = train(rows[::2], version="bench").artifact
    left = [row for row in rows[1::2] if hear(row).by_rule is None]
    for name, (least, most) in LENGTHS.items():
        chosen = [row for row in left if least <= len(row.text.split()) <= most]
        replies = [(row.subject, row.text, row.language) for row in chosen]
        words = statistics.mean(len(row.text.split()) for row in chosen)
        first = TrainedJudge(artifact)
        asked = sum(reply.confidence < artifact.ask_below for reply in first.judge_many(replies)) / len(replies)
        for what, judge in (("words alone", first), ("with the second stage", TrainedJudge(artifact, meanings))):
            judge.judge_many(replies)
            rates = []
            for _ in range(repeat):
                begun = time.perf_counter()
                judge.judge_many(replies)
                rates.append(len(replies) / (time.perf_counter() - begun))
            yield {
                "what": f"judge, {what}",
                "length": name,
                "words": round(words, 1),
                "replies": len(replies),
                "per_second": round(statistics.median(rates)),
                "asked": round(asked, 3) if "second" in what else 0.0,
            }


def training(size: int) -> dict[str, object]:
    """Train on made-up rows in this process; its peak memory counts."""

    rows = list(made_up(size))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begun = time.perf_counter()
    training = train(rows, version="bench")
    return {
        "what": "train",
        "rows": size,
        "seconds": round(time.perf_counter() - begun, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "peak_mb_before": round(before / 1024),
        "macro_f1": training.report.macro_f1,
    }


def made_up(size: int) -> Iterator[LabelledReply]:

    chance = random.Random(size)  # noqa: S311 - no secret
    by_class: dict[str, list] = {}
    for row in read_corpus():
        by_class.setdefault(row.label, []).append(row)
    labels = list(by_class)
    for number in range(size):
        label = labels[number % len(labels)]
        one, other = chance.choices(by_class[label], k=2)
        words = f"{one.text} {other.text}".split()[:60]
        noise = [f"w{int(chance.paretovariate(0.7)) % 500_000}" for _ in range(max(4, 44 - len(words)))]
        for word in noise:
            words.insert(chance.randrange(len(words) + 1), word)
        yield replace(one, id=f"bench-{number}", subject="", text=" ".join(words))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--train", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--judge", action="store_true", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.train:
        print(json.dumps(training(asked.train)))
        return
    if asked.judge:
        for row in judging(asked.repeat):
            print(json.dumps(row))
        return
    rows = list(measured("--judge", f"--repeat={asked.repeat}"))
    for size in asked.sizes:
        rows += measured(f"--train={size}")
    RESULT.write_text(json.dumps({"python": platform.python_version(), "rows": rows}, indent=1) + "\n", "utf-8")


def measured(*arguments: str) -> Iterator[dict[str, object]]:
    """Measure in a process of its own, so that memory and caches are its own."""
    command = [sys.executable, "-W", "ignore", "-m", "bench.classify", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    )
    for line in done.stdout.splitlines():
        row = json.loads(line)
        print("  ".join(f"{name} {value}" for name, value in row.items()), flush=True)
        yield row


if __name__ == "__main__":
    main()
