"""Keeps what we sign in with out of what a server says: some repeat what they do not understand."""

from __future__ import annotations

import base64
from collections.abc import Iterator

from worker.imap import bearer
from worker.imap.account import Account

MASK = "***"


def masked(account: Account, words: str) -> str:
    """Return a server's words without the account's password and token, in whatever form they were sent."""
    for secret in filter(None, (account.password, account.token)):
        # What contains others goes first.
        for form in sorted(_forms(account.username, secret), key=len, reverse=True):
            words = words.replace(form, MASK)
    return words


def _forms(username: str, secret: str) -> Iterator[str]:
    """Yield how a secret is written in LOGIN and AUTHENTICATE, and how imaplib quotes that in its errors."""
    quoted = secret.replace("\\", "\\\\").replace('"', '\\"')
    for form in (secret, quoted):
        escaped = form.encode().decode("latin-1").encode("unicode_escape").decode()
        yield from (form, escaped, escaped.replace("'", "\\'"))
    exchanges = [f"\0{username}\0{secret}", *(bearer.first(each, username, secret) for each in bearer.MECHANISMS)]
    yield from (base64.b64encode(each.encode()).decode() for each in exchanges)
