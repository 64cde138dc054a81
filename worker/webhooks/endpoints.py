"""What a person may do with the endpoints of a team and what goes to them; for every front end."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from config import logs
from models.tables.outside import Delivery, DeliveryState, EventType, OutboxEvent, WebhookEndpoint
from worker.errors import InputError, NotFoundError
from worker.secrets.signing import new_secret, rotated, sign
from worker.secrets.vault import Vault
from worker.webhooks.deliver import body_of
from worker.webhooks.guard import Resolve, addresses_of, system_addresses, target_of
from worker.webhooks.post import Answer, Line

LONGEST_NAME = 100
PING = "ping"
MOST_LOOKED_AT = 100
"""Deliveries of each state among which the last error is looked for."""

log = logs.logger(__name__)


def check_url(url: str, *, allow_private: bool, resolve: Resolve = system_addresses) -> None:
    """See that an endpoint may lie at this URL now; looks its name up, so call it outside of transactions.

    Raises:
        InputError: it may not, or its name does not resolve.
    """
    addresses_of(target_of(url, allow_private=allow_private), resolve)


def add_endpoint(session: Session, endpoint: WebhookEndpoint, vault: Vault, now: datetime) -> str:
    """Add an endpoint (team_id, name, url, types, allow_private given) whose URL was checked; return its secret.

    It hears of what happens from now on.

    Raises:
        InputError: the name is none, or taken; or there is no key to encrypt the secret with.
    """
    name = endpoint.name
    if not name or len(name) > LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise InputError(f"{name!r} is no name of an endpoint; use up to {LONGEST_NAME} printable characters")
    if endpoint_named(session, endpoint.team_id, name) is not None:
        raise InputError(f"the endpoint {name} is there already; inbox-worker webhooks list shows it")
    secret = new_secret()
    endpoint.secret = vault.seal(secret)
    endpoint.recorded_at = now
    session.add(endpoint)
    session.flush()
    return secret


def find_endpoint(session: Session, team_id: int, name: str) -> WebhookEndpoint:
    """Return the team's endpoint of this name.

    Raises:
        NotFoundError: there is none; names those that exist.
    """
    found = endpoint_named(session, team_id, name)
    if found is None:
        names = ", ".join(endpoint_names(session, team_id)[:10]) or "none yet"
        raise NotFoundError(f"no endpoint {name!r} (there are: {names}); add it with: inbox-worker webhooks add")
    return found


def endpoint_names(session: Session, team_id: int) -> Sequence[str]:
    """Return the names of the team's endpoints, in their order."""
    query = select(WebhookEndpoint.name).where(WebhookEndpoint.team_id == team_id)
    return session.scalars(query.order_by(WebhookEndpoint.name)).all()


def endpoint_in(session: Session, team_id: int, endpoint_id: int) -> WebhookEndpoint:
    """Return the team's endpoint with this id.

    Raises:
        NotFoundError: the team has none.
    """
    found = session.get(WebhookEndpoint, endpoint_id)
    if found is None or found.team_id != team_id:
        raise NotFoundError(f"no endpoint {endpoint_id} in this team; inbox-worker webhooks list shows them")
    return found


def change_endpoint(endpoint: WebhookEndpoint, url: str, types: Sequence[EventType], *, allow_private: bool) -> None:
    """Let an endpoint lie at another URL, which was checked, and hear of other types (none: all) from now on."""
    endpoint.url, endpoint.allow_private = url, allow_private
    endpoint.types = sorted({each.value for each in types})


def ping(endpoint: WebhookEndpoint, vault: Vault, now: datetime) -> Answer:
    """Send one signed ping to an endpoint now, paused or not; connects, so call it outside of transactions.

    Raises:
        InputError: its URL is none, or no key opens its secret.
    """
    body = body_of(PING, now, {"endpoint": endpoint.name})
    headers = sign(vault.open(endpoint.secret), f"msg_{PING}_{uuid.uuid4().hex}", body, now)
    with Line(target_of(endpoint.url, allow_private=endpoint.allow_private)) as line:
        return line.post(body, headers)


def remove_endpoint(session: Session, team_id: int, name: str) -> None:
    """Remove an endpoint with what still was on its way to it.

    Raises:
        NotFoundError: there is none of this name.
    """
    session.delete(find_endpoint(session, team_id, name))


def pause_endpoint(session: Session, team_id: int, name: str, now: datetime) -> None:
    """Send nothing to an endpoint until it is resumed; what happens meanwhile is kept for it.

    Raises:
        NotFoundError: there is none of this name.
    """
    endpoint = find_endpoint(session, team_id, name)
    endpoint.paused_at = endpoint.paused_at or now


def resume_endpoint(session: Session, team_id: int, name: str) -> None:
    """Send to an endpoint again; the time in which it was paused does not count against what waited.

    Raises:
        NotFoundError: there is none of this name.
    """
    endpoint = find_endpoint(session, team_id, name)
    endpoint.paused_at = None
    waiting = update(Delivery).where(Delivery.endpoint_id == endpoint.id, Delivery.state == DeliveryState.PENDING)
    session.execute(waiting.values(first_attempt_at=None).execution_options(synchronize_session=False))


