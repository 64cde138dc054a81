"""Mail in junk is believed less, and a person who takes it out of there restores it to what it always was."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update

from classifier.verdict import Absence, OptOut, ReplyClass, Verdict
from models.events import Trust
from models.session import reading, transaction
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailboxes import FolderCursor, Mailbox
from models.tables.standing import RecipientEvent
from tests.journey.world import EndState, end_state
from tests.servers import PrivateDovecot
from tests.worker.small_world import (
    HARD,
    SENT_AT,
    UIDS,
    a_mail,
    a_reply,
    fresh,
    furnish,
    send_all,
    statuses,
    take_in,
)
from tests.worker.test_resilience import visiting
from worker.match import Clues, Family
from worker.poll import go_round
from worker.writing.record import Judged
from worker.writing.stored import dump, load_clues

ANNA = "anna@client.example"
STRONG: dict[str, Any] = {"answers": ("anna-1-0@us",), "from_address": ANNA}
WEAK: dict[str, Any] = {"from_address": ANNA, "subject": "Re: Question 1"}
FROM_ALONE: dict[str, Any] = {"from_address": ANNA, "subject": "Something else"}
OF_REPORT: dict[str, Any] = {"addresses": (ANNA,), "subject": "Question 1"}
SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is the same on both databases."""


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def in_junk(mail: Judged) -> Judged:
    assert mail.clues
    return replace(mail, folder="Junk", uid=next(UIDS), junk=True, clues=replace(mail.clues, junk=True))


@SQLITE
@pytest.mark.parametrize(
    ("verdict", "clues", "status", "review", "state"),
    [
        (a_reply(), STRONG, "Interested", None, MessageState.JUDGED),
        (OptOut(), STRONG, "Unsubscribed", None, MessageState.JUDGED),
        (HARD, OF_REPORT | {"answers": ("anna-1-0@us",)}, "Bounced", None, MessageState.JUDGED),
        (a_reply(), WEAK, "Active", "uncertain match", MessageState.JUDGED),
        (OptOut(), WEAK, "Active", "uncertain match", MessageState.JUDGED),
        (Absence(), WEAK, "Active", "uncertain match", MessageState.JUDGED),
        (HARD, OF_REPORT, "Active", "uncertain match", MessageState.JUDGED),
        (a_reply(), FROM_ALONE, "Active", None, MessageState.UNMATCHED),
        (OptOut(), FROM_ALONE, "Active", None, MessageState.UNMATCHED),
    ],
)
def test_of_junk_only_what_names_a_message_of_ours_acts(
    engine: Engine, verdict: Verdict, clues: dict[str, Any], status: str, review: str | None, state: MessageState
) -> None:
    send_all(engine)
    take_in(engine, in_junk(a_mail(verdict, **clues)))
    end = end_state(engine)
    assert end.recipients["campaign-1", ANNA][0] == status
    assert [kind for *_, kind, _ in end.reviews] == ([review] if review else [])
    assert (end.recipients["campaign-1", ANNA][1] == "held") is bool(review)
    assert len(end.dne) == (status in {"Unsubscribed", "Bounced"})
    with reading(engine) as session:
        assert session.scalars(select(InboundMessage.state)).one() is state


VERDICTS = [a_reply(), a_reply(ReplyClass.UNSUBSCRIBED, sure=False), OptOut(), Absence(), HARD]


@pytest.mark.parametrize(
    ("verdict", "clues"),
    [(OptOut(), STRONG), (OptOut(), WEAK), (OptOut(), FROM_ALONE), (a_reply(), WEAK), (HARD, OF_REPORT)],
)
def test_whoever_takes_a_mail_out_of_junk_lets_it_count_as_if_it_had_never_been_there(
    engine: Engine, verdict: Verdict, clues: dict[str, Any]
) -> None:
    mail = a_mail(verdict, **clues)
    junk = in_junk(mail)
    never = _never_in_junk([mail])
    send_all(engine)
    take_in(engine, junk)
    take_in(engine, mail)
    assert end_state(engine) == never
    # And it stays so, whatever copy is seen next.
    take_in(engine, replace(junk, uid=next(UIDS)))
    assert end_state(engine) == never


