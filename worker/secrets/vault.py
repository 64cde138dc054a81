"""Encrypts what is secret before it is stored, and opens it where it is used.

A sealed secret is "sealed:1:" and a Fernet token (AES-128-CBC with HMAC-SHA256). The first key encrypts and every key
opens, so keys can be changed while the service runs. Whatever lacks the mark was stored before there was encryption.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from config.settings import Settings
from worker.errors import InputError

MARK: Final = "sealed:1:"
MAKE_A_KEY: Final = (
    "make a key: inbox-worker secrets new-key > inbox-worker.key; then set INBOX_SECRET_KEYS_FILE to the path of that"
    " file, here and for the daemon, and keep a copy of it elsewhere"
)


@dataclass(frozen=True, slots=True)
class Vault:
    """The keys (Fernet: 32 octets as URL-safe base64), the one that encrypts first; shows none of them."""

    keys: tuple[str, ...] = field(default=(), repr=False)

    def seal(self, secret: str) -> str:
        """Return what to store instead of a secret.

        Raises:
            InputError: there is no key; says how to make one.
        """
        self.require_key()
        return MARK + _cipher(self.keys).encrypt(secret.encode()).decode("ascii")

    def require_key(self) -> None:
        """See that secrets can be stored, before a person does what a missing key would make vain.

        Raises:
            InputError: there is no key; says how to make one.
        """
        if not self.keys:
            raise InputError(f"secrets are stored encrypted, and there is no key; {MAKE_A_KEY}")

    def open(self, kept: str) -> str:
        """Return the secret that was stored; what was stored before there was encryption is returned as it is.

        Raises:
            InputError: no key fits, or there is none.
        """
        if not is_sealed(kept):
            return kept
        if not self.keys:
            raise InputError(
                "a stored secret is encrypted, and there is no key; set INBOX_SECRET_KEYS or INBOX_SECRET_KEYS_FILE"
                " to the key it was encrypted with"
            )
        try:
            return _cipher(self.keys).decrypt(kept.removeprefix(MARK).encode()).decode()
        except InvalidToken:
            # Without its context: a traceback must not lead into the frames that hold the keys.
            raise InputError(
                "a stored secret was encrypted with a key that is not among INBOX_SECRET_KEYS; add that key behind the"
                " others, or store the secret anew (mailboxes set, mailboxes sign-in, teams set, webhooks rotate)"
            ) from None

    def reseal(self, kept: str) -> str:
        """Return what to store so that the first key alone opens it.

        Raises:
            InputError: no key fits, or there is none.
        """
        return self.seal(self.open(kept))


def is_sealed(kept: str) -> bool:
    """Say whether what is stored is encrypted."""
    return kept.startswith(MARK)


def new_key() -> str:
    """Return a key nobody can guess."""
    return Fernet.generate_key().decode("ascii")


def vault_of(settings: Settings) -> Vault:
    """Return the vault whose keys the settings hold."""
    return Vault(settings.encryption_keys)


@functools.lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    """Return the cipher of these keys; only it is remembered, and never what it opened."""
    return MultiFernet([Fernet(key) for key in keys])
