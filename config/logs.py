"""Logging: one line an event, a sentence for people with a key and fields for machines; as text or as JSON."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, date, datetime
from typing import Any, Final

from structlog import wrap_logger
from structlog.stdlib import BoundLogger, filter_by_level
from structlog.typing import EventDict, WrappedLogger

OWN: Final = ("at", "level", "logger", "event", "message", "exception")
"""What a line of JSON says of itself; no field is called like that."""
_FRAMES: Final = 4
"""Calls between a line of the code and the logger below it, which tells where in the code it is."""


def logger(name: str) -> BoundLogger:
    """Return what a module logs with: `log.info("mailbox_paused", says="mailbox {mailbox}: paused", mailbox=name)`.

    First comes the constant key of the event, then the sentence over its fields. Lines go to the standard library's
    logger of this name, so that one handler, and one level, serve them and those of libraries.
    """
    wrapped = wrap_logger(
        logging.getLogger(name), [filter_by_level, _handed_on], wrapper_class=BoundLogger, context_class=dict
    )
    # Bound at once, it needs no global configuration, now or later.
    bound: BoundLogger = wrapped.bind()
    return bound


def _handed_on(_: WrappedLogger, __: str, line: EventDict) -> tuple[tuple[str], dict[str, Any]]:
    """Return what the standard library's logger is called with."""
    event, says = line.pop("event"), line.pop("says")
    cause = {"exc_info": line.pop("exc_info")} if "exc_info" in line else {}
    # An error would keep alive what its traceback holds, and is nothing that can be written as JSON.
    fields = {name: str(value) if isinstance(value, BaseException) else value for name, value in line.items()}
    extra = {"event": event, "fields": fields}
    return (says.format_map(fields),), {"extra": extra, "stacklevel": _FRAMES, **cause}


class _Lines(logging.Formatter):
    """What servers and strangers wrote makes no line of its own and gives the terminal no order."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name is the base class's
        event = getattr(record, "event", None)
        return _harmless(super().formatMessage(record) + (f" [{event}]" if event else ""))

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name is the base class's
        # Indented, so that no line of an error can pass for one of the log.
        return "\n".join(f"    {_harmless(line)}" for line in super().formatException(ei).split("\n"))


def _harmless(text: str) -> str:
    return text if text.isprintable() else "".join(each if each.isprintable() else " " for each in text)


class _JsonLines(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        event = getattr(record, "event", None)
        line: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname,
            "logger": record.name,
            **({"event": event} if event else {}),
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        # In ASCII, for some terminals take orders in characters beyond it.
        return json.dumps(line, default=_plain)


def _plain(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else str(value)


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
