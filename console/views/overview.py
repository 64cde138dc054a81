"""`/`: what a team sees first."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response

from console import chart_tables, charts
from console.charts import Bar, Limit, Series
from console.mailbox_rows import shown
from console.render import render
from console.visitor import TheOffice, Viewer
from models.events import Status
from models.session import reading
from worker.queries.bounce_rate import Bounces
from worker.queries.figures import fresh
from worker.queries.mailboxes import mailboxes_of
from worker.queries.overview import Overview, overview

router = APIRouter(include_in_schema=False)


@router.get("/")
def page(request: Request, office: TheOffice, visitor: Viewer) -> Response:
    """Show today's mail, statuses, bounces, open questions, mailboxes and the classifier."""
    now, settings = office.clock(), office.settings
    fresh(office.engine, visitor.team_id, now)
    with reading(office.engine) as session:
        seen = overview(session, visitor.team_id, now)
        boxes = mailboxes_of(session, visitor.team_id, [each.id for each in seen.mailboxes.worst])
    days = [each.day for each in seen.status_days]
    statuses = _statuses(seen)
    mail = [Bar(each.label, each.count, _colour(each.name)) for each in seen.mail]
    return render(
        request,
        "overview.html",
        seen=seen,
        mail_chart=charts.bars("Mail by what it is", mail) if mail else None,
        status_chart=charts.stacked("Recipients by status", days, statuses, width=720) if days else None,
        status_chart_narrow=charts.stacked("Recipients by status", days, statuses) if days else None,
        status_table=chart_tables.days_table(days, statuses) if days else None,
        bounce_chart=_bounce_chart(seen.bounces, settings.alarm_bounce_share),
        boxes=[shown(row, now, settings.poll_seconds) for row in boxes.values()],
        alarming=seen.bounces.reaches(settings.alarm_bounce_share, settings.alarm_bounce_sends),
    )


def _statuses(seen: Overview) -> list[Series]:
    """Return how many recipients had which status; statuses that nobody has are left out."""
    return [
        Series(status.value, charts.status_css(status.value), counts)
        for status in Status
        if any(counts := [day.counts.get(status.value, 0) for day in seen.status_days])
    ]


def _bounce_chart(bounces: Bounces, limit: float) -> object:
    if not bounces.sends:
        return None
    series = Series("Bounce rate", "series-4", [each.share for each in bounces.days])
    return charts.shares("Bounce rate by day", [each.day for each in bounces.days], series, Limit(limit, "alarm"))


def _colour(name: str) -> str:
    """Return the colour of a verdict: that of the status it leads to."""
    return charts.status_css(_LEADS_TO.get(name, name.removeprefix("reply: ")))


_LEADS_TO = {
    "bounce": Status.BOUNCED.value,
    "opt_out": Status.UNSUBSCRIBED.value,
    "complaint": Status.UNSUBSCRIBED.value,
    "absence": Status.OUT_OF_OFFICE.value,
    "auto_response": Status.AUTO_RESPONSE.value,
    "receipt": Status.REMOVED.value,
    "outgoing": Status.CAMPAIGN_STOPPED.value,
}
