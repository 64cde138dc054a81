"""A labelled reply as the cascade hears it: what the rules say of it, and the document they leave to the learner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.header import Header

import numpy as np
from numpy.typing import NDArray

from classifier.artifact import LABELS
from classifier.context import Case, JudgeContext
from classifier.features import document
from classifier.judge import by_rules, is_open
from classifier.labelled import LabelledReply
from classifier.message import parse
from classifier.present import class_of
from classifier.verdict import ReplyClass, Verdict

_ANSWERS_OF_MACHINES = np.isin(LABELS, (ReplyClass.AUTO_RESPONSE, ReplyClass.OUT_OF_OFFICE))
_NOBODY: frozenset[str] = frozenset()
_CONTEXT = JudgeContext(
    own_addresses=_NOBODY,
    opt_out_aliases=_NOBODY,
    trusted_authserv_ids=_NOBODY,
    # Return dates need a day; which one does not change the class.
    arrived_at=datetime(2020, 1, 1, tzinfo=UTC),
    classifier=None,
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A row, its normalised document, and what the rules say of it.

    `by_rule` is the class a rule gives it, None where the rules leave it to the learner. `by_machine` says that the
    rules know that a machine wrote it and leave no more than which of two classes it is.
    """

    row: LabelledReply
    document: str
    by_rule: ReplyClass | None
    by_machine: bool = False


def hear(row: LabelledReply) -> Heard:
    """Read a row as a message that holds nothing but its subject and its text, and let the rules judge it."""
    case = _case(row)
    verdict = by_rules(case)
    found = document(case.parsed.subject, case.text)
    if verdict is None or is_open(verdict):
        return Heard(row, found, None, by_machine=verdict is not None)
    return Heard(row, found, class_of(verdict))


def verdict_of(row: LabelledReply) -> Verdict | None:
    """Return what the rules say of a row; None: they leave it to the learner."""
    verdict = by_rules(_case(row))
    return None if verdict is None or is_open(verdict) else verdict


def _case(row: LabelledReply) -> Case:
    subject = Header(" ".join(row.subject.split()), "utf-8").encode() if row.subject.strip() else ""
    raw = f"Subject: {subject}\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\n{row.text}"
    return Case(parse(raw.encode("utf-8", "replace")), _CONTEXT)


def possible(heard: Sequence[Heard], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the probabilities (n, classes) as judging sees them: two classes alone where a machine wrote."""
    machine = np.array([each.by_machine for each in heard], dtype=bool)
    left = np.where(machine[:, None] & ~_ANSWERS_OF_MACHINES, 0.0, shares)
    found: NDArray[np.float64] = left / left.sum(axis=1, keepdims=True)
    return found
