"""`/do-not-email`: who may not be mailed, why, and what was on the list before."""

from __future__ import annotations

import re
from tempfile import TemporaryFile
from typing import Annotated, Literal

from fastapi import APIRouter, Form, Query, Request, Response, UploadFile

from console import uploads
from console.files import download, refresh_after
from console.render import go, link, render
from console.views.bulk import Seen
from console.visitor import Editor, TheOffice, Viewer
from models.events import OPTED_OUT, DneReason
from models.session import reading, transaction
from worker.acts.dne_file import check
from worker.acts.dne_import import Banned, ban
from worker.acts.do_not_email import dne_target, lift_dne, live_entries
from worker.errors import InputError
from worker.queries.dne_pages import EntryFilter, entries_page, exported

router = APIRouter(prefix="/do-not-email", include_in_schema=False)

Text = Annotated[str, Form(max_length=2_000)]
Asked = Annotated[str, Query(max_length=500)]
SHOWN = 20
MOST_TARGETS = 1_000
"""Typed at once; a file may hold more."""
_BETWEEN = re.compile(r"[\s,;]+")


@router.get("")
def page(  # noqa: PLR0913, PLR0917 - one argument a filter
    request: Request,
    office: TheOffice,
    visitor: Viewer,
    words: Asked = "",
    reason: DneReason | Literal[""] = "",
    past: Annotated[str, Query(pattern="^(yes)?$")] = "",
    after: Asked = "",
) -> Response:
    """Show the list, the newest entries first."""
    wanted = EntryFilter(words=words, reason=reason or None, past=bool(past))
    with reading(office.engine) as session:
        found = entries_page(session, visitor.team_id, wanted, after or None)
        # Lifting takes older entries of a target too, also those that a filter or another page hides.
        live = live_entries(session, visitor.team_id, {row["target"] for row in found.rows})
    opted_out = {entry.target for entry in live if entry.reason in OPTED_OUT}
    # The newest entry of each target stands first.
    seen = {row["target"]: row["id"] for row in reversed(found.rows)}
    return render(
        request,
        "do_not_email.html",
        found=found, seen=seen, opted_out=opted_out,
        words=words, reason=reason, past=past, after=after, reasons=list(DneReason),
    )  # fmt: skip


@router.post("/add")
def add(
    request: Request,
    office: TheOffice,
    visitor: Editor,
    targets: Annotated[str, Form(max_length=400_000)],
    why: Text = "",
    force: Annotated[str, Form()] = "",
) -> Response:
    """Ban addresses and domains that somebody typed."""
    given = [each for each in _BETWEEN.split(targets) if each]
    if not 0 < len(given) <= MOST_TARGETS:
        raise InputError(f"type 1 to {MOST_TARGETS} addresses and domains; for more import a file")
    plain = {dne_target(each, force=bool(force)): None for each in given}
    with transaction(office.engine) as session:
        banned = ban(session, visitor.team_id, plain.items(), DneReason.MANUAL, visitor.act(office, why))
    return go(request, "/do-not-email", _said(banned))


@router.post("/remove")
def remove(
    request: Request,
    office: TheOffice,
    visitor: Editor,
    target: Annotated[str, Form(max_length=500)],
    seen: Annotated[Seen, Form()] = 0,
    why: Text = "",
) -> Response:
    """Lift every live entry of an address or a domain, unless one came that the page did not show."""
    with transaction(office.engine) as session:
        lifted = lift_dne(session, visitor.team_id, target, visitor.act(office, why), seen)
    says = f"{target}: {lifted} {'entry' if lifted == 1 else 'entries'} lifted. Recipients stay as they are."
    return go(request, link("/do-not-email", words=target, past="yes"), says)


@router.get("/import")
def choose(request: Request, visitor: Editor) -> Response:
    """Ask for a file."""
    del visitor
    return render(request, "do_not_email_import.html", checked=None, name="", good=[], force="", title="")


@router.post("/import")
def look(
    request: Request, office: TheOffice, visitor: Editor, file: UploadFile, force: Annotated[str, Form()] = ""
) -> Response:
    """Show what a file holds, and which of its rows cannot be used; nothing is banned yet."""
    del office
    name = uploads.keep(file, visitor.team_id)
    path = uploads.kept(name, visitor.team_id)
    with TemporaryFile("w+", encoding="utf-8", newline="") as spool:
        try:
            checked = check(path, spool, force=bool(force), called=file.filename or "file")
        except Exception:
            uploads.forget(path)
            raise
        good = [target for (target, _), _ in zip(checked.rows(), range(SHOWN), strict=False)]
    return render(
        request,
        "do_not_email_import.html",
        checked=checked, name=name, good=good, force=force, title=file.filename,
    )  # fmt: skip


@router.post("/import/{name}")
def take_in(
    request: Request, office: TheOffice, visitor: Editor, name: str, force: Annotated[str, Form()] = ""
) -> Response:
    """Ban what the good rows of a file name."""
    path = uploads.kept(name, visitor.team_id)
    with TemporaryFile("w+", encoding="utf-8", newline="") as spool:
        checked = check(path, spool, force=bool(force))
        with transaction(office.engine) as session:
            banned = ban(session, visitor.team_id, checked.rows(), DneReason.IMPORT, visitor.act(office))
    uploads.forget(path)
    refresh_after(office.engine, banned.new)
    return go(request, "/do-not-email", _said(banned))


@router.get("/export")
def export(office: TheOffice, visitor: Viewer) -> Response:
    """Write the live entries as CSV, which the import reads."""
    return download(
        office.engine, "do-not-email.csv", "text/csv", lambda session: exported(session, visitor.team_id)
    )  # fmt: skip


def _said(banned: Banned) -> str:
    known = f" {banned.known:,} were known already." if banned.known else ""
    return f"{banned.new:,} added to Do Not Email;{known} {banned.changed:,} recipients changed."
