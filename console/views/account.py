"""`/account`: how a person likes the console, and their password."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from fastapi import APIRouter, Form, Request, Response

from console.cookies import begin, write_session
from console.office import Office
from console.render import go, render
from console.views.entrance import client_of
from console.visitor import TheOffice, Viewer, Visitor
from models.session import transaction
from worker.people import users
from worker.people.sign_in import Refused, sign_in

router = APIRouter(prefix="/account", include_in_schema=False)

Text = Annotated[str, Form(max_length=1_000)]


@router.get("")
def page(request: Request, visitor: Viewer) -> Response:
    """Show what a person may choose for themselves."""
    del visitor
    return render(request, "account.html", zones=sorted(available_timezones()))


@router.post("")
def keep(
    request: Request, office: TheOffice, visitor: Viewer, time_zone: Text = "", *, guess: Annotated[str, Form()] = ""
) -> Response:
    """Keep how a person likes the console."""
    with transaction(office.engine) as session:
        users.remember(
            session, visitor.team_id, visitor.user_id, time_zone=time_zone.strip(), guess_first=guess == "first"
        )
    return go(request, "/account", "Kept.")


@router.post("/password")
def set_password(request: Request, office: TheOffice, visitor: Viewer, old: Text, new: Text) -> Response:
    """Give oneself a new password; every other session of this person ends."""
    found = sign_in(office.engine, visitor.name, old, client_of(request), office.clock())
    if isinstance(found, Refused):
        return go(request, "/account", f"The present password: {found.says}", wrong=True)
    with transaction(office.engine) as session:
        act = visitor.act(office)
        epoch = users.set_password(session, visitor.team_id, visitor.user_id, new, act, visitor.session.epoch)
    return _stay(request, office, visitor, epoch, "The password is changed; you are signed out everywhere else.")


@router.post("/sign-out-everywhere")
def sign_out_everywhere(request: Request, office: TheOffice, visitor: Viewer) -> Response:
    """End every other session of this person."""
    with transaction(office.engine) as session:
        act = visitor.act(office)
        epoch = users.sign_out_everywhere(session, visitor.team_id, visitor.user_id, act, visitor.session.epoch)
    return _stay(request, office, visitor, epoch, "You are signed out everywhere else.")


def _stay(request: Request, office: Office, visitor: Visitor, epoch: int, says: str) -> Response:
    """Begin a new session for this browser, as all of the person's have ended."""
    response = go(request, "/account", says)
    write_session(response, request, office, begin(office.clock(), visitor.user_id, epoch))
    return response