def _never_in_junk(mails: Sequence[Judged]) -> EndState:
    with fresh() as other:
        send_all(other)
        take_in(other, *mails)
        return end_state(other)


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[list[Judged]], list[Judged]]:
    """Return batches in which every mail comes with a copy in junk, in any order, and the mails alone."""
    mails = [
        a_mail(draw(st.sampled_from(VERDICTS)), hours=draw(st.integers(20, 60)), **draw(st.sampled_from(ALL_CLUES)))
        for _ in range(draw(st.integers(1, 3)))
    ]
    copies = [copy for mail in mails for copy in (mail, in_junk(mail))]
    ordered = draw(st.permutations(copies))
    cut = draw(st.integers(0, len(ordered)))
    return [batch for batch in (ordered[:cut], ordered[cut:]) if batch], mails


ALL_CLUES = [STRONG, WEAK, FROM_ALONE, OF_REPORT]


@given(arrivals(), st.integers(0, 2))
@settings(max_examples=12, phases=[Phase.generate])
def test_in_any_order_of_copies_and_sends_junk_changes_nothing_once_it_is_taken_out(
    drawn: tuple[list[list[Judged]], list[Judged]], sends_after: int
) -> None:
    batches, mails = drawn
    with fresh() as engine:
        for number, batch in enumerate(batches):
            if number == sends_after:
                send_all(engine)
            take_in(engine, *batch)
        send_all(engine)
        found = end_state(engine)
    assert found == _never_in_junk(mails)


def test_a_mailbox_that_is_added_again_takes_no_trust_away(engine: Engine) -> None:
    mail = a_mail(a_reply(), **WEAK)
    send_all(engine)
    take_in(engine, mail)
    with transaction(engine) as session:
        session.delete(session.get_one(Mailbox, 1))
    furnish_mailbox(engine)
    take_in(engine, in_junk(mail))
    assert statuses(engine)["campaign-1", ANNA] == "Interested"
    with reading(engine) as session:
        assert session.scalars(select(RecipientEvent.trust)).one() is Trust.ACTS


def furnish_mailbox(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Mailbox(id=1, team_id=1, name="again@outreach.example", host="h", port=993, username="u",
                            password="p"))  # fmt: skip


def test_clues_from_before_junk_was_read_are_understood() -> None:
    clues = Clues(family=Family.REPLY, from_address=ANNA)
    kept = dump(clues)
    del kept["junk"]
    assert load_clues(kept) == clues


MAIL = (
    b"From: anna@client.example\r\nSubject: Re: Question 1\r\nMessage-ID: <1@client>\r\n\r\nTake me off your list.\r\n"
)


@SQLITE
@pytest.mark.server
def test_the_junk_folder_is_read_and_what_is_moved_out_of_it_acts(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    send_all(engine)
    dovecot.deliver(imap_user, MAIL, "Junk", SENT_AT + timedelta(hours=30))
    mailbox = Mailbox(folders=[], read_junk=True, learn_sends=False)
    with visiting(engine, dovecot, imap_user) as visit:
        go_round(visit, mailbox)
        assert {kind for *_, kind, _ in end_state(engine).reviews} == {"uncertain match"}
        with dovecot.session(imap_user) as client:
            client.select_folder("Junk")
            client.move(client.search(), "INBOX")
        go_round(visit, mailbox)
    assert statuses(engine)["campaign-1", ANNA] == "Unsubscribed"
    assert end_state(engine).reviews == frozenset()


@SQLITE
@pytest.mark.server
def test_a_renumbered_inbox_is_no_junk_and_a_renumbered_junk_folder_stays_junk(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    send_all(engine)
    dovecot.deliver(imap_user, MAIL, "Junk", SENT_AT + timedelta(hours=30))
    mailbox = Mailbox(folders=[], read_junk=True, learn_sends=False)
    with visiting(engine, dovecot, imap_user) as visit:
        go_round(visit, mailbox)
        with transaction(engine) as session:
            for table in (FolderCursor, InboundMessage):
                session.execute(update(table).values(uidvalidity=table.uidvalidity + 1))
        go_round(visit, mailbox)
    with reading(engine) as session:
        assert len(session.scalars(select(InboundMessage.id)).all()) == 2
    assert statuses(engine)["campaign-1", ANNA] == "Active"
