"""JSON as text, as it goes into the database."""

from __future__ import annotations

import json
from typing import Any

from pydantic_core import PydanticSerializationError, to_json


class Ready(str):
    """JSON text, for a JSON column that takes it as it is."""

    __slots__ = ()


def as_json(value: Any) -> str:
    """Return JSON text; what the fast way refuses (half of a surrogate pair) is escaped by the slow one."""
    if isinstance(value, Ready):
        return str(value)
    try:
        return to_json(value).decode()
    except (PydanticSerializationError, UnicodeError):
        return json.dumps(value)
