"""`/review`: one mail, one choice, and the next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Form, Path, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from console.office import Office
from console.questions import QUESTIONS, answers, guess_of
from console.render import go, link, render
from console.values import LARGEST_BIGINT, PLAIN_OR_NONE
from console.visitor import Reviewer, TheOffice, Visitor
from models.events import ONLY_ASKED, ReviewKind
from models.session import reading, transaction
from worker.acts import reviewing
from worker.errors import SettledError
from worker.queries.mail_text import MailText, Piece, mail_of
from worker.queries.pages import campaign_choices
from worker.queries.story import Row, list_reviews, review_of
from worker.rules import rules_of
from worker.sending.sends import LONGEST_CAMPAIGN

router = APIRouter(prefix="/review", include_in_schema=False)

Id = Annotated[int, Path(ge=1, le=LARGEST_BIGINT)]
MOST_AT_WORK = 10
"""So many people are led to items of their own."""
SHOWN = timedelta(minutes=1)
"""For so long nobody else is asked what somebody was asked."""


class Looking(BaseModel):
    """What the address of the page says: which items in which order, and behind which one that was skipped."""

    kind: ReviewKind | Literal[""] = ""
    campaign: Annotated[str, Field(max_length=LONGEST_CAMPAIGN, pattern=PLAIN_OR_NONE)] = ""
    order: Literal["", "teach"] = ""
    after: Annotated[int, Field(ge=0, le=LARGEST_BIGINT)] = 0

    def address(self, path: str = "/review", **more: object) -> str:
        """Return an address with what is looked at, and more."""
        return link(path, **(self.model_dump(mode="json", exclude_defaults=True) | more))

    def rows(self, session: Session, team_id: int) -> list[Row]:
        """Return the first items."""
        return list_reviews(
            session,
            team_id,
            kind=self.kind or None,
            campaign=self.campaign or None,
            teaching=self.order == "teach",
            after=self.after or None,
            limit=MOST_AT_WORK,
        )


class Why(BaseModel):
    """Why something is said or taken back."""

    why: Annotated[str, Field(max_length=1_000)] = ""


class Said(Why):
    """What somebody answered."""

    answer: reviewing.Answer


@router.get("")
def page(
    request: Request,
    office: TheOffice,
    visitor: Reviewer,
    looking: Annotated[Looking, Query()],
    item: Annotated[int, Query(ge=1, le=LARGEST_BIGINT)] | None = None,
) -> Response:
    """Show one open item, the most urgent one or that which is asked for."""
    with reading(office.engine) as session:
        row = review_of(session, visitor.team_id, item) if item else _next(request, office, visitor, looking, session)
        values = {
            "row": row,
            "progress": reviewing.progress(session, visitor.team_id, visitor.name, _midnight(office, visitor)),
            "campaigns": campaign_choices(session, visitor.team_id),
            **(_asked(session, visitor, row) if row else {}),
        }
    return render(request, "review.html", looking=looking, kinds=list(ReviewKind), **values)


@router.post("/{item_id:int}/answer")
def answer(
    request: Request,
    office: TheOffice,
    visitor: Reviewer,
    item_id: Id,
    looking: Annotated[Looking, Query()],
    said: Annotated[Said, Form()],
) -> Response:
    """Settle an item, and go on to the next."""
    try:
        told = _settle(office, visitor, item_id, said)
    except SettledError:
        # Without scripts a button is easily pressed twice.
        if not _own(office, visitor, item_id):
            return go(request, looking.address(), "Somebody has settled it in the meantime; here is the next one.")
        told = "You have answered it already; here is the next one."
    return go(request, looking.address(), told, _undo_of(item_id, looking))


@router.get("/{item_id:int}/undo")
def ask_why(
    request: Request, office: TheOffice, visitor: Reviewer, item_id: Id, looking: Annotated[Looking, Query()]
) -> Response:
    """Ask why one's own answer is taken back."""
    with reading(office.engine) as session:
        row = review_of(session, visitor.team_id, item_id)
    return render(request, "review_undo.html", row=row, looking=looking, undo=_undo_of(item_id, looking))


