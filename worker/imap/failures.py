"""What fails at a mail server or on the way to it, told with its place and the next step."""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from imapclient.exceptions import CapabilityError, IMAPClientAbortError, IMAPClientError, LoginError

from worker.errors import MailboxError, Trouble
from worker.imap import refusals
from worker.imap.account import Account
from worker.imap.client import NotImapError
from worker.imap.masking import masked
from worker.imap.refusals import Refusal, passes, stays

# What imapclient's parser lets out where a server's answer makes no sense.
MALFORMED: Final = (ValueError, TypeError, LookupError, RecursionError)

_BYTES_TEXT = re.compile(r"\bb(['\"])(.*)\1")
# OpenSSL's X509_V_ERR_CERT_HAS_EXPIRED.
_EXPIRED: Final = 10
_BROKE: Final = passes(Trouble.NETWORK, "the connection broke; it is tried again and goes on where it stopped")

_TOKEN: Final = stays(
    Trouble.SIGN_IN,
    "see that IMAP is on for user {username!r} and that it was this user who consented; sign in again: {renew}",
)


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
