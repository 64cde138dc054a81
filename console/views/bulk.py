"""`/recipients/many`: one change for many recipients: first what it would do, then the act, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Form, Path, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field, ValidationError
from sqlalchemy.orm import Session

from console.render import go, link, number, ours, render
from console.views.recipients import LIST, LONGEST_QUERY, MEANS, Back, Looking
from console.visitor import Editor, TheOffice, Viewer, Visitor
from models.events import Status
from models.session import reading, transaction
from worker.acts.bulk_deed import Done
from worker.acts.bulk_dne import DnePreview, add_many_to_dne, lift_many, preview_dne
from worker.acts.bulk_look import Preview, preview_status
from worker.acts.bulk_status import set_status_of_many
from worker.acts.bulk_undo import undo_bulk
from worker.acts.selection import MOST, addresses_of, chosen
from worker.errors import InputError
from worker.matching.links import LARGEST_ID
from worker.queries.bulk_acts import recent_acts
from worker.rules import Rules, rules_of

HERE = f"{LIST}/many"
router = APIRouter(prefix=HERE, include_in_schema=False)

Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
SHOWN = 20
"""So many addresses are named before an act, and so many acts afterwards."""


Seen = Annotated[int, Field(ge=0, le=LARGEST_ID)]
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the page says before an act."""

    title: str
    count: int
    facts: Sequence[str]
    froms: Sequence[tuple[Status, int]] = ()
    lists: Sequence[tuple[str, Sequence[str], int]] = ()
    need_why: bool = False
    seen: int = 0


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
        return go(request, HERE if done.same else looking.address, _nothing_words(done))
    undo = link(f"{HERE}/{done.bulk_id}/undo", back=looking.address)
    return go(request, looking.address, _done_words(asked.what, done), undo)


@router.post("/{bulk_id:int}/undo")
def undo(
    request: Request,
    office: TheOffice,
    visitor: Editor,
    bulk_id: Annotated[int, Path(ge=1, le=LARGEST_ID)],
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
        return _of_status(preview_status(session, rules, ids, what), what, first, len(ids))
    addresses = addresses_of(session, rules.team_id, ids)
    found = preview_dne(session, rules.team_id, addresses)
    return _of_adding(found, addresses) if what == "dne add" else _of_lifting(found, addresses)


def _of_status(found: Preview, status: Status, first: Sequence[str], of: int) -> Told:
    count = sum(found.changes.values())
    facts = [f"{_count(count, 'recipient changes', 'recipients change')} to {status.value}: {MEANS[status]}."]
    if found.same:
        facts.append(f"{_count(found.same, 'is', 'are')} {status.value} already and {_stay(found.same)}.")
    if found.refused:
        why = "under Do Not Email; lift that first, and then set them Active"
        facts.append(f"{_count(found.refused, 'is refused: it is', 'are refused: they are')} {why}.")
    if found.waiting:
        facts.append(f"{_count(found.waiting, 'is', 'are')} left alone: {_WAITING}.")
    if found.settled:
        facts.append(f"{_count(found.settled, 'open question is', 'open questions are')} settled with it.")
    return Told(
        title=f"Set {_count(of, 'recipient', 'recipients')} to {status.value}?",
        count=count,
        facts=facts,
        froms=sorted(found.changes.items(), key=lambda each: -each[1]),
        lists=[
            ("Refused", found.refused_first, found.refused),
            ("To be answered first", found.waiting_first, found.waiting),
            ("Chosen", first, of),
        ],
        seen=found.seen,
    )


def _of_adding(found: DnePreview, addresses: Sequence[str]) -> Told:
    known = len(addresses) - found.new
    gets = _count(found.new, "address gets", "addresses get")
    facts = [f"{gets} an entry: nothing is mailed there any more, in no campaign, and running sequences end."]
    if known:
        facts.append(f"{_count(known, 'has', 'have')} such an entry already and {_stay(known)}.")
    return Told(
        title=f"Add {_count(len(addresses), 'address', 'addresses')} to Do Not Email?",
        count=found.new,
        facts=facts,
        lists=[("Chosen", addresses[:SHOWN], len(addresses))],
    )


def _of_lifting(found: DnePreview, addresses: Sequence[str]) -> Told:
    none = len(addresses) - found.live
    lifted = _count(found.live, "address is", "addresses are")
    facts = [
        f"{lifted} lifted: they may join campaigns, and be set Active, again.",
        "Statuses stay as they are, and no sequence starts again by itself.",
    ]
    if none:
        facts.append(
            f"{_count(none, 'has', 'have')} no entry of {'its' if none == 1 else 'their'} own and {_stay(none)}; "
            "the entry of a whole domain is lifted at Do Not Email."
        )
    if found.opted_out:
        facts.append(f"{_count(found.opted_out, 'of them', 'of them')} opted out: say why they may be mailed again.")
    return Told(
        title=f"Remove {_count(len(addresses), 'address', 'addresses')} from Do Not Email?",
        count=found.live,
        facts=facts,
        lists=[
            ("Opted out", found.opted_out_first, found.opted_out),
            ("Chosen", addresses[:SHOWN] if found.opted_out < len(addresses) else [], len(addresses)),
        ],
        need_why=bool(found.opted_out),
        seen=found.seen,
    )


def _done_words(what: str, done: Done) -> str:
    did = {"dne add": "added to Do Not Email", "dne lift": "removed from Do Not Email"}.get(what, f"set to {what}")
    besides = [f"{number(done.same)} stay as they were"] if done.same else []
    return "; ".join([f"{_count(done.done, 'is', 'are')} {did}", *besides, *_refused(done), *left_alone(done)]) + "."


def _nothing_words(done: Done) -> str:
    already = "It was done already" if done.same else "Nothing was done"
    return "; ".join([already, *_refused(done), *left_alone(done)]) + "."


def _refused(done: Done) -> list[str]:
    return [f"{number(done.refused)} were refused, as they are under Do Not Email"] if done.refused else []


_WAITING = "whether they asked to be removed waits for an answer in Review"


def left_alone(done: Done) -> list[str]:
    """Say how many were left alone, since something came that was not seen or waits for an answer."""
    why = (
        (done.newer, f"{number(done.newer)} came onto Do Not Email since: left alone"),
        (done.came, f"{number(done.came)} left alone: a mail came since"),
        (done.waiting, f"{number(done.waiting)} left alone: {_WAITING}"),
    )
    return [words for count, words in why if count]


def _count(count: int, one: str, many: str) -> str:
    return f"{number(count)} {one if count == 1 else many}"


def _stay(count: int) -> str:
    return "stays as it is" if count == 1 else "stay as they are"