def rotate_secret(session: Session, team_id: int, name: str, vault: Vault, now: datetime) -> str:
    """Give an endpoint a new secret and return it; those before sign beside it, each for a day from its replacement.

    Where those before cannot be opened any more, the new one signs alone.

    Raises:
        InputError: there is no endpoint of this name, or no key at all.
    """
    endpoint = find_endpoint(session, team_id, name)
    secret = signing = new_secret()
    try:
        signing = rotated(vault.open(endpoint.secret), secret, now)
    except InputError:
        # Without any key it is the setting that is lost, and not what it names.
        if not vault.keys:
            raise
        log.warning(
            "secret_before_lost",
            says="endpoint {endpoint}: no key opens the secret before; the new one signs alone",
            endpoint=name,
        )
    endpoint.secret = vault.seal(signing)
    return secret


def list_endpoints(session: Session, team_id: int, most: int | None = None) -> list[dict[str, Any]]:
    """Return the team's endpoints without their secrets, with what waits, what was given up, and the last error.

    Args:
        session: any.
        team_id: whose.
        most: what waits, or was given up, is counted up to this number, and one more stands for even more; None: all.
    """
    query = select(WebhookEndpoint).where(WebhookEndpoint.team_id == team_id).order_by(WebhookEndpoint.name)
    return [endpoint_row(session, endpoint, most) for endpoint in session.scalars(query)]


def endpoint_row(session: Session, endpoint: WebhookEndpoint, most: int | None = None) -> dict[str, Any]:
    """Return one endpoint as `list_endpoints` does."""
    counts = {state: _count(session, endpoint, state, most) for state in (DeliveryState.PENDING, DeliveryState.DEAD)}
    return {
        "id": endpoint.id,
        "name": endpoint.name,
        "url": endpoint.url,
        "types": endpoint.types or ["all"],
        "state": "paused" if endpoint.paused_at else "active",
        "pending": counts[DeliveryState.PENDING],
        "dead": counts[DeliveryState.DEAD],
        "last_error": _last_error(session, endpoint, counts),
        "allow_private": endpoint.allow_private,
        "paused_at": endpoint.paused_at,
        "recorded_at": endpoint.recorded_at,
    }


def _count(session: Session, endpoint: WebhookEndpoint, state: DeliveryState, most: int | None) -> int:
    some = select(Delivery.id).where(Delivery.endpoint_id == endpoint.id, Delivery.state == state)
    some = some.limit(None if most is None else most + 1)
    return session.scalar(select(func.count()).select_from(some.subquery())) or 0


def _last_error(session: Session, endpoint: WebhookEndpoint, states: Iterable[DeliveryState]) -> str | None:
    """Return the error of the newest delivery that failed; what failed is tried later than what is new."""
    found: dict[int, str] = {}
    for state in states:
        query = select(Delivery.id, Delivery.last_error).where(
            Delivery.endpoint_id == endpoint.id, Delivery.state == state
        )
        latest = query.order_by(Delivery.next_attempt_at.desc(), Delivery.id.desc()).limit(MOST_LOOKED_AT)
        found |= {delivery_id: error for delivery_id, error in session.execute(latest) if error is not None}
    return found[max(found)] if found else None


def list_deliveries(
    session: Session, team_id: int, name: str, *, state: DeliveryState | None, limit: int
) -> list[dict[str, Any]]:
    """Return what went or goes to an endpoint, the newest event first.

    Raises:
        NotFoundError: there is no endpoint of this name.
    """
    endpoint = find_endpoint(session, team_id, name)
    query = (
        select(Delivery, OutboxEvent.type, OutboxEvent.recorded_at)
        .join(OutboxEvent, OutboxEvent.id == Delivery.event_id)
        .where(Delivery.endpoint_id == endpoint.id)
        .order_by(Delivery.event_id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(Delivery.state == state)
    return [delivery_row(*row) for row in session.execute(query)]


def delivery_row(delivery: Delivery, kind: EventType, at: datetime) -> dict[str, Any]:
    """Return a delivery of an event of this kind, recorded at this time."""
    names = ("attempts", "first_attempt_at", "next_attempt_at", "delivered_at", "last_error")
    return {
        "event": delivery.event_id,
        "type": kind.value,
        "recorded_at": at,
        "subject": delivery.subject,
        "state": delivery.state.value,
        **{name: getattr(delivery, name) for name in names},
    }


def endpoint_named(session: Session, team_id: int, name: str) -> WebhookEndpoint | None:
    """Return the team's endpoint of this name; None: it has none."""
    query = select(WebhookEndpoint).where(WebhookEndpoint.team_id == team_id, WebhookEndpoint.name == name)
    return session.scalars(query).one_or_none()
