"""How to reach a mailbox and sign in to it, as values."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Account:
    """How to reach and sign in to a mailbox: security is tls, starttls or plain, timeout is in seconds."""

    host: str
    port: int
    username: str
    password: str = field(repr=False)
    security: str = "tls"
    ca_file: str | None = None
    timeout: float = 60.0
    token: str | None = field(default=None, repr=False)
    """A provider's access token; signs in instead of the password."""
