"""`/v1/recipients`: how recipients stand, and what a person corrects there."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, Field, StrictBool, StringConstraints

from console.api.frame import Editor, Listed, Viewer, act_of, api
from console.values import LARGEST_BIGINT, PLAIN, Strict
from console.visitor import TheOffice
from models.events import EndReason, SequenceState, Status
from models.session import reading, transaction
from worker.acts.person import Choice
from worker.acts.recipient import correct, recipient_row, take_back
from worker.acts.unread import with_seen
from worker.queries.pages import RecipientFilter, recipients_page
from worker.rules import rules_of
from worker.sending.sends import LONGEST_CAMPAIGN

router = api("recipients")

MOST = 200
"""Rows of one page."""
LONGEST_WHY = 1_000
LONGEST_WORDS = 500
LONGEST_KEY = 64
RecipientId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT, description="As `GET /v1/recipients` names it.")]
Why = Annotated[
    str | None,
    StringConstraints(max_length=LONGEST_WHY),
    Field(description="Kept in the history. Needed where an opt-out is lifted or taken back."),
]


class RecipientRow(BaseModel):
    """One address in one campaign, and how it stands."""

    id: int
    address: str
    campaign: str = Field(description="The campaign's key.")
    campaign_name: str
    status: Status
    sequence: SequenceState
    until: datetime | None = Field(description="Of a paused sequence.")
    reason: EndReason | None = Field(description="Of an ended sequence.")
    listed: bool = Field(description="Whether it stands on the campaign's list.")
    changed_at: datetime
    do_not_email: list[str] = Field(
        description="The address, or domains above it, that have a live entry; empty: it may be mailed."
    )
    seen: int = Field(description="The newest mail that there is of it (0: none); give it when you set a status.")


class Which(Strict):
    """Which recipients; what is left out means any."""

    words: Annotated[
        str | None,
        StringConstraints(max_length=LONGEST_WORDS),
        Field(description="Beginnings of words of it."),
    ] = None
    campaign: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=LONGEST_CAMPAIGN, pattern=PLAIN),
        Field(description="The campaign's key."),
    ] = None
    status: Status | None = None
    sequence: SequenceState | None = None
    unlisted: Annotated[bool, Field(description="Also those that left the list.")] = False

    @property
    def wanted(self) -> RecipientFilter:
        """It as the worker knows it."""
        return RecipientFilter(
            words=self.words,
            campaign=self.campaign,
            status=self.status,
            sequence=self.sequence,
            unlisted=self.unlisted,
        )


class Looking(Which):
    """Which recipients, and which page of them."""

    after: Annotated[str | None, Field(max_length=1_000, description="`next` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


@router.get("/recipients")
def list_recipients(asked: Annotated[Looking, Query()], office: TheOffice, caller: Viewer) -> Listed[RecipientRow]:
    """List recipients, the newest change first."""
    with reading(office.engine) as session:
        found = recipients_page(session, caller.team_id, asked.wanted, asked.after, asked.limit)
        rows = with_seen(session, found.rows)
    return Listed(rows=[RecipientRow(**each) for each in rows], next=found.next)


@router.get("/recipients/{recipient_id}")
def get_recipient(recipient_id: RecipientId, office: TheOffice, caller: Viewer) -> RecipientRow:
    """Tell how one recipient stands."""
    with reading(office.engine) as session:
        return RecipientRow(**recipient_row(session, caller.team_id, recipient_id))


class StatusRequest(Strict):
    """A status that a person gives."""

    status: Status
    until: Annotated[date | None, Field(description="With Out of Office: the day the person is back.")] = None
    why: Why = None
    by_mail: Annotated[
        StrictBool, Field(description="The newest mail says so, and the classifier may learn it; false: another cause.")
    ] = True
    seen: Annotated[
        int | None,
        Field(ge=0, le=LARGEST_BIGINT, description="As the recipient was given; refused if mail came later."),
    ] = None


@router.post("/recipients/{recipient_id}/status")
def set_status(recipient_id: RecipientId, asked: StatusRequest, office: TheOffice, caller: Editor) -> RecipientRow:
    """Set a status by hand; it stands against the same and older mail."""
    choice = Choice(asked.status, asked.until, by_mail=asked.by_mail)
    with transaction(office.engine) as session:
        rules = rules_of(office.settings, caller.team_id)
        act = act_of(office, caller, asked.why)
        return RecipientRow(**correct(session, rules, recipient_id, choice, act, asked.seen))


class UndoRequest(Strict):
    """Why something is taken back."""

    why: Why = None


class StatusUndoRequest(UndoRequest):
    """Why something is taken back, and what."""

    act: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=LONGEST_KEY, pattern=PLAIN),
        Field(
            description="The key of the act, as `GET /v1/contacts/{address}` has it in the story: it is taken back only"
            " if it is still the newest. Left out: whatever is the newest."
        ),
    ] = None


@router.post("/recipients/{recipient_id}/undo")
def undo_status(recipient_id: RecipientId, asked: StatusUndoRequest, office: TheOffice, caller: Editor) -> RecipientRow:
    """Take back the newest status or answer that a person gave, with what followed from it."""
    with transaction(office.engine) as session:
        rules = rules_of(office.settings, caller.team_id)
        return RecipientRow(**take_back(session, rules, recipient_id, act_of(office, caller, asked.why), asked.act))
