"""Every secret that the database holds: how they are encrypted anew, and which of them nobody could open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.tables.handling import OAuthGrant
from models.tables.mailboxes import Mailbox
from models.tables.outside import WebhookEndpoint
from models.tables.people import Team
from models.tables.privacy import ErasureKey
from worker.errors import InputError
from worker.secrets.vault import Vault, is_sealed
from worker.watch.health import Finding, well, wrong

COLUMNS: dict[str, InstrumentedAttribute[Any]] = {
    "passwords of mailboxes": Mailbox.password,
    "refresh tokens": OAuthGrant.refresh_token,
    "access tokens": OAuthGrant.access_token,
    "secrets of endpoints": WebhookEndpoint.secret,
    "Calendly keys": Team.calendly_key,
    "keys of pseudonyms": ErasureKey.sealed,
}


def encrypt_anew(session: Session, vault: Vault) -> tuple[int, int]:
    """Encrypt every secret with the vault's first key; return how many there are, and how many were with it already.

    What was stored in plain text is encrypted too. Whoever stores a secret meanwhile waits.

    Args:
        session: inside a write transaction.
        vault: with every key that is still in use.

    Raises:
        InputError: a secret was encrypted with a key that the vault lacks; nothing may be committed then.
    """
    count = before = 0
    first = Vault(vault.keys[:1])
    for column in COLUMNS.values():
        rows = session.scalars(select(column.class_).where(column.is_not(None), column != "").with_for_update())
        for row in rows:
            kept = getattr(row, column.key)
            before += is_sealed(kept) and _problem(first, kept) is None
            setattr(row, column.key, vault.reseal(kept))
            count += 1
    session.flush()
    return count, before


def empty_log(engine: Engine) -> None:
    """Empty SQLite's write-ahead log, which holds what was replaced; as far as no other process reads from it."""
    if engine.dialect.name == "sqlite":
        with closing(engine.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")


def secrets(session: Session, vault: Vault) -> Iterator[Finding]:
    """Find what is stored in plain text, and what no key opens."""
    total = plain = 0
    for what, column in COLUMNS.items():
        stored = list(session.scalars(select(column).where(column.is_not(None), column != "")))
        total += len(stored)
        plain += sum(not is_sealed(each) for each in stored)
        shut = [problem for each in stored if (problem := _problem(vault, each))]
        if shut:
            yield wrong("secrets", f"{len(shut)} {what} cannot be opened: {shut[0]}")
    if plain:
        yield wrong("secrets", f"{plain} of {total} are stored in plain text", "run: inbox-worker secrets rotate")
    yield well("secrets", f"{total - plain} encrypted")


def _problem(vault: Vault, stored: str) -> str | None:
    try:
        vault.open(stored)
    except InputError as error:
        return str(error)
    return None
