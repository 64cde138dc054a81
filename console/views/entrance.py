"""`/sign-in` and `/sign-out`: the only pages that anybody may open."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query, Request, Response

from console.cookies import LONGEST, SESSION, begin, forget, session_of, write_session
from console.office import Office
from console.render import go, ours, render
from console.visitor import TheOffice, Viewer, refuse_forged, said_token, visitor_of
from models.session import transaction
from worker.people.sign_in import Refused, sign_in
from worker.people.users import SignedIn, sign_out

router = APIRouter(include_in_schema=False)

LONGEST_NAME, LONGEST_PASSWORD = 200, 1_000


@router.get("/sign-in")
def ask(request: Request, office: TheOffice, next_: Annotated[str, Query(alias="next")] = "") -> Response:
    """Show the form; who is signed in already is sent on."""
    return go(request, ours(next_)) if visitor_of(request, office) else form(request, office, next_=next_)


@router.post("/sign-in")
def enter(
    request: Request,
    office: TheOffice,
    said: Annotated[str, Depends(said_token)],
    name: Annotated[str, Form(max_length=LONGEST_NAME)] = "",
    password: Annotated[str, Form(max_length=LONGEST_PASSWORD)] = "",
    next_: Annotated[str, Form(alias="next")] = "",
) -> Response:
    """Let somebody in whose name and password are right."""
    session = session_of(request, office)
    if session is None:
        return form(request, office, "Please try again: this page was open for too long.", name, next_, status=400)
    refuse_forged(request, session, said)
    found = sign_in(office.engine, name, password, client_of(request), office.clock())
    if isinstance(found, Refused):
        status = 429 if found.retry_after_seconds else 403
        response = form(request, office, found.says, name, next_, status=status)
        if found.retry_after_seconds:
            response.headers["Retry-After"] = str(found.retry_after_seconds)
        return response
    return let_in(request, office, found, next_)


@router.post("/sign-out")
def leave(request: Request, office: TheOffice, visitor: Viewer) -> Response:
    """End this browser's session, also for whoever has copied its cookie."""
    with transaction(office.engine) as session:
        sign_out(session, visitor.session.csrf, office.clock(), visitor.session.begun_at + LONGEST)
    response = go(request, "/sign-in")
    forget(response, request, office, SESSION)
    return response


def client_of(request: Request) -> str:
    """Return the network address that asks."""
    return request.client.host if request.client else ""


def let_in(request: Request, office: Office, found: SignedIn, next_: str) -> Response:
    """Begin a session of somebody who proved who they are, and send them to the page they wanted."""
    response = go(request, ours(next_))
    write_session(response, request, office, begin(office.clock(), found.user_id, found.epoch))
    return response


def form(
    request: Request, office: Office, says: str = "", name: str = "", next_: str = "", *, status: int = 200
) -> Response:
    """Return the page to sign in at, with what went wrong before."""
    session = session_of(request, office) or begin(office.clock())
    provider = office.settings.oidc_name if office.settings.oidc_issuer else None
    response = render(
        request, "sign_in.html", status, says=says, name=name, next=next_, provider=provider, csrf=session.csrf
    )
    write_session(response, request, office, session)
    return response
