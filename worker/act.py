"""Who acts: what every change that a person makes is stamped with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Act:
    """Who acts, when (aware UTC), and why."""

    by: str
    at: datetime
    why: str | None = None
