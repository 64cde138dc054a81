"""What the sending side may ask, and what it is answered."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, Field, StrictBool, StrictInt, StringConstraints, model_validator

from console.values import (
    LONGEST_TEXT,
    MOST_IDS,
    MOST_ROWS,
    Address,
    AnyAddress,
    Batch,
    CampaignKey,
    EventId,
    Mailbox,
    MessageId,
    Moment,
    Name,
    SendId,
    Strict,
    Text,
    Token,
)
from models.events import Bounced, DneReason, EventKind
from models.tables.mailing import AutoResponsePolicy
from worker.matching.known_sends import Sent
from worker.sending.intake import Signal
from worker.sending.sends import send_id_of

MOST_DAYS = 3_650
N = TypeVar("N", bound="Named")


class CampaignRow(Strict):
    """A campaign and what replies do to it; what is left out stays as it is."""

    key: CampaignKey
    name: Name | None = None
    stop_on_reply: StrictBool | None = Field(None, description="Whether a reply ends the sequence; default true.")
    auto_response: AutoResponsePolicy | None = Field(
        None, description="What an automatic answer does to the sequence; default continue."
    )
    auto_response_days: Annotated[StrictInt, Field(ge=1, le=MOST_DAYS)] | None = Field(
        None, description="Days of the pause after an automatic answer; default 3."
    )


class CampaignAnswer(BaseModel):
    """A campaign as it stands now."""

    created: bool
    key: str
    name: str
    stop_on_reply: bool
    auto_response: AutoResponsePolicy
    auto_response_days: int
    policy_version: int


class JoinRequest(Strict):
    """Addresses that are to join a campaign."""

    campaign: CampaignKey
    addresses: list[AnyAddress] = Field(min_length=1, max_length=MOST_ROWS)


class JoinedRow(BaseModel):
    """What became of one address, and the links for the mail to it."""

    address: str
    state: Literal["joined", "known", "refused"]
    says: str
    unsubscribe: Annotated[str | None, Field(description="The link for the text of the mail.")] = None
    list_unsubscribe: Annotated[str | None, Field(description="Value of the header List-Unsubscribe.")] = None
    list_unsubscribe_post: Annotated[str | None, Field(description="Value of List-Unsubscribe-Post.")] = None


class JoinAnswer(BaseModel):
    """How many joined, and each address in the order in which it was given."""

    joined: int
    known: int
    refused: int
    recipients: list[JoinedRow]


class CheckRequest(Strict):
    """Addresses that are to be mailed."""

    addresses: list[AnyAddress] = Field(min_length=1, max_length=MOST_ROWS)


class Cover(BaseModel):
    """One entry that keeps an address from being mailed."""

    target: str = Field(description="The address, or a domain above it.")
    reason: DneReason
    since: datetime


class SuppressedRow(BaseModel):
    """An address that may not be mailed, as it was given."""

    address: str
    because: list[Cover]


class CheckAnswer(BaseModel):
    """Who of them may not be mailed."""

    suppressed: list[SuppressedRow]


class SentRow(Strict):
    """A mail was sent."""

    event: Literal["sent"]
    campaign: CampaignKey
    to: Address
    sent_at: Moment
    message_ids: list[MessageId] = Field([], max_length=MOST_IDS, description="Every Message-ID it went out with.")
    subject: Text = ""
    send_id: SendId | None = None
    token: Token | None = None
    campaign_name: Name | None = None
    mailbox: Mailbox | None = None

    @model_validator(mode="after")
    def _has_an_id(self) -> Self:
        if not self.message_ids and self.send_id is None:
            raise ValueError("message_ids is missing, and no send_id stands in for it")
        return self

    def send(self, mailbox_id: int | None) -> Sent:
        """Return it as the worker knows sends."""
        return Sent(
            campaign=self.campaign,
            campaign_name=self.campaign_name,
            to=self.to,
            message_ids=tuple(dict.fromkeys(self.message_ids)),
            sent_at=self.sent_at,
            subject=self.subject,
            send_id=self.send_id or send_id_of(self.message_ids[0], self.to),
            token=self.token,
            mailbox_id=mailbox_id,
        )


class Named(Strict):
    """Something that became of a send, named by send_id, or by message_id and, of a mail to several, by to."""

    id: EventId | None = None
    send_id: SendId | None = None
    message_id: MessageId | None = None
    to: Address | None = None

    def named(self, row: int, kind: EventKind, at: datetime) -> Signal:
        """Return it as the worker takes it in."""
        return Signal(
            row=row,
            kind=kind,
            happened_at=at,
            send_id=self.send_id,
            message_id=self.message_id,
            to=self.to,
            event_id=self.id,
        )


class SeenRow(Named):
    """A mail was delivered, or opened."""

    event: Literal["delivered", "opened"]
    at: Moment

    @model_validator(mode="after")
    def _names_a_send(self) -> Self:
        return _is_named(self)

    def signal(self, row: int) -> Signal:
        """Return it as the worker takes it in."""
        return self.named(row, EventKind(self.event), self.at)


class ClickedRow(Named):
    """A link in a mail was clicked."""

    event: Literal["clicked"]
    at: Moment
    link: Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_TEXT)]

    @model_validator(mode="after")
    def _names_a_send(self) -> Self:
        return _is_named(self)

    def signal(self, row: int) -> Signal:
        """Return it as the worker takes it in."""
        return replace(self.named(row, EventKind.CLICKED, self.at), link=self.link)


class RejectedRow(Named):
    """A server refused the mail while it was being sent.

    It names a send that is known, or carries campaign, to and sent_at and so counts as a mail that was attempted.
    """

    event: Literal["rejected"]
    kind: Literal["hard", "soft", "policy"] = Field(
        description="hard: the address is dead; soft: full, busy; policy: the server did not want this mail."
    )
    at: Moment | None = Field(None, description="Default: sent_at.")
    code: Annotated[str, StringConstraints(pattern=r"^[0-9][0-9. -]{0,29}$")] | None = Field(
        None, description="What the server answered: code and enhanced code.", examples=["550 5.1.1"]
    )
    reply: Text = Field("", description="The words of the server.", examples=["No such user here"])
    campaign: CampaignKey | None = None
    sent_at: Moment | None = None
    subject: Text = ""
    mailbox: Mailbox | None = None

    @property
    def is_attempt(self) -> bool:
        """Say whether it carries all that a send needs."""
        return self.campaign is not None and self.to is not None and self.sent_at is not None

    @model_validator(mode="after")
    def _can_be_placed(self) -> Self:
        if self.at is None and self.sent_at is None:
            raise ValueError("at is missing, and no sent_at stands in for it")
        return self if self.is_attempt else _is_named(self)

    def send(self, mailbox_id: int | None) -> Sent | None:
        """Return the send that was attempted; None where the row only names one."""
        if self.campaign is None or self.to is None or self.sent_at is None:
            return None
        return Sent(
            campaign=self.campaign,
            to=self.to,
            message_ids=(self.message_id,) if self.message_id else (),
            sent_at=self.sent_at,
            subject=self.subject,
            send_id=self._send_id(),
            mailbox_id=mailbox_id,
        )

    def signal(self, row: int) -> Signal:
        """Return it as the worker takes it in."""
        at = self.at or self.sent_at
        assert at is not None  # noqa: S101 - validated above
        named = self.named(row, EventKind.BOUNCE, at)
        said = " ".join(each for each in ("refused while it was sent:", self.code, self.reply) if each)
        by_attempt = self._send_id() if self.is_attempt and self.message_id is None else self.send_id
        return replace(named, send_id=by_attempt, bounce=Bounced(self.kind), because=said)

    def _send_id(self) -> str:
        if self.send_id:
            return self.send_id
        if self.message_id:
            return send_id_of(self.message_id, self.to or "")
        said = "\0".join(("attempt", self.campaign or "", self.to or "", f"{self.sent_at}"))
        return hashlib.sha256(said.encode()).hexdigest()


def _is_named(row: N) -> N:
    if row.send_id is None and row.message_id is None:
        raise ValueError("send_id is missing, and no message_id stands in for it")
    return row


EventRow = Annotated[SentRow | SeenRow | ClickedRow | RejectedRow, Field(discriminator="event")]


class EventsRequest(Batch):
    """What was sent, and what became of it; rows may come in any order, and again."""

    events: list[EventRow] = Field(min_length=1, max_length=MOST_ROWS)


class EventsAnswer(BaseModel):
    """How many rows were new, were known before, or name no send of this team; the last were left out."""

    new: int
    known: int
    unknown: int = Field(description="Rows left out: unknown send. Tell the sends first, then these rows again.")
    unknown_rows: list[int] = Field(description="Which rows these are, counted from 0.")
