"""The values that requests are made of, each with its exact limits."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    StringConstraints,
    ValidationError,
    model_validator,
)

from classifier.decode import normal_address
from worker.sending.sends import ADDRESS, LONGEST_ADDRESS, LONGEST_CAMPAIGN, LONGEST_ID, LONGEST_SEND_ID, LONGEST_TOKEN
from worker.writing.book import LEARNT

MOST_ROWS = 10_000
"""Of one request."""
MOST_IDS = 50
MOST_ERRORS = 20_000
"""Two of each row; each of them is told in words, and half a million would fill the memory."""
MOST_FIELDS = 20
"""Of one row; no row has so many."""
LONGEST_TEXT = 2_000
LARGEST_INTEGER = 2**31 - 1
"""What an INTEGER of PostgreSQL holds: ids of small tables."""
LARGEST_BIGINT = 2**63 - 1
"""What a BIGINT holds: ids of large tables."""
LONGEST_MAILBOX = 320
PLAIN = r"^[^\x00-\x1f\x7f]+$"
"""No control characters: ids stand in logs, headers and tables."""
PLAIN_OR_NONE = r"^[^\x00-\x1f\x7f]*$"
"""The same of a form's field, which may be empty."""
VERSION = r"^\w[\w.+-]{0,79}$"
"""Of an artifact."""
EARLIEST, LATEST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)


class Strict(BaseModel):
    """A request, or a part of one: what it does not know it refuses, so that a typing mistake shows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _is_small(cls, value: Any) -> Any:
        # Each unknown field would be an error of its own, and a body has room for a million.
        if isinstance(value, dict) and len(value) > MOST_FIELDS:
            raise ValueError(f"has more than {MOST_FIELDS} fields")
        return value


class Batch(Strict):
    """A request of many rows: what is wrong with it is told row by row, within a limit."""

    @model_validator(mode="wrap")
    @classmethod
    def _has_not_too_many_errors(cls, value: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(value)
        except ValidationError as error:
            if error.error_count() <= MOST_ERRORS:
                raise
            says = f"has {error.error_count()} values that cannot be used; send one of the rows to see which"
        raise ValueError(says)


def _address(text: str) -> str:
    address = normal_address(text)
    if len(address) > LONGEST_ADDRESS or not ADDRESS.fullmatch(address):
        raise ValueError("is no address")
    return address


def _moment(value: datetime) -> datetime:
    if not EARLIEST <= value < LATEST:
        raise ValueError(f"is not between {EARLIEST.year} and {LATEST.year}")
    return value.astimezone(UTC)


def _only_text(value: Any) -> Any:
    # Numbers would pass for seconds since 1970, and nobody could say whether milliseconds were meant.
    if not isinstance(value, str):
        raise ValueError("is no ISO 8601 time")  # noqa: TRY004 - pydantic reports only ValueError as a bad value
    return value


def _message_id(text: str) -> str:
    bare = text.strip("<> ")
    if not bare or " " in bare:
        raise ValueError("is no Message-ID")
    return bare


def _plain(longest: int) -> StringConstraints:
    return StringConstraints(strip_whitespace=True, min_length=1, max_length=longest, pattern=PLAIN)


def _not_learnt(key: str) -> str:
    if key.startswith(LEARNT):
        raise ValueError(f"{LEARNT!r} begins the campaigns of mail that was found in a Sent folder; take another key")
    return key


CampaignKey = Annotated[
    str,
    _plain(LONGEST_CAMPAIGN),
    AfterValidator(_not_learnt),
    Field(description="Your own key of the campaign.", examples=["spring-2026"]),
]
Name = Annotated[str, _plain(LONGEST_CAMPAIGN), Field(description="The name people see.", examples=["Spring 2026"])]
SendId = Annotated[str, _plain(LONGEST_SEND_ID), Field(description="Your own id of the send.", examples=["s-1001"])]
EventId = Annotated[str, _plain(LONGEST_SEND_ID), Field(description="Your own id of the event.", examples=["e-77"])]
Token = Annotated[
    str, _plain(LONGEST_TOKEN), Field(description="The unguessable part of the VERP or plus address it was sent from.")
]
Mailbox = Annotated[
    str, _plain(LONGEST_MAILBOX), Field(description="The mailbox it was sent from, as `mailboxes list` names it.")
]
MessageId = Annotated[
    str,
    _plain(LONGEST_ID),
    AfterValidator(_message_id),
    Field(description="A Message-ID, with or without <>.", examples=["<1001.spring@outreach.example>"]),
]
Address = Annotated[
    str,
    _plain(LONGEST_ADDRESS),
    AfterValidator(_address),
    Field(description="An address.", json_schema_extra={"format": "email"}, examples=["anna@client.example"]),
]
AnyAddress = Annotated[
    str,
    StringConstraints(min_length=1, max_length=LONGEST_TEXT, pattern=PLAIN),
    Field(description="An address.", examples=["anna@client.example"]),
]
Text = Annotated[str, StringConstraints(max_length=LONGEST_TEXT)]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_only_text, json_schema_input_type=AwareDatetime),
    AfterValidator(_moment),
    Field(description="ISO 8601 with a zone.", examples=["2026-05-04T09:30:00Z"]),
]
