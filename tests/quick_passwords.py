"""Hashes that cost next to nothing, for tests whose business is not what they are worth."""

from __future__ import annotations

import pytest
from argon2 import PasswordHasher

from worker.secrets import passwords

QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@pytest.fixture
def quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash and compare passwords in no time."""
    monkeypatch.setattr(passwords, "_HASHER", QUICK)
    monkeypatch.setattr(passwords, "NOBODY", QUICK.hash("nobody"))
