"""`/contacts`: every address of the team, whether it may be mailed, and its whole story."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from console.render import go, link, number, ours, render, story
from console.stories import sections
from console.values import LONGEST_TEXT, PLAIN
from console.views.recipients import MEANS
from console.visitor import Editor, TheOffice, Viewer
from models.events import OPTED_OUT
from models.session import reading, transaction
from worker import bulk
from worker.contacts import merge, split
from worker.errors import InputError
from worker.history import tell
from worker.pages import ContactFilter, contacts_page
from worker.tie import rules_of

router = APIRouter(prefix="/contacts", include_in_schema=False)

LIST = "/contacts"
MOST_CHOSEN = 1_000
"""Of one page, with room."""
SHOWN = 20
"""Addresses of a preview."""
Text = Annotated[str, Form(max_length=LONGEST_TEXT)]
Named = Annotated[str, Form(max_length=LONGEST_TEXT, pattern=PLAIN)]
Asked = Annotated[str, Query(max_length=LONGEST_TEXT)]
AskedName = Annotated[str, Query(max_length=LONGEST_TEXT, pattern=PLAIN)]
AnAddress = Annotated[str, Path(max_length=LONGEST_TEXT, pattern=PLAIN)]
OPT_OUTS = frozenset(reason.value for reason in OPTED_OUT)


class Standing(StrEnum):
    """Which contacts are asked for; the empty one means any."""

    ANY = ""
    ACTIVE = "active"
    DO_NOT_EMAIL = "do not email"


class Wish(StrEnum):
    """What is to be done with several contacts."""

    ADD = "add"
    LIFT = "lift"


def wanted(words: str, standing: Standing) -> ContactFilter:
    """Return the filter that a form or an address names."""
    banned = None if standing is Standing.ANY else standing is Standing.DO_NOT_EMAIL
    return ContactFilter(words=words or None, do_not_email=banned)


class Choice(BaseModel):
    """Several contacts and what is to be done with them: those chosen, or everything that a filter finds."""

    wish: Wish
    chosen: list[int] = Field(default=[], max_length=MOST_CHOSEN)
    every: bool = False
    words: str = Field(default="", max_length=LONGEST_TEXT)
    standing: Standing = Standing.ANY
    why: str = Field(default="", max_length=LONGEST_TEXT)

    @property
    def back(self) -> str:
        """The list that they were chosen from."""
        return link(LIST, words=self.words, standing=self.standing.value)

    def addresses(self, session: Session, team_id: int) -> list[str]:
        """Return the addresses that are meant.

        Raises:
            InputError: none, or too many at once.
        """
        filtered = wanted(self.words, self.standing)
        found = bulk.contact_addresses(session, team_id, filtered if self.every else self.chosen)
        if not found:
            raise InputError("no contact is chosen; choose some with the boxes before their addresses")
        return found


@router.get("")
def page(
    request: Request,
    office: TheOffice,
    visitor: Viewer,
    words: Asked = "",
    standing: Standing = Standing.ANY,
    after: Asked = "",
) -> Response:
    """List contacts by address."""
    with reading(office.engine) as session:
        found = contacts_page(session, visitor.team_id, wanted(words, standing), after or None)
    return render(
        request,
        "contacts.html",
        found=found,
        words=words,
        standing=standing,
        after=after,
        here=link(LIST, words=words, standing=standing.value, after=after),
        opt_outs=OPT_OUTS,
    )


@router.get("/by/{address:path}")
def whole_story(request: Request, office: TheOffice, visitor: Viewer, address: AnAddress) -> Response:
    """Tell everything about an address; another address of the same person leads to it."""
    with reading(office.engine) as session:
        try:
            told = tell(session, visitor.team_id, address)
        except InputError as error:
            detail = f"nothing is known about {address}; look for a part of it in Contacts"
            raise HTTPException(HTTPStatus.NOT_FOUND, detail) from error
    if told["address"] != normal_address(address):
        return go(request, story(told["address"]), f"{address} is another address of this person.")
    live = [each for each in told["entries"] if each["lifted_at"] is None and each["withdrawn_at"] is None]
    return render(
        request,
        "contact.html",
        told=told,
        live=live,
        past=[each for each in told["entries"] if each not in live],
        sections=sections(told["recipients"]),
        here=story(told["address"]),
        means=MEANS,
        opt_outs=OPT_OUTS,
    )


@router.post("/same-person")
def same_person(
    request: Request, office: TheOffice, visitor: Editor, address: Named, second: Named, why: Text = ""
) -> Response:
    """Note that two addresses belong to the same person."""
    with transaction(office.engine) as session:
        rules = rules_of(office.settings, visitor.team_id)
        changes = merge(session, rules, address, second, visitor.act(office, why))
    says = f"{second} is another address of {address}{_changed(len(changes))}."
    return go(request, story(address), says, undo=link("/contacts/two-persons", address=address, second=second))


@router.post("/two-persons")
def two_persons(
    request: Request, office: TheOffice, visitor: Editor, address: AskedName, second: AskedName, why: Text = ""
) -> Response:
    """Take back that two addresses belong to the same person."""
    with transaction(office.engine) as session:
        rules = rules_of(office.settings, visitor.team_id)
        changes = split(session, rules, address, second, visitor.act(office, why))
    return go(request, story(address), f"{second} and {address} are two persons again{_changed(len(changes))}.")


@router.post("/do-not-email/add")
def add(
    request: Request, office: TheOffice, visitor: Editor, address: Named, why: Text = "", back: Text = ""
) -> Response:
    """Keep one address from being mailed."""
    writer = partial(transaction, office.engine)
    done = bulk.add_many_to_dne(writer, visitor.team_id, [address], visitor.act(office, why))
    back = ours(back, LIST)
    if done.bulk_id is None:
        return go(request, back, f"{address} was on Do Not Email already.")
    return go(request, back, f"{address} is on Do Not Email.", _undo(done.bulk_id, back))


@router.post("/do-not-email/lift")
def lift(
    request: Request, office: TheOffice, visitor: Editor, address: Named, why: Text = "", back: Text = ""
) -> Response:
    """Lift what keeps one address from being mailed; entries of its domain stay."""
    writer = partial(transaction, office.engine)
    done = bulk.lift_many(writer, visitor.team_id, [address], visitor.act(office, why))
    back = ours(back, LIST)
    if done.bulk_id is None:
        return go(request, back, f"{address} has no entry of its own on Do Not Email.")
    says = f"{address} may be mailed again unless its domain is banned; it joins campaigns only when it is added."
    return go(request, back, says, _undo(done.bulk_id, back))


@router.post("/many")
def preview(request: Request, office: TheOffice, visitor: Editor, choice: Annotated[Choice, Form()]) -> Response:
    """Show what would be done with several contacts, before it is done."""
    with reading(office.engine) as session:
        addresses = choice.addresses(session, visitor.team_id)
        seen = bulk.preview_dne(session, visitor.team_id, addresses)
    values: dict[str, Any] = {"choice": choice, "count": len(addresses), "first": addresses[:SHOWN], "seen": seen}
    return render(request, "contacts_many.html", **values)


@router.post("/many/do")
def do(request: Request, office: TheOffice, visitor: Editor, choice: Annotated[Choice, Form()]) -> Response:
    """Add several contacts to Do Not Email, or lift what is there of them."""
    with reading(office.engine) as session:
        addresses = choice.addresses(session, visitor.team_id)
    act = bulk.add_many_to_dne if choice.wish is Wish.ADD else bulk.lift_many
    done = act(partial(transaction, office.engine), visitor.team_id, addresses, visitor.act(office, choice.why))
    if done.bulk_id is None:
        return go(request, choice.back, "There was nothing to do.")
    says = "are on Do Not Email" if choice.wish is Wish.ADD else "may be mailed again unless their domain is banned"
    same = f"; {number(done.same)} stay as they were" if done.same else ""
    return go(request, choice.back, f"{number(done.done)} {says}{same}.", _undo(done.bulk_id, choice.back))


def _undo(bulk_id: int, back: str) -> str:
    return link(f"/recipients/many/{bulk_id}/undo", back=back)


def _changed(count: int) -> str:
    return f"; recipients changed: {count}" if count else ""
