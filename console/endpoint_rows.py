"""Webhook endpoints as the pages and the endpoints for programs ask for them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from console.values import PLAIN
from models.tables.outside import EventType, WebhookEndpoint
from worker.webhooks.endpoints import LONGEST_NAME

COUNTED = 1_000
"""What waits, or was given up, is counted up to this number."""
LONGEST_URL = 2_000
MOST_TYPES = 2 * len(EventType)
_URL = re.compile(r"(https?://[^/?#\s]+)\S*", re.IGNORECASE)
_ANSWER = re.compile(r"(HTTP \d+):.*", re.DOTALL)


class Wanted(BaseModel):
    """Where an endpoint lies, and what it hears of."""

    url: Annotated[str, Field(max_length=LONGEST_URL, pattern=PLAIN, examples=["https://crm.example/hooks/inbox"])]
    types: Annotated[
        list[EventType], Field(max_length=MOST_TYPES, description="Only events of these types; none: all.")
    ] = []
    allow_private: Annotated[bool, Field(description="It lies in a network of your own; http is allowed too.")] = False


class Added(Wanted):
    """A new endpoint."""

    name: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME, pattern=PLAIN, examples=["crm"])]

    def endpoint(self, team_id: int) -> WebhookEndpoint:
        """Return it for a team, without a secret."""
        return WebhookEndpoint(
            team_id=team_id,
            name=self.name,
            url=self.url,
            types=sorted(set(self.types)),
            allow_private=self.allow_private,
        )


def masked(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return the row of an endpoint or a delivery for those who are no admins.

    Who knows the URL of many a service may send there: of URLs only scheme and host are left. An answer that was stored
    as an error is left out behind its status, as some repeat the path that was asked for.
    """
    left = dict(row)
    if "url" in left:
        left["url"] = _URL.sub(r"\1/...", left["url"])
    if left["last_error"] is not None:
        left["last_error"] = _URL.sub(r"\1/...", _ANSWER.sub(r"\1", left["last_error"]))
    return left
