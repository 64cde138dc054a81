"""The table of docs/statuses.md: which event moves which status where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from models.events import Status


class Column(StrEnum):
    """The twelve columns: what can happen to a status."""

    AUTO = "auto"
    ABSENCE = "absence"
    ENGAGED = "engaged"
    INTERESTED = "interested"
    NOT_INTERESTED = "declined"
    OPT_OUT = "opt-out"
    """A reply that asks to be removed, or a spam complaint."""
    LINK = "link"
    BOUNCE = "bounce"
    """A hard bounce, or the soft limit."""
    DNE = "dne"
    """A Do Not Email entry that arose elsewhere in the team."""
    AUTOMATION = "automation"
    BOOKED = "booked"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True)
class Cell:
    """What one event does to one status.

    `status` None leaves the status as it is, unless `chosen`: then the event itself names the new one. `note` is
    the letter of the note that restricts the cell. Notes a and c hold in every row and are the fold's own rules.
    """

    status: Status | None = None
    chosen: bool = False
    review: bool = False
    note: str = ""


NEWEST_WINS = "b"
"""Of two opposite human messages the newest wins, and only if it is sure."""

CODES = {
    "AC": Status.ACTIVE,
    "AR": Status.AUTO_RESPONSE,
    "OO": Status.OUT_OF_OFFICE,
    "EN": Status.ENGAGED,
    "IN": Status.INTERESTED,
    "NI": Status.NOT_INTERESTED,
    "AB": Status.APPOINTMENT_BOOKED,
    "CS": Status.CAMPAIGN_STOPPED,
    "RE": Status.REMOVED,
    "BO": Status.BOUNCED,
    "UN": Status.UNSUBSCRIBED,
    "UL": Status.UNSUBSCRIBE_LINK,
}

REMOVED_BY_PERSON = "RP"
"""The thirteenth row; the row RE is Removed because of Do Not Email elsewhere."""

# "." leaves the status unchanged, X is the status the person chose, R asks for a review, a to c are the notes.
PICTURE = """
     auto absence engaged interested declined opt-out link bounce dne automation booked manual
AC   AR   OO      EN      IN         NI       UN      UL   BO     RE  CS         AB     X
AR   .    OO      EN      IN         NI       UN      UL   BO     RE  CS         AB     X
OO   .    OO      EN      IN         NI       UN      UL   BO     RE  CS         AB     X
EN   .    .       .       IN         NI       UN      UL   BO/a   .   .          AB     X
IN   .    .       .       .          NI/b     UN      UL   BO/a   .   .          AB     X
NI   .    .       .       IN/b       .        UN      UL   BO/a   .   .          AB     X
AB   .    .       .       .          ./R      UN      UL   ./R    .   .          .      X
CS   .    .       EN      IN         NI       UN      UL   BO     .   .          AB     X
RE   .    .       EN/R    IN/R       NI       UN      UL   .      .   .          AB/R   X/c
RP   .    .       ./R     ./R        .        UN      UL   .      .   .          ./R    X/c
BO   .    ./R     EN/R    IN/R       NI/R     UN      UL   .      .   .          AB/R   X/c
UN   .    .       .       ./R        .        .       .    .      .   .          ./R    X/c
UL   .    .       .       ./R        .        .       .    .      .   .          ./R    X/c
"""


def _cell(text: str) -> Cell:
    target, _, mark = text.partition("/")
    return Cell(CODES.get(target), chosen=target == "X", review=mark == "R", note=mark if mark.islower() else "")


def read(picture: str) -> Mapping[tuple[str, Column], Cell]:
    """Return the cell of each row and column of a table that is drawn with the codes."""
    header, *lines = (line.split() for line in picture.strip().splitlines())
    columns = [Column(name) for name in header]
    return {(row, column): _cell(text) for row, *texts in lines for column, text in zip(columns, texts, strict=True)}


_TABLE = read(PICTURE)
_ROWS = {status: code for code, status in CODES.items()}


def cell(status: Status, column: Column, *, by_person: bool = False) -> Cell:
    """Return what an event of `column` does to `status`; `by_person` says who made it Removed."""
    row = REMOVED_BY_PERSON if by_person and status is Status.REMOVED else _ROWS[status]
    return _TABLE[row, column]