@router.post("/{item_id:int}/undo")
def undo(
    request: Request,
    office: TheOffice,
    visitor: Reviewer,
    item_id: Id,
    looking: Annotated[Looking, Query()],
    said: Annotated[Why, Form()],
) -> Response:
    """Take back one's own answer, and show the item again; where that needs a reason, ask for it."""
    act = visitor.act(office, said.why)
    with transaction(office.engine) as session:
        if reviewing.needs_why(session, visitor.team_id, item_id, act):
            return go(request, _undo_of(item_id, looking))
        reviewing.take_back(session, rules_of(office.settings, visitor.team_id), item_id, act)
    return go(request, looking.address(item=item_id), "Taken back; the item is open again.")


def _undo_of(item_id: int, looking: Looking) -> str:
    return looking.address(f"/review/{item_id}/undo")


def _own(office: Office, visitor: Visitor, item_id: int) -> bool:
    with reading(office.engine) as session:
        return reviewing.has_answered(session, visitor.team_id, item_id, visitor.name)


def _settle(office: Office, visitor: Visitor, item_id: int, said: Said) -> str:
    """Settle an item and return what to say of it."""
    rules, act = rules_of(office.settings, visitor.team_id), visitor.act(office, said.why)
    with transaction(office.engine) as session:
        reviewing.settle(session, rules, item_id, said.answer, act)
        told = _TOLD.get(said.answer, f"{said.answer}.")
        return told if visitor.guess_first else told + _compared(session, visitor.team_id, item_id, said.answer)


_TOLD: Mapping[str, str] = {"nothing": "Nothing in it.", "do not email": "The address is under Do Not Email."}


def _compared(session: Session, team_id: int, item_id: int, answer: str) -> str:
    """Say what the machine had thought, to somebody who was not told before."""
    guess = guess_of(_mail(session, team_id, review_of(session, team_id, item_id)))
    if guess is None or answer in _TOLD:
        return ""
    return " You and the machine agree." if guess.value == answer else f" The machine thought: {guess.value}."


def _next(request: Request, office: Office, visitor: Visitor, looking: Looking, session: Session) -> Row | None:
    """Return the first item that nobody else was shown a moment ago; where there is no other, the first."""
    rows = looking.rows(session, visitor.team_id)
    shown = _shown(request)
    since = office.clock() - SHOWN
    taken = {item for user, (item, at) in list(shown.items()) if user != visitor.user_id and at > since}
    row = next((each for each in rows if each["id"] not in taken), rows[0] if rows else None)
    if row is not None:
        shown[visitor.user_id] = (int(row["id"]), office.clock())
    return row


def _shown(request: Request) -> dict[int, tuple[int, datetime]]:
    """Return which item each user was shown last, and when, by this process; others are found out when both answer."""
    state = request.app.state
    if not hasattr(state, "shown_reviews"):
        state.shown_reviews = {}
    shown: dict[int, tuple[int, datetime]] = state.shown_reviews
    return shown


def _asked(session: Session, visitor: Visitor, row: Row) -> dict[str, Any]:
    mail = _mail(session, visitor.team_id, row)
    kind = ReviewKind(row["kind"])
    blind = not visitor.guess_first
    buttons = answers(row, mail)
    if blind:
        buttons = [replace(each, guessed=False) for each in buttons]
    return {
        "mail": _unmarked(mail) if mail and blind else mail,
        "blind": blind,
        "question": QUESTIONS[kind],
        "settled_at": row.get("settled_at"),
        "own": reviewing.has_answered(session, visitor.team_id, row["id"], visitor.name),
        "buttons": buttons,
        # Of mail that acted, the status is the guess.
        "status_told": not blind or kind not in {*ONLY_ASKED, ReviewKind.MOVED_BACK},
    }


def _mail(session: Session, team_id: int, row: Row) -> MailText | None:
    return mail_of(session, team_id, row["message"]) if row["message"] else None


def _unmarked(mail: MailText) -> MailText:
    plain = [Piece("".join(each.text for each in mail.own), marked=False)] if mail.own else []
    return replace(mail, own=plain)


def _midnight(office: Office, visitor: Visitor) -> datetime:
    """Return when the day began where the person is."""
    local = office.clock().astimezone(visitor.zone)
    return datetime.combine(local.date(), time(), visitor.zone).astimezone(UTC)
