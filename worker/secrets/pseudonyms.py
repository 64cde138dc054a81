"""Names that stand in place of the addresses of people who were erased, and tell nobody whom they stand for.

A pseudonym is an HMAC of the address, written as an address of a domain that cannot exist (RFC 6761 6.4), so that
contacts, entries of Do Not Email and the fold go on with it unchanged. Who holds an address and the key finds out
whether it is one of them; who holds the database alone does not, since the key in it is sealed.

The keys that open it come with the settings. They travel with the engine (`carry`), so that whatever asks in whichever
transaction needs no further argument: a session knows its connection, and a connection the options of its engine.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from models.session import insert_new
from models.tables.privacy import ErasureKey
from worker.errors import InputError
from worker.secrets.vault import Vault

ERASED = "erased.invalid"
HIDDEN = "erased:"
"""Begins what stands in place of an id that could tell whose it was."""
ONLY = 1
"""The id of the only key."""
KEY_BYTES = 32
NAME_BYTES = 20
"""160 bits: among all addresses of the world no two share a name."""
_VAULT = "inbox_vault"
_NAMES = "inbox_pseudonyms"


@dataclass(frozen=True, slots=True)
class Pseudonyms:
    """Makes the names, the same of the same address for ever; shows no key."""

    key: bytes = field(repr=False)

    def of(self, address: str) -> str:
        """Return the name of an address in its normal form; a name is its own."""
        return address if is_pseudonym(address) else f"{self._digest('address', address)}@{ERASED}"

    def hide(self, text: str) -> str:
        """Return what stands in place of an id, equal for equal ones; what is hidden already stays."""
        return text if text.startswith(HIDDEN) else HIDDEN + self._digest("id", text)

    def _digest(self, purpose: str, text: str) -> str:
        signed = hmac.digest(self.key, f"{purpose}\0{text}".encode("utf-8", "surrogatepass"), hashlib.sha256)
        return signed[:NAME_BYTES].hex()


def is_pseudonym(address: str) -> bool:
    """Say whether an address is the name of somebody who was erased."""
    return address.endswith("@" + ERASED)


def carry(engine: Engine, vault: Vault) -> None:
    """Let every transaction of an engine open the key of the pseudonyms with the keys of this vault."""
    engine.update_execution_options(**{_VAULT: vault})


def carried(engine: Engine) -> Vault:
    """Return the vault that an engine carries; one without keys where nobody gave it one."""
    return engine.get_execution_options().get(_VAULT) or Vault()


def pseudonyms(session: Session) -> Pseudonyms | None:
    """Return what makes the names, None where nobody was ever erased; once there is one, a session reads it once.

    Raises:
        InputError: the key cannot be opened. Nobody may be mailed then: we would not know whom we must not.
    """
    names: Pseudonyms | None = session.info.get(_NAMES)
    if names is None:
        sealed = session.scalar(select(ErasureKey.sealed).where(ErasureKey.id == ONLY))
        # That there is none is asked again: whoever waited for a lock may have waited for the first erasure.
        names = session.info[_NAMES] = Pseudonyms(_opened(session, sealed)) if sealed else None
    return names


def first_pseudonyms(session: Session, now: datetime) -> Pseudonyms:
    """Return the same inside a write transaction, making the key where there is none.

    Raises:
        InputError: there are no keys to encrypt it with, or it cannot be opened.
    """
    names = pseudonyms(session)
    if names is None:
        sealed = _vault(session).seal(secrets.token_bytes(KEY_BYTES).hex())
        # Another may have made it meanwhile; then that one counts.
        insert_new(session, ErasureKey, [{"id": ONLY, "sealed": sealed, "made_at": now}])
        names = pseudonyms(session)
    assert names is not None  # noqa: S101 - it was written above
    return names


def _opened(session: Session, sealed: str) -> bytes:
    try:
        return bytes.fromhex(_vault(session).open(sealed))
    except InputError as error:
        raise InputError(f"nobody can tell who was erased and must not be mailed: {error}") from None


def _vault(session: Session) -> Vault:
    return session.connection().get_execution_options().get(_VAULT) or Vault()
