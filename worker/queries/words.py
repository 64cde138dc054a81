"""Finds contacts by the beginnings of the words of their addresses, the same ones on both databases."""

from __future__ import annotations

import re

from sqlalchemy import ColumnElement, func, literal, literal_column
from sqlalchemy.orm import InstrumentedAttribute, Session

from models.base import WORDS
from worker.errors import InputError

MOST_WORDS = 20
BETWEEN = "@._-+!#$%&'*=?^`{|}[]"
"""What stands between the words of an address.

Slash and tilde are missing, since PostgreSQL reads paths where they stand; hardly any address has one.
"""


def words_of(text: str) -> list[str]:
    """Cut a text into words at everything that is no letter or digit, each once, in lower case.

    Raises:
        InputError: more words than any address has.
    """
    words = list(dict.fromkeys(re.findall(r"[^\W_]+", text.lower())))
    if len(words) > MOST_WORDS:
        raise InputError(f"search for at most {MOST_WORDS} words; these are {len(words)}")
    return words


def begins_words(
    session: Session, words: list[str], address: ColumnElement[str] | InstrumentedAttribute[str]
) -> list[ColumnElement[bool]]:
    """Return the conditions that every one of the words is the beginning of a word of an address.

    Args:
        session: tells the database.
        words: see `words_of`.
        address: a column that holds addresses.
    """
    if not words:
        return []
    if isinstance(address, InstrumentedAttribute):
        address = address.expression
    if session.get_bind().dialect.name == "sqlite":
        for sign in BETWEEN:
            address = func.replace(address, sign, " ")
        return [func.instr(literal(" ") + address, f" {word}") != 0 for word in words]
    # Cutting an address into words costs much more than seeing that one cannot be there; PostgreSQL takes "differs
    # from 0" for true of nearly all rows, and so thinks of the index alone when it plans.
    cheap = [func.strpos(address, word) != 0 for word in words]
    query = func.to_tsquery(literal_column("'simple'"), " & ".join(f"{word}:*" for word in words))
    return [*cheap, literal_column(WORDS.format(address.key)).bool_op("@@")(query)]


def has_words_of(text: ColumnElement[str]) -> ColumnElement[bool]:
    """Return PostgreSQL's condition that a contact's address has all words of a text, which its index answers."""
    asked = func.plainto_tsquery(literal_column("'simple'"), func.translate(text, "@._-+", "     "))
    return literal_column(WORDS.format("address")).bool_op("@@")(asked)
