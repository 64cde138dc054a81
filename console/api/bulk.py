"""`/v1/recipients/bulk`: one change for many recipients, looked at first, kept as one act, taken back as one."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Literal, Self

from fastapi import Path, Query
from pydantic import BaseModel, Field, StrictBool, model_validator
from sqlalchemy.orm import Session

from console.api.frame import Editor, Listed, Viewer, act_of, api
from console.api.recipients import MOST, UndoRequest, Which, Why
from console.values import LARGEST_BIGINT, Strict
from console.visitor import TheOffice
from models.events import Status
from models.session import reading, transaction
from worker.acts.bulk_dne import add_many_to_dne, lift_many, preview_dne
from worker.acts.bulk_look import preview_status
from worker.acts.bulk_status import set_status_of_many
from worker.acts.bulk_undo import undo_bulk
from worker.acts.selection import MOST as MOST_AT_ONCE
from worker.acts.selection import addresses_of, chosen
from worker.queries.bulk_acts import recent_acts
from worker.rules import rules_of

router = api("recipients")


class Many(Strict):
    """Several recipients: by their ids, or all that a filter finds; at most 10,000."""

    ids: Annotated[list[Annotated[int, Field(ge=1, le=LARGEST_BIGINT)]] | None, Field(max_length=MOST_AT_ONCE)] = None
    filter: Which | None = None
    status: Annotated[Status | None, Field(description="The status that all are given.")] = None
    do_not_email: Annotated[
        Literal["add", "lift"] | None, Field(description="What is done with the addresses instead.")
    ] = None

    @model_validator(mode="after")
    def _is_one_of_each(self) -> Self:
        if (self.ids is None) == (self.filter is None):
            raise ValueError("give ids or filter, one of them")
        if (self.status is None) == (self.do_not_email is None):
            raise ValueError("give status or do_not_email, one of them")
        return self

    def whom(self, session: Session, team_id: int) -> list[int]:
        """Return the ids of those who are meant."""
        return chosen(session, team_id, self.filter.wanted if self.filter else self.ids or [])


class ManyRequest(Many):
    """What is to be done to many."""

    why: Why = None
    by_mail: Annotated[
        StrictBool,
        Field(description="The newest mail of each says so, and the classifier learns it; of a status only."),
    ] = False
    seen: Annotated[
        int | None,
        Field(
            ge=0,
            le=LARGEST_BIGINT,
            description="Of a status and of `lift`, as the preview gives it: who got mail, or came onto Do Not Email, "
            "later is left alone.",
        ),
    ] = None


class StatusPreview(BaseModel):
    """What setting the status would do."""

    changes: dict[Status, int] = Field(description="From which status how many change.")
    same: int = Field(description="They have the status already and are left as they are.")
    refused: int = Field(description="They are under Do Not Email and cannot become Active.")
    refused_first: list[str] = Field(description="Some of their addresses.")
    waiting: int = Field(description="They may have asked to be removed: left alone until that is answered.")
    waiting_first: list[str] = Field(description="Some of their addresses.")
    settled: int = Field(description="Open questions that are settled with it.")
    seen: int = Field(description="The newest of their mails: give it when you set the status.")


class DnePreview(BaseModel):
    """How the addresses stand on the Do Not Email list."""

    new: int = Field(description="Adding makes an entry for them.")
    live: int = Field(description="They have a live entry of their own, which lifting lifts.")
    opted_out: int = Field(description="Of these the ones who asked for it themselves: lifting needs a why.")
    opted_out_first: list[str] = Field(description="Some of these.")
    seen: int = Field(description="The newest of the live entries: give it when you lift.")


class PreviewAnswer(BaseModel):
    """What the act would do; nothing is changed."""

    recipients: int = Field(description="How many are meant.")
    status: StatusPreview | None = None
    do_not_email: DnePreview | None = None


class BulkAnswer(BaseModel):
    """What the act did."""

    id: int | None = Field(description="Names the act, so that it can be taken back; null: nothing was done.")
    done: int
    same: int = Field(description="Nothing was to be done for them.")
    refused: int = Field(description="They are under Do Not Email and cannot become Active.")
    newer: int = Field(description="They came onto Do Not Email after `seen`, and are left alone.")
    came: int = Field(description="They got mail after `seen`, and are left alone.")
    waiting: int = Field(description="They may have asked to be removed: left alone until that is answered.")


class BulkRow(BaseModel):
    """One act on many recipients or addresses."""

    id: int
    kind: Literal["status", "dne add", "dne lift"]
    says: str
    by: str
    at: datetime
    count: int
    undone_at: datetime | None
    undone_by: str | None


class UndoneAnswer(BaseModel):
    """How much of an act was taken back, and why how much was left alone."""

    done: int
    left: dict[str, int]


@router.post("/recipients/bulk/preview")
def preview(asked: Many, office: TheOffice, caller: Editor) -> PreviewAnswer:
    """Say what an act on many would do."""
    with reading(office.engine) as session:
        ids = asked.whom(session, caller.team_id)
        if asked.status is not None:
            status = preview_status(session, rules_of(office.settings, caller.team_id), ids, asked.status)
            said = StatusPreview.model_validate(status, from_attributes=True)
            return PreviewAnswer(recipients=len(ids), status=said)
        dne = preview_dne(session, caller.team_id, addresses_of(session, caller.team_id, ids))
    return PreviewAnswer(recipients=len(ids), do_not_email=DnePreview.model_validate(dne, from_attributes=True))


@router.post("/recipients/bulk")
def do(asked: ManyRequest, office: TheOffice, caller: Editor) -> BulkAnswer:
    """Set a status of many recipients, or add their addresses to Do Not Email, or lift them."""
    writer, act = partial(transaction, office.engine), act_of(office, caller, asked.why)
    with reading(office.engine) as session:
        ids = asked.whom(session, caller.team_id)
        addresses = addresses_of(session, caller.team_id, ids) if asked.do_not_email else []
    if asked.status is not None:
        rules = rules_of(office.settings, caller.team_id)
        done = set_status_of_many(writer, rules, ids, asked.status, act, asked.seen, by_mail=asked.by_mail)
    elif asked.do_not_email == "add":
        done = add_many_to_dne(writer, caller.team_id, addresses, act)
    else:
        done = lift_many(writer, caller.team_id, addresses, act, asked.seen)
    return BulkAnswer(id=done.bulk_id, **{name: getattr(done, name) for name in _COUNTED})


_COUNTED = ("done", "same", "refused", "newer", "came", "waiting")


@router.get("/bulk-acts")
def list_acts(office: TheOffice, caller: Viewer, limit: Annotated[int, Query(ge=1, le=MOST)] = 20) -> Listed[BulkRow]:
    """List the newest acts on many, the newest first."""
    with reading(office.engine) as session:
        return Listed(rows=[BulkRow(**each) for each in recent_acts(session, caller.team_id, limit)])


@router.post("/bulk-acts/{bulk_id}/undo")
def undo(
    bulk_id: Annotated[int, Path(ge=1, le=LARGEST_BIGINT, description="As `POST /v1/recipients/bulk` names it.")],
    asked: UndoRequest,
    office: TheOffice,
    caller: Editor,
) -> UndoneAnswer:
    """Take an act on many back, as far as nobody has acted there since."""
    rules = rules_of(office.settings, caller.team_id)
    undone = undo_bulk(partial(transaction, office.engine), rules, bulk_id, act_of(office, caller, asked.why))
    return UndoneAnswer(done=undone.done, left=undone.left)
