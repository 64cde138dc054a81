"""Signs in to an IMAP server with an access token: OAUTHBEARER (RFC 7628), or XOAUTH2 of Google and Microsoft."""

from __future__ import annotations

import json

from imapclient import IMAPClient
from imapclient.exceptions import CapabilityError, LoginError

MECHANISMS = ("OAUTHBEARER", "XOAUTH2")
"""The first that a server offers is used."""
LONGEST_SAID = 300


class _Exchange:
    """What is answered to the server: first the token, then whatever ends its complaint (RFC 7628 3.2.3)."""

    def __init__(self, mechanism: str, username: str, token: str) -> None:
        self.said = ""
        self._token = token
        self._first = first(mechanism, username, token)
        self._end = "\1" if mechanism == "OAUTHBEARER" else ""
        self._asked = False

    def __call__(self, challenge: bytes) -> bytes:
        if self._asked:
            # Before it is cut, after which a part of the token would not be known as such.
            self.said = _words(challenge.replace(self._token.encode(), b"***"))
            return self._end.encode()
        self._asked = True
        return self._first.encode()


def first(mechanism: str, username: str, token: str) -> str:
    """Return what shows the token to the server, before it is encoded in base64."""
    if mechanism != "OAUTHBEARER":
        return f"user={username}\1auth=Bearer {token}\1\1"
    # The name is part of a GS2 header, in which a comma and an equals sign mean something (RFC 5801 4).
    name = username.replace("=", "=3D").replace(",", "=2C")
    return f"n,a={name},\1auth=Bearer {token}\1\1"


def sign_in(client: IMAPClient, username: str, token: str) -> None:
    """Show an access token to the server.

    Raises:
        CapabilityError: the server takes no tokens.
        LoginError: it refuses this one; with what it says besides.
    """
    mechanism = next((each for each in MECHANISMS if client.has_capability(f"AUTH={each}")), None)
    if mechanism is None:
        offers = " nor ".join(f"AUTH={each}" for each in MECHANISMS)
        raise CapabilityError(f"the server takes no access tokens: it offers neither {offers}")
    exchange = _Exchange(mechanism, username, token)
    try:
        client.sasl_login(mechanism, exchange)
    except LoginError as error:
        if not exchange.said:
            raise
        told = LoginError(f"{error} ({exchange.said})")
        # Whether the connection broke meanwhile is read there.
        told.__context__ = error.__context__
        raise told from None


def _words(challenge: bytes) -> str:
    """Return what a complaint says: the members of its JSON object, or the text as it is."""
    text = challenge.decode("utf-8", "replace")
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        members = None
    if isinstance(members, dict):
        text = ", ".join(f"{name}: {value}" for name, value in members.items())
    return text[:LONGEST_SAID]
