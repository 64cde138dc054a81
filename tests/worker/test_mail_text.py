"""What a page shows of a mail: its facts, its own words with what decided marked, and the rest."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Engine, select, update

from classifier.part import MOST_TEXT
from classifier.verdict import Evidence, ReplyClass, Verdict
from models.session import reading, transaction
from models.tables.mail import InboundMessage, MessageState, VerdictRow
from models.tables.people import Team
from tests.classifier.letters import letter, report
from tests.worker.commanding import BOX, reply
from tests.worker.small_world import a_mail, furnish, take_in
from tests.worker.test_aside import SQLITE, failing, fetched, work
from worker.errors import InputError
from worker.queries.mail_text import MailText, Piece, mail_of

ANSWER = (
    "Please take me off your list.\n\nTom\n\n"
    "On Mon, 1 Jun 2026 at 10:12, Lena Ott <lena@our-outreach.example> wrote:\n> Are you in charge?\n"
)
FAILED = "Final-Recipient: rfc822; anna@client.example\nAction: failed\nStatus: 5.1.1\n"
FAILED += "Diagnostic-Code: smtp; 550 5.1.1 User unknown"


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def mail(engine: Engine, message_id: int = 1, team_id: int = 1) -> MailText:
    with reading(engine) as session:
        return mail_of(session, team_id, message_id)


def poll(engine: Engine, raw: bytes, uid: int = 1) -> MailText:
    """Take a mail in as a poll does, and return what is shown of it."""
    work(engine, fetched(raw, uid=uid))
    with reading(engine) as session:
        return mail_of(session, 1, session.scalars(select(InboundMessage.id).where(InboundMessage.uid == uid)).one())


def recorded(engine: Engine, verdict: Verdict, **more: Any) -> MailText:
    take_in(engine, replace(a_mail(verdict, uid=1), **more))
    return mail(engine)


def test_an_answer_is_shown_in_two_parts_and_its_words_that_decided_are_marked(engine: Engine) -> None:
    shown = poll(engine, letter(ANSWER))
    assert shown.own == [
        Piece("Please ", marked=False),
        Piece("take me off your list", marked=True),
        Piece(".\n\nTom", marked=False),
    ]
    assert shown.rest == [Piece(ANSWER.partition("Tom\n\n")[2].strip(), marked=False)]
    assert (shown.kind, shown.evidence) == ("opt_out", [Evidence("opt_out_words", "take me off your list")])
    assert (shown.sure, shown.hold, shown.reply_class, shown.language) == (True, False, None, "en")


@SQLITE
def test_an_answer_that_is_all_own_words_has_an_empty_rest(engine: Engine) -> None:
    shown = poll(engine, letter("Tuesday would suit me."))
    assert (shown.own, shown.rest) == ([Piece("Tuesday would suit me.", marked=False)], [])


@SQLITE
def test_of_a_bounce_the_whole_text_is_the_rest_with_its_code_marked(engine: Engine) -> None:
    shown = poll(engine, report(FAILED, words="Sorry.\n<anna@client.example>: 550 5.1.1 User\n unknown\n\nBye."))
    assert (shown.kind, shown.own) == ("bounce", [])
    assert shown.rest is not None
    assert [piece.text for piece in shown.rest if piece.marked] == ["550 5.1.1 User\n unknown"]
    assert "".join(piece.text for piece in shown.rest).startswith("Sorry.\n<anna@client.example>")


@SQLITE
def test_of_our_own_mail_nothing_is_kept(engine: Engine) -> None:
    shown = poll(engine, letter("Are you in charge?", sender=BOX.lower()))
    assert (shown.kind, shown.own, shown.rest) == ("outgoing", [], None)


@SQLITE
def test_facts_and_probabilities_are_shown(engine: Engine) -> None:
    verdict = replace(
        reply(ReplyClass.INTERESTED, 0.7, sure=False, hold=True),
        probabilities={"Engaged": 0.2, "Interested": 0.7, "Unsubscribed": 0.1},
    )
    shown = recorded(engine, verdict, from_address="tom@client.example", subject="Re: Hi", problems=("text cut",))
    assert shown == MailText(
        id=1, mailbox=BOX, folder="INBOX", junk=False, arrived_at=shown.arrived_at,
        from_address="tom@client.example", subject="Re: Hi", state=MessageState.UNMATCHED, duplicate_of=None,
        removed=False,
        error=None, size=1_000, problems=["text cut"], kind="reply", reply_class="Interested", confidence=0.7,
        sure=False, hold=True, artifact="test-1", language=None, evidence=[Evidence("classifier", "suit me")],
        probabilities=[("Interested", 0.7), ("Engaged", 0.2), ("Unsubscribed", 0.1)],
        own=[Piece("Tuesday would suit me.", marked=False)], rest=None,
    )  # fmt: skip


@SQLITE
def test_of_mail_recorded_before_the_rest_was_kept_only_the_own_words_are_known(engine: Engine) -> None:
    poll(engine, letter(ANSWER))
    with transaction(engine) as session:
        session.execute(update(VerdictRow).values(rest=None))
    assert mail(engine).rest is None


def test_a_second_copy_shows_the_words_of_the_first(engine: Engine) -> None:
    first, second = poll(engine, letter(ANSWER)), poll(engine, letter(ANSWER), uid=2)
    assert (second.state, second.duplicate_of) == (MessageState.DUPLICATE, first.id)
    assert (second.own, second.rest, second.kind) == (first.own, first.rest, "opt_out")


def test_mail_that_is_set_aside_shows_why_and_after_another_try_its_words(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with failing(monkeypatch):
        shown = poll(engine, letter(ANSWER))
    assert (shown.state, shown.error) == (MessageState.SET_ASIDE, "ValueError: a bug in a detector")
    assert (shown.kind, shown.own, shown.rest, shown.evidence) == (None, [], None, [])
    shown = poll(engine, letter(ANSWER))
    assert (shown.state, len(shown.own), len(shown.rest or [])) == (MessageState.UNMATCHED, 3, 1)


def test_another_team_is_told_that_there_is_no_such_message(engine: Engine) -> None:
    poll(engine, letter(ANSWER))
    with transaction(engine) as session:
        session.add(Team(id=2, name="other"))
    for message_id, team_id in ((1, 2), (99, 1)):
        with pytest.raises(InputError, match=f"no message {message_id};"):
            mail(engine, message_id, team_id)


def test_what_no_database_can_hold_is_replaced_and_a_long_rest_is_cut(engine: Engine) -> None:
    rest = "a\0\udcff" + "b" * MOST_TEXT
    shown = recorded(engine, reply(ReplyClass.ENGAGED), rest=rest)
    assert shown.rest == [Piece("a\ufffd?" + "b" * (MOST_TEXT - 3), marked=False)]


@pytest.mark.parametrize("body", ["", "\n", "> \n" * 20_000, "same\n" * 13_000, "\ue005>\0x\r" * 1_000, "<p>" * 20_000])
@pytest.mark.parametrize("kind", ["text/plain", "text/plain; format=flowed; delsp=yes", "text/html"])
@SQLITE
def test_no_body_is_too_odd_to_be_kept(engine: Engine, body: str, kind: str) -> None:
    assert poll(engine, letter(body, content_type=kind)).rest is not None


@SQLITE
def test_a_message_that_is_only_recorded_again_keeps_its_rest(engine: Engine) -> None:
    work(engine, fetched(letter(ANSWER)))
    before = mail(engine)
    work(engine, fetched(letter(ANSWER)))
    assert mail(engine) == before


@SQLITE
def test_mail_that_lay_in_junk_is_shown_as_such(engine: Engine) -> None:
    assert not recorded(engine, reply(ReplyClass.ENGAGED)).junk
    take_in(engine, replace(a_mail(reply(ReplyClass.ENGAGED), uid=2, junk=True), junk=True))
    assert mail(engine, 2).junk
