"""`/v1/webhooks`: the endpoints of other systems, and what went and goes to them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from console.api.frame import Admin, Listed, Viewer, api
from console.api.recipients import MOST
from console.endpoint_rows import COUNTED, Added, masked
from console.rights import May, of_scopes
from console.values import LARGEST_BIGINT, LARGEST_INTEGER, Moment, Strict
from console.visitor import TheOffice
from models.session import reading, transaction
from models.tables.outside import DeliveryState, EventType, WebhookEndpoint
from worker.people.api_tokens import Caller
from worker.queries.deliveries import deliveries_page
from worker.secrets.vault import vault_of
from worker.webhooks import endpoints
from worker.webhooks.endpoints import endpoint_in
from worker.webhooks.replay import replay_all, replay_one

router = api("webhooks")

Id = Annotated[int, Path(ge=1, le=LARGEST_INTEGER, description="As `GET /v1/webhooks` names it.")]
_ERROR = "For tokens without the scope `admin` without what the endpoint answered beyond its status."
_COUNTED = f"Counted up to {COUNTED}; {COUNTED + 1} stands for more."


class EndpointRow(BaseModel):
    """Where another system hears of what happens; its secret is told nowhere."""

    id: int
    name: str
    url: str = Field(description="For tokens without the scope `admin` only scheme and host: many a URL is a secret.")
    types: list[EventType | Literal["all"]]
    state: Literal["active", "paused"]
    pending: int = Field(description=f"Events that wait for it. {_COUNTED}")
    dead: int = Field(description=f"Events that were given up. {_COUNTED}")
    last_error: str | None = Field(description=_ERROR)
    allow_private: bool
    paused_at: datetime | None
    recorded_at: datetime


class EndpointRequest(Strict, Added):
    """An endpoint, by its name."""


class TestAnswer(BaseModel):
    """What came back from a ping."""

    well: bool = Field(description="Whether the endpoint took it.")
    status: int | None = Field(description="Of the HTTP answer; null: none came.")
    says: str = Field(description="Why none came, or how the answer begins.")


class EndpointRemoved(BaseModel):
    """The name of the endpoint that is gone."""

    removed: str


class DeliveryRow(BaseModel):
    """One event on its way to an endpoint."""

    event: int
    type: EventType
    recorded_at: datetime
    subject: str
    state: DeliveryState
    attempts: int
    first_attempt_at: datetime | None
    next_attempt_at: datetime
    delivered_at: datetime | None
    last_error: str | None = Field(description=_ERROR)
    data: dict[str, Any] = Field(description="What is told.")


class ReplayRequest(Strict):
    """What is to be sent again: one event, or everything that was given up."""

    event: Annotated[int | None, Field(ge=1, le=LARGEST_BIGINT, description="Only this one.")] = None
    delivered: Annotated[bool, Field(description="Also what was delivered.")] = False
    since: Annotated[Moment | None, Field(description="Only what happened from then on.")] = None


class ReplayAnswer(BaseModel):
    """How many events go out again, each with the webhook-id it had."""

    replayed: int


@router.get("/webhooks")
def list_endpoints(office: TheOffice, caller: Viewer) -> Listed[EndpointRow]:
    """List the endpoints by name, all of them."""
    with reading(office.engine) as session:
        rows = endpoints.list_endpoints(session, caller.team_id, COUNTED)
    return Listed(rows=[EndpointRow(**_seen(caller, row)) for row in rows])


@router.post("/webhooks")
def put(asked: EndpointRequest, office: TheOffice, caller: Admin) -> EndpointRow:
    """Add an endpoint, or change the one that has this name.

    No answer here holds a secret: make one that you can read on the page Webhooks of the console, or with
    `inbox-worker webhooks rotate`.
    """
    endpoints.check_url(asked.url, allow_private=asked.allow_private)
    with transaction(office.engine) as session:
        endpoint = endpoints.endpoint_named(session, caller.team_id, asked.name)
        if endpoint is None:
            endpoint = asked.endpoint(caller.team_id)
            endpoints.add_endpoint(session, endpoint, vault_of(office.settings), office.clock())
        else:
            endpoints.change_endpoint(endpoint, asked.url, asked.types, allow_private=asked.allow_private)
        return _row(session, endpoint)


@router.post("/webhooks/{endpoint_id}/pause")
def pause(endpoint_id: Id, office: TheOffice, caller: Admin) -> EndpointRow:
    """Send nothing to an endpoint until it is resumed; what happens meanwhile is kept for it."""
    with transaction(office.engine) as session:
        endpoint = endpoint_in(session, caller.team_id, endpoint_id)
        endpoints.pause_endpoint(session, caller.team_id, endpoint.name, office.clock())
        return _row(session, endpoint)


@router.post("/webhooks/{endpoint_id}/resume")
def resume(endpoint_id: Id, office: TheOffice, caller: Admin) -> EndpointRow:
    """Send to an endpoint again, first what waited."""
    with transaction(office.engine) as session:
        endpoint = endpoint_in(session, caller.team_id, endpoint_id)
        endpoints.resume_endpoint(session, caller.team_id, endpoint.name)
        return _row(session, endpoint)


@router.post("/webhooks/{endpoint_id}/test")
def test(endpoint_id: Id, office: TheOffice, caller: Admin) -> TestAnswer:
    """Send one signed ping to an endpoint now, paused or not, and say what comes back."""
    with reading(office.engine) as session:
        endpoint = endpoint_in(session, caller.team_id, endpoint_id)
    answer = endpoints.ping(endpoint, vault_of(office.settings), office.clock())
    return TestAnswer(well=answer.well, status=answer.status, says=answer.says)


@router.post("/webhooks/{endpoint_id}/remove")
def remove(endpoint_id: Id, office: TheOffice, caller: Admin) -> EndpointRemoved:
    """Remove an endpoint with what waits for it; the events themselves stay."""
    with transaction(office.engine) as session:
        name = endpoint_in(session, caller.team_id, endpoint_id).name
        endpoints.remove_endpoint(session, caller.team_id, name)
    return EndpointRemoved(removed=name)


@router.get("/webhooks/{endpoint_id}/deliveries")
def list_deliveries(
    endpoint_id: Id,
    office: TheOffice,
    caller: Viewer,
    state: DeliveryState | None = None,
    after: Annotated[str | None, Query(max_length=500, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = 50,
) -> Listed[DeliveryRow]:
    """List what went and goes to an endpoint: the newest event first, or of one state the latest attempt first."""
    with reading(office.engine) as session:
        endpoint_in(session, caller.team_id, endpoint_id)
        page = deliveries_page(session, caller.team_id, endpoint_id, state, after, limit)
    return Listed(rows=[DeliveryRow(**_seen(caller, row)) for row in page.rows], next=page.next)


@router.post("/webhooks/{endpoint_id}/replay")
def replay(endpoint_id: Id, asked: ReplayRequest, office: TheOffice, caller: Admin) -> ReplayAnswer:
    """Send one event again, or everything that was given up."""
    now = office.clock()
    with transaction(office.engine) as session:
        name = endpoint_in(session, caller.team_id, endpoint_id).name
        if asked.event is not None:
            replay_one(session, caller.team_id, endpoint_id, asked.event, now)
            return ReplayAnswer(replayed=1)
        states = (DeliveryState.DEAD, DeliveryState.DELIVERED) if asked.delivered else (DeliveryState.DEAD,)
        count = replay_all(session, caller.team_id, name, now, states=states, since=asked.since)
    return ReplayAnswer(replayed=count)


def _seen(caller: Caller, row: dict[str, Any]) -> dict[str, Any]:
    return row if May.ADMIN in of_scopes(caller.scopes) else masked(row)


def _row(session: Session, endpoint: WebhookEndpoint) -> EndpointRow:
    return EndpointRow(**endpoints.endpoint_row(session, endpoint, COUNTED))
