"""`/v1/users` and `/v1/tokens`: who may sign in. What they sign in with is made by people alone, never by a program."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path
from pydantic import BaseModel, Field

from console.api.frame import Admin, Done, Listed, act_of, api
from console.values import LARGEST_INTEGER, PLAIN
from console.visitor import TheOffice
from models.session import reading, transaction
from models.tables.people import Role
from worker.people import users
from worker.people.api_tokens import LONGEST_NAME, list_tokens, revoke_token

router = api("users")

UserId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER, description="As `GET /v1/users` names it.")]


class UserRow(BaseModel):
    """A person who may sign in to the console."""

    id: int
    name: str
    role: Role
    time_zone: str | None = Field(description="In which times are shown; null: the team's.")
    disabled_at: datetime | None
    recorded_at: datetime


class TokenRow(BaseModel):
    """What another system signs in with; the token itself is known to nobody but it."""

    name: str
    scopes: list[str]
    actor: str = Field(description="Who made it.")
    recorded_at: datetime
    revoked_at: datetime | None


@router.get("/users")
def list_users(office: TheOffice, caller: Admin) -> Listed[UserRow]:
    """List the team's users, disabled ones too."""
    with reading(office.engine) as session:
        found = users.list_users(session, caller.team_id)
    return Listed(rows=[UserRow.model_validate(each, from_attributes=True) for each in found])


@router.post("/users/{user_id}/disable")
def disable(user_id: UserId, office: TheOffice, caller: Admin) -> Done:
    """Let a user sign in no more, and end their sessions."""
    with transaction(office.engine) as session:
        users.disable(session, caller.team_id, user_id, act_of(office, caller))
    return Done()


@router.post("/users/{user_id}/enable")
def enable(user_id: UserId, office: TheOffice, caller: Admin) -> Done:
    """Let a user sign in again."""
    with transaction(office.engine) as session:
        users.enable(session, caller.team_id, user_id, act_of(office, caller))
    return Done()


@router.get("/tokens")
def tokens(office: TheOffice, caller: Admin) -> Listed[TokenRow]:
    """List the team's tokens, revoked ones too."""
    with reading(office.engine) as session:
        found = list_tokens(session, caller.team_id)
    return Listed(rows=[TokenRow.model_validate(each, from_attributes=True) for each in found])


@router.post("/tokens/{name}/revoke")
def revoke(
    name: Annotated[str, Path(min_length=1, max_length=LONGEST_NAME, pattern=PLAIN)], office: TheOffice, caller: Admin
) -> Done:
    """Let a token sign in no more, also the one that asks."""
    with transaction(office.engine) as session:
        revoke_token(session, caller.team_id, name, act_of(office, caller))
    return Done()
