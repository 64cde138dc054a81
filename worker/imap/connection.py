"""The connection to an IMAP server: opened safely, and closed whatever state it is in."""

from __future__ import annotations

import functools
import re
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError

from config import logs
from worker.errors import MailboxError, Trouble
from worker.imap import bearer
from worker.imap.account import Account
from worker.imap.client import Client
from worker.imap.masking import masked

# After two quiet minutes, every half minute, four times; systems without these settings have their own.
_PROBES: Final = {"TCP_KEEPIDLE": 120, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 4}
SECURITIES: Final = ("tls", "starttls", "plain")

# imaplib sends a LOGIN's user name as it is; anything that is no atom has to go as SASL PLAIN.
_ATOM = re.compile(r"[A-Za-z0-9.@_+=/-]+")
log = logs.logger(__name__)


@functools.cache
def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """Return the one context of all connections with this CA: building one costs more than a whole poll."""
    return ssl.create_default_context(cafile=ca_file)


def open_client(
    account: Account,
    alert: Callable[[str], None] | None = None,
    begun: Callable[[socket.socket], None] | None = None,
) -> Client:
    """Connect and sign in.

    Args:
        account: where and how.
        alert: is told whatever the server wants a person to be shown, as long as the connection lasts; by default it
            goes to the log, the same words of one account once.
        begun: as of `worker.imap.client.Client`.

    Raises:
        IMAPClientError, OSError: as they come; see `worker.imap.failures.telling`.
    """
    client = _connected(account, alert or functools.partial(_log_alert, account.host, account.username), begun)
    try:
        _notice_silent_ends(client.socket())
        if account.security == "starttls":
            client.starttls(tls_context(account.ca_file))
        _sign_in(client, account)
    except BaseException:
        hang_up(client)
        raise
    return client


def slim(client: Client) -> None:
    """Let a connection that waits take less memory, since thousands of them do."""
    imap = client._imap  # noqa: SLF001 - neither library has a seam there
    imap.capabilities = _same(imap.capabilities)
    client._cached_capabilities = _same(client._cached_capabilities)  # noqa: SLF001 - the same


@functools.lru_cache(256)
def _same(capabilities: tuple[str | bytes, ...] | None) -> tuple[str | bytes, ...] | None:
    return capabilities


def _notice_silent_ends(line: socket.socket) -> None:
    """Let the system probe a quiet connection, so that one whose other end is gone does not wait for ever."""
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _PROBES.items():
        option = getattr(socket, name, None)
        if option is not None:
            line.setsockopt(socket.IPPROTO_TCP, option, value)


def hang_up(client: Client) -> None:
    """Close the connection without a word, as one must where it may be broken."""
    with suppress(OSError, IMAPClientError):
        client.shutdown()


def shut(line: socket.socket) -> None:
    """End a connection from another thread: whoever waits for the server hears that it broke."""
    with suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


def log_out(client: Client) -> None:
    """Take leave and close the connection. The answer holds nothing, and waiting for it costs a round trip."""
    with suppress(OSError, IMAPClientError):
        client.take_leave()
    hang_up(client)


def _connected(account: Account, alert: Callable[[str], None], begun: Callable[[socket.socket], None] | None) -> Client:
    if account.security not in SECURITIES:
        choice = ", ".join(SECURITIES)
        raise MailboxError(
            f"{account.host}: security is {account.security!r}; it must be one of {choice}", permanent=True
        )
    if account.token is not None and account.security == "plain":
        raise MailboxError(
            f"{account.host}: the access token of {account.username} is shown over encrypted connections only (RFC 7628"
            " section 3); run: inbox-worker mailboxes set NAME --security tls",
            permanent=True,
            trouble=Trouble.TLS,
        )
    return Client(
        account.host,
        account.port,
        context=tls_context(account.ca_file) if account.security == "tls" else None,
        timeout=account.timeout,
        alert=lambda words: alert(masked(account, words)),
        begun=begun,
    )


@functools.lru_cache(maxsize=1_000)
def _log_alert(host: str, username: str, words: str) -> None:
    # Some come with every sign-in.
    log.warning(
        "server_alert",
        says="{username} at {host}: the server wants a person to know: {words}",
        username=username,
        host=host,
        words=words,
    )


def _sign_in(client: Client, account: Account) -> None:
    try:
        if account.token is None:
            _show_password(client, account)
        else:
            bearer.sign_in(client, account.username, account.token)
    except LoginError as error:
        # imapclient calls a connection that broke during the login a failed login.
        if isinstance(error.__context__, IMAPClientAbortError):
            raise error.__context__ from error
        raise


def _show_password(client: Client, account: Account) -> None:
    if account.security == "plain" and client.has_capability("LOGINDISABLED"):
        # It would be refused after everybody on the way has read it (RFC 9051 6.2.3).
        raise CapabilityError("LOGINDISABLED: the server takes no password on a connection that is not encrypted")
    plain_words = _ATOM.fullmatch(account.username) and account.password.isascii()
    login = client.login if plain_words else client.plain_login
    login(account.username, account.password)
