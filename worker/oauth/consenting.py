"""How a person's consent comes by way of a browser that is sent to a provider and back, whoever sends it there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from models.tables.handling import GrantKind
from worker.errors import InputError
from worker.oauth.asking import TokenError
from worker.oauth.providers import Provider
from worker.oauth.tokens import Consent, Tokens, ask_consent, redeem

Granted = tuple[GrantKind, Tokens]
"""What came of a consent: how access tokens are come by from now on, and the first of them."""


def begin(provider: Provider, redirect_uri: str, login_hint: str) -> Consent:
    """Prepare a consent: send the browser to its `url`, and keep its `state`, `redirect` and `verifier`.

    Args:
        provider: whose consent.
        redirect_uri: where the browser comes back to; it has to be registered with the provider.
        login_hint: whose mailbox, so that the right account is offered.

    Raises:
        InputError: the provider cannot be asked; with its own words.
    """
    with telling(provider):
        return ask_consent(provider, redirect_uri, login_hint)


def finish(provider: Provider, consent: Consent, answer: str, now: datetime) -> Granted:
    """Exchange the address that the browser came back to for tokens.

    Args:
        provider: as at the beginning.
        consent: what was kept of it; its `url` is not needed any more.
        answer: the whole address, or its path and query.
        now: aware UTC.

    Raises:
        InputError: it is no answer to this request, the person refused, or the provider does; with its own words.
    """
    with telling(provider):
        tokens = redeem(provider, consent, answer, now)
    return lasting(provider, tokens)


def lasting(provider: Provider, tokens: Tokens) -> Granted:
    """Return a person's consent, if it outlives its first access token.

    Raises:
        InputError: it does not.
    """
    if tokens.refresh is None:
        raise InputError(
            f"{provider.name.value.capitalize()} gives access for an hour only (no refresh token); take this"
            " installation's access back in the account's settings there, then sign in again"
        )
    return GrantKind.REFRESH, tokens


@contextmanager
def telling(provider: Provider) -> Iterator[None]:
    """Tell a person in the provider's own words that it gives no token."""
    try:
        yield
    except TokenError as error:
        raise InputError(f"{provider.name.value.capitalize()} gives no access token: {error}") from error
