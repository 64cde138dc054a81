"""`/v1/mailboxes`: which are read, how they fare; adding, changing, pausing, removing."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from console.api.frame import Admin, Done, Listed, Viewer, act_of, api
from console.api.mailbox_values import (
    BoxId,
    FolderRow,
    MailboxChange,
    MailboxFacts,
    MailboxNew,
    MailboxRow,
    TrafficRow,
    described,
)
from console.office import Office
from console.values import LONGEST_MAILBOX, PLAIN
from console.visitor import TheOffice
from models.session import reading, transaction
from models.tables.mailboxes import SignIn
from worker.acts.mailbox_columns import new_columns
from worker.acts.mailboxes import add_mailbox, change_mailbox, pause_mailbox, remove_mailbox, resume_mailbox
from worker.acts.private_hosts import see_host, see_move
from worker.queries.mailbox_facts import folders_of, read_today
from worker.queries.mailboxes import list_mailboxes, mailbox_in, mailbox_row
from worker.queries.pages import LIMIT
from worker.queries.story import Row
from worker.secrets.vault import vault_of

router = api("mailboxes")

MOST = 500
Name = Annotated[str | None, Query(max_length=LONGEST_MAILBOX, pattern=PLAIN)]


@router.get("/mailboxes")
def mailboxes(
    office: TheOffice,
    caller: Viewer,
    part: Annotated[Name, Query(description="Any part of the name.")] = None,
    *,
    ill: Annotated[bool, Query(description="Only those that fail, try again, or are stopped.")] = False,
    after: Annotated[Name, Query(description="`next` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MOST)] = LIMIT,
) -> Listed[MailboxRow]:
    """List the team's mailboxes by name, and how reading them fares."""
    with reading(office.engine) as session:
        rows = list_mailboxes(session, caller.team_id, limit + 1, after=after, part=part, ill=ill)
    shown = [_row(office, row) for row in rows[:limit]]
    return Listed(rows=shown, next=shown[-1].name if len(rows) > limit else None)


@router.post("/mailboxes")
def add(office: TheOffice, caller: Admin, asked: MailboxNew) -> MailboxRow:
    """Add a mailbox that signs in with a password."""
    given = asked.given()
    columns = new_columns(given.pop("name"), SignIn.PASSWORD, given)
    see_host(columns["host"], office.settings)
    act = act_of(office, caller)
    with transaction(office.engine) as session:
        mailbox_id = add_mailbox(session, caller.team_id, columns, vault_of(office.settings), act)
        return _row(office, mailbox_row(mailbox_in(session, caller.team_id, mailbox_id), ""))


@router.get("/mailboxes/{mailbox_id}")
def mailbox(office: TheOffice, caller: Viewer, mailbox_id: BoxId) -> MailboxFacts:
    """Return one mailbox, how reading it fares, what was read of it today, and how far its folders are read."""
    now = office.clock()
    with reading(office.engine) as session:
        row = mailbox_row(mailbox_in(session, caller.team_id, mailbox_id), "")
        traffic = read_today(session, mailbox_id, office.settings, now)
        folders = folders_of(session, mailbox_id)
    return MailboxFacts(
        **described(row, now, office.settings.poll_seconds),
        traffic=[TrafficRow.model_validate(each) for each in traffic],
        read_to=[FolderRow.model_validate(each) for each in folders],
    )


@router.post("/mailboxes/{mailbox_id}")
def change(office: TheOffice, caller: Admin, mailbox_id: BoxId, asked: MailboxChange) -> MailboxRow:
    """Change what is given of a mailbox, and poll it at once."""
    given, act = asked.given(), act_of(office, caller)
    # Looking a name up may take a while, in which nobody else should wait for the database.
    with reading(office.engine) as session:
        before = mailbox_in(session, caller.team_id, mailbox_id)
    see_move(before, given, office.settings)
    with transaction(office.engine) as session:
        changed = mailbox_in(session, caller.team_id, mailbox_id)
        change_mailbox(session, changed, given, vault_of(office.settings), act)
        return _row(office, mailbox_row(changed, ""))


@router.post("/mailboxes/{mailbox_id}/pause")
def pause(office: TheOffice, caller: Admin, mailbox_id: BoxId) -> MailboxRow:
    """Leave a mailbox alone until it is resumed."""
    with transaction(office.engine) as session:
        paused = mailbox_in(session, caller.team_id, mailbox_id)
        pause_mailbox(paused, act_of(office, caller))
        return _row(office, mailbox_row(paused, ""))


@router.post("/mailboxes/{mailbox_id}/resume")
def resume(office: TheOffice, caller: Admin, mailbox_id: BoxId) -> MailboxRow:
    """Poll a mailbox again, at once, whether a person paused it or it was stopped as it was not let in."""
    with transaction(office.engine) as session:
        resumed = mailbox_in(session, caller.team_id, mailbox_id)
        resume_mailbox(resumed, act_of(office, caller))
        return _row(office, mailbox_row(resumed, ""))


@router.post("/mailboxes/{mailbox_id}/remove")
def remove(office: TheOffice, caller: Admin, mailbox_id: BoxId) -> Done:
    """Remove a mailbox with the record of its mail; sends, events, statuses and Do Not Email stay."""
    act = act_of(office, caller)
    with transaction(office.engine) as session:
        remove_mailbox(session, mailbox_in(session, caller.team_id, mailbox_id), act)
    return Done()


def _row(office: Office, row: Row) -> MailboxRow:
    return MailboxRow.model_validate(described(row, office.clock(), office.settings.poll_seconds))
