"""Diagnoses one mailbox step by step, the way a poll goes: name, connection, signing in, folders."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

from imapclient import IMAPClient
from imapclient.exceptions import CapabilityError, LoginError

from models.tables import Mailbox
from worker import folders
from worker.errors import MailboxError
from worker.health import Finding, well, wrong
from worker.imap import Account, log_out, open_client, telling
from worker.mailbox import Mailbox as Imap
from worker.poll import INBOX


def check(mailbox: Mailbox, account: Account) -> Iterator[Finding]:
    """Yield one finding a step, and stop where the next step makes no sense; changes nothing anywhere."""
    try:
        yield _resolved(account)
        with _signed_in(account, mailbox.name) as client:
            yield well("connection", f"port {account.port}, {_encryption(client)}")
            yield well("signing in", f"as {account.username}")
            yield well(
                "capabilities", " ".join(sorted(each.decode("ascii", "replace") for each in client.capabilities()))
            )
            with telling(account, mailbox.name, "listing folders"):
                yield well("folders", ", ".join(sorted(each.path for each in folders.listed(client))))
            yield from _folders(mailbox, Imap(client, account, mailbox.name))
    except MailboxError as error:
        yield wrong(_step(error), str(error))


def _resolved(account: Account) -> Finding:
    try:
        found = socket.getaddrinfo(account.host, account.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise MailboxError(f"{account.host} has no address: {error}; check the host name and this machine's DNS",
                           permanent=False) from error  # fmt: skip
    return well("host name", f"{account.host} is {', '.join(sorted({str(each[4][0]) for each in found}))}")


@contextmanager
def _signed_in(account: Account, name: str) -> Iterator[IMAPClient]:
    with telling(account, name, "signing in"):
        client = open_client(account)
    try:
        yield client
    finally:
        log_out(client)


def _encryption(client: IMAPClient) -> str:
    line = client.socket()
    return f"{line.version()}" if isinstance(line, ssl.SSLSocket) else "not encrypted"


def _folders(mailbox: Mailbox, imap: Imap) -> Iterator[Finding]:
    """Open what a poll reads; a folder that cannot be opened does not keep the others from being tried."""
    wanted = {f"folder {folder}": folder for folder in mailbox.folders or [INBOX]}
    if mailbox.learn_sends:
        sent = mailbox.sent_folder or imap.special_folder("\\Sent")
        if sent is None:
            yield wrong(
                "sent folder",
                "no folder is marked \\Sent, so what was sent is not learnt",
                f"name it: inbox-worker mailboxes set {mailbox.name} --sent-folder F; or, where sends are imported,"
                " --no-learn-sends",
            )
        else:
            wanted |= {f"sent folder {sent}": sent}
    for what, folder in wanted.items():
        try:
            state = imap.select(folder)
        except MailboxError as error:
            yield wrong(what, str(error))
        else:
            yield well(what, f"{state.exists} messages, UIDVALIDITY {state.uidvalidity}")


def _step(error: MailboxError) -> str:
    """Name the step that failed by what lies behind its message."""
    if isinstance(error.__cause__, LoginError | CapabilityError):
        return "signing in"
    return "host name" if isinstance(error.__cause__, socket.gaierror | UnicodeError) else "connection"
