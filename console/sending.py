"""`/v1`: what the sending side tells, and asks before it mails."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any

from fastapi import Depends, HTTPException
from sqlalchemy import select

from console.api.frame import Sender, act_of, api
from console.office import Office, the_office
from console.problems import BadValue, InvalidRowsError, documented
from console.schemas import (
    CampaignAnswer,
    CampaignRow,
    CheckAnswer,
    CheckRequest,
    Cover,
    EventsAnswer,
    EventsRequest,
    JoinAnswer,
    JoinedRow,
    JoinRequest,
    SentRow,
    SuppressedRow,
)
from console.schemas import RejectedRow as Rejected
from models.session import reading, transaction
from models.tables.mailing import Campaign
from worker.acts.campaigns import put_campaign
from worker.acts.joining import Joined, join
from worker.chunks import chunks
from worker.matching.links import ListUnsubscribe, linked_of_addresses, list_unsubscribe, opt_out_alias
from worker.people.api_tokens import Caller
from worker.rules import rules_of
from worker.sending.intake import Told, mailbox_ids, take_in
from worker.sending.sends import BATCH
from worker.writing.suppression import suppressed

router = api("sending side")

TheOffice = Annotated[Office, Depends(the_office)]


@router.post("/campaigns")
def campaigns(asked: CampaignRow, office: TheOffice, caller: Sender) -> CampaignAnswer:
    """Make a campaign, or change one; what was decided under its old policy stays decided."""
    wanted: dict[str, Any] = asked.model_dump(exclude={"key"}, exclude_none=True)
    with transaction(office.engine) as session:
        campaign, created = put_campaign(session, caller.team_id, asked.key, wanted)
        return CampaignAnswer(
            created=created,
            key=campaign.key,
            name=campaign.name,
            stop_on_reply=campaign.stop_on_reply,
            auto_response=campaign.auto_response,
            auto_response_days=campaign.auto_response_days,
            policy_version=campaign.policy_version,
        )


@router.post("/recipients", responses=documented(404))
def recipients(asked: JoinRequest, office: TheOffice, caller: Sender) -> JoinAnswer:
    """Let addresses join a campaign that is there; those under Do Not Email are refused, each with the reason.

    Where INBOX_PUBLIC_URL and INBOX_LINK_KEYS are set, the answer holds the unsubscribe link of each recipient.
    """
    rules = rules_of(office.settings, caller.team_id)
    _refuse_unknown(office, caller, asked.campaign)
    rows: list[JoinedRow] = []
    for batch in chunks(asked.addresses, BATCH):
        with transaction(office.engine) as session:
            joined = join(session, rules, asked.campaign, batch, act_of(office, caller))
        links = _links(office, caller, asked.campaign, joined)
        rows += [_joined_row(each, links.get(each.address)) for each in joined]
    states = [each.state for each in rows]
    return JoinAnswer(
        joined=states.count("joined"),
        known=states.count("known"),
        refused=states.count("refused"),
        recipients=rows,
    )


@router.post("/events")
def events(asked: EventsRequest, office: TheOffice, caller: Sender) -> EventsAnswer:
    """Tell what was sent, what was rejected while it was sent, and what was delivered, opened or clicked.

    Telling it again changes nothing. A row that names no known send is left out and counted; the others count.
    """
    rules = rules_of(office.settings, caller.team_id)
    with reading(office.engine) as session:
        told = _told(asked, mailbox_ids(session, caller.team_id))
    taken = take_in(partial(transaction, office.engine), rules, told, caller.actor, office.clock())
    rows = sorted(taken.unknown)
    return EventsAnswer(new=taken.new, known=taken.known, unknown=len(rows), unknown_rows=rows)


@router.post("/suppressions/check")
def check(asked: CheckRequest, office: TheOffice, caller: Sender) -> CheckAnswer:
    """Say which addresses may not be mailed now, and why; ask right before a mail goes out."""
    with reading(office.engine) as session:
        found = suppressed(session, caller.team_id, asked.addresses)
    return CheckAnswer(
        suppressed=[
            SuppressedRow(
                address=address,
                because=[Cover(target=each.target, reason=each.reason, since=each.since) for each in covers],
            )
            for address, covers in found.items()
        ]
    )


def _refuse_unknown(office: Office, caller: Caller, campaign: str) -> None:
    with reading(office.engine) as session:
        known = session.scalar(select(Campaign.id).where(Campaign.team_id == caller.team_id, Campaign.key == campaign))
    if known is None:
        raise HTTPException(404, f"no campaign {campaign!r}; make it first: POST /v1/campaigns")


def _links(office: Office, caller: Caller, campaign: str, joined: Sequence[Joined]) -> dict[str, ListUnsubscribe]:
    links = office.links
    if links is None:
        return {}
    addresses = sorted({each.address for each in joined if each.state != "refused"})
    with reading(office.engine) as session:
        alias = opt_out_alias(session, caller.team_id)
        linked = linked_of_addresses(session, caller.team_id, addresses, campaign)
    return {each.address: list_unsubscribe(links, each, alias) for each in linked}


def _joined_row(joined: Joined, links: ListUnsubscribe | None) -> JoinedRow:
    row = JoinedRow(address=joined.address, state=joined.state, says=joined.says)
    if links is not None and joined.state != "refused":
        row.unsubscribe = links.link
        row.list_unsubscribe = links.list_unsubscribe
        row.list_unsubscribe_post = links.list_unsubscribe_post
    return row


def _told(asked: EventsRequest, mailboxes: dict[str, int]) -> Told:
    """Sort the rows by what is done with them.

    Raises:
        InvalidRowsError: rows that name a mailbox the team does not have, or one send_id for mails to several people.
    """
    told = Told()
    bad: list[BadValue] = []
    whose: dict[str, str] = {}
    for number, row in enumerate(asked.events):
        if isinstance(row, SentRow | Rejected):
            if row.mailbox is not None and row.mailbox not in mailboxes:
                bad.append(BadValue(row=number, field="mailbox", says=f"the team has no mailbox {row.mailbox!r}"))
            send = row.send(mailboxes.get(row.mailbox or ""))
            if send is not None and whose.setdefault(send.send_id, send.to) != send.to:
                says = f"{send.send_id!r} stands for a mail to {whose[send.send_id]} in this batch"
                bad.append(BadValue(row=number, field="send_id", says=says))
            if send is not None:
                (told.sends if isinstance(row, SentRow) else told.attempts).append(send)
        if not isinstance(row, SentRow):
            told.signals.append(row.signal(number))
    if bad:
        raise InvalidRowsError(bad)
    return told
