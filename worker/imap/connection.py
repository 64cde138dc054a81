"""The connection to an IMAP server: opened safely, and every failure told with its place and the next step."""

from __future__ import annotations

import functools
import re
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError

from config import logs
from worker.errors import MailboxError, Trouble
from worker.imap import bearer, refusals
from worker.imap.account import Account
from worker.imap.client import Client, NotImapError
from worker.imap.masking import masked
from worker.imap.refusals import Refusal, passes, stays

# What imapclient's parser lets out where a server's answer makes no sense.
MALFORMED: Final = (ValueError, TypeError, LookupError, RecursionError)
# After two quiet minutes, every half minute, four times; systems without these settings have their own.
_PROBES: Final = {"TCP_KEEPIDLE": 120, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 4}
SECURITIES: Final = ("tls", "starttls", "plain")

# imaplib sends a LOGIN's user name as it is; anything that is no atom has to go as SASL PLAIN.
_ATOM = re.compile(r"[A-Za-z0-9.@_+=/-]+")
_BYTES_TEXT = re.compile(r"\bb(['\"])(.*)\1")
# OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED.
_EXPIRED: Final = 10
_BROKE: Final = passes(Trouble.NETWORK, "the connection broke; it is tried again and goes on where it stopped")

_TOKEN: Final = stays(
    Trouble.SIGN_IN,
    "see that IMAP is on for user {username!r} and that it was this user who consented; sign in again: {renew}",
)

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
        IMAPClientError, OSError: as they come; see `telling`.
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
        refusal = _meaning(account, error)
        how = f"set {name} --password-file FILE" if account.token is None else f"sign-in {name}"
        renew = f"inbox-worker mailboxes {how}"
        advice = refusal.advice.format(name=name, renew=renew, **_shown(account))
        where = f"{name}: {doing} at {account.host}:{account.port} failed"
        words = masked(account, said(error))
        told = MailboxError(f"{where}: {words}; {advice}", permanent=refusal.permanent, trouble=refusal.trouble)
        # A traceback would show what was masked.
        raise told from (error if words == said(error) else None)


def is_passing(error: Exception) -> bool:
    """Say whether a server refuses only for now."""
    return refusals.is_passing(str(error))


def said(error: Exception) -> str:
    """Return an error's words, without the marks imaplib leaves around a server's."""
    return _BYTES_TEXT.sub(r"\2", str(error)) or type(error).__name__


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


def _shown(account: Account) -> dict[str, Any]:
    """Return what of an account an advice may name."""
    return {name: getattr(account, name) for name in ("username", "security", "ca_file", "timeout")}


def _meaning(account: Account, error: Exception) -> Refusal:
    """Return what an error means and what the next step is."""
    ended = isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError)
    if isinstance(error, ssl.SSLError) and not ended:
        return _tls_meaning(error)
    if isinstance(error, IMAPClientAbortError):
        return _broken_off(error)
    if isinstance(error, OSError):
        return _network_meaning(error)
    if isinstance(error, IMAPClientError):
        meaning = _server_meaning(error)
        return _refused(account) if meaning is refusals.REFUSED else meaning
    if isinstance(error, UnicodeError) and "idna" in str(error):
        return stays(Trouble.NAME, "this cannot be a host's name; check it")
    return passes(Trouble.PROTOCOL, "it is tried again; if it stays, the server's log says more")


def _broken_off(error: IMAPClientAbortError) -> Refusal:
    if isinstance(error, NotImapError):
        return passes(Trouble.NETWORK, "check host and port; it is tried again")
    refusal = refusals.understood(str(error))
    return refusal if refusal and refusal.trouble in refusals.ASKS_LESS else _BROKE


def _refused(account: Account) -> Refusal:
    """Return what a refusal without reasons means for whoever signs in like this."""
    if account.token:
        return _TOKEN
    return refusals.NO_PASSWORDS if account.host.lower().endswith(refusals.NO_PASSWORDS_AT) else refusals.REFUSED


def _server_meaning(error: IMAPClientError) -> Refusal:
    refusal = refusals.understood(str(error))
    if isinstance(error, LoginError):
        # "No such user" is no folder.
        return refusal if refusal and refusal.trouble is not Trouble.FOLDER else refusals.REFUSED
    if refusal:
        return refusal
    if isinstance(error, CapabilityError):
        return stays(Trouble.PROTOCOL, "the server cannot do this; check port and security (now {security!r})")
    if "* BYE" in str(error):
        return _BROKE
    return passes(Trouble.OTHER, "it is tried again; if it stays, the server's log says more")


def _tls_meaning(error: ssl.SSLError) -> Refusal:
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code == _EXPIRED:
            return passes(Trouble.TLS, "the server's administrator has to renew its certificate; it is tried again")
        return stays(
            Trouble.TLS, "use the host name the certificate names, or give its CA as ca_file (now {ca_file!r})"
        )
    if error.reason in {"WRONG_VERSION_NUMBER", "NO_CERTIFICATE_OR_CRL_FOUND", "PEM_LIB"}:
        return stays(Trouble.TLS, "check port, security (now {security!r}) and ca_file (now {ca_file!r})")
    return passes(Trouble.TLS, "it is tried again")


def _network_meaning(error: OSError) -> Refusal:
    if isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError):
        return stays(Trouble.TLS, "check ca_file {ca_file!r}")
    if isinstance(error, socket.gaierror):
        return passes(Trouble.NAME, "check the host name and this machine's DNS; it is tried again")
    if isinstance(error, ConnectionRefusedError):
        return passes(Trouble.NETWORK, "check host and port; it is tried again")
    if isinstance(error, TimeoutError):
        return passes(Trouble.NETWORK, "no answer within {timeout:g} seconds; it is tried again")
    return _BROKE
