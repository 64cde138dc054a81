"""Statuses in the words of the pages."""

from __future__ import annotations

from collections.abc import Mapping

from models.events import Status

MEANS: Mapping[Status, str] = {
    Status.ACTIVE: "the sequence runs again",
    Status.ENGAGED: "answered, and nothing else fits; ends the sequence where the campaign stops on reply",
    Status.INTERESTED: "wants to go on; ends the sequence where the campaign stops on reply",
    Status.NOT_INTERESTED: "declined; ends the sequence",
    Status.AUTO_RESPONSE: "a machine answered; the sequence does what the campaign says",
    Status.OUT_OF_OFFICE: "pauses the sequence until a working day after the return",
    Status.UNSUBSCRIBED: "asked to be removed; ends the sequence and adds the address to Do Not Email",
    Status.UNSUBSCRIBE_LINK: "used the link in the mail; ends the sequence and adds the address to Do Not Email",
    Status.BOUNCED: "the address is dead; ends the sequence and adds the address to Do Not Email",
    Status.REMOVED: "ends the sequence; who was never mailed leaves the list",
    Status.CAMPAIGN_STOPPED: "ends the sequence",
    Status.APPOINTMENT_BOOKED: "booked an appointment; ends the sequence",
}
"""What a status says and does when a person gives it."""
