"""Attacks by mail, each through the straight line: nobody is banned by it.

Two attackers: a forger, who knows addresses, subjects, our domain and how our mail looks, but none of its ids; a
recipient, who knows the ids and links of the own mail.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select

from models.session import reading
from models.tables.mail import InboundMessage, MessageState
from tests.worker.small_world import SENT_AT, send_all
from tests.worker.trust.attacks import ANNA, BEN, FORGED, INSIDE, LINK, OWN, REFUSED, judged_by, mail
from tests.worker.trust.receiving import OF_ANNA, alone, banned, changed, receive


@pytest.mark.parametrize("what", FORGED)
def test_who_knows_no_id_of_ours_bans_nobody(engine: Engine, tokens: dict[str, str], what: str) -> None:
    with alone():
        receive(engine, tokens, FORGED[what])
    assert banned(engine) == set()
    assert changed(engine) == set()


@pytest.mark.parametrize("what", INSIDE)
def test_a_recipient_bans_nobody_else(engine: Engine, tokens: dict[str, str], what: str) -> None:
    with alone():
        receive(engine, tokens, INSIDE[what])
    assert banned(engine) <= {ANNA}
    assert changed(engine) <= {ANNA}


def test_of_junk_the_right_sender_and_subject_ban_nobody(engine: Engine, tokens: dict[str, str]) -> None:
    receive(engine, tokens, mail(ANNA), junk=True)
    assert banned(engine) == changed(engine) == set()
    receive(engine, tokens, mail(BEN, more="In-Reply-To: <ben-1-0@us>\n"), junk=True)
    assert banned(engine) == {BEN}


def test_a_recipient_may_still_leave_by_the_own_link_and_the_own_id(engine: Engine, tokens: dict[str, str]) -> None:
    receive(engine, tokens, mail(ANNA, **LINK), mail(BEN, more="In-Reply-To: <ben-1-0@us>\n"))
    assert banned(engine) == {ANNA, BEN}


def test_a_link_that_is_sent_again_by_others_bans_nobody_but_its_owner(engine: Engine, tokens: dict[str, str]) -> None:
    for number in range(3):
        receive(engine, tokens, mail(BEN, **LINK, results=judged_by(REFUSED)).replace(b"m1@", b"m%d@" % number))
    with reading(engine) as session:
        assert session.scalar(select(func.count()).where(InboundMessage.state == MessageState.JUDGED)) == 3
    assert banned(engine) == {ANNA}


def test_a_recipient_does_not_take_over_the_other_address_of_another(engine: Engine, tokens: dict[str, str]) -> None:
    bens = "ben@private.example"
    late = replace(OF_ANNA, message_ids=("late@us",), send_id="late", token=None, sent_at=SENT_AT + timedelta(hours=28))
    send_all(engine, [late])
    receive(engine, tokens, mail(bens, "Sounds good, tell me more.", more="In-Reply-To: <ben-1-0@us>\n"))
    receive(engine, tokens, mail(bens, "Thanks.", more=OWN).replace(b"m1@", b"m2@"))
    receive(engine, tokens, mail(bens).replace(b"m1@", b"m3@"))
    assert banned(engine) == {BEN, bens}
