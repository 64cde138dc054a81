"""Findings about stored secrets: which lie in plain text, and which no key opens."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from worker.secrets.stored_secrets import COLUMNS, problem
from worker.secrets.vault import Vault, is_sealed
from worker.watch.health import Finding, well, wrong


def secrets(session: Session, vault: Vault) -> Iterator[Finding]:
    """Find what is stored in plain text, and what no key opens."""
    total = plain = 0
    for what, column in COLUMNS.items():
        stored = list(session.scalars(select(column).where(column.is_not(None), column != "")))
        total += len(stored)
        plain += sum(not is_sealed(each) for each in stored)
        shut = [why for each in stored if (why := problem(vault, each))]
        if shut:
            yield wrong("secrets", f"{len(shut)} {what} cannot be opened: {shut[0]}")
    if plain:
        yield wrong("secrets", f"{plain} of {total} are stored in plain text", "run: inbox-worker secrets rotate")
    yield well("secrets", f"{total - plain} encrypted")
