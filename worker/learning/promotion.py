"""Which artifact serves: what people decided, as an append-only history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from classifier.artifact import DEFAULT, Artifact, ArtifactError
from classifier.passport import read_passport
from models.session import lock_table
from models.tables.learning import Artifact as ArtifactRow
from models.tables.learning import Promotion
from worker.act import Act
from worker.errors import InputError
from worker.learning.registered import SHIPPED, STORED, Stored, open_artifact, stored_of
from worker.writing.stored import storable


@dataclass(frozen=True, slots=True)
class Serving:
    """What was promoted and not taken back, the newest first and the shipped one last; the first of them serves."""

    standing: tuple[Stored, ...]
    decision: int
    """The number of the newest decision; 0: nobody has decided."""

    @property
    def artifact(self) -> Stored:
        """What serves."""
        return self.standing[0]


def in_service(session: Session) -> Serving:
    """Return what people put into service last, and what comes after it where that cannot be used."""
    decisions = session.execute(
        select(Promotion.id, Promotion.rolls_back, Promotion.artifact_id, *STORED)
        .outerjoin(ArtifactRow, ArtifactRow.id == Promotion.artifact_id)
        .order_by(Promotion.id)
    ).all()
    standing = [Stored()]
    for _, rolls_back, artifact_id, *found in decisions:
        if rolls_back:
            standing.pop()
        else:
            standing.append(stored_of(artifact_id, *found))
    return Serving(tuple(reversed(standing)), decisions[-1].id if decisions else 0)


def newest_decision(session: Session) -> int:
    """Return the number of the newest decision, at less cost than asking what serves."""
    return session.scalar(select(func.max(Promotion.id))) or 0


def trained_at(session: Session) -> datetime | None:
    """Return when the artifact in service was trained here; None for the shipped one."""
    serving = in_service(session).artifact
    return session.scalar(select(ArtifactRow.recorded_at).where(ArtifactRow.id == serving.id))


def open_serving(serving: Serving, folder: Path) -> tuple[Artifact, str | None]:
    """Load what serves; where it cannot be used, what served before it, at last the shipped one, and say why."""
    problem = None
    for stored in serving.standing:
        try:
            return open_artifact(stored, folder), problem
        except ArtifactError as error:
            problem = problem or f"artifact {stored.version} cannot serve: {error}"
    raise AssertionError("the shipped artifact stands at the end")  # pragma: no cover


def promote(
    session: Session, stored: Stored, reasons: Iterable[str], act: Act, *, instead_of: Serving, forced: bool = False
) -> None:
    """Put an artifact into service; running daemons take it up at their next poll.

    Args:
        session: inside a write transaction.
        stored: which.
        reasons: what the gate said.
        act: who, when and why.
        instead_of: what it was held against.
        forced: the gate refused it.

    Raises:
        InputError: something else serves meanwhile.
    """
    lock_table(session, Promotion)
    if in_service(session).decision != instead_of.decision:
        raise _meanwhile()
    _decide(session, stored.id, act, reasons=list(reasons), forced=forced, rolls_back=False)


def rollback(session: Session, act: Act, instead_of: str | None = None) -> Serving:
    """Take the newest promotion back, so that what served before it serves again; return what serves now.

    Args:
        session: inside a write transaction.
        act: who, when and why.
        instead_of: the version that whoever goes back has seen in service; None: whatever serves.

    Raises:
        InputError: nothing is left to take back, or something else serves meanwhile.
    """
    lock_table(session, Promotion)
    standing = in_service(session).standing
    if instead_of not in {None, standing[0].version}:
        raise _meanwhile()
    if len(standing) == 1:
        raise InputError("nothing was promoted, so the shipped classifier is in service already")
    _decide(session, standing[1].id, act, reasons=[], forced=False, rolls_back=True)
    return in_service(session)


def _meanwhile() -> InputError:
    return InputError("somebody promoted or went back in the meantime; look (artifacts list), and say it again")


def _decide(session: Session, artifact_id: int | None, act: Act, **values: Any) -> None:
    session.add(Promotion(artifact_id=artifact_id, actor=act.by, why=storable(act.why), recorded_at=act.at, **values))
    session.flush()


def list_artifacts(session: Session, most: int | None = None) -> list[dict[str, Any]]:
    """Return the artifacts, the newest first and the shipped one last, with who promoted them when.

    Args:
        session: reads only.
        most: so many of the newest, and what serves; None: all.
    """
    serving = in_service(session)
    promoted: dict[int | None, Promotion] = {
        each.artifact_id: each
        for each in session.scalars(select(Promotion).where(Promotion.rolls_back.is_(False)).order_by(Promotion.id))
    }
    newest = select(ArtifactRow.id).order_by(ArtifactRow.id.desc()).limit(most)
    wanted = {*session.scalars(newest), *([serving.artifact.id] if serving.artifact.id else [])}
    rows = session.scalars(select(ArtifactRow).where(ArtifactRow.id.in_(wanted)).order_by(ArtifactRow.id.desc())).all()
    told = [
        _row(row.version, row.recorded_at, row.metrics, row.metrics.get("data", {}), promoted.get(row.id))
        for row in rows
    ]
    shipped = read_passport(DEFAULT)
    told.append(_row(SHIPPED, None, shipped.metrics, shipped.data, promoted.get(None)))
    return [{"serves": row["version"] == serving.artifact.version, **row} for row in told]


def _row(
    version: str, recorded_at: datetime | None, metrics: dict[str, Any], data: dict[str, Any], last: Promotion | None
) -> dict[str, Any]:
    return {
        "version": version,
        "trained_at": recorded_at,
        "rows": data.get("rows"),
        "macro_f1": metrics.get("macro_f1"),
        "opt_outs_kept": metrics.get("opt_outs_kept"),
        "reviewed": metrics.get("reviewed"),
        "cost": metrics.get("cost"),
        "promoted_at": last.recorded_at if last else None,
        "by": last.actor if last else None,
        "forced": last.forced if last else False,
        "why": last.why if last else None,
    }


def history(session: Session, most: int | None = None) -> list[dict[str, Any]]:
    """Return the decisions about what serves, the newest first; all of them, or so many."""
    query = (
        select(Promotion, ArtifactRow.version)
        .outerjoin(ArtifactRow, ArtifactRow.id == Promotion.artifact_id)
        .order_by(Promotion.id.desc())
        .limit(most)
    )
    return [
        {
            "at": each.recorded_at,
            "act": "rollback" if each.rolls_back else "promote",
            "serves": version or SHIPPED,
            "by": each.actor,
            "forced": each.forced,
            "why": each.why,
            "gate": each.reasons,
        }
        for each, version in session.execute(query)
    ]
