"""`/v1/overview`: what a team sees first, as figures."""

from __future__ import annotations

from console.api.frame import Viewer, api
from console.visitor import TheOffice
from models.session import reading
from worker.queries.figures import fresh
from worker.queries.overview import Overview, overview

router = api("overview")


@router.get("/overview")
def show(office: TheOffice, caller: Viewer) -> Overview:
    """Return today's mail, statuses, bounces, open questions, mailboxes and the classifier; days are UTC days."""
    now = office.clock()
    fresh(office.engine, caller.team_id, now)
    with reading(office.engine) as session:
        return overview(session, caller.team_id, now)
