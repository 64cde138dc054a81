"""Puts the application together."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from importlib.metadata import version
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import Engine
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from config.settings import Settings
from console import api as endpoints
from console import calendly, people, problems, sending, views
from console.edge import Edge
from console.errands import Errands
from console.office import Office, open_office, the_office
from console.problems import documented
from console.render import FILES, STATIC
from models.session import DatabaseUnavailable
from worker.watch.health import not_ready

health = APIRouter()
API = (
    endpoints.overview,
    endpoints.recipients,
    endpoints.bulk,
    endpoints.contacts,
    endpoints.messages,
    endpoints.review,
    endpoints.do_not_email,
    endpoints.mailboxes,
    endpoints.mailbox_requests,
    endpoints.model,
    endpoints.labels,
    endpoints.automations,
    endpoints.webhooks,
    endpoints.users,
)
"""What programs ask with a token, besides the sending side."""
PAGES = (
    views.overview,
    views.recipients,
    views.bulk,
    views.contacts,
    views.messages,
    views.review,
    views.do_not_email,
    views.mailbox_forms,
    views.mailboxes,
    views.model,
    views.labels,
    views.automations,
    views.webhooks,
    views.users,
    views.account,
    views.entrance,
    views.single_sign_on,
)
"""What people see who sign in, in the order of the menu."""


class Health(BaseModel):
    """That all is well."""

    status: str = "ok"


@health.head("/healthz", include_in_schema=False)
@health.get("/healthz")
async def healthz() -> Health:
    """Say that the console answers."""
    return Health()


@health.head("/readyz", include_in_schema=False)
@health.get("/readyz", responses=documented(503))
def readyz(office: Annotated[Office, Depends(the_office)]) -> Health:
    """Say whether the console reaches its database, with this version's schema."""
    if (problem := not_ready(office.engine)) is not None:
        raise DatabaseUnavailable(problem)
    return Health()


def create_app(engine: Engine, settings: Settings, clock: Callable[[], datetime]) -> ASGIApp:
    """Return the application that a web server runs.

    Args:
        engine: the database; its schema is this version's.
        settings: where links lead, and which keys sign them.
        clock: the present time, aware UTC.
    """
    app = FastAPI(
        title="inbox-worker",
        version=version("inbox-worker"),
        summary="For the sending side and for whatever else works with recipients, reviews and Do Not Email.",
        # These pages load scripts from elsewhere; the description itself stands at /openapi.json.
        docs_url=None,
        redoc_url=None,
        # An unsubscribe link is answered and never redirected (RFC 8058 3.1), and a token goes to no other address.
        redirect_slashes=False,
    )
    app.state.office = open_office(engine, settings, clock)
    app.state.errands = Errands(clock)
    problems.install(app)
    for each in (people, calendly, sending, *API, *PAGES):
        app.include_router(each.router)
    app.include_router(health)
    app.mount(FILES.rstrip("/"), StaticFiles(directory=STATIC))
    problems.describe(app)
    return Edge(app, https=(settings.public_url or "").startswith("https:"))
