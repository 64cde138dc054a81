"""`/users`: who may sign in, and what other systems sign in with."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Form, Path, Request, Response

from console.render import go, render
from console.values import LARGEST_INTEGER
from console.visitor import Admin, TheOffice, Visitor
from models.session import reading, transaction
from models.tables.people import Role
from worker.people import users
from worker.people.api_tokens import SCOPES, add_token, list_tokens, revoke_token

router = APIRouter(prefix="/users", include_in_schema=False)

Text = Annotated[str, Form(max_length=1_000)]
ARoles = Annotated[Role, Form()]
UserId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]


@router.get("")
def page(request: Request, office: TheOffice, visitor: Admin) -> Response:
    """Show the team's users and tokens."""
    return _page(request, office, visitor)


@router.post("/add")
def add(request: Request, office: TheOffice, visitor: Admin, name: Text, role: ARoles, password: Text = "") -> Response:
    """Add a user; without a password only an identity provider lets them in."""
    with transaction(office.engine) as session:
        users.add_user(session, visitor.team_id, name, role, visitor.act(office), password or None)
    return go(request, "/users", f"{name} can sign in now.")


@router.post("/{user_id}/role")
def set_role(request: Request, office: TheOffice, visitor: Admin, user_id: UserId, role: ARoles) -> Response:
    """Give a user another role."""
    with transaction(office.engine) as session:
        users.set_role(session, visitor.team_id, user_id, role, visitor.act(office))
    return go(request, "/users", "The role is changed; they have to sign in again.")


@router.post("/{user_id}/disable")
def disable(request: Request, office: TheOffice, visitor: Admin, user_id: UserId) -> Response:
    """Let a user sign in no more."""
    with transaction(office.engine) as session:
        users.disable(session, visitor.team_id, user_id, visitor.act(office))
    return go(request, "/users", "They are signed out and cannot sign in.")


@router.post("/{user_id}/enable")
def enable(request: Request, office: TheOffice, visitor: Admin, user_id: UserId) -> Response:
    """Let a user sign in again."""
    with transaction(office.engine) as session:
        users.enable(session, visitor.team_id, user_id, visitor.act(office))
    return go(request, "/users", "They can sign in again.")


@router.post("/{user_id}/unlock")
def unlock(request: Request, office: TheOffice, visitor: Admin, user_id: UserId) -> Response:
    """Let a user try again at once who failed too often."""
    with transaction(office.engine) as session:
        users.unlock(session, visitor.team_id, user_id, visitor.act(office))
    return go(request, "/users", "They can try to sign in again at once.")


@router.post("/tokens/add")
def make_token(
    request: Request,
    office: TheOffice,
    visitor: Admin,
    token_name: Text,
    scopes: Annotated[list[str], Form()],
) -> Response:
    """Make a token and show it, this once."""
    with transaction(office.engine) as session:
        token = add_token(session, visitor.team_id, token_name, visitor.act(office), scopes)
    return _page(request, office, visitor, token)


@router.post("/tokens/revoke")
def revoke(request: Request, office: TheOffice, visitor: Admin, token_name: Text) -> Response:
    """Let a token sign in no more."""
    with transaction(office.engine) as session:
        revoke_token(session, visitor.team_id, token_name, visitor.act(office))
    return go(request, "/users", f"The token {token_name} is revoked.")


def _page(request: Request, office: TheOffice, visitor: Visitor, token: str = "") -> Response:
    with reading(office.engine) as session:
        people = users.list_users(session, visitor.team_id)
        tokens = list_tokens(session, visitor.team_id)
    return render(request, "users.html", people=people, tokens=tokens, roles=list(Role), scopes=SCOPES, new_token=token)
