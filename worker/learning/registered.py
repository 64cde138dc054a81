"""The artifacts that were trained or added here, and the shipped one: by their versions, and where they lie."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from classifier.artifact import DEFAULT, Artifact, ArtifactError, load
from models.session import insert_new
from models.tables.learning import Artifact as ArtifactRow
from worker.errors import InputError, NotFoundError
from worker.learning.artifacts import check_version
from worker.writing.stored import storable

SHIPPED = "default"
"""The version of the artifact that comes with the product."""


@dataclass(frozen=True, slots=True)
class Stored:
    """An artifact on disk as it was registered; without an id and a path it is the shipped one."""

    version: str = SHIPPED
    id: int | None = None
    path: Path | None = None
    sha256: str | None = None


def check_new(session: Session, version: str) -> None:
    """See that no artifact has this version yet, and that it can be one.

    Raises:
        InputError: one has, or it cannot.
    """
    check_version(version)
    if version == SHIPPED or session.scalar(select(ArtifactRow.id).where(ArtifactRow.version == version)):
        raise _taken(version)


def _taken(version: str) -> InputError:
    return InputError(f"there is an artifact {version} already; give the new one another --version")


def register(session: Session, artifact: Artifact, path: Path, now: datetime) -> None:
    """Note a trained artifact that lies at `path`; it does not serve before it is promoted.

    Raises:
        InputError: another one has that version.
    """
    check_new(session, artifact.version)
    row = {
        "version": artifact.version,
        "path": str(path.absolute()),
        "sha256": _sha256(path),
        "metrics": storable(artifact.metrics | {"data": artifact.data}),
        "recorded_at": now,
    }
    if not insert_new(session, ArtifactRow, [row]):
        raise _taken(artifact.version)


def find(session: Session, version: str) -> Stored:
    """Return the artifact of this version.

    Raises:
        NotFoundError: there is none.
    """
    row = session.execute(select(ArtifactRow.id, *STORED).where(ArtifactRow.version == version)).one_or_none()
    if row is None and version != SHIPPED:
        known = [SHIPPED, *session.scalars(select(ArtifactRow.version).order_by(ArtifactRow.id.desc()).limit(10))]
        raise NotFoundError(f"no artifact {version!r} (there are: {', '.join(known)}); inbox-worker train makes one")
    return stored_of(*row) if row else Stored()


STORED = (ArtifactRow.version, ArtifactRow.path, ArtifactRow.sha256)
"""What `stored_of` takes, behind the id."""


def stored_of(artifact_id: int | None, version: str, path: str, sha256: str) -> Stored:
    """Return an artifact from its row; without an id the shipped one."""
    return Stored() if artifact_id is None else Stored(version, artifact_id, Path(path), sha256)


def open_artifact(stored: Stored, folder: Path) -> Artifact:
    """Load an artifact from the folder of artifacts, or from where it lay when it was registered.

    Raises:
        ArtifactError: it cannot be used, or is not the one that was registered.
    """
    return load(file_of(stored, folder))


def file_of(stored: Stored, folder: Path) -> Path:
    """Return where an artifact lies: in the folder of artifacts, or where it was when it was registered.

    Raises:
        ArtifactError: what lies there is not the one that was registered, or cannot be read.
    """
    if stored.path is None:
        return DEFAULT
    path = stored.path
    try:
        if (here := folder / path.name).exists():
            path = here
        if path.exists() and _sha256(path) != stored.sha256:
            raise ArtifactError(f"{path} is not the artifact {stored.version} that was trained; train it again")
    except OSError as error:
        raise ArtifactError(
            f"{path} cannot be read: {error.strerror or error}; let this user read it, or go back to an earlier one"
        ) from error
    return path


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
