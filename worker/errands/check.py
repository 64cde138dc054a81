"""Diagnoses one mailbox step by step, the way a poll goes, and says in plain words what is wrong and what to do."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from imapclient import IMAPClient
from imapclient.response_parser import parse_response

from models.tables.mailboxes import Mailbox
from worker.errands.way import StopHereError, way
from worker.errors import InboxWorkerError, MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.connection import log_out, open_client
from worker.imap.failures import telling
from worker.imap.folders import INBOX, to_read
from worker.imap.transfer import can_move
from worker.mailbox import Mailbox as Imap
from worker.watch.health import Finding, how_to_go_on, well, why_stopped, wrong

AHEAD: Final = timedelta(minutes=5)
"""How far ahead of this machine's clock mail may arrive."""
RECENT: Final = 50
"""UIDs among which the newest mail is looked for."""
NEARLY_FULL: Final = 0.9
READING: Final = "lr"
"""Rights to look a folder up and to read it (RFC 4314)."""
MOVING_FROM: Final = "te"
MOVING_TO: Final = "i"
# Rights of RFC 2086 that stand for several of today's.
_OLD_RIGHTS: Final = {"d": "xte", "c": "kx"}

_CAPABILITIES: Final = (
    ("IDLE", "new mail is heard of at once", "new mail is found at the next poll"),
    ("COMPRESS=DEFLATE", "backfills are compressed over a network", "backfills are not compressed"),
    ("UIDPLUS", "single mails can be moved", "mails can be moved only where there is MOVE"),
)


Opened = tuple[IMAPClient, Account]


@dataclass(frozen=True, slots=True)
class _Session:
    """A mailbox that was signed in to."""

    mailbox: Mailbox
    account: Account
    client: IMAPClient
    imap: Imap
    clock: Callable[[], datetime]
    alerts: list[str]
    """What the server wants a person to be shown."""

    def has(self, capability: str) -> bool:
        return bool(self.client.has_capability(capability))


def check(
    mailbox: Mailbox,
    sign_in: Callable[[Callable[[Account], Opened]], Opened],
    timeout: float,
    clock: Callable[[], datetime],
    begun: Callable[[socket.socket], None] | None = None,
) -> Iterator[Finding]:
    """Yield one finding a step, and stop where the next step makes no sense; changes nothing at the server.

    Args:
        mailbox: its row.
        sign_in: calls what it is given with an account to sign in with (`worker.access.signed_in`).
        timeout: seconds an answer may take.
        clock: aware UTC.
        begun: as of `worker.imap.client.Client`.
    """
    where = Account(
        host=mailbox.host, port=mailbox.port, username=mailbox.username, password="",
        security=mailbox.security, ca_file=mailbox.ca_file, timeout=timeout,
    )  # fmt: skip
    step = "connection"
    try:
        yield from way(where, mailbox.name, clock(), begun)
        step = "signing in"
        with _signed_in(mailbox, sign_in, clock, begun) as session:
            yield well("signing in", f"as {mailbox.username}")
            yield from _looked(session)
    except StopHereError:
        pass
    except InboxWorkerError as error:
        yield wrong(step, str(error))
    if mailbox.stopped_at:
        yield wrong("polling", why_stopped(mailbox), how_to_go_on(mailbox))


@contextmanager
def _signed_in(
    mailbox: Mailbox,
    sign_in: Callable[[Callable[[Account], Opened]], Opened],
    clock: Callable[[], datetime],
    begun: Callable[[socket.socket], None] | None,
) -> Iterator[_Session]:
    alerts: list[str] = []

    def opened(account: Account) -> Opened:
        with telling(account, mailbox.name, "signing in"):
            return open_client(account, alerts.append, begun), account

    client, account = sign_in(opened)
    try:
        yield _Session(mailbox, account, client, Imap(client, account, mailbox.name), clock, alerts)
    finally:
        log_out(client)


def _looked(session: _Session) -> Iterator[Finding]:
    for what, findings in _STEPS:
        try:
            yield from findings(session)
        except MailboxError as error:
            yield wrong(what, str(error))
            if error.trouble is Trouble.NETWORK:
                break
    for words in dict.fromkeys(session.alerts):
        yield well("the server wants you to know", words)


def _capabilities(session: _Session) -> Iterator[Finding]:
    with telling(session.account, session.mailbox.name, "asking for capabilities"):
        says = [
            f"{name.partition('=')[0]}: {with_it}" if session.has(name) else f"no {name.partition('=')[0]}: {without}"
            for name, with_it, without in _CAPABILITIES
        ]
    yield well("capabilities", "; ".join(says))


def _folders(session: _Session) -> Iterator[Finding]:
    """Open what a poll reads; a folder that cannot be opened does not keep the others from being tried."""
    listed = session.imap.folders()
    yield well("folders", ", ".join(sorted(each.path for each in listed)))
    for place in to_read(session.mailbox.folders, listed, junk=session.mailbox.read_junk):
        what = f"junk folder {place.path}" if place.junk else f"folder {place.path}"
        yield from _folder(session, what, place.path)


