"""The tables. What may stand in them is said by `models.events`; who writes them by `worker.apply`."""

from models.tables import figures, handling, learning, mail, mailboxes, mailing, outside, people, privacy, standing

# Whoever loads one loads all: keys of one name the tables of others.
__all__ = [
    "figures",
    "handling",
    "learning",
    "mail",
    "mailboxes",
    "mailing",
    "outside",
    "people",
    "privacy",
    "standing",
]
