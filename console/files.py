"""What imports and exports of pages share: a file is sent without the database, and a large one changes its plans."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from tempfile import TemporaryFile
from typing import TextIO

from fastapi import Response
from fastapi.responses import StreamingResponse
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from config import logs
from models.session import DatabaseUnavailable, reading, refresh_statistics

log = logs.logger(__name__)

LARGE = 10_000
"""After an import of more rows the plans of the database are off."""
AT_ONCE = 1 << 20
"""Characters of an export that are sent at once."""


def download(engine: Engine, name: str, media_type: str, lines: Callable[[Session], Iterator[str]]) -> Response:
    """Return a file of lines that are read whole before the first is sent."""
    # A slow reader would keep a transaction of the database open for as long as it likes.
    file = TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115 - it is closed when it has been sent
    try:
        with reading(engine) as session:
            file.writelines(lines(session))
    except BaseException:
        file.close()
        raise
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(_pieces(file), media_type=f"{media_type}; charset=utf-8", headers=headers)


def _pieces(file: TextIO) -> Iterator[str]:
    with file:
        file.seek(0)
        while some := file.read(AT_ONCE):
            yield some


def refresh_after(engine: Engine, rows: int) -> None:
    """Let the database look at its tables anew after a large import, which is done whatever comes of this."""
    if rows <= LARGE:
        return
    try:
        refresh_statistics(engine)
    except (DatabaseUnavailable, SQLAlchemyError) as error:
        log.warning(
            "statistics_not_refreshed",
            says="the statistics of the database were not refreshed after an import: {error}",
            error=error,
        )
