"""Keeps who describes mailboxes in the console out of the networks that the daemon alone can reach.

Whoever works at the machine is asked nothing here: they are in these networks anyway.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from config.settings import Settings
from models.tables.mailboxes import Mailbox
from worker.errors import InputError
from worker.webhooks.guard import is_public, system_addresses

_MOVES: Final = ("host", "port", "security")


def see_host(host: str, settings: Settings) -> None:
    """Refuse a host of this machine or of a private network, unless the settings allow such hosts.

    A name that has no address, maybe only for now, may be given: no connection comes of it either.

    Raises:
        InputError: it is one; names the setting.
    """
    if settings.mailbox_private_hosts:
        return
    try:
        addresses = system_addresses(host, 0)
    except (OSError, ValueError):
        return
    if not all(map(is_public, addresses)):
        raise InputError(
            f"{host} is this machine or lies in a private network; add or change such a mailbox at the machine"
            " (inbox-worker mailboxes), or let the console name such hosts: INBOX_MAILBOX_PRIVATE_HOSTS=true"
        )


def see_move(mailbox: Mailbox, given: Mapping[str, Any], settings: Settings) -> None:
    """Refuse to lead a mailbox to such a host, or to another port there; what is not moved may stay.

    Raises:
        InputError: as `see_host`.
    """
    if any(given.get(name, getattr(mailbox, name)) != getattr(mailbox, name) for name in _MOVES):
        see_host(given.get("host", mailbox.host), settings)
