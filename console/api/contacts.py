"""`/v1/contacts`: addresses of the team, the whole story of one, and which addresses belong to the same person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, Field

from console.api.frame import Editor, Listed, Viewer, act_of, api
from console.values import LONGEST_TEXT, PLAIN, Address, Strict, Text
from console.visitor import TheOffice
from models.events import DneReason, EventKind, SequenceState, Status
from models.session import reading, transaction
from worker.acts.contacts import merge, split
from worker.queries.contact_search import ContactFilter
from worker.queries.history import tell
from worker.queries.pages import LIMIT, contacts_page
from worker.rules import rules_of
from worker.writing.refold import Change

router = api("contacts")

MOST = 500
AnAddress = Annotated[
    str,
    Path(max_length=LONGEST_TEXT, pattern=PLAIN, description="An address, in whatever case; a second one leads on."),
]


class ContactStatus(StrEnum):
    """May an address be mailed?"""

    ACTIVE = "Active"
    DO_NOT_EMAIL = "Do Not Email"


class Covering(BaseModel):
    """A live Do Not Email entry that covers an address."""

    target: str = Field(description="The address itself, or a domain above it.")
    reason: DneReason


class ContactRow(BaseModel):
    """One address of the team."""

    id: int
    address: str
    do_not_email: list[Covering] = Field(description="What keeps it from being mailed; empty: nothing does.")
    campaigns: int = Field(description="On how many campaigns' lists it stands.")
    statuses: list[Status] = Field(description="Its statuses there, each once.")


class StoryEntry(BaseModel):
    """A Do Not Email entry, also one that was lifted."""

    target: str
    reason: DneReason
    since: datetime
    by: str | None = Field(description="Who added it; null: an event did.")
    note: str | None
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_why: str | None
    withdrawn_at: datetime | None = Field(description="Since then it counts as if it had never been.")


class OtherAddress(BaseModel):
    """Another address of the same person."""

    address: str
    by: str | None = Field(description="Who said so; null: a reply to our mail came from it.")
    why: str | None
    since: datetime | None


class Changed(BaseModel):
    """What became of a recipient."""

    at: datetime
    from_: Annotated[Status | None, Field(alias="from", description="null: it joined then.")]
    to: Status
    from_sequence: SequenceState | None
    to_sequence: SequenceState
    because: list[str]
    by: str | None


class Happened(BaseModel):
    """One thing that happened in a campaign; what does not belong to its kind is null."""

    at: datetime
    event: str = Field(description=f"sent, changed, automation, {', '.join(EventKind)}.")
    key: str | None = None
    message: int | None = Field(None, description="The mail: GET /v1/messages/{id} shows it.")
    subject: str | None = None
    send_id: str | None = None
    verdict: str | None = Field(None, description="What the mail was taken for.")
    class_: Annotated[str | None, Field(alias="class")] = None
    bounce: str | None = None
    confidence: float | None = None
    sure: bool | None = None
    until: datetime | None = None
    acts: str | None = Field(None, description="suggests: it changes nothing, since it is not sure whose mail it is.")
    link: str | None = None
    about: str | None = Field(None, description="The key of the event that a person spoke of.")
    rule: str | None = None
    did: str | None = None
    outcome: str | None = None
    because: list[str]
    by: str | None = None
    retracted_at: datetime | None = Field(None, description="Since then it counts no more: it is somebody else's mail.")
    changes: list[Changed]


class OpenReview(BaseModel):
    """An open question about a mail."""

    id: int
    kind: str
    holds: bool = Field(description="Nothing is sent before it is answered.")
    opened_at: datetime


class InCampaign(BaseModel):
    """The story of an address in one campaign."""

    id: int = Field(description="The recipient's.")
    campaign: str
    campaign_name: str
    status: Status
    sequence: SequenceState
    until: datetime | None
    reason: str | None
    listed: bool
    reviews: list[OpenReview]
    story: list[Happened] = Field(description="The oldest first.")


class WasErased(BaseModel):
    """That the person was erased on request."""

    at: datetime
    by: str
    why: str


class Story(BaseModel):
    """Everything that is known about an address."""

    contact_id: int | None = Field(description="null: only Do Not Email entries are known.")
    address: str = Field(description="The contact's; another one than was asked for where that is a second address.")
    contact: ContactStatus
    other_addresses: list[OtherAddress]
    entries: list[StoryEntry]
    recipients: list[InCampaign]
    erased: list[WasErased] = Field(description="Not empty: the address is a name that tells nobody whose it was.")


class SamePerson(Strict):
    """That another address belongs to the same person, or does not."""

    second: Address
    same: Annotated[bool, Field(description="false takes it back.")] = True
    why: Annotated[Text, Field(description="Kept with it; needed to take it back where the person opted out.")] = ""


class RecipientChange(BaseModel):
    """A recipient that changed by this."""

    campaign: str
    address: str
    before: Status
    after: Status
    sequence: SequenceState


class Settled(BaseModel):
    """What it changed."""

    changes: list[RecipientChange]


@router.get("/contacts")
def contacts(
    office: TheOffice,
    caller: Viewer,
    words: Annotated[Text, Query(description="Beginnings of words of the address.")] = "",
    contact: Annotated[ContactStatus | None, Query(description="Only these.")] = None,
    after: Annotated[str | None, Query(max_length=LONGEST_TEXT, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
) -> Listed[ContactRow]:
    """List the team's contacts by address; where those asked for are rare, a page may be empty and still go on."""
    banned = None if contact is None else contact is ContactStatus.DO_NOT_EMAIL
    with reading(office.engine) as session:
        found = contacts_page(
            session, caller.team_id, ContactFilter(words=words or None, do_not_email=banned), after, limit
        )
    return Listed(rows=[ContactRow.model_validate(row) for row in found.rows], next=found.next)


@router.get("/contacts/{address:path}")
def story(office: TheOffice, caller: Viewer, address: AnAddress) -> Story:
    """Tell everything about an address: may it be mailed, and what happened in each campaign, and why."""
    with reading(office.engine) as session:
        return Story.model_validate(tell(session, caller.team_id, address))


@router.post("/contacts/{address:path}/same-person")
def same_person(office: TheOffice, caller: Editor, address: AnAddress, asked: SamePerson) -> Settled:
    """Say that another address belongs to the same person: its mail counts, and what bans one bans both."""
    act = act_of(office, caller, asked.why)
    rules = rules_of(office.settings, caller.team_id)
    with transaction(office.engine) as session:
        known = tell(session, caller.team_id, address)["address"]
        changes = (merge if asked.same else split)(session, rules, known, asked.second, act)
    return Settled(changes=_changes(changes))


def _changes(changes: Sequence[Change]) -> list[RecipientChange]:
    return [
        RecipientChange(
            campaign=each.campaign,
            address=each.address,
            before=each.before,
            after=each.after,
            sequence=each.sequence_after,
        )
        for each in changes
    ]
