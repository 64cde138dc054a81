"""Turns templates and values into pages; everything that a stranger wrote is escaped by the templates' own rule."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from console.cookies import FLASH, Flash, flash, flash_of, forget, write_session
from console.office import office_of
from console.reasons import in_words, verdict_in_words
from console.rights import May
from console.visitor import Visitor
from models.events import Status

STATIC = Path(__file__).parent / "static"
FILES = "/static/"
SEE_OTHER = 303
NOTHING = "\N{EN DASH}"

NAVIGATION: Sequence[tuple[str, str, May]] = (
    ("/", "Overview", May.VIEW),
    ("/recipients", "Recipients", May.VIEW),
    ("/contacts", "Contacts", May.VIEW),
    ("/review", "Review", May.REVIEW),
    ("/do-not-email", "Do Not Email", May.VIEW),
    ("/mailboxes", "Mailboxes", May.VIEW),
    ("/model", "Model", May.VIEW),
    ("/automations", "Automations", May.VIEW),
    ("/webhooks", "Webhooks", May.VIEW),
    ("/users", "Users and tokens", May.ADMIN),
)


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Return a page.

    Args:
        request: whose visitor (`console.visitor.Needs`) decides on the menu and the time zone.
        template: its name below `console/templates`.
        status: of the answer.
        values: what the template names.
    """
    office = office_of(request)
    visitor: Visitor | None = getattr(request.state, "visitor", None)
    said = flash_of(request, office)
    html = (
        _environment()
        .get_template(template)
        .render(
            visitor=visitor,
            zone=visitor.zone if visitor else None,
            now=office.clock(),
            path=request.url.path,
            flash=said,
            csrf=visitor.session.csrf if visitor else values.pop("csrf", ""),
            may=visitor.may if visitor else lambda _: False,
            **values,
        )
    )
    response = HTMLResponse(html, status)
    # A script that exchanges a part of a page leaves the message out; one that follows a form shows it.
    if said is not None and ("hx-request" not in request.headers or "hx-boosted" in request.headers):
        forget(response, request, office, FLASH)
    if visitor and visitor.session.is_due(office.clock()):
        write_session(response, request, office, visitor.session)
    return response


def go(request: Request, address: str, says: str = "", undo: str | None = None, *, wrong: bool = False) -> Response:
    """Send the browser to another page of ours, which says once what was done."""
    response = RedirectResponse(address, SEE_OTHER)
    if says:
        flash(response, request, office_of(request), Flash(says, undo, wrong))
    return response


def ours(address: str, otherwise: str = "/") -> str:
    """Return a page of ours to go to that a form or an address named; nobody is sent to another site."""
    # What begins with two slashes is another host to a browser; one that follows a tab or a line break as well.
    inside = address.startswith("/") and not address.startswith(("//", "/\\")) and address.isprintable()
    return address if inside else otherwise


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("console", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {
        "asset": asset,
        "May": May,
        "NAVIGATION": NAVIGATION,
        "STATUSES": list(Status),
        "link": link,
    }
    environment.filters |= {
        "when": when, "day": day, "ago": ago, "number": number, "percent": percent, "slug": slug, "size": size,
        "reason": in_words, "verdict": verdict_in_words, "story": story, "soft": soft,
    }  # fmt: skip
    return environment


@cache
def asset(name: str) -> str:
    """Return the address of a file of ours; it changes with the content, so that browsers may keep it for ever."""
    return f"{FILES}{name}?{hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def link(path: str, **query: object) -> str:
    """Return an address with what is given of a query."""
    said = {name: value for name, value in query.items() if value not in {None, "", False}}
    return f"{path}?{urlencode(said)}" if said else path


def story(address: str) -> str:
    """Return the page that tells everything about an address of somebody."""
    return f"/contacts/by/{quote(address, safe='')}"


def soft(address: str) -> Markup:
    """Return an address that a narrow column breaks behind its sign and not within a word."""
    return Markup("@<wbr>").join(escape(part) for part in address.split("@"))


def when(moment: datetime, zone: Any = None) -> Markup:
    """Return a time as people read it, in a zone; a pointer that rests on it is told the seconds and the zone."""
    local = moment.astimezone(zone) if zone else moment
    return Markup('<time datetime="{}" title="{}">{}</time>').format(
        moment.isoformat(), f"{local:%A %d %B %Y, %H:%M:%S %Z}", f"{local:%d %b %Y, %H:%M}"
    )


def day(value: date | datetime | None, zone: Any = None) -> str:
    """Return a day as people read it."""
    if isinstance(value, datetime):
        value = value.astimezone(zone) if zone else value
    return f"{value:%d %b %Y}" if value else NOTHING


def ago(moment: datetime | None, now: datetime) -> Markup:
    """Return how long ago a time was, in one unit."""
    if moment is None:
        return escape("never")
    said = lasts(abs(now - moment))
    words = f"in {said}" if moment > now + timedelta(seconds=1) else f"{said} ago"
    return Markup('<time datetime="{}">{}</time>').format(moment.isoformat(), words)


def lasts(span: timedelta) -> str:
    """Return how long a time is, in one unit."""
    seconds = int(span.total_seconds())
    for unit, length in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if seconds >= 2 * length or (seconds >= length and unit != "day"):
            count = seconds // length
            return f"{count} {unit}{'s' * (count != 1)}"
    return f"{seconds} second{'s' * (seconds != 1)}"


def number(value: float | None) -> str:
    """Return a number with its thousands apart."""
    return NOTHING if value is None else f"{value:,}"


def percent(share: float | None, digits: int = 1) -> str:
    """Return a share as a percentage."""
    return NOTHING if share is None else f"{share:.{digits}%}"


def size(octets: int) -> str:
    """Return a size in a fitting unit."""
    for unit, least in (("MB", 1_000_000), ("KB", 1_000)):
        if octets >= least:
            return f"{octets / least:.1f} {unit}"
    return f"{octets} bytes"


def slug(words: object) -> str:
    """Return words as part of a class name: "Out of Office" is out-of-office."""
    return "-".join(str(words).lower().split())
