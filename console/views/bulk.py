"""`/recipients/many`: one change for many recipients: first what it would do, then the act, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Path, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from sqlalchemy.orm import Session

from console.bulk_words import SHOWN, Told, done_words, nothing_words, of_adding, of_lifting, of_status
from console.render import go, link, number, ours, render
from console.status_words import MEANS
from console.values import LARGEST_BIGINT
from console.views.recipients import LIST, LONGEST_QUERY, Back, Looking
from console.visitor import Editor, TheOffice, Viewer, Visitor
from models.events import Status
from models.session import reading, transaction
from worker.acts.bulk_dne import add_many_to_dne, lift_many, preview_dne
from worker.acts.bulk_look import preview_status
from worker.acts.bulk_status import set_status_of_many
from worker.acts.bulk_undo import undo_bulk
from worker.acts.selection import MOST, addresses_of, chosen
from worker.errors import InputError
from worker.queries.bulk_acts import recent_acts
from worker.rules import Rules, rules_of

HERE = f"{LIST}/many"
router = APIRouter(prefix=HERE, include_in_schema=False)

Id = Annotated[int, Field(ge=1, le=LARGEST_BIGINT)]
Seen = Annotated[int, Field(ge=0, le=LARGEST_BIGINT)]
"""The newest Do Not Email entry, or mail, that a page showed; 0: none, so that nothing is done that nobody saw."""


def apart(values: Sequence[str]) -> list[str]:
    """Return each of the values of a form's field, which may also stand in one, with commas between."""
    return [each for value in values for each in value.split(",") if each]


Of = Annotated[str, Query(max_length=LONGEST_QUERY)]
"""The query of the list that people were chosen in."""


def looking_of(query: str) -> Looking:
    """Return what the query of a list asks for.

    Raises:
        InputError: it is none.
    """
    try:
        return Looking.model_validate(dict(parse_qsl(query)))
    except ValidationError as error:
        raise InputError("the list that this came from is not known; begin it anew at Recipients") from error


class Asked(BaseModel):
    """What is to be done to whom: boxes that were ticked, or all that the list's filter matches."""

    what: Status | Literal["dne add", "dne lift"]
    chosen: Annotated[list[Id], BeforeValidator(apart), Field(max_length=MOST)] = []
    every: bool = False
    seen: Seen = 0
    why: Annotated[str, Field(max_length=1_000)] = ""
    by_mail: bool = False


@router.get("")
def page(request: Request, office: TheOffice, visitor: Viewer) -> Response:
    """Show what was done to many at once, the newest first."""
    with reading(office.engine) as session:
        acts = recent_acts(session, visitor.team_id)
    return render(request, "recipients_many.html", acts=acts)


@router.get("/every")
def every(request: Request, office: TheOffice, visitor: Editor, looking: Annotated[Looking, Query()]) -> Response:
    """Say how many a filter matches, where that is not too many to be changed at once."""
    with reading(office.engine) as session:
        try:
            count = len(chosen(session, visitor.team_id, looking.wanted))
        except InputError:
            count = 0
    return render(request, "recipients_every.html", count=count, most=MOST)


@router.post("/preview")
def preview(
    request: Request, office: TheOffice, visitor: Editor, asked: Annotated[Asked, Form()], of: Of = ""
) -> Response:
    """Show what an act would do before it is done."""
    looking = looking_of(of)
    with reading(office.engine) as session:
        ids = _ids(session, visitor, asked, looking)
        told = _told(session, rules_of(office.settings, visitor.team_id), ids, asked.what)
    values: dict[str, Any] = {"told": told, "ids": ids, "what": str(asked.what), "looking": looking}
    return render(request, "recipients_preview.html", means=MEANS, **values)


@router.post("")
def do(request: Request, office: TheOffice, visitor: Editor, asked: Annotated[Asked, Form()], of: Of = "") -> Response:
    """Do it, and lead back to the list with the way to take it back."""
    looking = looking_of(of)
    with reading(office.engine) as session:
        ids = _ids(session, visitor, asked, looking)
        addresses = [] if isinstance(asked.what, Status) else addresses_of(session, visitor.team_id, ids)
    writer, act = partial(transaction, office.engine), visitor.act(office, asked.why)
    if isinstance(asked.what, Status):
        rules = rules_of(office.settings, visitor.team_id)
        done = set_status_of_many(writer, rules, ids, asked.what, act, asked.seen, by_mail=asked.by_mail)
    elif asked.what == "dne add":
        done = add_many_to_dne(writer, visitor.team_id, addresses, act)
    else:
        done = lift_many(writer, visitor.team_id, addresses, act, asked.seen)
    if done.bulk_id is None:
        # The page that lists the acts shows by whom it was done, with the way back.
        return go(request, HERE if done.same else looking.address, nothing_words(done))
    undo = link(f"{HERE}/{done.bulk_id}/undo", back=looking.address)
    return go(request, looking.address, done_words(asked.what, done), undo)


@router.post("/{bulk_id:int}/undo")
def undo(
    request: Request,
    office: TheOffice,
    visitor: Editor,
    bulk_id: Annotated[int, Path(ge=1, le=LARGEST_BIGINT)],
    back: Back = "",
) -> Response:
    """Take an act on many back, where nobody has changed anything since."""
    writer, rules = partial(transaction, office.engine), rules_of(office.settings, visitor.team_id)
    undone = undo_bulk(writer, rules, bulk_id, visitor.act(office))
    left = "".join(f"; {number(count)} left alone: {why}" for why, count in undone.left.items())
    return go(request, ours(back, HERE), f"Taken back for {number(undone.done)}{left}.")


def _ids(session: Session, visitor: Visitor, asked: Asked, looking: Looking) -> list[int]:
    """Return who is meant.

    Raises:
        InputError: nobody, too many, or somebody whom the team does not have.
    """
    if not asked.every and not asked.chosen:
        raise InputError("nobody is chosen; tick the boxes of those you mean")
    return chosen(session, visitor.team_id, looking.wanted if asked.every else asked.chosen)


def _told(session: Session, rules: Rules, ids: Sequence[int], what: str) -> Told:
    if isinstance(what, Status):
        first = addresses_of(session, rules.team_id, ids[:SHOWN])
        return of_status(preview_status(session, rules, ids, what), what, first, len(ids))
    addresses = addresses_of(session, rules.team_id, ids)
    found = preview_dne(session, rules.team_id, addresses)
    return of_adding(found, addresses) if what == "dne add" else of_lifting(found, addresses)
