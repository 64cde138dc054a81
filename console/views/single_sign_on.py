"""`/sign-in/provider` and `/sign-in/callback`: the way of a browser to the identity provider and back."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http import HTTPStatus
from threading import BoundedSemaphore
from typing import Annotated, Any, Final

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import RedirectResponse

from config import logs
from console.cookies import forget, read, write
from console.office import Office
from console.render import SEE_OTHER, go, ours
from console.views.entrance import client_of, form, let_in
from console.visitor import TheOffice, visitor_of
from worker.errors import InputError
from worker.oauth.asking import TokenError
from worker.people.oidc import Asked, IdentityProvider, ask, provider_of, verified_address
from worker.people.sign_in import sign_in_proven
from worker.people.users import SignedIn

router = APIRouter(include_in_schema=False)
log = logs.logger(__name__)

COOKIE: Final = "inbox_sign_in"
CALLBACK: Final = "/sign-in/callback"
PATIENCE: Final = timedelta(minutes=10)
LONGEST_NEXT: Final = 1_000
"""Characters of the page to go to afterwards; browsers take 4,096 for the whole cookie."""
AT_ONCE: Final = 8
_turns = BoundedSemaphore(AT_ONCE)


@router.get("/sign-in/provider")
def go_there(request: Request, office: TheOffice, next_: Annotated[str, Query(alias="next")] = "") -> Response:
    """Send the browser to the identity provider; who is signed in already is sent on."""
    provider = _provider(office)
    if visitor_of(request, office):
        return go(request, ours(next_))
    redirect = (office.settings.public_url or str(request.base_url).rstrip("/")) + CALLBACK
    try:
        with _turn():
            asked = ask(provider, redirect, office.clock())
    except (InputError, TokenError) as error:
        return _refused(request, office, error, next_)
    response = RedirectResponse(asked.url, SEE_OTHER)
    write(response, request, office, COOKIE, _kept(asked, office, next_), int(PATIENCE.total_seconds()))
    return response


@router.get(CALLBACK)
def come_back(request: Request, office: TheOffice) -> Response:
    """Let somebody in whose address the provider has verified, and who is a user here."""
    provider = _provider(office)
    kept = read(request, office, COOKIE)
    next_ = kept.get("next", "")
    try:
        found = _proven(request, office, provider, kept)
    except (InputError, TokenError) as error:
        response = _refused(request, office, error, next_)
    else:
        response = let_in(request, office, found, next_)
    # A request has one answer.
    forget(response, request, office, COOKIE)
    return response


def _proven(request: Request, office: Office, provider: IdentityProvider, kept: dict[str, Any]) -> SignedIn:
    if not kept:
        raise InputError("it was not begun in this browser; begin it here, and keep cookies meanwhile")
    if office.clock() - datetime.fromisoformat(kept["at"]) > PATIENCE:
        raise InputError(f"it took longer than {PATIENCE.seconds // 60} minutes; begin it again")
    asked = Asked("", kept["redirect"], kept["state"], kept["nonce"], kept["verifier"])
    with _turn():
        address = verified_address(provider, asked, request.query_params, office.clock())
    return sign_in_proven(office.engine, address, client_of(request))


def _provider(office: Office) -> IdentityProvider:
    provider = provider_of(office.settings)
    if provider is None:
        raise HTTPException(HTTPStatus.NOT_FOUND, "nobody signs in with an identity provider here")
    return provider


def _kept(asked: Asked, office: Office, next_: str) -> dict[str, Any]:
    return {
        "redirect": asked.redirect,
        "state": asked.state,
        "nonce": asked.nonce,
        "verifier": asked.verifier,
        "next": next_ if len(next_) <= LONGEST_NEXT else "",
        "at": office.clock().isoformat(),
    }


@contextmanager
def _turn() -> Iterator[None]:
    """Let only a few wait for the provider: where it is slow, strangers could keep everybody from the console."""
    if not _turns.acquire(blocking=False):
        raise InputError("too many people sign in at this moment; try again in a minute")
    try:
        yield
    finally:
        _turns.release()


def _refused(request: Request, office: Office, error: InputError | TokenError, next_: str) -> Response:
    log.warning(
        "sign_in_by_provider_refused",
        says="sign-in by the identity provider from {client} refused: {error}",
        client=client_of(request),
        error=error,
    )
    passing = isinstance(error, TokenError) and error.passing
    status = HTTPStatus.SERVICE_UNAVAILABLE if passing else HTTPStatus.FORBIDDEN
    says = f"Signing in with {office.settings.oidc_name} did not work: {error}"
    return form(request, office, says, next_=next_, status=status)
