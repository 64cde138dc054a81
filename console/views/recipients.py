"""`/recipients`: the list that people work in, and one recipient whose status is set with a reason."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any, Literal
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Path, Query, Request, Response
from pydantic import BaseModel, Field

from console.render import go, link, ours, render, story
from console.status_words import MEANS
from console.values import LARGEST_BIGINT, PLAIN_OR_NONE
from console.visitor import Editor, TheOffice, Viewer
from models.events import SequenceState, Status
from models.session import reading, transaction
from worker.acts.person import Choice
from worker.acts.recipient import correct, recipient_row, take_back
from worker.acts.undo import newest_act, own_newest
from worker.acts.unread import UnreadError, with_seen
from worker.queries.pages import RecipientFilter, campaign_choices, recipients_page
from worker.queries.story import Row
from worker.rules import rules_of
from worker.sending.sends import LONGEST_CAMPAIGN

router = APIRouter(prefix="/recipients", include_in_schema=False)

LIST = "/recipients"
Id = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
LONGEST_WORDS = 500
LONGEST_QUERY = 3_000
LONGEST_KEY = 64


class Looking(BaseModel):
    """What the address of the list says: which recipients, and from where on."""

    words: Annotated[str, Field(max_length=LONGEST_WORDS)] = ""
    campaign: Annotated[str, Field(max_length=LONGEST_CAMPAIGN, pattern=PLAIN_OR_NONE)] = ""
    status: Status | Literal[""] = ""
    sequence: SequenceState | Literal[""] = ""
    unlisted: bool = False
    after: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""

    @property
    def wanted(self) -> RecipientFilter:
        """Which recipients."""
        return RecipientFilter(
            campaign=self.campaign or None,
            status=self.status or None,
            sequence=self.sequence or None,
            words=self.words or None,
            unlisted=self.unlisted,
        )

    @property
    def filter(self) -> dict[str, str]:
        """What is asked for, as a query of the list has it."""
        said = self.model_dump(mode="json", exclude={"after", "unlisted"})
        return {name: value for name, value in said.items() if value} | ({"unlisted": "1"} if self.unlisted else {})

    @property
    def query(self) -> str:
        """The whole query of the list, so that other pages lead back to it."""
        return urlencode(self.filter | ({"after": self.after} if self.after else {}))

    @property
    def address(self) -> str:
        """The page of the list."""
        return f"{LIST}?{self.query}" if self.query else LIST


Back = Annotated[str, Query(max_length=LONGEST_QUERY)]
"""The page of ours that a change was made in, to go back to it."""


@router.get("")
def page(request: Request, office: TheOffice, visitor: Viewer, looking: Annotated[Looking, Query()]) -> Response:
    """Show the team's recipients; a script that follows what is typed gets the list alone."""
    with reading(office.engine) as session:
        found = recipients_page(session, visitor.team_id, looking.wanted, looking.after or None)
        campaigns = campaign_choices(session, visitor.team_id)
        found = replace(found, rows=with_seen(session, found.rows))
    live = request.headers.get("hx-target") == "list"
    template = "recipients_list.html" if live else "recipients.html"
    values: dict[str, Any] = {"found": found, "looking": looking, "back": looking.address, "campaigns": campaigns}
    response = render(request, template, means=MEANS, live=live, **values)
    if live:
        response.headers["HX-Replace-Url"] = looking.address
    return response


@router.get("/{recipient_id:int}")
def one(request: Request, office: TheOffice, visitor: Editor, recipient_id: Id, back: Back = "") -> Response:
    """Show the long form: a status with a date, a reason, and whether the classifier may learn from it."""
    with reading(office.engine) as session:
        row = recipient_row(session, visitor.team_id, recipient_id)
        newest = newest_act(session, recipient_id)
    return render(request, "recipients_one.html", row=row, newest=newest, back=ours(back, LIST), means=MEANS)


class TakeBack(BaseModel):
    """Why something is taken back, and the page to go to afterwards."""

    why: Annotated[str, Field(max_length=1_000)] = ""
    back: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""


