"""What pages and endpoints about the classifier share: a trial by the gate, and the search for doubtful labels."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from classifier.verdict import Evidence, ReplyClass
from console.errands import Name
from console.office import Office
from models.events import Status
from models.session import reading
from worker.act import Act
from worker.learning.chosen_artifact import artifact_of, newest_version
from worker.learning.doubts import doubt, reasons
from worker.learning.labels import labelled_replies
from worker.learning.promoting import put_into_service, put_on_trial
from worker.queries.label_pages import labels_of
from worker.queries.story import Row

if TYPE_CHECKING:
    # It loads the training library, which only a trial needs.
    from classifier.gate import Check

CLASSES: Sequence[ReplyClass] = tuple(ReplyClass)
KEYS: dict[ReplyClass, str] = {each: str(number) for number, each in enumerate(CLASSES, start=1)}
"""The key by which a class is chosen; the same as in the review."""
MOST_DOUBTS = 100
"""Of these is thought in one look; who has settled them looks again."""
LABEL_ID = "label-"


@dataclass(frozen=True, slots=True)
class Promoted:
    """How a trial came out."""

    version: str
    against: str
    promoted: bool
    forced: bool
    checks: tuple[Check, ...]
    problem: str | None
    by: str


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial that somebody asks for; one runs at a time, whoever asks for exactly the same shares it."""

    version: str
    force: bool
    why: str | None

    @property
    def name(self) -> Name:
        """The name of the errand."""
        return trial_of(self.version)


def trial_of(version: str) -> Name:
    """Return the name of the errand that puts an artifact on trial."""
    return "trial", version


def promotion(office: Office, asked: Asked, act: Act) -> Callable[[], Promoted]:
    """Return what holds an artifact against the one in service, and lets it serve if it may."""
    version = asked.version

    def work() -> Promoted:
        trial = put_on_trial(office.engine, version, office.settings.artifact_folder, office.settings.opt_out_floor)
        # It ended now, not when it was asked for.
        promoted = put_into_service(office.engine, trial, replace(act, at=office.clock()), force=asked.force)
        forced = promoted and not trial.passed
        return Promoted(version, trial.against, promoted, forced, trial.checks, trial.problem, act.by)

    return work


@dataclass(frozen=True, slots=True)
class Doubtful:
    """A label that is likely wrong, as of one look."""

    label_id: int
    label: ReplyClass
    instead: ReplyClass
    confidence: float
    probabilities: list[tuple[str, float]]
    by_rule: bool
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at all labels of a team found."""

    at: datetime
    version: str | None
    """Of the artifact that was asked; None: there was nothing to ask."""
    labels: int
    left_out: int
    found: list[Doubtful]
    reopened: set[int] = field(default_factory=set)
    """Labels about which somebody took the word back that had settled them."""


def look(office: Office, team_id: int) -> Callable[[], Look]:
    """Return what looks for doubtful labels of a team."""

    def work() -> Look:
        at = office.clock()
        with reading(office.engine) as session:
            rows = labelled_replies(session, team_id=team_id)
        if not rows:
            return Look(at, None, 0, 0, [])
        artifact = artifact_of(office.engine, office.settings, newest_version(office.engine))
        doubts = doubt(artifact, rows, MOST_DOUBTS)
        because = reasons(artifact, [each.row for each in doubts.first])
        found = [
            Doubtful(
                int(each.row.id.removeprefix(LABEL_ID)),
                each.row.label,
                each.instead,
                each.confidence,
                sorted(each.probabilities.items(), key=lambda share: -share[1]),
                each.by_rule,
                evidence,
            )
            for each, evidence in zip(doubts.first, because, strict=True)
            if each.instead is not each.row.label
        ]
        return Look(at, artifact.version, len(rows), doubts.left_out, found)

    return work


def unsettled(office: Office, team_id: int, seen: Look) -> Iterator[tuple[Row, Doubtful]]:
    """Yield the labels of a look of which nobody has spoken since, each with what was found."""
    with reading(office.engine) as session:
        rows = labels_of(session, team_id, [each.label_id for each in seen.found])
    for each in seen.found:
        row = rows.get(each.label_id)
        if row is None or row["label"] != each.label.value:
            continue
        if row["at"] <= seen.at or each.label_id in seen.reopened:
            yield row, each


def status_of(label: ReplyClass) -> Status:
    """Return the status that a class of replies is stored as."""
    return Status(label.value)
