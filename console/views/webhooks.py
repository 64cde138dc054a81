"""`/webhooks`: the endpoints of other systems, what went and goes to them, and sending it again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form, Path, Query, Request, Response

from console.endpoint_rows import COUNTED, Added, Wanted, masked
from console.office import Office
from console.render import go, render
from console.rights import May
from console.values import LARGEST_BIGINT, LARGEST_INTEGER
from console.visitor import Admin, TheOffice, Viewer, Visitor
from models.session import reading, transaction
from models.tables.outside import DeliveryState, EventType
from worker.queries.deliveries import deliveries_page
from worker.queries.pages import LIMIT
from worker.queries.story import Row
from worker.secrets.vault import vault_of
from worker.webhooks import endpoints
from worker.webhooks.endpoints import endpoint_in
from worker.webhooks.replay import replay_all, replay_one

HERE = "/webhooks"
router = APIRouter(prefix=HERE, include_in_schema=False)

# Calendly tells us of bookings below the same path; numbers keep the two apart.
ONE = "/{endpoint_id:int}"
Id = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
Key = Annotated[int, Form(ge=1, le=LARGEST_BIGINT)]


@dataclass(frozen=True, slots=True)
class _Look:
    """Which deliveries of an endpoint are shown, and a secret that was just made."""

    endpoint_id: int
    state: DeliveryState | None = None
    after: str = ""
    secret: str = ""


@router.get("")
def page(request: Request, office: TheOffice, visitor: Viewer) -> Response:
    """Show the endpoints, and what waits for them."""
    with reading(office.engine) as session:
        rows = endpoints.list_endpoints(session, visitor.team_id, COUNTED)
    rows = [_seen(visitor, row) for row in rows]
    return render(request, "webhooks.html", rows=rows, types=list(EventType), counted=COUNTED)


@router.post("/add")
def add(request: Request, office: TheOffice, visitor: Admin, wanted: Annotated[Added, Form()]) -> Response:
    """Add an endpoint and show its secret, this once."""
    endpoints.check_url(wanted.url, allow_private=wanted.allow_private)
    endpoint = wanted.endpoint(visitor.team_id)
    with transaction(office.engine) as session:
        secret = endpoints.add_endpoint(session, endpoint, vault_of(office.settings), office.clock())
        endpoint_id = endpoint.id
    return _one(request, office, visitor, _Look(endpoint_id, secret=secret))


@router.get(ONE)
def one(
    request: Request,
    office: TheOffice,
    visitor: Viewer,
    endpoint_id: Id,
    state: Annotated[DeliveryState | None, Query()] = None,
    after: Annotated[str, Query(max_length=500)] = "",
) -> Response:
    """Show one endpoint, and what went and goes to it."""
    return _one(request, office, visitor, _Look(endpoint_id, state, after))


@router.post(f"{ONE}/change")
def change(
    request: Request, office: TheOffice, visitor: Admin, endpoint_id: Id, wanted: Annotated[Wanted, Form()]
) -> Response:
    """Let an endpoint lie elsewhere, or hear of something else."""
    endpoints.check_url(wanted.url, allow_private=wanted.allow_private)
    with transaction(office.engine) as session:
        endpoint = endpoint_in(session, visitor.team_id, endpoint_id)
        endpoints.change_endpoint(endpoint, wanted.url, wanted.types, allow_private=wanted.allow_private)
    return go(request, f"{HERE}/{endpoint_id}", "Changed: what waits, and what comes, goes there from now on.")


@router.post(f"{ONE}/pause")
def pause(request: Request, office: TheOffice, visitor: Admin, endpoint_id: Id) -> Response:
    """Send nothing to an endpoint for a while."""
    with transaction(office.engine) as session:
        name = endpoint_in(session, visitor.team_id, endpoint_id).name
        endpoints.pause_endpoint(session, visitor.team_id, name, office.clock())
    here = f"{HERE}/{endpoint_id}"
    return go(request, here, f"{name} is paused: what happens meanwhile is kept for it.", f"{here}/resume")


@router.post(f"{ONE}/resume")
def resume(request: Request, office: TheOffice, visitor: Admin, endpoint_id: Id) -> Response:
    """Send to an endpoint again."""
    with transaction(office.engine) as session:
        name = endpoint_in(session, visitor.team_id, endpoint_id).name
        endpoints.resume_endpoint(session, visitor.team_id, name)
    return go(request, f"{HERE}/{endpoint_id}", f"{name} hears of events again, first of what waited.")


@router.post(f"{ONE}/rotate")
def rotate(request: Request, office: TheOffice, visitor: Admin, endpoint_id: Id) -> Response:
    """Give an endpoint a new secret and show it, this once."""
    with transaction(office.engine) as session:
        name = endpoint_in(session, visitor.team_id, endpoint_id).name
        secret = endpoints.rotate_secret(session, visitor.team_id, name, vault_of(office.settings), office.clock())
    return _one(request, office, visitor, _Look(endpoint_id, secret=secret))


@router.post(f"{ONE}/test")
def test(request: Request, office: TheOffice, visitor: Admin, endpoint_id: Id) -> Response:
    """Send one signed ping to an endpoint and say what comes back."""
    with reading(office.engine) as session:
        endpoint = endpoint_in(session, visitor.team_id, endpoint_id)
    answer = endpoints.ping(endpoint, vault_of(office.settings), office.clock())
    says = f"{endpoint.name} took the test: {answer}" if answer.well else f"{endpoint.name} did not take it: {answer}"
    return go(request, f"{HERE}/{endpoint_id}", says, wrong=not answer.well)


@router.post(f"{ONE}/replay")
def replay(
    request: Request, office: TheOffice, visitor: Admin, endpoint_id: Id, event: Annotated[Key | None, Form()] = None
) -> Response:
    """Send one event again, or everything that was given up."""
    now, here = office.clock(), f"{HERE}/{endpoint_id}"
    with transaction(office.engine) as session:
        name = endpoint_in(session, visitor.team_id, endpoint_id).name
        if event is not None:
            replay_one(session, visitor.team_id, endpoint_id, event, now)
            return go(request, here, f"Event {event} goes out again.")
        count = replay_all(session, visitor.team_id, name, now, states=(DeliveryState.DEAD,), since=None)
    return go(request, here, f"{count:,} {'event goes' if count == 1 else 'events go'} out again.")


@router.post(f"{ONE}/remove")
def remove(request: Request, office: TheOffice, visitor: Admin, endpoint_id: Id) -> Response:
    """Remove an endpoint with what waits for it."""
    with transaction(office.engine) as session:
        name = endpoint_in(session, visitor.team_id, endpoint_id).name
        endpoints.remove_endpoint(session, visitor.team_id, name)
    return go(request, HERE, f"{name} is removed; the events themselves stay.")


def _one(request: Request, office: Office, visitor: Visitor, look: _Look) -> Response:
    with reading(office.engine) as session:
        endpoint = endpoint_in(session, visitor.team_id, look.endpoint_id)
        row = endpoints.endpoint_row(session, endpoint, COUNTED)
        page_ = deliveries_page(session, visitor.team_id, look.endpoint_id, look.state, look.after or None, LIMIT)
    deliveries = [
        _seen(visitor, each) | {"told": json.dumps(each["data"], indent=2, ensure_ascii=False)} for each in page_.rows
    ]
    return render(
        request,
        "webhook.html",
        row=_seen(visitor, row),
        deliveries=deliveries,
        next=page_.next,
        look=look,
        types=list(EventType),
        states=list(DeliveryState),
        counted=COUNTED,
    )


def _seen(visitor: Visitor, row: Row) -> Row:
    return row if visitor.may(May.ADMIN) else masked(row)
