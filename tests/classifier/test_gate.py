"""The gate, measured by hand: what is told of each reply is given, so every figure and limit can be reckoned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from math import sqrt
from statistics import fmean

import numpy as np
import pytest
from numpy.typing import NDArray

from classifier.artifact import LABELS, Artifact, HeldOut, Thresholds, load_default, short_key
from classifier.gate import FEWEST, FEWEST_OPT_OUTS, Check, compare
from classifier.heard import Heard
from classifier.labelled import LabelledReply
from classifier.meaning import SIZE
from classifier.verdict import ReplyClass

ASKED, WANTED, WRITES = ReplyClass.UNSUBSCRIBED, ReplyClass.INTERESTED, ReplyClass.ENGAGED
ALWAYS_SURE = Thresholds(dict.fromkeys(LABELS, 0.5), hold=0.5)
MACRO_F1, KEPT, COST = "macro-F1", "opt-outs recognised or held", "cost of a reply"
TRUTH = [WRITES] * 60 + [WANTED] * 40 + [ASKED] * 20


def heard(truth: Sequence[ReplyClass]) -> list[Heard]:
    return [
        Heard(LabelledReply(id=f"{at}", language="en", subject="", text="", label=label), f"reply number {at}", None)
        for at, label in enumerate(truth)
    ]


@pytest.fixture(scope="module")
def shipped() -> Artifact:
    return load_default()


def saying(shipped: Artifact, said: Sequence[ReplyClass], version: str = "v", likely: float = 0.9) -> Artifact:
    """An artifact that said this of the replies while they were held out."""
    shares = np.full((len(said), len(LABELS)), (1 - likely) / (len(LABELS) - 1), dtype=np.float32)
    shares[np.arange(len(said)), [LABELS.index(label) for label in said]] = likely
    shown = np.array([short_key(each.document) for each in heard(said)], dtype=np.uint64)
    return replace(shipped, version=version, thresholds=ALWAYS_SURE, held_out=HeldOut(shown=shown, shares=shares))


def but(changes: dict[int, ReplyClass], truth: Sequence[ReplyClass] = TRUTH) -> list[ReplyClass]:
    return [changes.get(at, label) for at, label in enumerate(truth)]


def checks(now: Artifact, candidate: Artifact, floor: float | None = None) -> dict[str, Check]:
    return {check.what: check for check in compare(heard(TRUTH), "replies", now, candidate, floor=floor)}


MISSES_FOUR = but({0: WANTED, 1: WANTED, 2: WANTED, 70: WRITES})
MISSES_SEVEN = but(dict.fromkeys((0, 10, 11, 12, 13), WANTED) | {71: WRITES, 72: WRITES})


def f1(
    said: Sequence[ReplyClass], picked: Sequence[int] = range(len(TRUTH)), truth: Sequence[ReplyClass] = TRUTH
) -> float:
    """The mean F1 of the classes that occur."""
    pairs = [(truth[at], said[at]) for at in picked]
    both = Counter(true for true, given in pairs if true is given)
    size = Counter(each for pair in pairs for each in pair)
    return fmean(2 * both[label] / size[label] for label in {true for true, _ in pairs})


def test_macro_f1_may_fall_by_no_more_than_chance(shipped: Artifact) -> None:
    found = checks(saying(shipped, MISSES_FOUR), saying(shipped, MISSES_SEVEN))[MACRO_F1]
    assert found.before == pytest.approx(f1(MISSES_FOUR))
    assert found.after == pytest.approx(f1(MISSES_SEVEN))
    draws = np.random.default_rng(7).integers(len(TRUTH), size=(500, len(TRUTH))).tolist()
    noise = float(np.std([f1(MISSES_SEVEN, draw) - f1(MISSES_FOUR, draw) for draw in draws]))
    assert found.limit == pytest.approx(found.before - 1.64 * noise, abs=0.2 * noise)
    assert found.passed is (found.after >= found.limit) is True


def test_a_class_that_nobody_has_costs_only_those_who_were_given_it(shipped: Artifact) -> None:
    strays = but(dict.fromkeys(range(5), ReplyClass.NOT_INTERESTED))
    assert checks(saying(shipped, strays), saying(shipped, strays))[MACRO_F1].after == pytest.approx(f1(strays))


def test_a_class_of_one_reply_counts_as_any_other(shipped: Artifact) -> None:
    truth, same = but({0: ReplyClass.NOT_INTERESTED}), saying(shipped, TRUTH)
    macro, *_ = compare(heard(truth), "replies", same, same)
    assert macro.after == pytest.approx(f1(TRUTH, truth=truth))


def test_the_same_comparison_has_the_same_limits(shipped: Artifact) -> None:
    now, candidate = saying(shipped, MISSES_FOUR), saying(shipped, MISSES_SEVEN)
    assert checks(now, candidate, 0.5) == checks(now, candidate, 0.5)


def test_much_worse_in_macro_f1_is_refused(shipped: Artifact) -> None:
    spoilt = but(dict.fromkeys(range(20), WANTED))
    assert not checks(saying(shipped, TRUTH), saying(shipped, spoilt))[MACRO_F1].passed
    assert checks(saying(shipped, spoilt), saying(shipped, TRUTH))[MACRO_F1].passed


def test_what_is_as_good_passes_everything(shipped: Artifact) -> None:
    same = saying(shipped, but({100: WRITES}))
    found = checks(same, same, floor=1.0)
    assert list(found) == [MACRO_F1, KEPT, COST]
    for check in found.values():
        assert check.before == check.after == pytest.approx(check.limit)
        assert check.passed is True


def test_opt_outs_may_be_lost_within_chance_where_what_serves_misses_the_floor(shipped: Artifact) -> None:
    now, candidate = (but(dict.fromkeys(range(100, 100 + lost), WRITES)) for lost in (5, 6))
    found = checks(saying(shipped, now), saying(shipped, candidate), floor=0.9)[KEPT]
    # One of twenty: the standard deviation of nineteen noughts and a one.
    limit = 0.75 - 1.64 * sqrt(0.05 * 0.95) / sqrt(20)
    assert (found.before, found.after, found.limit) == (0.75, 0.7, pytest.approx(limit))
    assert (found.passed, found.on) == (True, "the 20 opt-outs of 120 replies")


def test_the_floor_is_enough_for_opt_outs(shipped: Artifact) -> None:
    now, candidate = saying(shipped, TRUTH), saying(shipped, but(dict.fromkeys(range(100, 110), WRITES)))
    for floor, passed in ((0.5, True), (0.51, False)):
        found = checks(now, candidate, floor)[KEPT]
        assert (found.after, found.limit, found.passed) == (0.5, floor, passed)


def test_opt_outs_that_are_held_are_kept(shipped: Artifact) -> None:
    forgets = saying(shipped, but(dict.fromkeys(range(100, 120), WRITES)))
    holds = replace(forgets, thresholds=replace(ALWAYS_SURE, hold=0.01))
    found = checks(forgets, holds, floor=0.9)[KEPT]
    assert (found.before, found.after, found.passed) == (0.0, 1.0, True)


def test_opt_outs_are_asked_about_only_with_a_floor_and_where_there_are_enough(shipped: Artifact) -> None:
    same = saying(shipped, TRUTH)
    assert KEPT not in checks(same, same)
    few = heard([*TRUTH[: 100 + FEWEST_OPT_OUTS - 1], WRITES])
    assert KEPT not in {check.what for check in compare(few, "replies", same, same, floor=0.9)}
    assert KEPT in checks(same, same, floor=0.9)


def test_a_reply_may_cost_no_more_than_chance_explains(shipped: Artifact) -> None:
    # Two interested people taken for engaged cost one each; an opt-out that is missed costs ten.
    now, candidate = but({60: WRITES, 61: WRITES}), but({100: WRITES})
    found = checks(saying(shipped, now), saying(shipped, candidate))[COST]
    differences = [-1] * 2 + [10] + [0] * 117
    assert (found.before, found.after) == (pytest.approx(2 / 120), pytest.approx(10 / 120))
    assert found.limit == pytest.approx(2 / 120 + 1.64 * float(np.std(differences)) / sqrt(120))
    assert (found.passed, found.on) == (True, "120 replies")
    worse = but(dict.fromkeys(range(100, 110), WRITES))
    assert not checks(saying(shipped, now), saying(shipped, worse))[COST].passed


def test_each_is_judged_by_its_own_thresholds(shipped: Artifact) -> None:
    sure = saying(shipped, TRUTH)
    unsure = replace(sure, thresholds=Thresholds(dict.fromkeys(LABELS, 0.95), hold=0.5))
    found = checks(sure, unsure)[COST]
    # Whoever is never sure asks a person about every reply.
    assert (found.before, found.after) == (0.0, 1.0)


def test_a_hundred_replies_are_needed(shipped: Artifact) -> None:
    same = saying(shipped, TRUTH)
    assert compare(heard(TRUTH[: FEWEST - 1]), "replies", same, same) == []
    assert compare(heard(TRUTH[:FEWEST]), "replies", same, same) != []


def test_replies_are_left_out_that_either_learnt_from_without_a_test(shipped: Artifact) -> None:
    told = saying(shipped, TRUTH)
    half = replace(told, held_out=replace(told.held_out, shares=told.held_out.shares[:110]))
    for now, candidate in ((told, half), (half, told), (half, half)):
        assert {check.on for check in compare(heard(TRUTH), "replies", now, candidate)} == {"110 replies"}


def test_what_a_rule_decides_is_the_rules_whatever_was_said(shipped: Artifact) -> None:
    rows = [replace(each, by_rule=each.row.label) for each in heard(TRUTH)]
    now, candidate = saying(shipped, TRUTH), saying(shipped, [WANTED] * len(TRUTH))
    assert {(check.before, check.after) for check in compare(rows, "replies", now, candidate)} == {(1, 1), (0, 0)}


def test_both_may_ask_the_encoder_of_what_they_never_saw(shipped: Artifact) -> None:
    asked: list[int] = []

    def encode(documents: Sequence[str]) -> NDArray[np.float32]:
        asked.append(len(documents))
        return np.zeros((len(documents), SIZE), dtype=np.float32)

    unsure = replace(shipped, held_out=HeldOut(), ask_below=1.1)
    compare(heard(TRUTH), "replies", unsure, unsure, encode=encode)
    assert asked == [len(TRUTH), len(TRUTH)]


def test_a_check_prints_as_a_sentence() -> None:
    check = Check(what=MACRO_F1, on="120 replies", before=0.91, after=0.9046, limit=0.9, passed=True)
    assert str(check) == "passes  macro-F1 0.905 (now 0.910, limit 0.900) on 120 replies"
    assert str(replace(check, passed=False)).startswith("FAILS   macro-F1")
