"""`/webhooks/calendly/{team}`: bookings and cancellations, as Calendly signs and sends them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Header, HTTPException, Path
from pydantic import BaseModel, Field

from config import logs
from console.office import Office, body_of, the_office
from console.problems import documented
from models.session import reading, transaction
from worker.errors import InputError
from worker.people.teams import LONGEST_NAME
from worker.rules import rules_of
from worker.secrets.vault import vault_of
from worker.sending.bookings import Heard, hear_booking, is_signed, signing_team

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

log = logs.logger(__name__)

NO_KEY = "no key"
"""Stands in for the key of a team that is not there, so that the answer takes as long."""


class HeardAnswer(BaseModel):
    """What became of a webhook."""

    heard: Heard = Field(description="recorded, known (told before), nobody (whom the team mailed), or ignored.")


BODY = {
    "required": True,
    "description": "The webhook as Calendly signed it (version 2): invitee.created or invitee.canceled.",
    "content": {"application/json": {"schema": {"type": "object"}}},
}


@router.post("/calendly/{team}", responses=documented(400, 401, 413, 422, 503), openapi_extra={"requestBody": BODY})
def calendly(
    team: Annotated[str, Path(description="The team's name.", max_length=LONGEST_NAME)],
    body: Annotated[bytes, Depends(body_of)],
    office: Annotated[Office, Depends(the_office)],
    calendly_webhook_signature: Annotated[str, Header(description="t=UNIX,v1=HEX")] = "",
) -> HeardAnswer:
    """Hear of a booking or a cancellation.

    Whatever is told again changes nothing. Kinds of events that are no booking are answered and ignored.
    """
    now = office.clock()
    found = _signing_team(office, team)
    team_id, key = found or (None, NO_KEY)
    signed = is_signed(key, calendly_webhook_signature, body, now)
    if team_id is None or not signed:
        raise HTTPException(401, "no team of this name signs so")
    with transaction(office.engine) as session:
        try:
            return HeardAnswer(heard=hear_booking(session, rules_of(office.settings, team_id), body, now))
        except InputError as error:
            raise HTTPException(422, str(error)) from None


def _signing_team(office: Office, team: str) -> tuple[int, str] | None:
    with reading(office.engine) as session:
        try:
            return None if "\0" in team else signing_team(session, team, vault_of(office.settings))
        except InputError as error:
            # Which key is missing is told to whoever operates this; Calendly tells of the booking again.
            log.error(  # noqa: TRY400 - says it all
                "signing_key_not_opened",
                says="the signing key of team {team} cannot be opened: {error}",
                team=team,
                error=error,
            )
            raise HTTPException(503, "signatures cannot be checked now; send the same request again") from None
