"""The connection to an IMAP server: opened safely, and every failure told with its place and the next step."""

from __future__ import annotations

import functools
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from imapclient import IMAPClient
from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError

from worker.errors import MailboxError

# What imapclient's parser lets out where a server's answer makes no sense.
MALFORMED: Final = (ValueError, TypeError, LookupError, RecursionError)
SECURITIES: Final = ("tls", "starttls", "plain")

# Response codes (RFC 5530, RFC 9208, and Gmail's THROTTLED) of a refusal that passes by itself.
_PASSING = re.compile(
    r"\[(UNAVAILABLE|INUSE|LIMIT|SERVERBUG|OVERQUOTA|THROTTLED)\b|too many .*connections", re.IGNORECASE
)
_NO_FOLDER = re.compile(r"\[NONEXISTENT\]|doesn't exist|does not exist|unknown (mailbox|folder)|no such", re.IGNORECASE)
# imaplib sends a LOGIN's user name as it is; anything that is no atom has to go as SASL PLAIN.
_ATOM = re.compile(r"[A-Za-z0-9.@_+=/-]+")
_BYTES_TEXT = re.compile(r"\bb(['\"])(.*)\1")


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


@functools.cache
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return the one context of all connections with this CA: building one costs more than a whole poll."""
    return ssl.create_default_context(cafile=ca_file)


def open_client(account: Account) -> IMAPClient:
    """Connect and sign in.

    Raises:
        IMAPClientError, OSError: as they come; see `telling`.
    """
    client = _connected(account)
    try:
        client.normalise_times = False
        # imapclient sends a command's end on its own; with Nagle's algorithm that waits for the server's slow ACK.
        client.socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if account.security == "starttls":
            client.starttls(tls_context(account.ca_file))
        _sign_in(client, account)
    except BaseException:
        hang_up(client)
        raise
    return client


def hang_up(client: IMAPClient) -> None:
    """Close the connection without a word, as one must where it may be broken."""
    with suppress(OSError, IMAPClientError):
        client.shutdown()


def log_out(client: IMAPClient) -> None:
    """Take leave and close the connection."""
    try:
        client.logout()
    except (OSError, IMAPClientError):
        hang_up(client)


@contextmanager
def telling(account: Account, name: str, doing: str) -> Iterator[None]:
    """Turn whatever fails at the server or on the way to it into a MailboxError.

    Args:
        account: whose host and port the message names.
        name: the mailbox's name.
        doing: what was going on, as in "reading INBOX".
    """
    try:
        yield
    except (IMAPClientError, OSError, *MALFORMED) as error:
        advice, permanent = _advice(account, error)
        where = f"{name}: {doing} at {account.host}:{account.port} failed"
        raise MailboxError(f"{where}: {said(error)}; {advice}", permanent=permanent) from error


def is_passing(error: Exception) -> bool:
    """Say whether a server refuses only for now."""
    return bool(_PASSING.search(str(error)))


def said(error: Exception) -> str:
    """Return an error's words, without the marks imaplib leaves around a server's."""
    return _BYTES_TEXT.sub(r"\2", str(error)) or type(error).__name__


def _connected(account: Account) -> IMAPClient:
    if account.security not in SECURITIES:
        choice = ", ".join(SECURITIES)
        raise MailboxError(
            f"{account.host}: security is {account.security!r}; it must be one of {choice}", permanent=True
        )
    tls = account.security == "tls"
    context = tls_context(account.ca_file) if account.security != "plain" else None
    return IMAPClient(account.host, account.port, ssl=tls, ssl_context=context, timeout=account.timeout)


def _sign_in(client: IMAPClient, account: Account) -> None:
    plain_words = _ATOM.fullmatch(account.username) and account.password.isascii()
    login = client.login if plain_words else client.plain_login
    try:
        login(account.username, account.password)
    except LoginError as error:
        # imapclient calls a connection that broke during the login a failed login.
        if isinstance(error.__context__, IMAPClientAbortError):
            raise error.__context__ from error
        raise


def _advice(account: Account, error: Exception) -> tuple[str, bool]:
    """Return the next step, and whether only a person can take it."""
    if isinstance(error, ssl.SSLError):
        return _tls_advice(account, error)
    if isinstance(error, OSError | IMAPClientAbortError):
        return _network_advice(account, error)
    return _server_advice(account, error)


def _server_advice(account: Account, error: Exception) -> tuple[str, bool]:
    if is_passing(error):
        return "the server asks for patience, it is tried again", False
    if isinstance(error, LoginError):
        return f"check user name {account.username!r} and its password (many providers want an app password)", True
    if isinstance(error, CapabilityError):
        return f"the server cannot do this; check port and security (now {account.security!r})", True
    if _NO_FOLDER.search(str(error)):
        return "check the folder's name among the mailbox's folders", True
    return "it is tried again; if it stays, the server's log says more", False


def _tls_advice(account: Account, error: ssl.SSLError) -> tuple[str, bool]:
    if isinstance(error, ssl.SSLCertVerificationError):
        advice = f"use the host name the certificate names, or give its CA as ca_file (now {account.ca_file!r})"
        return advice, True
    if error.reason in {"WRONG_VERSION_NUMBER", "NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB"}:
        return f"check port, security (now {account.security!r}) and ca_file (now {account.ca_file!r})", True
    return "it is tried again", False


def _network_advice(account: Account, error: Exception) -> tuple[str, bool]:
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return f"check ca_file {account.ca_file!r}", True
    if isinstance(error, socket.gaierror):
        return "check the host name and this machine's DNS; it is tried again", False
    if isinstance(error, ConnectionRefusedError):
        return "check host and port; it is tried again", False
    if isinstance(error, TimeoutError):
        return f"no answer within {account.timeout:g} seconds; it is tried again", False
    return "the connection broke; it is tried again and goes on where it stopped", False
