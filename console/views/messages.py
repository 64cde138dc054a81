"""`/messages`: mail that is nobody's story, and any one mail."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Query, Request, Response

from console.render import render
from console.values import LARGEST_BIGINT, LONGEST_MAILBOX, PLAIN_OR_NONE
from console.visitor import TheOffice, Viewer
from models.session import reading
from models.tables.mail import MessageState
from worker.errors import InputError
from worker.queries.mail_text import mail_of
from worker.queries.mailboxes import list_mailboxes
from worker.queries.messages import MessageFilter, effects_of, messages_page

router = APIRouter(prefix="/messages", include_in_schema=False)

Id = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
MOST_MAILBOXES = 200
"""Names that are offered to choose from; any other can be typed."""
STATES = {
    MessageState.UNMATCHED: "Matched nobody",
    MessageState.SET_ASIDE: "Set aside",
    MessageState.DUPLICATE: "Further copies",
    MessageState.ERASED: "Erased",
}
"""The lists; mail that was tied to somebody stands in their story."""


@router.get("")
def page(
    request: Request,
    office: TheOffice,
    visitor: Viewer,
    state: MessageState = MessageState.UNMATCHED,
    mailbox: Annotated[str, Query(max_length=LONGEST_MAILBOX, pattern=PLAIN_OR_NONE)] = "",
    after: Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT)] = None,
) -> Response:
    """List messages of one kind, the newest first."""
    wanted = MessageFilter(state=state, mailbox=mailbox.strip() or None)
    with reading(office.engine) as session:
        found = messages_page(session, visitor.team_id, wanted, after)
        names = [row["name"] for row in list_mailboxes(session, visitor.team_id, MOST_MAILBOXES)]
    values: dict[str, Any] = {
        "found": found,
        "state": state,
        "mailbox": mailbox,
        "after": after,
        "names": names,
        "states": STATES,
    }
    return render(request, "messages.html", **values)


@router.get("/{message_id}")
def one(request: Request, office: TheOffice, visitor: Viewer, message_id: Id) -> Response:
    """Show one mail: its words, what it was taken for and why, and whom it changed."""
    with reading(office.engine) as session:
        try:
            mail = mail_of(session, visitor.team_id, message_id)
        except InputError as error:
            detail = f"there is no mail {message_id} in this team; look for it in Messages, or in a contact's story"
            raise HTTPException(HTTPStatus.NOT_FOUND, detail) from error
        effects = effects_of(session, mail.duplicate_of or mail.id)
    return render(request, "message.html", mail=mail, effects=effects)
