"""Turns the failures we know into one line with the next step; anything else is a bug and keeps its traceback."""

from __future__ import annotations

from sqlalchemy.exc import OperationalError, ProgrammingError

from classifier.artifact import ArtifactError
from classifier.labelled import LabelledReplyError
from config.settings import SettingsError
from models.session import DatabaseUnavailable
from worker.cli.extras import next_step
from worker.errors import InboxWorkerError


def describe(error: Exception) -> str | None:
    """Return what went wrong and what to do, or None where nobody foresaw it."""
    if isinstance(error, InboxWorkerError | SettingsError | DatabaseUnavailable | ArtifactError | LabelledReplyError):
        return str(error)
    if isinstance(error, ModuleNotFoundError):
        return next_step(error)
    if isinstance(error, OperationalError | ProgrammingError):
        return _of_database(str(error.orig).partition("\n")[0])
    if isinstance(error, OSError):
        return f"{error.strerror or error} ({error.filename})" if error.filename else str(error)
    return None


def _of_database(cause: str) -> str | None:
    if "no such table" in cause or "does not exist" in cause:
        return "the database has no tables yet; run: inbox-worker migrate"
    if "full" in cause or "No space" in cause:
        return f"the disk of the database is full ({cause}); make room and run it again, nothing is lost"
    return f"the database failed: {cause}; see INBOX_DATABASE_URL, then run it again, nothing is lost"
