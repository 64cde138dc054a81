"""`/v1/messages`: mail that matched nobody or was set aside, and any one mail with what decided about it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Path, Query
from pydantic import BaseModel, ConfigDict, Field

from console.api.frame import Listed, Viewer, api
from console.values import LARGEST_BIGINT, LONGEST_MAILBOX, PLAIN
from console.visitor import TheOffice
from models.events import Status
from models.session import reading
from models.tables.mail import MessageState
from worker.queries.mail_text import mail_of
from worker.queries.messages import MessageFilter, effects_of, messages_page
from worker.queries.pages import LIMIT

router = api("messages")

MOST = 500
Id = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]


class MessageRow(BaseModel):
    """One message, without its words."""

    id: int
    mailbox: str
    folder: str
    junk: bool = Field(description="It lies among junk, and nobody has said otherwise.")
    arrived_at: datetime
    from_: Annotated[str | None, Field(alias="from")]
    subject: str
    size: int = Field(description="Octets.")
    state: MessageState
    duplicate_of: int | None = Field(description="The first copy of the same mail.")
    removed: bool = Field(default=False, description="Its verdict and words are too old to be kept.")
    verdict: str | None = Field(description="What it was taken for; null: it was not judged, or `removed`.")
    class_: Annotated[str | None, Field(alias="class", description="Of a reply.")]
    confidence: float | None
    error: str | None = Field(description="Why it was set aside.")
    attempts: int | None = Field(None, description="Of mail that is set aside: how often it was tried.")
    last_attempt_at: datetime | None = None
    next_step: str | None = Field(None, description="What to do about it.")


class FromRow(BaseModel):
    """A part of what was read, taken from our own values."""

    model_config = ConfigDict(from_attributes=True)


class Stretch(FromRow):
    """A stretch of text; joined they are the text."""

    text: str
    marked: bool = Field(description="These words decided.")


class Reason(FromRow):
    """One reason for a verdict."""

    detector: str
    because: str


class StatusChanged(BaseModel):
    """From which to which status."""

    from_: Annotated[Status | None, Field(alias="from")]
    to: Status
    at: datetime


class Effect(BaseModel):
    """What a mail means for one recipient."""

    address: str
    campaign: str
    campaign_name: str
    event: str
    class_: Annotated[str | None, Field(alias="class")]
    bounce: str | None
    because: list[str]
    changes: list[StatusChanged]


class Mail(FromRow):
    """One mail: what it is, why, its words, and whom it changed."""

    id: int
    mailbox: str
    folder: str
    junk: bool
    arrived_at: datetime
    from_address: str | None
    subject: str
    state: MessageState
    duplicate_of: int | None = Field(description="The first copy; verdict and words are those of it.")
    error: str | None = Field(description="Why it was set aside.")
    size: int = Field(description="Octets.")
    problems: list[str] = Field(description="What was odd about it.")
    removed: bool = Field(description="Its verdict and words are too old to be kept; what they caused stays.")
    kind: str | None = Field(description="What it was taken for; null: it was not judged, or `removed`.")
    reply_class: str | None
    confidence: float | None
    sure: bool = Field(description="Of a reply: whether the confidence was enough.")
    hold: bool = Field(description="It may be an opt-out, so that nothing is sent before a person has looked.")
    artifact: str | None
    language: str | None
    evidence: list[Reason]
    probabilities: list[tuple[str, float]] = Field(description="Of each class, the most likely first.")
    own: list[Stretch] = Field(description="The sender's own words.")
    rest: list[Stretch] | None = Field(description="Quoted mail and footers; of a report all of it. null: not kept.")
    effects: list[Effect] = []


@router.get("/messages")
def messages(
    office: TheOffice,
    caller: Viewer,
    state: Annotated[MessageState, Query(description="What became of them.")] = MessageState.UNMATCHED,
    mailbox: Annotated[str | None, Query(max_length=LONGEST_MAILBOX, pattern=PLAIN, description="Its name.")] = None,
    after: Annotated[int | None, Query(ge=1, le=LARGEST_BIGINT, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
) -> Listed[MessageRow]:
    """List messages of one state, the newest first: those that matched nobody, or were set aside."""
    with reading(office.engine) as session:
        found = messages_page(session, caller.team_id, MessageFilter(state=state, mailbox=mailbox), after, limit)
    return Listed(rows=[MessageRow.model_validate(row) for row in found.rows], next=found.next)


@router.get("/messages/{message_id}")
def message(office: TheOffice, caller: Viewer, message_id: Id) -> Mail:
    """Return one mail as text, with what it was taken for and why, and whom it changed."""
    with reading(office.engine) as session:
        found = mail_of(session, caller.team_id, message_id)
        effects = effects_of(session, found.duplicate_of or found.id)
    mail = Mail.model_validate(found)
    mail.effects = [Effect.model_validate(each) for each in effects]
    return mail
