"""What the pages show and do, for programs: one module for each entry of the menu, all below /v1."""

from console.api import (
    automations,
    bulk,
    contacts,
    do_not_email,
    labels,
    mailbox_requests,
    mailboxes,
    messages,
    model,
    overview,
    recipients,
    review,
    users,
    webhooks,
)

__all__ = [
    "automations",
    "bulk",
    "contacts",
    "do_not_email",
    "labels",
    "mailbox_requests",
    "mailboxes",
    "messages",
    "model",
    "overview",
    "recipients",
    "review",
    "users",
    "webhooks",
]
