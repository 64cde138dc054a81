"""What is asked and answered about mailboxes over the API; no answer holds a secret."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from fastapi import Path
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from console.mailbox_rows import delay, trouble
from console.values import LARGEST_BIGINT, LARGEST_INTEGER, LONGEST_MAILBOX, PLAIN, PLAIN_OR_NONE, Strict
from models.tables.handling import Purpose, Wish
from models.tables.mailboxes import SignIn
from worker.acts.mailbox_columns import HIGHEST_PORT, LONGEST, LONGEST_ITEM
from worker.queries.story import Row

MOST_ITEMS = 200

BoxId = Annotated[int, Path(ge=1, le=LARGEST_INTEGER, description="As `GET /v1/mailboxes` names it.")]
RequestId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT, description="As `POST /v1/mailboxes/{id}/requests` answered.")]
MessageId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT, description="As `GET /v1/mailboxes/{id}/aside` names it.")]

Security = Literal["tls", "starttls", "plain"]
Host = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST["host"], pattern=PLAIN)]
UserName = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST["username"], pattern=PLAIN)]
Password = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST["password"], pattern=PLAIN),
    Field(
        description="Stored encrypted, and told nobody again.",
        json_schema_extra={"writeOnly": True, "format": "password"},
    ),
]
Folder = Annotated[str, StringConstraints(max_length=LONGEST["sent_folder"], pattern=PLAIN_OR_NONE)]
Item = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_ITEM, pattern=PLAIN)]
Items = Annotated[list[Item], Field(max_length=MOST_ITEMS)]


class Describes(Strict):
    """What describes a mailbox; what is left out has its default, or stays as it is."""

    port: Annotated[int, Field(ge=1, le=HIGHEST_PORT, description="Default: 993 with TLS, else 143.")] = 993
    security: Annotated[Security, Field(description="With plain the password crosses the network readable.")] = "tls"
    username: Annotated[UserName, Field(description="Default: the address.")] = ""
    addresses: Items = Field(description="Other addresses of ours: mail from them is our own.", default_factory=list)
    opt_out_aliases: Items = Field(description="Where our List-Unsubscribe mail goes.", default_factory=list)
    authserv_ids: Items = Field(description="Whose Authentication-Results we believe.", default_factory=list)
    folders: Items = Field(description=r"By name or special use (\Archive, \All); empty: INBOX.", default_factory=list)
    read_junk: Annotated[bool, Field(description="Read the junk folder too, and believe its mail less.")] = True
    learn_sends: Annotated[bool, Field(description="Learn sends from the folder of sent mail.")] = True
    bounces_to: Annotated[
        Folder, Field(description="Move bounces that were dealt with to this folder; empty: they stay.")
    ] = ""
    opt_outs_to: Annotated[Folder, Field(description="The same for opt-outs and complaints.")] = ""
    sent_folder: Annotated[Folder, Field(description=r"Folder of sent mail; empty: the one marked \Sent.")] = ""

    def given(self) -> dict[str, Any]:
        """Return what was not left out."""
        return self.model_dump(exclude_unset=True)


class MailboxNew(Describes):
    """A mailbox that signs in with a password; people add those that sign in with Google or Microsoft."""

    name: Annotated[
        str,
        StringConstraints(min_length=3, max_length=LONGEST_MAILBOX, pattern=PLAIN),
        Field(description="The mailbox is named by its address.", examples=["mila@outreach.example"]),
    ]
    host: Annotated[Host, Field(description="Its IMAP server.", examples=["imap.outreach.example"])]
    password: Password


class MailboxChange(Describes):
    """What changes of a mailbox; a list replaces all earlier values.

    Whoever changes host, port, security or username gives the password again.
    """

    host: Annotated[Host, Field(description="Its IMAP server.")] = ""
    password: Password = ""


class MailboxRow(BaseModel):
    """A mailbox, and how reading it fares."""

    id: int
    name: str
    host: str
    port: int
    security: Security
    sign_in: SignIn
    username: str
    addresses: list[str]
    opt_out_aliases: list[str]
    authserv_ids: list[str]
    folders: list[str]
    read_junk: bool
    learn_sends: bool
    bounces_to: str | None
    opt_outs_to: str | None
    sent_folder: str | None
    ca_file: str | None = Field(description="A file on the daemon's machine, where alone it is set.")
    state: Literal["well", "trying again", "failing", "stopped", "paused", "not polled yet"]
    last_success_at: datetime | None
    next_poll_at: datetime | None
    paused_at: datetime | None
    stopped_at: datetime | None = Field(description="Since then it is not polled, as the server did not let us in.")
    failures: int = Field(description="Polls that failed in a row.")
    delay_seconds: int | None = Field(description="Since it was read; what arrived meanwhile is not known yet.")
    backlog: int | None = Field(description="Mails that the last poll left for the next one; null: not known.")
    says: str | None = Field(description="Why it is not read, in plain words; null: it is.")
    last_error: str | None
    next_step: str | None = Field(description="What to do about it.")


class TrafficRow(BaseModel):
    """Octets read today (UTC), and how many may be."""

    model_config = ConfigDict(from_attributes=True)

    purpose: Purpose
    octets: int
    budget: int


class FolderRow(BaseModel):
    """How far a folder is read."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    last_uid: int = Field(description="The last message that was read.")
    uidvalidity: int


class MailboxFacts(MailboxRow):
    """A mailbox, how reading it fares, and how far it is read."""

    traffic: list[TrafficRow]
    read_to: list[FolderRow]


class Asks(Strict):
    """What the daemon is to do with a mailbox."""

    wish: Annotated[
        Wish,
        Field(description="check: try it step by step; poll: read what is new; backfill: take in what was never read."),
    ]
    since: Annotated[date | None, Field(description="Of a backfill: only mail that arrived on this day or later.")] = (
        None
    )


class Finding(BaseModel):
    """One thing that a check looked at."""

    what: str
    ok: bool
    says: str
    mend: str | None = Field(description="What to do where it is not well.")


class Counts(BaseModel):
    """What a poll or a backfill brought."""

    sends_learnt: int
    messages: dict[str, int] = Field(description="By what became of them.")
    verdicts: dict[str, int]
    changes: int = Field(description="Recipients that changed.")


class RequestRow(BaseModel):
    """What the daemon was asked to do with a mailbox, and how far it is."""

    id: int
    mailbox_id: int
    mailbox: str
    wish: Wish
    since: date | None
    by: str
    asked_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    state: Literal["waiting", "running", "stopping", "done", "failed", "stopped"]
    open: bool = Field(description="Ask again while it is.")
    says: str | None = Field(description="Why it waits.")
    done: int = Field(description="Messages so far.")
    coming: int = Field(description="Messages in all; 0: not known yet.")
    findings: list[Finding] = Field(description="Of a check; grows while it runs.")
    counts: Counts | None
    error: str | None


class Tried(BaseModel):
    """What came of one more attempt at a mail that was set aside."""

    fared_well: bool = Field(description="It is set aside no longer.")
    message: int = Field(description="The mail as it is recorded now: GET /v1/messages/{id} shows it.")
    error: str | None = Field(description="Why it stays set aside.")
    changes: int = Field(description="Recipients that changed.")


def described(row: Row, now: datetime, poll_seconds: int) -> dict[str, Any]:
    """Return a row of `worker.queries.mailboxes` with what a person would be told of it."""
    late, wrong = delay(row, now), trouble(row, now, poll_seconds)
    return row | {
        "delay_seconds": None if late is None else int(late.total_seconds()),
        "says": wrong.says if wrong else None,
        "next_step": wrong.step if wrong else None,
    }