class Shown(BaseModel):
    """Which act somebody was shown, by its key (empty: whatever is the newest), and on which page."""

    act: Annotated[str, Field(max_length=LONGEST_KEY)] = ""
    back: Annotated[str, Field(max_length=LONGEST_QUERY)] = ""


class Undo(Shown):
    """What is taken back, and why."""

    why: Annotated[str, Field(max_length=1_000)] = ""


class Said(TakeBack):
    """What somebody chose for a recipient."""

    status: Status
    until: date | None = None
    other_cause: bool = False
    seen: Annotated[int | None, Field(ge=0, le=LARGEST_BIGINT)] = None
    """The newest mail that the page showed."""


@router.post("/{recipient_id:int}/status")
def set_status(
    request: Request, office: TheOffice, visitor: Editor, recipient_id: Id, said: Annotated[Said, Form()]
) -> Response:
    """Set a status by hand."""
    rules = rules_of(office.settings, visitor.team_id)
    choice = Choice(said.status, said.until, by_mail=not said.other_cause)
    back = ours(said.back, LIST)
    try:
        with transaction(office.engine) as session:
            row = correct(session, rules, recipient_id, choice, visitor.act(office, said.why), said.seen)
            key = own_newest(session, recipient_id, visitor.name)
    except UnreadError as error:
        with reading(office.engine) as session:
            row = recipient_row(session, visitor.team_id, recipient_id)
        return _changed(request, row, back, _to_be_read(row["address"], error.item))
    undo = link(f"/recipients/{recipient_id}/undo", back=back, act=key) if key else None
    return _changed(request, row, back, Answer(f"{row['address']} is {row['status']} now{_besides(row)}.", undo))


@router.post("/{recipient_id:int}/undo")
def undo_status(
    request: Request,
    office: TheOffice,
    visitor: Editor,
    recipient_id: Id,
    said: Annotated[Undo, Form()],
    shown: Annotated[Shown, Query()],
) -> Response:
    """Take back the newest act of a person, if it is the one that was shown."""
    rules = rules_of(office.settings, visitor.team_id)
    with transaction(office.engine) as session:
        row = take_back(session, rules, recipient_id, visitor.act(office, said.why), said.act or shown.act or None)
    says = f"Taken back: {row['address']} is {row['status']}{_besides(row)}."
    return _changed(request, row, ours(said.back or shown.back, LIST), Answer(says))


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said to a change of one recipient; where it was refused, the page to be read first and its link."""

    says: str
    undo: str | None = None
    read: tuple[str, str] | None = None


def _to_be_read(address: str, item: int | None) -> Answer:
    """Say which mail has to be read before a status is set, or which question about it answered."""
    if item is None:
        says = f"A mail from {address} came since you looked; read it first, then decide."
        return Answer(says, read=(story(address), "Read it"))
    says = f"{address} may have asked to be removed; answer that first, or choose {Status.UNSUBSCRIBED.value}."
    return Answer(says, read=(f"/review?item={item}", "Answer it"))


def _besides(row: Row) -> str:
    """Say what else is so now that the list may not show."""
    if not row["listed"]:
        return ", and left the campaign's list, as nothing was ever sent to it"
    return " and under Do Not Email" if row["do_not_email"] else ""


def _changed(request: Request, row: Row, back: str, answer: Answer) -> Response:
    """Answer a change of one recipient: a script gets its row, others go back to where they were, or to the story."""
    if "hx-request" in request.headers and "hx-boosted" not in request.headers:
        in_place = request.headers.get("hx-target") == f"recipient-{row['id']}"
        values: dict[str, Any] = {"row": row, "back": back, "answer": answer, "in_place": in_place}
        return render(request, "recipients_changed.html", means=MEANS, **values)
    if answer.read:
        return go(request, story(row["address"]), answer.says, wrong=True)
    return go(request, back, answer.says, answer.undo)
