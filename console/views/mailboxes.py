"""`/mailboxes`: which are read, which are ill, and what can be done with each."""

from __future__ import annotations

from datetime import date
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Query, Request, Response
from sqlalchemy.orm import Session

from console.judging import try_again
from console.mailbox_rows import counts_in_words, providers_of, shown
from console.office import Office
from console.render import go, render
from console.values import LARGEST_BIGINT, LARGEST_INTEGER, LONGEST_MAILBOX, PLAIN_OR_NONE
from console.visitor import Admin, TheOffice, Viewer, Visitor
from models.session import reading, transaction
from models.tables.handling import Wish
from models.tables.mail import InboundMessage, MessageState
from worker.acts.mailboxes import pause_mailbox, remove_mailbox, resume_mailbox
from worker.errands import requests
from worker.errors import InputError, NotFoundError
from worker.queries.mailbox_facts import folders_of, read_today
from worker.queries.mailboxes import goes_with, list_mailboxes, mailbox_in, mailbox_row
from worker.queries.messages import MessageFilter, messages_page
from worker.queries.story import Row
from worker.queries.story import Row as MailRow

router = APIRouter(prefix="/mailboxes", include_in_schema=False)

Id = Annotated[int, Path(ge=1, le=LARGEST_INTEGER)]
RequestId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
Part = Annotated[str, Query(max_length=LONGEST_MAILBOX, pattern=PLAIN_OR_NONE)]
PAGE = 50
MOST_REQUESTS = 10
MOST_ASIDE = 50
ENDED = "request-ended"
"""What htmx is told when a request has ended, so that the state of the mailbox is asked for anew."""


@router.get("")
def page(
    request: Request, office: TheOffice, visitor: Viewer, part: Part = "", after: Part = "", *, ill: bool = False
) -> Response:
    """List the mailboxes by name."""
    with reading(office.engine) as session:
        rows = list_mailboxes(
            session, visitor.team_id, PAGE + 1, after=after or None, part=part.strip() or None, ill=ill
        )
        sick = list_mailboxes(session, visitor.team_id, PAGE + 1, ill=True)
    boxes = [shown(row, office.clock(), office.settings.poll_seconds) for row in rows[:PAGE]]
    next_ = rows[PAGE - 1]["name"] if len(rows) > PAGE else None
    count = f"More than {PAGE}" if len(sick) > PAGE else str(len(sick))
    asked: dict[str, Any] = {"part": part, "after": after, "ill": ill}
    return render(request, "mailboxes.html", boxes=boxes, next=next_, count=count if sick else "", **asked)


@router.get("/{mailbox_id}")
def one(request: Request, office: TheOffice, visitor: Viewer, mailbox_id: Id) -> Response:
    """Show how one mailbox fares, what is done with it at the moment, and what could not be judged."""
    now = office.clock()
    with reading(office.engine) as session:
        mailbox = mailbox_in(session, visitor.team_id, mailbox_id)
        values: dict[str, Any] = {
            "box": shown(mailbox_row(mailbox, visitor.team), now, office.settings.poll_seconds),
            "providers": providers_of(mailbox),
            "traffic": read_today(session, mailbox_id, office.settings, now),
            "folders": folders_of(session, mailbox_id),
            "requests": [
                _told(row) for row in requests.requests_of(session, visitor.team_id, mailbox_id, MOST_REQUESTS, now)
            ],
            "aside": _aside(session, visitor, mailbox.name),
        }
    return render(request, "mailbox.html", today=now.date(), most_aside=MOST_ASIDE, **values)


@router.get("/{mailbox_id}/requests/{request_id}")
def progress(request: Request, office: TheOffice, visitor: Viewer, mailbox_id: Id, request_id: RequestId) -> Response:
    """Show how far a request is; asked for again and again while it is open."""
    with reading(office.engine) as session:
        row = _asked_of(session, office, visitor, mailbox_id, request_id)
    response = render(request, "mailbox_request.html", asked=_told(row))
    if not row["open"]:
        response.headers["HX-Trigger"] = ENDED
    return response


@router.post("/{mailbox_id}/requests")
def ask(
    request: Request,
    office: TheOffice,
    visitor: Admin,
    mailbox_id: Id,
    wish: Annotated[Wish, Form()],
    since: Annotated[str, Form(max_length=10)] = "",
) -> Response:
    """Ask the daemon to check, poll or backfill a mailbox."""
    with transaction(office.engine) as session:
        requests.ask(session, visitor.team_id, mailbox_id, wish, visitor.act(office), _day(since))
    return go(request, f"/mailboxes/{mailbox_id}", f"{WISHES[wish]} is asked for; see below how far it is.")


