"""The way of a browser to a provider and back to us, so that a mailbox is read without its password."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from fastapi import Request, Response

from console.cookies import read, write
from console.office import Office
from console.render import render
from console.visitor import Visitor
from models.tables.mailboxes import SignIn
from worker.errors import InputError
from worker.oauth import consenting
from worker.oauth.consenting import Granted
from worker.oauth.providers import provider_of
from worker.oauth.tokens import Consent
from worker.secrets.vault import vault_of

COOKIE: Final = "inbox_consent"
CALLBACK: Final = "/mailboxes/consent/callback"
PATIENCE: Final = timedelta(minutes=10)
LARGEST: Final = 2_500
"""Characters of what is kept; signed, browsers take 4,096."""
PROVIDERS: Final = (SignIn.GOOGLE, SignIn.MICROSOFT)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a consent is for: a mailbox that is there, or a new one as it was described."""

    sign_in: SignIn
    name: str
    login: str
    """Who is to consent."""
    mailbox_id: int | None = None
    given: dict[str, Any] | None = None


def lacking(office: Office) -> dict[SignIn, str | None]:
    """Return of each provider what is missing before anybody can consent there; None: nothing."""
    return {each: _lacking(office, each) for each in PROVIDERS}


def callback_of(request: Request, office: Office) -> str:
    """Return the address at which the provider sends browsers back to us; it is registered there."""
    return (office.settings.public_url or str(request.base_url).rstrip("/")) + CALLBACK


def send_away(request: Request, office: Office, visitor: Visitor, wanted: Wanted) -> Response:
    """Show the way to the provider, and let the browser keep what is needed when it comes back.

    Raises:
        InputError: there is no key to encrypt with, we are not registered there, or it cannot be asked.
    """
    # Says now, and not after a person has consented, if there is no key.
    vault_of(office.settings).require_key()
    provider = provider_of(wanted.sign_in, office.settings)
    consent = consenting.begin(provider, callback_of(request, office), wanted.login)
    kept = asdict(wanted) | {
        "state": consent.state,
        "redirect": consent.redirect,
        "verifier": consent.verifier,
        "user": visitor.user_id,
        "at": office.clock().isoformat(),
    }
    if len(json.dumps(kept)) > LARGEST:
        raise InputError("more is typed than the browser keeps meanwhile; add the mailbox first, and the lists later")
    response = render(request, "mailbox_consent.html", wanted=wanted, url=consent.url, callback=consent.redirect)
    # There is never a password among it: whoever consents has none.
    write(response, request, office, COOKIE, kept, int(PATIENCE.total_seconds()))
    return response


def come_back(request: Request, office: Office, visitor: Visitor) -> tuple[Wanted, Granted]:
    """Return what was wanted and what the provider gave, now that it has sent the browser back.

    Raises:
        InputError: nobody asked for it from here, it took too long, or the provider refuses.
    """
    kept = read(request, office, COOKIE)
    if not kept or kept["user"] != visitor.user_id:
        raise InputError("this sign-in was not begun in this browser; begin it here, and keep cookies meanwhile")
    if office.clock() - datetime.fromisoformat(kept["at"]) > PATIENCE:
        raise InputError(f"this sign-in took longer than {PATIENCE.seconds // 60} minutes; begin it again")
    wanted = Wanted(SignIn(kept["sign_in"]), kept["name"], kept["login"], kept["mailbox_id"], kept["given"])
    consent = Consent("", kept["state"], kept["redirect"], kept["verifier"])
    provider = provider_of(wanted.sign_in, office.settings)
    return wanted, consenting.finish(provider, consent, str(request.url), office.clock())


def _lacking(office: Office, sign_in: SignIn) -> str | None:
    try:
        provider_of(sign_in, office.settings)
    except InputError as error:
        return str(error)
    return None
