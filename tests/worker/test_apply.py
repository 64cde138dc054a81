"""The one writer: idempotent, in any order, and a guilty message alone is set aside."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, event, func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

import worker.apply as apply_module
from classifier.verdict import Absence, Bounce, BounceKind, Complaint, OptOut, Reply, ReplyClass
from models.events import DneReason, Status
from models.session import DatabaseUnavailable, open_engine, reading, transaction
from models.tables.mail import InboundMessage, MessageState
from models.tables.mailing import Recipient, SecondAddress
from models.tables.standing import DneEntry, RecipientEvent
from tests.databases import postgres_database
from tests.journey.world import EndState, end_state
from tests.worker.small_world import (
    HARD,
    NOW,
    RULES,
    SENDS,
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
from worker.act import Act
from worker.acts.do_not_email import lift_dne
from worker.acts.person import set_status
from worker.apply import Applied
from worker.matching.known_sends import Sent
from worker.writing.record import Judged


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    return engine


def test_the_same_batch_twice_counts_once(engine: Engine) -> None:
    send_all(engine)
    batch = [a_mail(OptOut(), answers=("anna-1-0@us",)), a_mail(a_reply(), answers=("ben-1-1@us",))]
    first = take_in(engine, *batch)
    before = end_state(engine)
    again = take_in(engine, *batch)
    assert len(first.changes) == 3  # Anna in both campaigns, Ben in one.
    assert again.changes == []
    assert end_state(engine) == before


def test_an_opt_out_ends_the_other_campaigns_of_the_team(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    found = statuses(engine)
    assert found["campaign-1", "anna@client.example"] == "Unsubscribed"
    assert found["campaign-2", "anna@client.example"] == "Removed"
    assert found["campaign-1", "ben@client.example"] == "Active"


def test_a_forged_report_bans_nobody(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(HARD, addresses=("anna@client.example",), answers=("no@where",)))
    assert set(statuses(engine).values()) == {"Active"}
    with reading(engine) as session:
        assert session.scalar(select(InboundMessage.state)) is MessageState.UNMATCHED
        assert session.scalar(select(func.count(DneEntry.id))) == 0


def test_an_opt_out_from_a_second_address_bans_both_and_explains_later_mail_from_it(engine: Engine) -> None:
    send_all(engine)
    alone = a_mail(a_reply(), hours=20, from_address="anna@home.example", subject="Re: Question 1")
    take_in(engine, alone)
    assert set(statuses(engine).values()) == {"Active"}
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",), from_address="anna@home.example"))
    with reading(engine) as session:
        assert set(session.scalars(select(DneEntry.target))) == {"anna@client.example", "anna@home.example"}
        assert session.scalars(select(SecondAddress.address)).all() == ["anna@home.example"]
        assert session.scalars(select(InboundMessage.state)).all() == [MessageState.JUDGED, MessageState.JUDGED]


def test_a_better_match_takes_the_event_to_the_right_recipient(engine: Engine) -> None:
    first, second = (
        Sent(campaign=name, to="anna@client.example", message_ids=(f"{name}@us",), sent_at=SENT_AT, subject="Hello",
             send_id=name)
        for name in ("early", "late")
    )  # fmt: skip
    send_all(engine, [first])
    take_in(engine, a_mail(a_reply(), from_address="anna@client.example", subject="Re: Hello", answers=("late@us",)))
    assert statuses(engine) == {("early", "anna@client.example"): "Interested"}
    send_all(engine, [second])
    assert statuses(engine) == {
        ("early", "anna@client.example"): "Active",
        ("late", "anna@client.example"): "Interested",
    }


def test_a_late_reply_that_came_first_withdraws_the_bounce(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(HARD, hours=40, answers=("anna-1-0@us",)))
    assert statuses(engine)["campaign-1", "anna@client.example"] == "Bounced"
    take_in(engine, a_mail(a_reply(), hours=35, answers=("anna-1-0@us",), from_address="anna@client.example"))
    assert statuses(engine)["campaign-1", "anna@client.example"] == "Interested"
    assert statuses(engine)["campaign-2", "anna@client.example"] == "Active"
    with reading(engine) as session:
        entry = session.scalars(select(DneEntry)).one()
        assert entry.reason is DneReason.HARD_BOUNCE
        assert entry.withdrawn_at is not None
    assert any(kind == "bounce although a person answered" for *_, kind, _ in end_state(engine).reviews)


def test_the_same_mail_under_another_uid_is_a_duplicate_and_keeps_the_earliest_arrival(engine: Engine) -> None:
    send_all(engine)
    mail = a_mail(Absence(), hours=50, answers=("anna-1-0@us",))
    take_in(engine, mail)
    copy = Judged(**{**{name: getattr(mail, name) for name in mail.__dataclass_fields__}, "uid": next(UIDS),
                     "arrived_at": mail.arrived_at - timedelta(hours=10)})  # fmt: skip
    applied = take_in(engine, copy)
    assert applied.states["duplicate"] == 1
    with reading(engine) as session:
        event = session.scalars(select(RecipientEvent)).one()
        assert event.happened_at == copy.arrived_at
        assert event.until == copy.arrived_at + timedelta(days=7)


def test_a_person_stands_above_a_backfill(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(a_reply(ReplyClass.NOT_INTERESTED), answers=("anna-1-0@us",)))
    with transaction(engine) as session:
        recipient = session.scalars(select(Recipient.id).where(Recipient.status == Status.NOT_INTERESTED)).one()
        set_status(session, RULES, recipient, Status.INTERESTED, Act("mila", NOW))
    take_in(engine, a_mail(a_reply(ReplyClass.NOT_INTERESTED), hours=31, answers=("anna-1-0@us",)))
    assert statuses(engine)["campaign-1", "anna@client.example"] == "Interested"


def test_nothing_older_than_a_lift_acts_again(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(OptOut(), hours=30, answers=("anna-1-0@us",)))
    with transaction(engine) as session:
        assert lift_dne(session, 1, "anna@client.example", Act("mila", NOW, "she called")) == 1
    take_in(engine, a_mail(OptOut(), hours=29, answers=("anna-1-0@us",)))
    with reading(engine) as session:
        entries = session.scalars(select(DneEntry)).all()
        assert len(entries) == 2
        assert all(entry.lifted_at is not None for entry in entries)


def test_a_guilty_message_is_set_aside_and_the_rest_is_written(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    send_all(engine)
    batch = [a_mail(a_reply(), hours=30 + n, answers=(f"{who}-{c}-0@us",)) for n, (who, c) in
             enumerate([("anna", 1), ("anna", 2), ("ben", 1), ("ben", 2)])]  # fmt: skip
    poison = batch[2].uid
    tie = apply_module.tie

    def poisoned(session: Any, rules: Any, messages: Any, *args: Any, **kwargs: Any) -> Any:
        if any(message.mail_key == f"mail-{poison}" for message in messages):
            raise ValueError("this message is poison")
        return tie(session, rules, messages, *args, **kwargs)

    monkeypatch.setattr(apply_module, "tie", poisoned)
    applied = take_in(engine, *batch)
    assert (applied.states["judged"], applied.states["set aside"]) == (3, 1)
    with reading(engine) as session:
        row = session.scalars(select(InboundMessage).where(InboundMessage.state == MessageState.SET_ASIDE)).one()
        assert (row.uid, row.error) == (poison, "ValueError: this message is poison")
    monkeypatch.undo()
    # Mended, a second look takes it in.
    assert take_in(engine, *batch).states["judged"] == 1
    assert statuses(engine)["campaign-1", "ben@client.example"] == "Interested"


def test_a_failing_database_sets_nothing_aside(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise OperationalError("INSERT", {}, Exception("disk I/O error"))

    monkeypatch.setattr(apply_module, "tie", broken)
    with pytest.raises(OperationalError):
        take_in(engine, a_mail(a_reply(), answers=("anna-1-0@us",)))
    with reading(engine) as session:
        assert session.scalar(select(func.count(InboundMessage.id))) == 0


def test_where_no_message_is_guilty_the_error_is_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise ValueError("nobody's fault")

    monkeypatch.setattr(apply_module, "tie", broken)
    with pytest.raises(ValueError, match="nobody's fault"):
        take_in(engine)


def test_text_no_database_can_hold_is_repaired(engine: Engine) -> None:
    take_in(
        engine, a_mail(Reply(reply_class=ReplyClass.ENGAGED, confidence=0.1, visible_text="a\0b\udcff"), subject="\0")
    )
    with reading(engine) as session:
        assert session.scalar(select(InboundMessage.state)) is MessageState.UNMATCHED


def test_one_mail_is_written_by_few_statements(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(a_reply(), answers=("anna-1-0@us",)))
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    take_in(engine, a_mail(a_reply(), answers=("ben-1-1@us",)))
    assert len(statements) <= 26, "\n".join(statements)


def test_a_batch_is_written_by_as_many_statements_as_one_mail(engine: Engine) -> None:
    sends = [replace(SENDS[0], to=f"{n}@client.example", message_ids=(f"{n}@us",), send_id=f"{n}") for n in range(60)]
    send_all(engine, sends)
    counts = []
    for some in (range(2), range(2, 60)):
        statements: list[str] = []
        event.listen(engine, "before_cursor_execute", listener := lambda *call, s=statements: s.append(call[2]))
        take_in(engine, *(a_mail(a_reply(), hours=30 + n, answers=(f"{n}@us",)) for n in some))
        event.remove(engine, "before_cursor_execute", listener)
        counts.append(len(statements))
    assert counts[0] == counts[1]


def _mails() -> list[Judged]:
    soft = Bounce(kind=BounceKind.SOFT, recipients=("anna@client.example",), reason="mailbox_full")
    policy = Bounce(kind=BounceKind.POLICY, recipients=("ben@client.example",), reason="blocked")
    return [
        a_mail(HARD, 40, 901, answers=("anna-1-0@us",)),
        a_mail(HARD, 80, 902, answers=("anna-2-1@us",)),
        a_mail(a_reply(), 35, 903, answers=("anna-1-0@us",), from_address="anna@client.example"),
        a_mail(
            a_reply(ReplyClass.NOT_INTERESTED), 60, 904, from_address="anna@client.example", subject="Re: Question 2"
        ),
        a_mail(Absence(), 28, 905, answers=("ben-1-1@us",), from_address="ben@client.example"),
        a_mail(OptOut(), 70, 906, answers=("ben-2-0@us",), from_address="ben@home.example"),
        a_mail(a_reply(ReplyClass.UNSUBSCRIBED, sure=False), 55, 907, answers=("anna-2-0@us",)),
        a_mail(a_reply(), 90, 908, from_address="ben@home.example", subject="Re: Question 1"),
        a_mail(soft, 26, 909, answers=("anna-1-0@us",)),
        a_mail(policy, 27, 910, answers=("ben-1-0@us",)),
        a_mail(Complaint(feedback_type="abuse"), 95, 911, answers=("ben-1-1@us",)),
        a_mail(HARD, 41, 912, addresses=("anna@client.example",), subject="Question 1"),
        a_mail(a_reply(), 33, 913, from_address="stranger@else.example", subject="Re: Question 1"),
    ]


def _outcome(steps: Sequence[Judged | Sent]) -> EndState:
    with fresh() as engine:
        for step in steps:
            if isinstance(step, Sent):
                send_all(engine, [step])
            else:
                take_in(engine, step)
        state = end_state(engine)
    # A recipient that an import left without a send is there only where the send was learnt first.
    return replace(state, recipients={key: row for key, row in state.recipients.items() if row[-1]})


def _sends() -> list[Sent]:
    """Return the sends, two of which stand in the Sent folder too, one of these under another Message-ID."""
    campaign = "learnt:mila@outreach.example"
    learnt = [replace(send, campaign=campaign, send_id=f"learnt {send.send_id}") for send in (SENDS[0], SENDS[6])]
    return [*SENDS, learnt[0], replace(learnt[1], message_ids=("rewritten@provider",))]


@pytest.fixture(scope="module")
def in_order() -> EndState:
    return _outcome([*_sends(), *_mails()])


# No shrinking: an example takes a second, and the order it prints tells enough.
@settings(max_examples=30, phases=(Phase.explicit, Phase.reuse, Phase.generate))
@given(data=st.data())
def test_sends_and_mails_in_any_order_and_repeated_end_in_the_same_state(
    in_order: EndState, data: st.DataObject
) -> None:
    steps: list[Judged | Sent] = [*_sends(), *_mails()]
    order = data.draw(st.permutations(range(len(steps))))
    repeated = data.draw(st.lists(st.sampled_from(range(len(steps))), max_size=4))
    assert _outcome([steps[number] for number in (*order, *repeated)]) == in_order


def test_of_very_many_changes_each_is_counted_and_not_all_are_kept(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(apply_module, "MOST_CHANGES", 3)
    send_all(engine)
    first = take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    total = Applied()
    for _ in range(3):
        total.add(first)
    assert (len(first.changes), len(total.changes), total.changed) == (2, 3, 6)


@pytest.mark.server
def test_a_session_that_the_server_ended_meanwhile_sets_nothing_aside(
    postgres_url: str, postgres_template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tie = apply_module.tie

    def slow(session: Session, *args: Any, **kwargs: Any) -> Any:
        session.execute(text("SET LOCAL idle_in_transaction_session_timeout = '50ms'"))
        time.sleep(0.5)
        return tie(session, *args, **kwargs)

    with postgres_database(postgres_url, postgres_template) as url:
        engine = open_engine(url)
        furnish(engine)
        monkeypatch.setattr(apply_module, "tie", slow)
        with pytest.raises(DatabaseUnavailable, match="idle-in-transaction"):
            take_in(engine, a_mail(a_reply(), answers=("anna-1-0@us",)))
        with reading(engine) as session:
            assert session.scalar(select(func.count(InboundMessage.id))) == 0
        engine.dispose()
