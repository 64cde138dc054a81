"""Which artifact is asked: the one in service, one of a version or file, or the newest that was trained here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # These load NumPy and SQLAlchemy, which --help need not wait for.
    from sqlalchemy import Engine

    from classifier.artifact import Artifact
    from config.settings import Settings


def artifact_of(engine: Engine | None, settings: Settings, name: str | None = None) -> Artifact:
    """Load an artifact by its version or its file; without a name the one in service, without a database the shipped.

    Raises:
        InputError: there is none of this version.
        ArtifactError: it cannot be used.
    """
    from classifier.artifact import load, load_default  # noqa: PLC0415
    from models.session import reading  # noqa: PLC0415
    from worker.learning.promotion import in_service  # noqa: PLC0415
    from worker.learning.registered import find, open_artifact  # noqa: PLC0415

    if name is None and settings.artifact:
        return load(settings.artifact)
    if name and Path(name).is_file():
        return load(Path(name))
    if engine is None:
        return load_default()
    with reading(engine) as session:
        stored = find(session, name) if name else in_service(session).artifact
    return open_artifact(stored, settings.artifact_folder)


def newest_version(engine: Engine) -> str | None:
    """Return the version of the artifact that was trained last; None where none was trained here."""
    from sqlalchemy import select  # noqa: PLC0415

    from models.session import reading  # noqa: PLC0415
    from models.tables.learning import Artifact as Row  # noqa: PLC0415

    with reading(engine) as session:
        return session.scalar(select(Row.version).order_by(Row.id.desc()).limit(1))