@router.post("/{mailbox_id}/requests/{request_id}/stop")
def stop(request: Request, office: TheOffice, visitor: Admin, mailbox_id: Id, request_id: RequestId) -> Response:
    """Stop what was asked for."""
    with transaction(office.engine) as session:
        _asked_of(session, office, visitor, mailbox_id, request_id)
        requests.stop(session, visitor.team_id, request_id, visitor.act(office))
    return go(request, f"/mailboxes/{mailbox_id}", "It stops as soon as what is in hand is done.")


@router.post("/{mailbox_id}/pause")
def pause(request: Request, office: TheOffice, visitor: Admin, mailbox_id: Id) -> Response:
    """Leave a mailbox alone."""
    with transaction(office.engine) as session:
        mailbox = mailbox_in(session, visitor.team_id, mailbox_id)
        pause_mailbox(mailbox, visitor.act(office))
    here = f"/mailboxes/{mailbox_id}"
    return go(request, here, f"{mailbox.name} is paused: it is not polled until you resume it.", f"{here}/resume")


@router.post("/{mailbox_id}/resume")
def resume(request: Request, office: TheOffice, visitor: Admin, mailbox_id: Id) -> Response:
    """Poll a mailbox again."""
    with transaction(office.engine) as session:
        mailbox = mailbox_in(session, visitor.team_id, mailbox_id)
        resume_mailbox(mailbox, visitor.act(office))
    return go(request, f"/mailboxes/{mailbox_id}", f"{mailbox.name} is polled again, at once.")


@router.get("/{mailbox_id}/remove")
def ask_remove(request: Request, office: TheOffice, visitor: Admin, mailbox_id: Id) -> Response:
    """Say what goes with a mailbox and what stays."""
    with reading(office.engine) as session:
        mailbox = mailbox_in(session, visitor.team_id, mailbox_id)
        mails, sends = goes_with(session, mailbox)
    return render(request, "mailbox_remove.html", box=mailbox, mails=mails, sends=sends)


@router.post("/{mailbox_id}/remove")
def remove(request: Request, office: TheOffice, visitor: Admin, mailbox_id: Id) -> Response:
    """Remove a mailbox with the record of its mail."""
    with transaction(office.engine) as session:
        mailbox = mailbox_in(session, visitor.team_id, mailbox_id)
        name = mailbox.name
        remove_mailbox(session, mailbox, visitor.act(office))
    return go(request, "/mailboxes", f"{name} is removed.")


@router.post("/{mailbox_id}/aside/{message_id}/retry")
def retry(request: Request, office: TheOffice, visitor: Admin, mailbox_id: Id, message_id: RequestId) -> Response:
    """Judge and write anew what was set aside."""
    with reading(office.engine) as session:
        mailbox, mail = mailbox_in(session, visitor.team_id, mailbox_id), session.get(InboundMessage, message_id)
    if mail is None or mail.mailbox_id != mailbox.id:
        raise HTTPException(HTTPStatus.NOT_FOUND, f"{mailbox.name} has no mail {message_id} set aside")
    tried = try_again(office, visitor.team_id, message_id)
    if tried.fared_well:
        return go(request, f"/messages/{tried.row.id}", f"It is taken in now; {_changed(len(tried.changes))}.")
    says = f"It fails as before and stays set aside: {tried.row.error}"
    return go(request, f"/mailboxes/{mailbox_id}", says, wrong=True)


WISHES = {Wish.CHECK: "A check", Wish.POLL: "A poll", Wish.BACKFILL: "A backfill"}


def _asked_of(session: Session, office: Office, visitor: Visitor, mailbox_id: int, request_id: int) -> Row:
    row = requests.request_of(session, visitor.team_id, request_id, office.clock())
    if row["mailbox_id"] != mailbox_id:
        raise NotFoundError(f"no request {request_id} of this mailbox; its page lists the last ones")
    return row


def _told(row: Row) -> Row:
    brought = counts_in_words(row["counts"]) if row["counts"] else None
    return row | {"words": WISHES[Wish(row["wish"])].removeprefix("A ").capitalize(), "brought": brought}


def _aside(session: Session, visitor: Visitor, name: str) -> list[MailRow]:
    wanted = MessageFilter(state=MessageState.SET_ASIDE, mailbox=name)
    return messages_page(session, visitor.team_id, wanted, limit=MOST_ASIDE).rows


def _changed(count: int) -> str:
    return f"{count} recipient{'s' * (count != 1)} changed" if count else "nobody's status changed"


def _day(text: str) -> date | None:
    """Return the day that was typed; none: nothing was."""
    try:
        return date.fromisoformat(text) if text.strip() else None
    except ValueError:
        raise InputError(f"{text} is no day; write it as 2026-05-04") from None
