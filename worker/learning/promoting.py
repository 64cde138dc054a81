"""Puts an artifact into service if the gate lets it: one way, for the command line, the pages and other systems."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from classifier.artifact import ArtifactError
from classifier.labelled import read_corpus
from models.session import reading, transaction
from worker.act import Act
from worker.errors import InputError
from worker.learning.labels import labelled_replies
from worker.learning.promotion import Serving, in_service, open_serving, promote
from worker.learning.registered import Stored, find, open_artifact

if TYPE_CHECKING:
    # It loads the training library, which only a trial needs.
    from classifier.gate import Check


class ServesAlreadyError(InputError):
    """What is to be put into service is in service."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What the gate found of an artifact, and against what it was held."""

    candidate: Stored
    serving: Serving
    against: str
    """The version it was held against: what serves, or where that is lost, what serves in its place."""
    problem: str | None
    """Why it was held against something else than what was put into service."""
    checks: tuple[Check, ...]

    @property
    def passed(self) -> bool:
        """Say whether the gate lets it through."""
        return all(check.passed for check in self.checks)


def put_on_trial(engine: Engine, version: str, folder: Path, floor: float) -> Trial:
    """Hold an artifact against what serves; it takes seconds, and no transaction is open meanwhile.

    Args:
        engine: the database.
        version: which artifact.
        folder: where artifacts are kept.
        floor: least share of the opt-outs that must be recognised or held.

    Raises:
        InputError: there is none of this version, or it cannot be used; ServesAlreadyError: it serves.
    """
    # It loads the training library, which takes seconds: only who asks for a trial waits for that.
    from worker.learning.trial import trial  # noqa: PLC0415

    with reading(engine) as session:
        candidate, serving = find(session, version), in_service(session)
        own = labelled_replies(session)
    if candidate == serving.artifact:
        raise ServesAlreadyError(f"artifact {version} is in service already")
    try:
        artifact = open_artifact(candidate, folder)
    except ArtifactError as error:
        raise InputError(str(error)) from error
    now, lost = open_serving(serving, folder)
    checks = trial(read_corpus(), own, now, artifact, floor=floor)
    problem = f"{lost}; {version} is held against {now.version}, which serves in its place" if lost else None
    return Trial(candidate=candidate, serving=serving, against=now.version, problem=problem, checks=tuple(checks))


def put_into_service(engine: Engine, trial: Trial, act: Act, *, force: bool = False) -> bool:
    """Let an artifact serve that the gate let through, or that somebody forces; return whether it serves.

    Raises:
        InputError: something else serves meanwhile.
    """
    if not trial.passed and not force:
        return False
    with transaction(engine) as session:
        promote(
            session,
            trial.candidate,
            map(str, trial.checks),
            act,
            instead_of=trial.serving,
            forced=not trial.passed,
        )
    return True
