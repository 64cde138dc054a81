"""Which trained classifiers are there, and which one serves: what people decided, as an append-only history."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.artifact import Artifact, ArtifactError, load, load_default
from models.learning import Artifact as ArtifactRow
from models.learning import Promotion
from models.session import insert_new
from worker.act import Act
from worker.errors import InputError
from worker.stored import storable

SHIPPED = "default"
"""The version of the artifact that comes with the product."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An artifact on disk as it was registered; without an id and a path it is the shipped one."""

    version: str = SHIPPED
    id: int | None = None
    path: Path | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Serving:
    """What is in service, and the number of the decision that put it there (0: nobody has decided)."""

    artifact: Stored
    decision: int


def in_service(session: Session) -> Serving:
    """Return what people put into service last, and did not take back."""
    newest = session.execute(
        select(Promotion.id, ArtifactRow)
        .outerjoin(ArtifactRow, ArtifactRow.id == Promotion.artifact_id)
        .order_by(Promotion.id.desc())
        .limit(1)
    ).one_or_none()
    return Serving(_stored(newest[1]), newest[0]) if newest else Serving(Stored(), 0)


def trained_at(session: Session) -> datetime | None:
    """Return when the artifact in service was trained here; None for the shipped one."""
    serving = in_service(session).artifact
    return session.scalar(select(ArtifactRow.recorded_at).where(ArtifactRow.id == serving.id))


def check_new(session: Session, version: str) -> None:
    """See that no artifact has this version yet, and that it can be a file's name.

    Raises:
        InputError: one has, or it cannot.
    """
    if not re.fullmatch(r"[\w][\w.+-]{0,79}", version):
        raise InputError(f"{version!r} is no version: letters, digits, and . + - _ in between, 80 at most")
    if version == SHIPPED or session.scalar(select(ArtifactRow.id).where(ArtifactRow.version == version)):
        raise InputError(f"there is an artifact {version} already; give the new one another --version")


def register(session: Session, artifact: Artifact, path: Path, now: datetime) -> None:
    """Note a trained artifact that lies at `path`; it does not serve before it is promoted.

    Raises:
        InputError: another one has that version.
    """
    row = {
        "version": artifact.version,
        "path": str(path.absolute()),
        "sha256": _sha256(path),
        "metrics": storable(artifact.metrics | {"data": artifact.data}),
        "recorded_at": now,
    }
    check_new(session, artifact.version)
    insert_new(session, ArtifactRow, [row])


def find(session: Session, version: str) -> Stored:
    """Return the artifact of this version.

    Raises:
        InputError: there is none.
    """
    row = session.scalar(select(ArtifactRow).where(ArtifactRow.version == version))
    if row is None and version != SHIPPED:
        known = [SHIPPED, *session.scalars(select(ArtifactRow.version).order_by(ArtifactRow.id.desc()).limit(10))]
        raise InputError(f"no artifact {version!r} (there are: {', '.join(known)}); inbox-worker train makes one")
    return _stored(row)


def _stored(row: ArtifactRow | None) -> Stored:
    return Stored(row.version, row.id, Path(row.path), row.sha256) if row else Stored()


def open_artifact(stored: Stored) -> Artifact:
    """Load an artifact.

    Raises:
        classifier.artifact.ArtifactError: it cannot be used, or is not the one that was registered.
    """
    if stored.path is None:
        return load_default()
    if stored.path.exists() and _sha256(stored.path) != stored.sha256:
        raise ArtifactError(f"{stored.path} is not the artifact {stored.version} that was trained; train it again")
    return load(stored.path)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def promote(session: Session, stored: Stored, reasons: Iterable[str], act: Act, *, forced: bool = False) -> None:
    """Put an artifact into service; running daemons take it up at their next poll."""
    _decide(session, stored.id, act, reasons=list(reasons), forced=forced, rolls_back=False)


def rollback(session: Session, act: Act) -> Stored:
    """Take the newest promotion back, so that what served before it serves again; return what serves now.

    Raises:
        InputError: nothing is left to take back.
    """
    standing = _standing(session.scalars(select(Promotion).order_by(Promotion.id)).all())
    if not standing:
        raise InputError("nothing was promoted, so the shipped classifier is in service already")
    before = standing[-2] if len(standing) > 1 else None
    _decide(session, before, act, reasons=[], forced=False, rolls_back=True)
    return in_service(session).artifact


def _standing(history: Sequence[Promotion]) -> list[int | None]:
    """Return which artifacts were promoted and not taken back, the oldest first."""
    standing: list[int | None] = []
    for decision in history:
        if decision.rolls_back:
            standing.pop()
        else:
            standing.append(decision.artifact_id)
    return standing


def _decide(session: Session, artifact_id: int | None, act: Act, **values: Any) -> None:
    session.add(Promotion(artifact_id=artifact_id, actor=act.by, why=storable(act.why), recorded_at=act.at, **values))
    session.flush()


def list_artifacts(session: Session) -> list[dict[str, Any]]:
    """Return every artifact, the newest first and the shipped one last, with who promoted it when."""
    serving = in_service(session)
    promoted: dict[int | None, Promotion] = {
        each.artifact_id: each
        for each in session.scalars(select(Promotion).where(Promotion.rolls_back.is_(False)).order_by(Promotion.id))
    }
    rows = session.scalars(select(ArtifactRow).order_by(ArtifactRow.id.desc())).all()
    told = [
        _row(row.version, row.recorded_at, row.metrics, row.metrics.get("data", {}), promoted.get(row.id))
        for row in rows
    ]
    shipped = load_default()
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
        "cost": metrics.get("cost"),
        "promoted_at": last.recorded_at if last else None,
        "by": last.actor if last else None,
        "forced": last.forced if last else False,
        "why": last.why if last else None,
    }


def history(session: Session) -> list[dict[str, Any]]:
    """Return every decision about what serves, the newest first."""
    query = (
        select(Promotion, ArtifactRow.version)
        .outerjoin(ArtifactRow, ArtifactRow.id == Promotion.artifact_id)
        .order_by(Promotion.id.desc())
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