def _folder(session: _Session, what: str, folder: str) -> Iterator[Finding]:
    mailbox = session.mailbox
    moves = MOVING_FROM if (mailbox.bounces_to or mailbox.opt_outs_to) and not what.startswith("sent") else ""
    try:
        state = session.imap.select(folder)
        missing = _missing(session, folder, READING + moves)
    except MailboxError as error:
        yield wrong(what, str(error))
        return
    if missing:
        yield wrong(
            what,
            f"{state.exists} messages; {mailbox.username} lacks the rights {' '.join(missing)} (RFC 4314)",
            "the folder's owner or the server's administrator can give them",
        )
    else:
        yield well(what, f"{state.exists} messages, UIDVALIDITY {state.uidvalidity}")


def _missing(session: _Session, folder: str, wanted: str) -> str:
    """Return which of the rights a user lacks; none where the server does not tell."""
    if not session.has("ACL"):
        return ""
    with telling(session.account, session.mailbox.name, f"asking for the rights to {folder!r}"):
        imap, name = session.client._imap, session.client._normalise_folder(folder)  # noqa: SLF001 - no seam for it
        status, lines = imap.myrights(name)
        if status != "OK" or not lines or not lines[0]:
            return ""
        # Any string may be a literal.
        told = parse_response(lines)[-1]
        if not isinstance(told, bytes):
            raise TypeError(f"these are no rights: {told!r}")
    rights = told.decode("ascii", "replace")
    rights += "".join(also for old, also in _OLD_RIGHTS.items() if old in rights)
    return "".join(right for right in wanted if right not in rights)


def _sent(session: _Session) -> Iterator[Finding]:
    mailbox = session.mailbox
    if not mailbox.learn_sends:
        return
    sent = mailbox.sent_folder or session.imap.special_folder("\\Sent")
    if sent:
        yield from _folder(session, f"sent folder {sent}", sent)
        return
    yield wrong(
        "sent folder",
        "no folder is marked \\Sent, so what was sent is not learnt",
        f"name it: inbox-worker mailboxes set {mailbox.name} --sent-folder F; or, where sends are imported,"
        " --no-learn-sends",
    )


def _moves(session: _Session) -> Iterator[Finding]:
    mailbox = session.mailbox
    targets = sorted({folder for folder in (mailbox.bounces_to, mailbox.opt_outs_to) if folder})
    if not targets:
        return
    if not can_move(session.client.capabilities()):
        yield wrong(
            "moving mail",
            "the server can move no single mail (it has neither MOVE nor UIDPLUS), so none is moved",
            f"run: inbox-worker mailboxes set {mailbox.name} --bounces-to '' --opt-outs-to ''",
        )
        return
    there = {each.path for each in session.imap.folders()}
    for folder in targets:
        what = f"moving mail to {folder}"
        if folder not in there:
            yield well(what, "the folder is made when it is first needed")
        elif _missing(session, folder, MOVING_TO):
            mend = "the folder's owner or the server's administrator can give it"
            yield wrong(what, f"{mailbox.username} lacks the right i (RFC 4314) to put mail there", mend)
        else:
            yield well(what, "the folder is there")


def _quota(session: _Session) -> Iterator[Finding]:
    """Say how full the mailbox is (RFC 9208): a full one refuses the answers it is read for."""
    if not session.has("QUOTA"):
        return
    try:
        with telling(session.account, session.mailbox.name, "asking for the quota"):
            quotas = session.client.get_quota_root("INBOX")[1]
            filled = [(str(each.resource).upper(), int(each.usage), int(each.limit)) for each in quotas]
    except MailboxError as error:
        if error.trouble is Trouble.NETWORK:
            raise
        yield well("quota", f"not told: {error}")
        return
    yield from (_filled(resource, used, limit) for resource, used, limit in filled if limit > 0)


def _filled(resource: str, used: int, limit: int) -> Finding:
    # STORAGE counts units of 1,024 octets.
    factor, unit = (1024 / 1e6, " MB") if resource == "STORAGE" else (1, "")
    says = f"{resource}: {used * factor:,.0f} of {limit * factor:,.0f}{unit} used ({used / limit:.0%})"
    if used < NEARLY_FULL * limit:
        return well("quota", says)
    mend = "make room, or have the quota raised: a full mailbox refuses new mail, and answers are lost"
    return wrong("quota", says, mend)


def _clock(session: _Session) -> Iterator[Finding]:
    """Compare this machine's clock with when the newest mail arrived: IMAP does not tell a server's time otherwise."""
    state = session.imap.select(INBOX)
    newest = session.imap.new_uids(state, state.uidnext - RECENT)[-1:] if state.uidnext else []
    for _, _, arrived_at, _ in session.imap.headers([uid for uid, _ in newest]):
        now = session.clock()
        says = f"this machine says {now:%Y-%m-%d %H:%MZ}, the newest mail arrived {arrived_at:%Y-%m-%d %H:%MZ}"
        if arrived_at <= now + AHEAD:
            yield well("clock", says)
        else:
            mend = "set this machine's clock right (timedatectl status); else tell the server's administrator"
            yield wrong("clock", f"{says}, which is still to come", mend)


_STEPS: Final[tuple[tuple[str, Callable[[_Session], Iterator[Finding]]], ...]] = (
    ("capabilities", _capabilities),
    ("folders", _folders),
    ("sent folder", _sent),
    ("moving mail", _moves),
    ("quota", _quota),
    ("clock", _clock),
)
