"""Passwords of the people who use the console: what is kept of them, and which new ones are refused."""

from __future__ import annotations

import threading
import unicodedata

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.profiles import RFC_9106_LOW_MEMORY

from worker.errors import InputError

LEAST, MOST = 12, 1_000
"""Characters of a new password."""
COMMON = frozenset({
    "000000000000", "111111111111", "123123123123", "123456123456", "123456789012", "1234567890123", "123456789abc",
    "1q2w3e4r5t6y", "1qaz2wsx3edc", "administrator", "changemechangeme", "correcthorsebatterystaple", "iloveyou1234",
    "letmeinletmein", "password1234", "password12345", "password123456", "passwordpassword", "qazwsxedcrfv",
    "qwerty123456", "qwertyqwerty", "qwertyuiop12", "qwertyuiop123", "qwertyuiopasdf",
})  # fmt: skip
"""The passwords that are guessed first, of those long enough."""

# Argon2id with 64 MiB, 3 passes and 4 lanes: the second choice of RFC 9106 section 4, for machines that do other work.
_HASHER = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
NOBODY = "$argon2id$v=19$m=65536,t=3,p=4$U9ePM5NRJ1RQPr1G9DtWww$8zc7eoCoxmdcu1TepNJhDF6aeVmeMHsHXxlmQSeCQmE"
"""A hash of no one's password, with the parameters of the others: looking at it takes as long."""
AT_ONCE = 4
_TURN = threading.BoundedSemaphore(AT_ONCE)
"""Each look takes 64 MiB of memory, so that only a few may happen at the same moment."""


def hash_password(text: str) -> str:
    """Return what is kept of a password."""
    with _TURN:
        return _HASHER.hash(_octets(text))


def verify(hashed: str | None, text: str) -> bool:
    """Say whether a password is the one that was kept; where none was kept, this takes as long and says no."""
    with _TURN:
        try:
            _HASHER.verify(hashed or NOBODY, _octets(text))
        except VerifyMismatchError:
            return False
    return hashed is not None


def needs_rehash(hashed: str) -> bool:
    """Say whether a hash was made with other parameters than those of today."""
    return _HASHER.check_needs_rehash(hashed)


def refuse_weak(name: str, text: str) -> None:
    """See that a new password is worth having.

    Raises:
        InputError: it is too short or too long, the name of its user, or one of those that everybody tries.
    """
    plain = _plain(text)
    if not LEAST <= len(plain) <= MOST:
        raise InputError(
            f"a password has {LEAST} to {MOST} characters, and this one has {len(plain)}; give another one"
        )
    if plain.casefold().strip() == name.casefold():
        raise InputError("the password is the name of its user; give another one")
    if plain.casefold() in COMMON:
        raise InputError("the password is one of those that are tried first; give another one")


def _octets(text: str) -> bytes:
    return _plain(text).encode("utf-8", "surrogatepass")


def _plain(text: str) -> str:
    """Return one spelling of what looks the same: keyboards differ in how they write an accent (RFC 8265)."""
    return unicodedata.normalize("NFC", text)
