"""Logging: one line an event, for people or as JSON for machines."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any


class _Lines(logging.Formatter):
    """What servers and strangers wrote makes no line of its own and gives the terminal no order."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is the base class's
        return _harmless(super().formatMessage(record))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is the base class's
        # Indented, so that no line of an error can pass for one of the log.
        return "\n".join(f"    {_harmless(line)}" for line in super().formatException(ei).split("\n"))


def _harmless(text: str) -> str:
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "at": self.formatTime(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # In ASCII, for some terminals take orders in characters beyond it.
        return json.dumps(line)


def start(level: str, form: str) -> None:
    """Send log lines to standard error, at `level` and above, as `form` (text or json)."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        _JsonLines() if form == "json" else _Lines("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
    )
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("apscheduler").setLevel(max(logging.WARNING, logging.getLevelName(level)))
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # They tell of every connection that is closed, and of every access token that is renewed.
    for name in ("imapclient", "httpx", "httpcore"):
        logging.getLogger(name).setLevel(logging.NOTSET if level == "DEBUG" else logging.WARNING)
