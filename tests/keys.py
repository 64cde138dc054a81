"""The key that tests encrypt stored secrets with."""

from __future__ import annotations

from worker.secrets.vault import Vault

SECRET_KEY = "dGhlLWtleS10aGF0LXRlc3RzLWVuY3J5cHQtd2l0aC4="
VAULT = Vault((SECRET_KEY,))
