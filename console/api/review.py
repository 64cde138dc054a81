"""`/v1/reviews`: what a person should look at, and what they say to it."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Query
from pydantic import BaseModel, Field, StringConstraints

from console.api.frame import Listed, Reviewer, act_of, api
from console.values import LARGEST_BIGINT, PLAIN, Strict
from console.visitor import TheOffice
from models.events import EventKind, ReviewKind, SequenceState, Status
from models.session import reading, transaction
from worker.acts import reviewing
from worker.queries.story import list_reviews, review_of
from worker.rules import rules_of
from worker.sending.sends import LONGEST_CAMPAIGN

router = api("reviews")

MOST = 200
"""Rows of one page."""
ReviewId = Annotated[int, Path(ge=1, le=LARGEST_BIGINT, description="As `GET /v1/reviews` names it.")]


class ReviewRow(BaseModel):
    """A question for a person about one mail or booking of one recipient."""

    id: int
    kind: ReviewKind = Field(description="Why it is asked.")
    holds: bool = Field(description="Whether the sequence waits for the answer, unless it has ended.")
    address: str
    recipient: int = Field(description="The recipient's id.")
    campaign: str = Field(description="The campaign's key.")
    campaign_name: str
    status: Status = Field(description="How the recipient stands now.")
    sequence: SequenceState
    event: EventKind | None = Field(description="What it is about.")
    guess: Status | None = Field(description="The classifier's class of a reply, sure or not.")
    confidence: float | None
    message: int | None = Field(description="The mail: `GET /v1/messages/{message_id}` has its text.")
    subject: str | None
    because: list[str] = Field(description="What decided, and what tied it to the recipient.")
    opened_at: datetime


class Review(ReviewRow):
    """A question, open or settled."""

    settled_at: datetime | None = Field(description="When it was settled; null: it is open.")


class Looking(Strict):
    """Which open questions, in which order, and which page of them; what is left out means any."""

    kind: ReviewKind | None = None
    campaign: Annotated[
        str | None,
        StringConstraints(min_length=1, max_length=LONGEST_CAMPAIGN, pattern=PLAIN),
        Field(description="The campaign's key or name."),
    ] = None
    order: Annotated[
        Literal["urgent", "teach"],
        Field(description="The most urgent first, or what teaches the classifier most."),
    ] = "urgent"
    after: Annotated[int | None, Field(ge=1, le=LARGEST_BIGINT, description="`next` of the page before.")] = None
    limit: Annotated[int, Field(ge=1, le=MOST)] = 50


class AnswerRequest(Strict):
    """What a person says to a question."""

    answer: Annotated[
        reviewing.Answer,
        Field(
            description="What the mail is; `nothing`: there is nothing in it; `do not email`: the same, and the address"
            " goes under Do Not Email."
        ),
    ]
    why: Annotated[
        str | None, StringConstraints(max_length=1_000), Field(description="Kept in the history and with the label.")
    ] = None


class TakeBackRequest(Strict):
    """Why an answer is taken back."""

    why: Annotated[
        str | None,
        StringConstraints(max_length=1_000),
        Field(description="Kept in the history. Needed where the answer was an opt-out and is older than ten minutes."),
    ] = None


@router.get("/reviews")
def list_open_reviews(asked: Annotated[Looking, Query()], office: TheOffice, caller: Reviewer) -> Listed[ReviewRow]:
    """List open questions, what is most urgent or teaches the most first."""
    with reading(office.engine) as session:
        rows = list_reviews(
            session,
            caller.team_id,
            kind=asked.kind,
            campaign=asked.campaign,
            teaching=asked.order == "teach",
            after=asked.after,
            limit=asked.limit + 1,
        )
    shown = [ReviewRow(**each) for each in rows[: asked.limit]]
    return Listed(rows=shown, next=str(shown[-1].id) if len(rows) > asked.limit else None)


@router.get("/reviews/{review_id}")
def get_review(review_id: ReviewId, office: TheOffice, caller: Reviewer) -> Review:
    """Tell of one question, and whether it is settled."""
    with reading(office.engine) as session:
        return Review(**review_of(session, caller.team_id, review_id))


@router.post("/reviews/{review_id}/resolve")
def resolve_review(review_id: ReviewId, asked: AnswerRequest, office: TheOffice, caller: Reviewer) -> Review:
    """Settle an open question; a class is also a label that the classifier may learn from."""
    act, rules = act_of(office, caller, asked.why), rules_of(office.settings, caller.team_id)
    with transaction(office.engine) as session:
        reviewing.settle(session, rules, review_id, asked.answer, act)
        return Review(**review_of(session, caller.team_id, review_id))


@router.post("/reviews/{review_id}/undo")
def undo_review(review_id: ReviewId, asked: TakeBackRequest, office: TheOffice, caller: Reviewer) -> Review:
    """Take back one's own answer, with all that followed from it; the question is open again."""
    act, rules = act_of(office, caller, asked.why), rules_of(office.settings, caller.team_id)
    with transaction(office.engine) as session:
        reviewing.take_back(session, rules, review_id, act)
        return Review(**review_of(session, caller.team_id, review_id))
