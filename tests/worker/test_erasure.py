"""Who was erased is never mailed again, and what happened stays true without them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import Engine, select

from models.session import reading, transaction
from models.tables import (
    Contact,
    DneEntry,
    InboundMessage,
    RecipientEvent,
    SecondAddress,
)
from tests.keys import VAULT
from tests.worker.small_world import NOW, a_mail, a_reply, furnish, send_all, take_in
from worker.act import Act
from worker.erasure import Erased, erase
from worker.pseudonyms import carry, is_pseudonym
from worker.suppression import is_suppressed, suppressed

ANNA = "anna@client.example"
ACT = Act("petra", NOW, "asked by letter")
LATER = Act("petra", NOW + timedelta(days=1), "asked again")


@pytest.fixture
def engine(engine: Engine) -> Engine:
    carry(engine, VAULT)
    furnish(engine)
    return engine


def erase_anna(engine: Engine, act: Act = ACT, address: str = ANNA) -> Erased:
    with transaction(engine) as session:
        return erase(session, 1, address, act)


def covers(engine: Engine, address: str = ANNA) -> list[str]:
    with reading(engine) as session:
        found = suppressed(session, 1, [address])
        assert is_suppressed(session, 1, address) is bool(found)
    return [str(each) for each in found.get(address, [])]


def addresses(engine: Engine) -> set[str]:
    """Return every address that is stored where addresses are."""
    with reading(engine) as session:
        found: set[str | None] = set()
        for column in (Contact.address, SecondAddress.address, DneEntry.target, InboundMessage.from_address,
                       RecipientEvent.other_address):  # fmt: skip
            found |= set(session.scalars(select(column)))
    return {each for each in found if each}


SAYS = ["erased on request on 2026-05-14"]


def test_an_erased_address_stays_suppressed(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(a_reply(), answers=("anna-1-0@us",), from_address=ANNA))
    done = erase_anna(engine)
    assert covers(engine) == covers(engine, " Anna@Client.Example ") == SAYS
    assert covers(engine, "ben@client.example") == []
    assert ANNA not in addresses(engine)
    assert done.addresses == (ANNA,)
    assert all(map(is_pseudonym, done.names))
