"""What is stored of a consent, and how its access token is renewed.

No lock of the database is held while a provider is asked. Whoever got new tokens writes them only where nobody else
did meanwhile; who comes second takes what is there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from config import logs
from config.settings import Settings
from models.session import reading, transaction
from models.tables.handling import GrantKind, OAuthGrant
from models.tables.mailboxes import Mailbox
from worker.errors import MailboxError, Trouble
from worker.oauth.asking import TokenError
from worker.oauth.providers import Provider, provider_of
from worker.oauth.tokens import Tokens, as_client, refresh
from worker.secrets.vault import Vault, vault_of

EARLY = timedelta(minutes=5)
"""How long before it expires a token is renewed: longer than signing in takes, and than clocks differ.

One that lives for less than twice this is renewed after half of its life.
"""
LONGEST_ERROR = 500

log = logs.logger(__name__)


@dataclass(frozen=True, slots=True)
class Held:
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


def held_of(engine: Engine, mailbox: Mailbox, vault: Vault) -> Held:
    """Return what is stored of a mailbox's consent.

    Raises:
        MailboxError: nobody has consented; permanent.
        InputError: there is no key that opens it.
    """
    with reading(engine) as session:
        grant = session.get(OAuthGrant, mailbox.id)
    if grant is None:
        raise _must_consent(mailbox, "nobody has consented yet")
    return _opened(grant, vault)


def renewed(
    engine: Engine, mailbox: Mailbox, settings: Settings, held: Held, now: datetime, *, forced: bool = False
) -> Held:
    """Ask the provider for a new access token and store it; return what is stored then.

    Args:
        engine: the database; no transaction may be open.
        mailbox: its row.
        settings: the keys of secrets, and as what we are registered with the provider.
        held: what was stored.
        now: aware UTC.
        forced: the access token is of no use even while it lasts.

    Raises:
        MailboxError: the provider gives none; permanent where a person has to consent anew.
        InputError: a setting is missing.
    """
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
    new = Held(held.kind, tokens.access, tokens.refresh or held.refresh, tokens.expires_at, now)
    return _write(engine, mailbox, vault, held, _store(new, vault)) or new


def _opened(grant: OAuthGrant, vault: Vault) -> Held:
    access, refresh_token = (each and vault.open(each) for each in (grant.access_token, grant.refresh_token))
    return Held(grant.kind, access, refresh_token, grant.expires_at, grant.granted_at)


def _ask(provider: Provider, mailbox: Mailbox, held: Held, now: datetime) -> Tokens:
    if held.kind is GrantKind.CLIENT:
        return as_client(provider, now)
    if held.refresh is None:
        raise _must_consent(mailbox, "the provider gave no refresh token")
    return refresh(provider, held.refresh, now)


def _write(
    engine: Engine, mailbox: Mailbox, vault: Vault, held: Held, change: Callable[[OAuthGrant], None]
) -> Held | None:
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


def _store(new: Held, vault: Vault) -> Callable[[OAuthGrant], None]:
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
