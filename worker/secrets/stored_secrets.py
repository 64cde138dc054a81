"""Every secret that the database holds: how they are encrypted anew, and whether a vault opens them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.tables.handling import OAuthGrant
from models.tables.mailboxes import Mailbox
from models.tables.outside import WebhookEndpoint
from models.tables.people import Team
from models.tables.privacy import ErasureKey
from worker.errors import InputError
from worker.secrets.vault import Vault, is_sealed

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
            before += is_sealed(kept) and problem(first, kept) is None
            setattr(row, column.key, vault.reseal(kept))
            count += 1
    session.flush()
    return count, before


def problem(vault: Vault, stored: str) -> str | None:
    """Return why the vault cannot open what is stored; None: it can."""
    try:
        vault.open(stored)
    except InputError as error:
        return str(error)
    return None
