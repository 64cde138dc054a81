"""Signs what is sent to an endpoint, as Standard Webhooks asks (webhook-id, webhook-timestamp, webhook-signature).

A stored secret is "whsec_" and base64; after rotations those before follow, each with a colon and the second at which
it stops to sign.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b64decode, b64encode
from datetime import datetime, timedelta

PREFIX = "whsec_"
SECRET_BYTES = 32
OVERLAP = timedelta(hours=24)
"""How long a secret signs on beside the one that replaced it."""


def new_secret() -> str:
    """Return a secret nobody can guess."""
    return PREFIX + b64encode(secrets.token_bytes(SECRET_BYTES)).decode("ascii")


def rotated(stored: str, secret: str, now: datetime) -> str:
    """Return what to store so that `secret` signs, the one before it for `OVERLAP` more, and others to their end."""
    newest, *earlier = stored.split()
    ended = f"{newest}:{int((now + OVERLAP).timestamp())}"
    return " ".join([secret, ended, *(each for each in earlier if _signs(each, now))])


def secrets_at(stored: str, now: datetime) -> list[str]:
    """Return the secrets that sign at `now`, the newest first."""
    newest, *earlier = stored.split()
    return [newest, *(each.rpartition(":")[0] for each in earlier if _signs(each, now))]


def sign(stored: str, message_id: str, body: bytes, now: datetime) -> dict[str, str]:
    """Return the header fields that sign `body`: one signature for each secret that signs at `now`."""
    seconds = str(int(now.timestamp()))
    signed = f"{message_id}.{seconds}.".encode() + body
    signatures = (_signature(secret, signed) for secret in secrets_at(stored, now))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(f"v1,{signature}" for signature in signatures),
    }


def _signs(ending: str, now: datetime) -> bool:
    return now.timestamp() < int(ending.rpartition(":")[2])


def _signature(secret: str, signed: bytes) -> str:
    key = b64decode(secret.removeprefix(PREFIX), validate=True)
    return b64encode(hmac.digest(key, signed, "sha256")).decode("ascii")
