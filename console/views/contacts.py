"""`/contacts`: every address of the team, whether it may be mailed, and its whole story."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Form, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, Field
from sqlalchemy.orm import Session

from classifier.decode import normal_address
from console.bulk_words import SHOWN, left_alone
from console.render import go, link, number, ours, render, story
from console.status_words import MEANS
from console.stories import sections
from console.values import LONGEST_TEXT, PLAIN
from console.views.bulk import Id, Seen, apart
from console.visitor import Editor, TheOffice, Viewer
from models.events import OPTED_OUT
from models.session import reading, transaction
from worker.acts.bulk_dne import add_many_to_dne, lift_many, preview_dne
from worker.acts.contacts import merge, split
from worker.acts.do_not_email import newest_entry
from worker.acts.selection import MOST, chosen_contacts
from worker.acts.unread import with_seen
from worker.errors import InputError
from worker.queries.contact_search import ContactFilter
from worker.queries.history import tell
from worker.queries.pages import contacts_page
from worker.rules import rules_of
from worker.writing.suppression import erased

router = APIRouter(prefix="/contacts", include_in_schema=False)

LIST = "/contacts"
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
    """Several contacts, the list that they were chosen from, and what is to be done with them."""

    wish: Wish
    chosen: Annotated[list[Id], BeforeValidator(apart), Field(max_length=MOST)] = []
    words: str = Field(default="", max_length=LONGEST_TEXT)
    standing: Standing = Standing.ANY

    @property
    def back(self) -> str:
        """The list that they were chosen from."""
        return link(LIST, words=self.words, standing=self.standing.value)

    def whom(self, session: Session, team_id: int) -> dict[int, str]:
        """Return id -> address of those that are meant.

        Raises:
            InputError: none, or too many at once.
        """
        return _somebody(chosen_contacts(session, team_id, self.chosen))


class Preview(Choice):
    """What is to be looked at before it is done: also everything that the list's filter finds."""

    every: bool = False

    def whom(self, session: Session, team_id: int) -> dict[int, str]:
        """Return id -> address of those that are meant.

        Raises:
            InputError: none, or too many at once.
        """
        if not self.every:
            return super().whom(session, team_id)
        return _somebody(chosen_contacts(session, team_id, wanted(self.words, self.standing)))


class Deed(Choice):
    """What was looked at and is to be done: to those who were shown, and going by what was known of them then."""

    seen: Seen = 0
    why: str = Field(default="", max_length=LONGEST_TEXT)


def _somebody(found: dict[int, str]) -> dict[int, str]:
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
        seen = newest_entry(session, visitor.team_id, [row["address"] for row in found.rows])
    return render(
        request,
        "contacts.html",
        found=found,
        words=words,
        standing=standing,
        after=after,
        seen=seen,
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
            known = erased(session, visitor.team_id, [normal_address(address)])
            detail = str(error) if known else f"nothing is known about {address}; look for a part of it in Contacts"
            raise HTTPException(HTTPStatus.NOT_FOUND, detail) from error
        seen = newest_entry(session, visitor.team_id, [told["address"]])
        recipients = with_seen(session, told["recipients"])
    if told["address"] != normal_address(address):
        return go(request, story(told["address"]), f"{address} is another address of this person.")
    live = [each for each in told["entries"] if each["lifted_at"] is None and each["withdrawn_at"] is None]
    return render(
        request,
        "contact.html",
        told=told,
        seen=seen,
        live=live,
        past=[each for each in told["entries"] if each not in live],
        sections=sections(recipients),
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
    done = add_many_to_dne(writer, visitor.team_id, [address], visitor.act(office, why))
    back = ours(back, LIST)
    if done.bulk_id is None:
        return go(request, back, f"{address} was on Do Not Email already.")
    return go(request, back, f"{address} is on Do Not Email.", _undo(done.bulk_id, back))


class OneLift(BaseModel):
    """An address that may be mailed again, and the newest of its entries that the page showed."""

    address: str = Field(max_length=LONGEST_TEXT, pattern=PLAIN)
    seen: Seen = 0
    why: str = Field(default="", max_length=LONGEST_TEXT)
    back: str = Field(default="", max_length=LONGEST_TEXT)


@router.post("/do-not-email/lift")
def lift(request: Request, office: TheOffice, visitor: Editor, asked: Annotated[OneLift, Form()]) -> Response:
    """Lift what keeps one address from being mailed; entries of its domain stay."""
    address, back = asked.address, ours(asked.back, LIST)
    act = visitor.act(office, asked.why)
    done = lift_many(partial(transaction, office.engine), visitor.team_id, [address], act, asked.seen)
    if done.newer:
        says = f"{address} came onto Do Not Email anew since that page was shown; look at why, and decide again."
        return go(request, story(address), says, wrong=True)
    if done.bulk_id is None:
        return go(request, back, f"{address} has no entry of its own on Do Not Email.")
    says = f"{address} may be mailed again unless its domain is banned; it joins campaigns only when it is added."
    return go(request, back, says, _undo(done.bulk_id, back))


@router.post("/many")
def preview(request: Request, office: TheOffice, visitor: Editor, choice: Annotated[Preview, Form()]) -> Response:
    """Show what would be done with several contacts, before it is done."""
    with reading(office.engine) as session:
        whom = choice.whom(session, visitor.team_id)
        found = preview_dne(session, visitor.team_id, whom.values())
    values: dict[str, Any] = {"choice": choice, "ids": list(whom), "first": list(whom.values())[:SHOWN], "found": found}
    return render(request, "contacts_many.html", **values)


@router.post("/many/do")
def do(request: Request, office: TheOffice, visitor: Editor, choice: Annotated[Deed, Form()]) -> Response:
    """Add several contacts to Do Not Email, or lift what is there of them."""
    with reading(office.engine) as session:
        addresses = choice.whom(session, visitor.team_id).values()
    writer, act = partial(transaction, office.engine), visitor.act(office, choice.why)
    if choice.wish is Wish.ADD:
        says, done = "are on Do Not Email", add_many_to_dne(writer, visitor.team_id, addresses, act)
    else:
        says = "may be mailed again unless their domain is banned"
        done = lift_many(writer, visitor.team_id, addresses, act, choice.seen)
    if done.bulk_id is None and not done.newer:
        return go(request, choice.back, "There was nothing to do.")
    besides = [f"{number(done.same)} stay as they were"] if done.same else []
    words = "; ".join([f"{number(done.done)} {says}", *besides, *left_alone(done)])
    return go(request, choice.back, f"{words}.", _undo(done.bulk_id, choice.back) if done.bulk_id else None)


def _undo(bulk_id: int, back: str) -> str:
    return link(f"/recipients/many/{bulk_id}/undo", back=back)


def _changed(count: int) -> str:
    return f"; recipients changed: {count}" if count else ""
