"""What all endpoints for programs have: a token with a right, problems in one form, requests that are done once."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Generic, TypeVar

from fastapi import APIRouter, Depends, Header, HTTPException, Request, Security
from fastapi.security import HTTPBearer
from pydantic import BaseModel, Field

from console.office import Office
from console.problems import documented
from console.rights import May, of_scopes
from console.signed import KEY_HEADER, SignedRoute, caller_of
from worker.act import Act
from worker.people.api_tokens import Caller


def _documents_key(
    idempotency_key: Annotated[
        str | None,
        Header(
            alias=KEY_HEADER,
            description="The same key with the same request gives the same answer for 48 hours.",
            examples=['"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
        ),
    ] = None,
) -> None:
    """Describe the header; `SignedRoute` obeys it."""
    del idempotency_key


def api(tag: str) -> APIRouter:
    """Return a router below /v1 whose endpoints answer only programs with a token."""
    return APIRouter(
        prefix="/v1",
        tags=[tag],
        route_class=SignedRoute,
        responses=documented(400, 401, 403, 404, 409, 413, 422, 503),
        dependencies=[
            Security(HTTPBearer(auto_error=False, description="A token of `inbox-worker tokens add`.")),
            Depends(_documents_key),
        ],
    )


Row = TypeVar("Row", bound=BaseModel)


class Asks:
    """Lets in a program whose token has a right; the dependency of every endpoint."""

    def __init__(self, may: May) -> None:
        self.may = may

    async def __call__(self, request: Request) -> Caller:
        """Return who signed in.

        Raises:
            HTTPException: the token has no scope that gives the right.
        """
        caller = caller_of(request)
        if self.may not in of_scopes(caller.scopes):
            raise HTTPException(
                HTTPStatus.FORBIDDEN,
                f"the token {caller.name!r} has no scope for this ({self.may.value}); make another one with"
                f" inbox-worker tokens add NAME --scope {self.may.scope}",
            )
        return caller


class Listed(BaseModel, Generic[Row]):
    """One page of a list."""

    rows: list[Row]
    next: Annotated[
        str | None, Field(description="Where the next page begins: give it as `after`; left out: this is the last.")
    ] = None


class Done(BaseModel):
    """What was asked for is done."""

    done: bool = True


def act_of(office: Office, caller: Caller, why: str | None = None) -> Act:
    """Return what changes of this caller are stamped with; a reason of nothing but space is none."""
    return Act(caller.actor, office.clock(), (why or "").strip() or None)


Sender = Annotated[Caller, Depends(Asks(May.SEND))]
Viewer = Annotated[Caller, Depends(Asks(May.VIEW))]
Editor = Annotated[Caller, Depends(Asks(May.EDIT))]
Reviewer = Annotated[Caller, Depends(Asks(May.REVIEW))]
Teacher = Annotated[Caller, Depends(Asks(May.TEACH))]
Admin = Annotated[Caller, Depends(Asks(May.ADMIN))]
