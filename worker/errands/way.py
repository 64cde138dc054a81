"""The way to a mail server, step by step, before anybody signs in: its name, its addresses, its certificate."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509

from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.client import MOST_ADDRESSES, Client, NotImapError
from worker.imap.connection import hang_up, tls_context
from worker.imap.failures import said, telling
from worker.watch.health import Finding, well, wrong

Begun = Callable[[socket.socket], None] | None

SOON: Final = timedelta(days=14)
"""How long before its end a certificate is worth a word."""
PATIENCE: Final = 10.0
"""Seconds that one address may take to answer."""

# What OpenSSL says of a certificate that it does not believe (X509_V_ERR_...).
_NOT_YET_VALID, _EXPIRED, _OTHER_NAME = 9, 10, 62
_SELF_SIGNED, _UNKNOWN_ISSUERS = 18, (18, 19, 20, 21)


class StopHereError(Exception):
    """A step failed without which the next ones make no sense; its finding is told."""


def way(account: Account, name: str, now: datetime, begun: Begun = None) -> Iterator[Finding]:
    """Yield one finding a step.

    Args:
        account: where; nobody signs in.
        name: the mailbox's.
        now: aware UTC.
        begun: as of `worker.imap.client.Client`.

    Raises:
        StopHereError: after a finding that makes signing in impossible.
    """
    addresses = _addresses(account)
    yield _host_name(account, name, addresses)
    yield from _connections(account, name, addresses[:MOST_ADDRESSES])
    try:
        yield _encryption(account, name, now, begun, on_this_machine=all(map(_is_loopback, addresses)))
    except MailboxError as error:
        yield _unreached(account, name, now, begun, error)
        raise StopHereError from error


def _addresses(account: Account) -> list[str]:
    try:
        found = socket.getaddrinfo(account.host, account.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        return []
    return list(dict.fromkeys(str(each[4][0]) for each in found))


def _host_name(account: Account, name: str, addresses: list[str]) -> Finding:
    if addresses:
        more = len(addresses) - MOST_ADDRESSES
        rest = f" and {more:,} more; only the first {MOST_ADDRESSES} are ever tried" if more > 0 else ""
        return well("host name", f"{account.host} is {', '.join(addresses[:MOST_ADDRESSES])}{rest}")
    return wrong(
        "host name",
        f"{account.host} has no address",
        f"correct it: inbox-worker mailboxes set {name} --host HOST; or see that this machine's DNS works",
    )


def _connections(account: Account, name: str, addresses: list[str]) -> Iterator[Finding]:
    """Connect to every address: polls use the first that answers, after having waited for those before it."""
    if not addresses:
        raise StopHereError
    refusals = {address: _try(address, account.port, min(PATIENCE, account.timeout)) for address in addresses}
    for address, refusal in refusals.items():
        what = f"connection to {address}"
        if refusal is None:
            yield well(what, f"port {account.port} is open")
        elif all(refusals.values()):
            yield wrong(
                what,
                f"port {account.port}: {said(refusal)}",
                f"see that host and port are right (inbox-worker mailboxes set {name} --port 993), that the server"
                " runs, and that no firewall is in the way",
            )
        elif isinstance(refusal, TimeoutError):
            yield wrong(
                what,
                f"port {account.port} does not answer; every poll that tries this address first waits for it",
                "see that this machine's network can reach it (IPv6?), or have the address removed from DNS",
            )
        else:
            yield well(what, f"{said(refusal)}; another address answers, which is enough")
    if all(refusals.values()):
        raise StopHereError


def _try(address: str, port: int, seconds: float) -> OSError | None:
    try:
        socket.create_connection((address, port), timeout=seconds).close()
    except OSError as error:
        return error
    return None


def _encryption(account: Account, name: str, now: datetime, begun: Begun, *, on_this_machine: bool) -> Finding:
    with telling(account, name, "connecting"):
        if account.security != "plain":
            return _valid(*_handshake(account, tls_context(account.ca_file), begun), now)
        hang_up(_greeted(account, None, begun))
    return _unencrypted(name, on_this_machine=on_this_machine)


def _unencrypted(name: str, *, on_this_machine: bool) -> Finding:
    if on_this_machine:
        return well("encryption", "none, which does no harm within this machine")
    says = "none: the password crosses the network readable by anyone on the way"
    return wrong("encryption", says, f"run: inbox-worker mailboxes set {name} --security tls")


def _greeted(account: Account, context: ssl.SSLContext | None, begun: Begun) -> Client:
    def unheard(_: str) -> None:
        """Whoever signs in afterwards is told the same."""

    return Client(account.host, account.port, context=context, timeout=account.timeout, alert=unheard, begun=begun)


def _handshake(account: Account, context: ssl.SSLContext, begun: Begun) -> tuple[str, x509.Certificate]:
    """Connect and return the protocol's version and the server's certificate."""
    tls = account.security == "tls"
    client = _greeted(account, context if tls else None, begun)
    try:
        if not tls:
            client.starttls(context)
        line: ssl.SSLSocket = client.socket()
        return str(line.version()), x509.load_der_x509_certificate(line.getpeercert(binary_form=True) or b"")
    finally:
        hang_up(client)


def _valid(version: str, certificate: x509.Certificate, now: datetime) -> Finding:
    left = certificate.not_valid_after_utc - now
    says = f"{version}; {_described(certificate)}"
    if left > SOON:
        return well("encryption", says)
    return wrong(
        "encryption",
        f"{says}, which is in {max(0, left.days)} days",
        "have the server's administrator renew the certificate; afterwards no mail can be read",
    )


def _unreached(account: Account, name: str, now: datetime, begun: Begun, error: MailboxError) -> Finding:
    cause = error.__cause__
    change = f"inbox-worker mailboxes set {name}"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return _disbelieved(account, name, now, begun, cause)
    if isinstance(cause, NotImapError):
        says = f"what answers at port {account.port} is no IMAP server; the log holds what it said"
        return wrong("greeting", says, f"correct host and port: {change} --host HOST --port 993")
    if isinstance(cause, TimeoutError) and account.security != "tls":
        mend = f"a port that wants TLS at once stays silent: {change} --security tls"
        return wrong("greeting", str(error), mend)
    if isinstance(cause, ssl.SSLError) and account.security == "tls":
        mend = f"a port that begins without TLS wants: {change} --security starttls"
        return wrong("encryption", str(error), mend)
    return wrong("encryption" if error.trouble in {Trouble.TLS, Trouble.PROTOCOL} else "greeting", str(error))


def _disbelieved(
    account: Account, name: str, now: datetime, begun: Begun, error: ssl.SSLCertVerificationError
) -> Finding:
    """Say what is wrong with a certificate, which is read without being believed; nothing secret is sent meanwhile."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname = False
    blind.verify_mode = ssl.CERT_NONE
    with telling(account, name, "reading the server's certificate"):
        _, certificate = _handshake(account, blind, begun)
    described = _described(certificate)
    administrator = "have the server's administrator renew it"
    if error.verify_code == _NOT_YET_VALID:
        says = f"this machine's clock says {now:%Y-%m-%d %H:%MZ}, and the certificate begins later: {described}"
        return wrong("encryption", says, "set this machine's clock right (timedatectl status); else " + administrator)
    if error.verify_code == _EXPIRED:
        mend = f"{administrator}, if this machine's clock is right: {now:%Y-%m-%d %H:%MZ}"
        return wrong("encryption", f"the certificate has expired: {described}", mend)
    if error.verify_code == _OTHER_NAME:
        mend = f"use a name that it is for: inbox-worker mailboxes set {name} --host HOST"
        return wrong("encryption", f"the certificate is not for {account.host}: {described}", mend)
    mend = (
        "if this is your own server, get its authority's certificate by a way you trust, and run: "
        f"inbox-worker mailboxes set {name} --ca-file FILE"
    )
    if error.verify_code in _UNKNOWN_ISSUERS:
        whose = "vouches for itself" if error.verify_code == _SELF_SIGNED else "comes from nobody this machine trusts"
        return wrong("encryption", f"the certificate {whose} (CA file: {account.ca_file}): {described}", mend)
    return wrong("encryption", f"the certificate is not believed: {error.verify_message}: {described}", mend)


def _described(certificate: x509.Certificate) -> str:
    called = _names(certificate) or certificate.subject.rfc4514_string()
    end = certificate.not_valid_after_utc.astimezone(UTC)
    return f"for {called}, issued by {certificate.issuer.rfc4514_string()}, valid until {end:%Y-%m-%d}"


def _names(certificate: x509.Certificate) -> str:
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType, ValueError):
        # What OpenSSL lets pass may still be written so carelessly that it cannot be read.
        return ""
    return ", ".join(names.get_values_for_type(x509.DNSName))


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback
