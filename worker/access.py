"""How to sign in to a mailbox: with its password, or with a provider's access token that is renewed before it expires.

No lock of the database is held while a provider is asked. Whoever got new tokens writes them only where nobody else
did meanwhile; who comes second takes what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import logs
from config.settings import Settings
from models.session import reading, transaction
from models.tables.handling import GrantKind, OAuthGrant
from models.tables.mailboxes import Mailbox, SignIn
from worker.errors import InputError, MailboxError, Trouble
from worker.imap.account import Account
from worker.mailbox import Mailbox as Imap
from worker.mailbox import connect
from worker.oauth.providers import Provider, provider_of
from worker.oauth.tokens import TokenError, Tokens, as_client, refresh
from worker.secrets.vault import Vault, vault_of

EARLY = timedelta(minutes=5)
"""How long before it expires a token is renewed: longer than signing in takes, and than clocks differ.

One that lives for less than twice this is renewed after half of its life.
"""
LONGEST_ERROR = 500

log = logs.logger(__name__)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Held:
    """What is stored of a consent, opened."""

    kind: GrantKind
    access: str | None = field(repr=False)
    refresh: str | None = field(repr=False)
    expires_at: datetime | None
    granted_at: datetime
    """When the provider gave the access token."""

    def lasts(self, until: datetime) -> bool:
        """Say whether the access token still holds at this time."""
        return self.access is not None and self.expires_at is not None and self.expires_at > until

    def is_due(self, now: datetime) -> bool:
        """Say whether the access token is to be renewed now."""
        lifetime = self.expires_at - self.granted_at if self.expires_at else timedelta(0)
        return not self.lasts(now + min(EARLY, lifetime / 2))


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
        held = _held(engine, mailbox, vault_of(settings))
        if held.is_due(now):
            held = _renewed(engine, mailbox, settings, held, now)
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
        held = _held(engine, mailbox, vault_of(settings))
        if held.access == refused.token:
            held = _renewed(engine, mailbox, settings, held, now, forced=True)
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


def keep(session: Session, mailbox_id: int, kind: GrantKind, tokens: Tokens, vault: Vault, now: datetime) -> None:
    """Store a new consent in place of any other.

    Raises:
        InputError: there is no key to encrypt it with.
    """
    session.merge(
        OAuthGrant(
            mailbox_id=mailbox_id, kind=kind, granted_at=now, error=None, expires_at=tokens.expires_at,
            access_token=vault.seal(tokens.access),
            refresh_token=vault.seal(tokens.refresh) if tokens.refresh else None,
        )
    )  # fmt: skip


@contextmanager
def _telling(mailbox: Mailbox) -> Iterator[None]:
    """Name the mailbox for which a key or a setting is missing; once that is there, all go on by themselves."""
    try:
        yield
    except InputError as error:
        raise MailboxError(f"{mailbox.name}: {error}", permanent=False) from error


def _held(engine: Engine, mailbox: Mailbox, vault: Vault) -> _Held:
    with reading(engine) as session:
        grant = session.get(OAuthGrant, mailbox.id)
    if grant is None:
        raise _must_consent(mailbox, "nobody has consented yet")
    return _opened(grant, vault)


def _opened(grant: OAuthGrant, vault: Vault) -> _Held:
    access, refresh_token = (each and vault.open(each) for each in (grant.access_token, grant.refresh_token))
    return _Held(grant.kind, access, refresh_token, grant.expires_at, grant.granted_at)


def _renewed(
    engine: Engine, mailbox: Mailbox, settings: Settings, held: _Held, now: datetime, *, forced: bool = False
) -> _Held:
    provider, vault = provider_of(mailbox.sign_in, settings), vault_of(settings)
    try:
        tokens = _ask(provider, mailbox, held, now)
    except TokenError as error:
        current = None if error.passing else _write(engine, mailbox, vault, held, _note(error))
        if current is not None:
            return current
        if held.lasts(now) and not forced and not error.about_consent:
            log.warning(
                "access_token_not_renewed",
                says="mailbox {mailbox}: {error}; the access token still holds and is used",
                mailbox=mailbox.name,
                error=error,
            )
            return held
        raise _failed(mailbox, provider, error) from error
    log.debug(
        "access_token_renewed",
        says="mailbox {mailbox}: a new access token holds until {until}",
        mailbox=mailbox.name,
        until=tokens.expires_at,
    )
    # Without a new refresh token the old one stays (RFC 6749 6).
    new = _Held(held.kind, tokens.access, tokens.refresh or held.refresh, tokens.expires_at, now)
    return _write(engine, mailbox, vault, held, _store(new, vault)) or new


def _ask(provider: Provider, mailbox: Mailbox, held: _Held, now: datetime) -> Tokens:
    if held.kind is GrantKind.CLIENT:
        return as_client(provider, now)
    if held.refresh is None:
        raise _must_consent(mailbox, "the provider gave no refresh token")
    return refresh(provider, held.refresh, now)


def _write(
    engine: Engine, mailbox: Mailbox, vault: Vault, held: _Held, change: Callable[[OAuthGrant], None]
) -> _Held | None:
    """Change what is stored unless somebody else did since it was read; return what they stored, None: we did.

    What was only encrypted anew meanwhile is the same, so what is compared is opened.
    """
    with transaction(engine) as session:
        grant = session.scalar(select(OAuthGrant).where(OAuthGrant.mailbox_id == mailbox.id).with_for_update())
        if grant is None:
            raise _must_consent(mailbox, "the consent was removed")
        current = _opened(grant, vault)
        if current != held:
            return current
        change(grant)
    return None


def _store(new: _Held, vault: Vault) -> Callable[[OAuthGrant], None]:
    def change(grant: OAuthGrant) -> None:
        grant.access_token = vault.seal(new.access) if new.access else None
        grant.refresh_token = vault.seal(new.refresh) if new.refresh else None
        grant.expires_at, grant.granted_at, grant.error = new.expires_at, new.granted_at, None

    return change


def _note(error: TokenError) -> Callable[[OAuthGrant], None]:
    def change(grant: OAuthGrant) -> None:
        grant.error = str(error)[:LONGEST_ERROR]

    return change


def _failed(mailbox: Mailbox, provider: Provider, error: TokenError) -> MailboxError:
    who = provider.name.value.capitalize()
    if error.about_consent:
        return _must_consent(mailbox, f"{who} gives no access token any more ({error})")
    step = "it is tried again"
    if not error.passing:
        step = f"check {provider.setting}_CLIENT_ID, _CLIENT_SECRET and _ISSUER; {step}"
    return MailboxError(
        f"{mailbox.name}: {who} gives no access token: {error}; {step}", permanent=False, trouble=Trouble.UNAVAILABLE
    )


def _must_consent(mailbox: Mailbox, why: str) -> MailboxError:
    said = f"{mailbox.name}: {why}; sign in again: inbox-worker mailboxes sign-in {mailbox.name}"
    return MailboxError(said, permanent=True, trouble=Trouble.SIGN_IN)
