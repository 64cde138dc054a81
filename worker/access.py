"""How to sign in to a mailbox: with its password, or with a provider's access token, renewed before it expires."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from sqlalchemy import Engine

from config import logs
from config.settings import Settings
from models.tables.mailboxes import Mailbox, SignIn
from worker.errors import InputError, MailboxError, Trouble
from worker.imap.account import Account
from worker.mailbox import Mailbox as Imap
from worker.mailbox import connect
from worker.oauth.grants import held_of, renewed
from worker.secrets.vault import vault_of

log = logs.logger(__name__)
T = TypeVar("T")


def account_of(engine: Engine, mailbox: Mailbox, settings: Settings, now: datetime) -> Account:
    """Return how to sign in to a mailbox; an access token that is about to expire is renewed first.

    Args:
        engine: the database; no transaction may be open.
        mailbox: its row.
        settings: the keys of secrets, and as what we are registered with providers.
        now: aware UTC.

    Raises:
        MailboxError: the provider gives no token, a secret cannot be opened, or a setting is missing; permanent where
            a person has to consent anew.
    """
    with _telling(mailbox):
        if mailbox.sign_in is SignIn.PASSWORD:
            return way_of(mailbox, settings)
        held = held_of(engine, mailbox, vault_of(settings))
        if held.is_due(now):
            held = renewed(engine, mailbox, settings, held, now)
        return replace(way_of(mailbox, settings), token=held.access)


def way_of(mailbox: Mailbox, settings: Settings) -> Account:
    """Return how a mailbox is reached, with its password if it has one, but never with a token; reads no database.

    Raises:
        MailboxError: the password cannot be opened.
    """
    with _telling(mailbox):
        password = vault_of(settings).open(mailbox.password) if mailbox.sign_in is SignIn.PASSWORD else ""
    return Account(
        host=mailbox.host,
        port=mailbox.port,
        username=mailbox.username,
        password=password,
        security=mailbox.security,
        ca_file=mailbox.ca_file,
        timeout=settings.imap_timeout,
    )


def renew(engine: Engine, mailbox: Mailbox, settings: Settings, refused: Account, now: datetime) -> Account:
    """Return how to sign in after the server refused a token that should hold; one that is newer is taken as it is.

    Raises:
        MailboxError: as `account_of`.
    """
    with _telling(mailbox):
        held = held_of(engine, mailbox, vault_of(settings))
        if held.access == refused.token:
            held = renewed(engine, mailbox, settings, held, now, forced=True)
        return replace(way_of(mailbox, settings), token=held.access)


def signed_in(
    engine: Engine, mailbox: Mailbox, settings: Settings, now: datetime, open_: Callable[[Account], T]
) -> T:  # fmt: skip
    """Open a mailbox with what signs in to it; where its token is refused, once more with a new one.

    Args:
        engine: the database; no transaction may be open.
        mailbox: its row.
        settings: as in `account_of`.
        now: aware UTC.
        open_: connects and signs in, raising a MailboxError of `Trouble.SIGN_IN` where that is refused.

    Raises:
        MailboxError: as `account_of` and `open_`.
    """
    account = account_of(engine, mailbox, settings, now)
    try:
        return open_(account)
    except MailboxError as error:
        if account.token is None or error.trouble is not Trouble.SIGN_IN:
            raise
        log.info(
            "access_token_refused",
            says="mailbox {mailbox}: the server refused an access token that should hold; it is renewed",
            mailbox=mailbox.name,
        )
    return open_(renew(engine, mailbox, settings, account, now))


@contextmanager
def connected(engine: Engine, mailbox: Mailbox, settings: Settings, now: datetime) -> Iterator[Imap]:
    """Connect to a mailbox with what signs in to it; signs out at the end.

    Raises:
        MailboxError: as `signed_in` and `worker.mailbox.connect`.
    """
    with ExitStack() as stack:
        yield signed_in(
            engine, mailbox, settings, now, lambda account: stack.enter_context(connect(account, mailbox.name))
        )


@contextmanager
def _telling(mailbox: Mailbox) -> Iterator[None]:
    """Name the mailbox for which a key or a setting is missing; once that is there, all go on by themselves."""
    try:
        yield
    except InputError as error:
        raise MailboxError(f"{mailbox.name}: {error}", permanent=False) from error
