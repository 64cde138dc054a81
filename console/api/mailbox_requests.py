"""`/v1/requests`: what the daemon is asked to do with mailboxes; and mail of theirs that was set aside."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query
from sqlalchemy.orm import Session

from console.api.frame import Admin, Listed, Viewer, act_of, api
from console.api.mailbox_values import Asks, BoxId, MessageId, RequestId, RequestRow, Tried
from console.api.messages import MessageRow
from console.judging import try_again
from console.office import Office
from console.values import LARGEST_BIGINT
from console.visitor import TheOffice
from models.session import reading, transaction
from models.tables.mail import MessageState
from worker.errands import requests
from worker.queries.mailboxes import mailbox_in
from worker.queries.messages import MessageFilter, messages_page
from worker.queries.pages import LIMIT

router = api("mailboxes")

MOST = 500


@router.get("/mailboxes/{mailbox_id}/requests")
def of_mailbox(
    office: TheOffice, caller: Viewer, mailbox_id: BoxId, limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT
) -> Listed[RequestRow]:
    """List the last requests of a mailbox, the newest first."""
    with reading(office.engine) as session:
        rows = requests.requests_of(session, caller.team_id, mailbox_id, limit, office.clock())
    return Listed(rows=[RequestRow.model_validate(row) for row in rows])


@router.post("/mailboxes/{mailbox_id}/requests")
def ask(office: TheOffice, caller: Admin, mailbox_id: BoxId, asked: Asks) -> RequestRow:
    """Ask the daemon to check, poll or backfill a mailbox; an open request of this kind is returned instead."""
    act = act_of(office, caller)
    with transaction(office.engine) as session:
        request_id = requests.ask(session, caller.team_id, mailbox_id, asked.wish, act, asked.since)
        return _row(session, office, caller.team_id, request_id)


@router.get("/requests/{request_id}")
def one(office: TheOffice, caller: Viewer, request_id: RequestId) -> RequestRow:
    """Return a request, and how far it is."""
    with reading(office.engine) as session:
        return _row(session, office, caller.team_id, request_id)


@router.post("/requests/{request_id}/stop")
def stop(office: TheOffice, caller: Admin, request_id: RequestId) -> RequestRow:
    """Stop a request: at once where nobody has begun it, else when the batch in hand is done."""
    with transaction(office.engine) as session:
        requests.stop(session, caller.team_id, request_id, act_of(office, caller))
        return _row(session, office, caller.team_id, request_id)


@router.get("/mailboxes/{mailbox_id}/aside")
def aside(
    office: TheOffice,
    caller: Viewer,
    mailbox_id: BoxId,
    after: Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
) -> Listed[MessageRow]:
    """List mail of a mailbox that could not be judged or written, the newest first, each with the next step."""
    with reading(office.engine) as session:
        name = mailbox_in(session, caller.team_id, mailbox_id).name
        wanted = MessageFilter(state=MessageState.SET_ASIDE, mailbox=name)
        page = messages_page(session, caller.team_id, wanted, after, limit)
    return Listed(rows=[MessageRow.model_validate(row) for row in page.rows], next=page.next)


@router.post("/messages/{message_id}/retry")
def retry(office: TheOffice, caller: Admin, message_id: MessageId) -> Tried:
    """Judge and write anew a mail that was set aside, from the octets that were kept."""
    tried = try_again(office, caller.team_id, message_id)
    error = None if tried.fared_well else tried.row.error
    return Tried(fared_well=tried.fared_well, message=tried.row.id, error=error, changes=len(tried.changes))


def _row(session: Session, office: Office, team_id: int, request_id: int) -> RequestRow:
    return RequestRow.model_validate(requests.request_of(session, team_id, request_id, office.clock()))
