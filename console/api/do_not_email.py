"""`/v1/do-not-email`: who may not be mailed, and why."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import BaseModel, Field

from console.api.frame import Editor, Listed, Viewer, act_of, api
from console.values import LARGEST_BIGINT, MOST_ROWS, PLAIN, Strict, Text
from console.visitor import TheOffice
from models.events import DneReason
from models.session import reading, transaction
from worker.acts.dne_import import ban
from worker.acts.do_not_email import dne_target, lift_dne
from worker.queries.dne_pages import EntryFilter, entries_page

router = api("Do Not Email")

LONGEST_TARGET = 320
LONGEST_CURSOR = 500
Target = Annotated[
    str,
    Field(
        min_length=1,
        max_length=LONGEST_TARGET,
        pattern=PLAIN,
        description="An address, or a domain with its subdomains.",
        examples=["competitor.example"],
    ),
]


class Entry(BaseModel):
    """One reason why an address or a domain may not be mailed; live until a person lifts it."""

    id: int
    target: str
    reason: DneReason
    since: datetime
    by: str | None = Field(description="The person who made it; null: what came back did.")
    note: str | None
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_why: str | None
    withdrawn_at: datetime | None = Field(description="When what had made it turned out to be wrong.")


class AddRequest(Strict):
    """Whom to ban."""

    targets: list[Target] = Field(min_length=1, max_length=MOST_ROWS)
    why: Text | None = Field(None, description="Kept with the entries.")
    force: bool = Field(False, description="Also domains of many strangers, such as public mail providers.")  # noqa: FBT003 - a default


class AddAnswer(BaseModel):
    """What came of it."""

    new: int
    known: int = Field(description="Given twice, or on the list by a person or an import already.")
    changed: int = Field(description="Recipients that changed.")


class LiftRequest(Strict):
    """Which entries to lift."""

    target: Target
    why: Text | None = Field(None, description="Needed where the contact opted out.")
    seen: Annotated[int, Field(ge=0, le=LARGEST_BIGINT)] | None = Field(
        None, description="`id` of the newest entry that was looked at; a newer one for this target is not lifted."
    )


class LiftAnswer(BaseModel):
    """How many entries were lifted; recipients stay as they are."""

    lifted: int


@router.get("/do-not-email")
def entries(  # noqa: PLR0913, PLR0917 - one argument a filter
    office: TheOffice,
    caller: Viewer,
    words: Annotated[str, Query(max_length=500, description="Beginnings of words of the target.")] = "",
    reason: DneReason | None = None,
    past: Annotated[bool, Query(description="Also entries that were lifted or withdrawn.")] = False,  # noqa: FBT002
    after: Annotated[str | None, Query(max_length=LONGEST_CURSOR, description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Listed[Entry]:
    """List the entries, the newest first."""
    wanted = EntryFilter(words=words, reason=reason, past=past)
    with reading(office.engine) as session:
        found = entries_page(session, caller.team_id, wanted, after, limit)
    return Listed(rows=[Entry(**row) for row in found.rows], next=found.next)


@router.post("/do-not-email")
def add(asked: AddRequest, office: TheOffice, caller: Editor) -> AddAnswer:
    """Ban addresses and domains at once, in every campaign of the team."""
    plain = {dne_target(each, force=asked.force): None for each in asked.targets}
    with transaction(office.engine) as session:
        act = act_of(office, caller, asked.why)
        banned = ban(session, caller.team_id, plain.items(), DneReason.MANUAL, act)
    return AddAnswer(new=banned.new, known=banned.known, changed=banned.changed)


@router.post("/do-not-email/lift")
def lift(asked: LiftRequest, office: TheOffice, caller: Editor) -> LiftAnswer:
    """Lift every live entry of exactly this address or domain; a domain above it stays banned."""
    with transaction(office.engine) as session:
        act = act_of(office, caller, asked.why)
        return LiftAnswer(lifted=lift_dne(session, caller.team_id, asked.target, act, asked.seen))
