"""How verdicts and clues are kept in the database, and read back."""

from __future__ import annotations

from functools import cache
from typing import Any

from pydantic import TypeAdapter
from pydantic_core import PydanticSerializationError

from classifier.verdict import NAMES, Verdict, name_of
from models.events import Event
from models.json_text import Ready, as_json
from worker.match import Clues

KINDS = {name: kind for kind, name in NAMES.items()}
CLUES = "clues"


@cache
def _adapter(name: str) -> TypeAdapter[Any]:
    return TypeAdapter(Clues if name == CLUES else KINDS[name])


def dump(value: Verdict | Clues) -> dict[str, Any]:
    """Return the value as JSON data that any database can keep."""
    name = CLUES if isinstance(value, Clues) else name_of(value)
    kept: dict[str, Any] = storable(_adapter(name).dump_python(value, mode="json"))
    return kept


def dump_text(value: Verdict | Clues) -> Ready:
    """Return what `dump` does as the text of a JSON column: the same, in a third of the time."""
    name = CLUES if isinstance(value, Clues) else name_of(value)
    try:
        text = _adapter(name).serializer.to_json(value).decode()
    except PydanticSerializationError:
        text = ""
    # Half of a surrogate pair is refused above, and a NUL is escaped; both are replaced the slow way.
    return Ready(as_json(dump(value)) if not text or "\\u0000" in text else text)


def load_verdict(name: str, details: dict[str, Any]) -> Verdict:
    """Return the verdict that `dump` made, by its name (see `name_of`)."""
    verdict: Verdict = _adapter(name).validate_python(details, strict=False)
    return verdict


def load_clues(details: dict[str, Any]) -> Clues:
    """Return the clues that `dump` made."""
    clues: Clues = _adapter(CLUES).validate_python(details, strict=False)
    return clues


def storable(value: Any, most: int | None = None) -> Any:
    """Replace in every string what PostgreSQL or UTF-8 cannot hold (NUL, lone surrogates); cut strings at `most`."""
    if isinstance(value, str):
        if value.isprintable() and len(value) <= (most or len(value)):
            return value  # The common case, at a fraction of the cost: neither a NUL nor a surrogate is printable.
        return value.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")[:most]
    if isinstance(value, dict):
        return {storable(key): storable(each, most) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable(each, most) for each in value]
    return value


def event_columns(event: Event) -> dict[str, Any]:
    """Return the columns of `RecipientEvent` that hold an event."""
    return {name: getattr(event, name) for name in event.__dataclass_fields__}
