"""The pages for people who sign in: one module for each entry of the menu."""

from console.views import (
    account,
    automations,
    bulk,
    contacts,
    do_not_email,
    entrance,
    labels,
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
    "account",
    "automations",
    "bulk",
    "contacts",
    "do_not_email",
    "entrance",
    "labels",
    "mailboxes",
    "messages",
    "model",
    "overview",
    "recipients",
    "review",
    "users",
    "webhooks",
]
