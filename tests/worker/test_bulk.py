"""Many recipients or addresses are acted on at once, as one act that can be taken back."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import Engine, func, select, update
from sqlalchemy.orm import Session

from classifier.verdict import OptOut, Reply, ReplyClass
from models.events import DneReason, EventKind, Status
from models.session import reading, transaction
from models.tables.learning import Label
from models.tables.mailing import Contact, Recipient
from models.tables.outside import EventType, OutboxEvent
from models.tables.people import BulkAct, Team
from models.tables.standing import DneEntry, RecipientEvent
from tests.journey.world import EndState, end_state
from tests.worker.small_world import NOW, RULES, a_mail, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts import bulk_dne, bulk_status, selection
from worker.acts.bulk_deed import Done
from worker.acts.bulk_dne import add_many_to_dne, lift_many, preview_dne
from worker.acts.bulk_look import preview_status
from worker.acts.bulk_status import set_status_of_many
from worker.acts.bulk_undo import ACTIVE, GONE, LATER, LIFTED, Undone, undo_bulk
from worker.acts.do_not_email import add_dne, lift_dne, newest_entry
from worker.acts.person import find_recipients, set_status
from worker.acts.selection import addresses_of, chosen, chosen_contacts
from worker.errors import InputError
from worker.queries import contact_search
from worker.queries.bulk_acts import recent_acts
from worker.queries.contact_search import ContactFilter
from worker.queries.pages import RecipientFilter
from worker.rules import Rules

ANNA, BEN = "anna@client.example", "ben@client.example"
OTHERS = Rules(team_id=2)


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=2, name="others"))
    send_all(engine)
    return engine


def act(minutes: int = 0, why: str | None = None, by: str = "mila") -> Act:
    return Act(by, NOW + timedelta(minutes=minutes), why)


def everybody(engine: Engine) -> list[int]:
    with reading(engine) as session:
        return list(session.scalars(select(Recipient.id).order_by(Recipient.id)))


def one(engine: Engine, address: str, campaign: str = "campaign-1") -> int:
    with reading(engine) as session:
        return find_recipients(session, 1, address, campaign)[0]


def set_all(engine: Engine, status: Status, minutes: int = 0, ids: Sequence[int] | None = None) -> Done:
    chosen = everybody(engine) if ids is None else ids
    return set_status_of_many(partial(transaction, engine), RULES, chosen, status, act(minutes))


def add_all(engine: Engine, *addresses: str, minutes: int = 0, why: str | None = None) -> Done:
    return add_many_to_dne(partial(transaction, engine), 1, addresses, act(minutes, why))


def lift_all(engine: Engine, *addresses: str, minutes: int = 0, why: str | None = None) -> Done:
    return lift_many(partial(transaction, engine), 1, addresses, act(minutes, why))


def take_back(engine: Engine, done: Done, minutes: int = 60, rules: Rules = RULES) -> Undone:
    assert done.bulk_id is not None
    return undo_bulk(partial(transaction, engine), rules, done.bulk_id, act(minutes, by="petra"))


def standing(engine: Engine) -> EndState:
    """Return the end state without the number of events: what is taken back stays in the history."""
    return replace(end_state(engine), events=0)


def acts(engine: Engine) -> list[BulkAct]:
    with reading(engine) as session:
        return list(session.scalars(select(BulkAct)))


def answer(reply_class: ReplyClass) -> Reply:
    return Reply(reply_class=reply_class, confidence=0.9, sure=True, visible_text="Please call me on Monday.")


def test_the_status_of_many_is_set_as_one_act_and_those_that_have_it_are_left(engine: Engine) -> None:
    take_in(engine, a_mail(answer(ReplyClass.INTERESTED), answers=("anna-1-0@us",)))
    with reading(engine) as session:
        preview = preview_status(session, RULES, everybody(engine), Status.INTERESTED)
    assert (preview.changes, preview.same, preview.refused) == ({Status.ACTIVE: 3}, 1, 0)
    done = set_all(engine, Status.INTERESTED)
    assert (done.done, done.same, done.refused) == (3, 1, 0)
    assert set(statuses(engine).values()) == {"Interested"}
    (kept,) = acts(engine)
    assert (kept.id, kept.actor, kept.kind, kept.says) == (
        done.bulk_id,
        "mila",
        "status",
        "set 3 recipients to Interested",
    )
    assert sorted(kept.targets) == sorted(str(each) for each in everybody(engine) if each != one(engine, ANNA))


def test_the_classifier_learns_from_many_only_where_the_mail_is_why(engine: Engine) -> None:
    take_in(engine, a_mail(answer(ReplyClass.INTERESTED), answers=("anna-1-0@us",)))
    writer = partial(transaction, engine)
    set_status_of_many(writer, RULES, everybody(engine), Status.NOT_INTERESTED, act())
    with reading(engine) as session:
        assert session.scalar(select(func.count(Label.id))) == 0
    set_status_of_many(writer, RULES, everybody(engine), Status.ENGAGED, act(1), by_mail=True)
    with reading(engine) as session:
        assert list(session.scalars(select(Label.label))) == [Status.ENGAGED]


def test_who_is_under_do_not_email_does_not_become_active(engine: Engine) -> None:
    set_all(engine, Status.ENGAGED)
    add_all(engine, ANNA, minutes=1)
    with reading(engine) as session:
        preview = preview_status(session, RULES, everybody(engine), Status.ACTIVE)
    assert (preview.changes, preview.refused, preview.refused_first) == ({Status.ENGAGED: 2}, 2, [ANNA, ANNA])
    done = set_all(engine, Status.ACTIVE, 2)
    assert (done.done, done.refused) == (2, 2)
    assert {address: status for (_, address), status in statuses(engine).items()} == {ANNA: "Engaged", BEN: "Active"}


def test_an_act_that_changes_nothing_is_not_kept(engine: Engine) -> None:
    assert set_all(engine, Status.ACTIVE) == Done(same=4)
    assert acts(engine) == []


def test_taken_back_everything_stands_as_before(engine: Engine) -> None:
    take_in(engine, a_mail(answer(ReplyClass.INTERESTED), answers=("anna-1-0@us",)))
    before = standing(engine)
    for status in (Status.UNSUBSCRIBED, Status.OUT_OF_OFFICE, Status.REMOVED):
        done = set_all(engine, status)
        assert standing(engine) != before
        assert take_back(engine, done) == Undone(done.done, {})
        assert standing(engine) == before


def test_what_a_person_did_since_is_left_alone(engine: Engine) -> None:
    done = set_all(engine, Status.INTERESTED)
    with transaction(engine) as session:
        set_status(session, RULES, one(engine, ANNA), Status.NOT_INTERESTED, act(5, by="petra"))
    assert take_back(engine, done) == Undone(3, {LATER: 1})
    assert statuses(engine)["campaign-1", ANNA] == "Not Interested"
    assert statuses(engine)["campaign-2", ANNA] == "Active"


def test_nothing_is_taken_back_twice(engine: Engine) -> None:
    done = set_all(engine, Status.INTERESTED)
    take_back(engine, done)
    with pytest.raises(InputError, match="petra took this back already"):
        take_back(engine, done)


def test_an_undo_that_broke_off_is_finished_later(engine: Engine) -> None:
    first = set_all(engine, Status.ENGAGED)
    done = set_all(engine, Status.INTERESTED, 1)
    take_back(engine, done)
    with transaction(engine) as session:
        session.execute(update(BulkAct).where(BulkAct.id == done.bulk_id).values(undone_at=None))
    assert take_back(engine, done) == Undone(0, {GONE: 4})
    assert set(statuses(engine).values()) == {"Engaged"}
    assert take_back(engine, first) == Undone(4, {})


def test_what_was_done_before_a_crash_is_kept_and_the_rest_is_done_afterwards(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_status, "PART", 2)
    real = bulk_status.write_choice
    written: list[int] = []

    def dies(*given: object) -> None:
        written.append(1)
        if len(written) > 3:
            raise RuntimeError("the machine stops")
        real(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(bulk_status, "write_choice", dies)
    with pytest.raises(RuntimeError):
        set_all(engine, Status.INTERESTED)
    monkeypatch.setattr(bulk_status, "write_choice", real)
    (kept,) = acts(engine)
    assert (kept.says, kept.targets) == ("set 2 recipients to Interested", [str(n) for n in everybody(engine)[:2]])
    assert sorted(statuses(engine).values()) == ["Active", "Active", "Interested", "Interested"]
    assert (set_all(engine, Status.INTERESTED, 1).done, set_all(engine, Status.INTERESTED, 2).same) == (2, 4)


def test_addresses_are_put_on_do_not_email_and_taken_off_again(engine: Engine) -> None:
    add_all(engine, BEN)
    before = standing(engine)
    with reading(engine) as session:
        preview = preview_dne(session, 1, [ANNA, BEN, "new@x.example"])
    assert (preview.new, preview.live, preview.opted_out) == (2, 1, 0)
    done = add_all(engine, ANNA, BEN, "new@x.example", minutes=1, why="a competitor")
    assert (done.done, done.same) == (2, 1)
    assert statuses(engine)["campaign-1", ANNA] == "Removed"
    kept = acts(engine)[-1]
    assert (kept.kind, kept.says, kept.targets) == (
        "dne add", "put 2 addresses on Do Not Email", [ANNA, "new@x.example"],
    )  # fmt: skip
    assert take_back(engine, done) == Undone(2, {})
    assert standing(engine) == before


def test_an_entry_that_was_lifted_since_is_left_alone(engine: Engine) -> None:
    done = add_all(engine, ANNA, BEN)
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, act(5))
    assert take_back(engine, done) == Undone(1, {LIFTED: 1})
    with reading(engine) as session:
        entries = {row.target: row for row in session.scalars(select(DneEntry))}
    assert (entries[ANNA].withdrawn_at, entries[BEN].withdrawn_at) == (None, act(60).at)


def test_an_opt_out_is_lifted_with_a_reason_only_and_nothing_before(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk_dne, "PART", 1)
    add_all(engine, BEN)
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    with reading(engine) as session:
        preview = preview_dne(session, 1, [ANNA, BEN])
    assert (preview.new, preview.live, preview.opted_out, preview.opted_out_first) == (1, 2, 1, [ANNA])
    with pytest.raises(InputError, match="needs a reason"):
        lift_all(engine, BEN, ANNA, minutes=1)
    with reading(engine) as session:
        assert preview_dne(session, 1, [BEN]).live == 1
    before = standing(engine)
    done = lift_all(engine, ANNA, BEN, "nobody@x.example", minutes=1, why="they called")
    assert (done.done, done.same) == (2, 1)
    with reading(engine) as session:
        assert preview_dne(session, 1, [ANNA, BEN]).live == 0
    assert take_back(engine, done) == Undone(2, {})
    assert standing(engine) == before
    with reading(engine) as session:
        lifted = list(session.scalars(select(DneEntry.lifted_at)))
        told = select(OutboxEvent.subject, OutboxEvent.type).order_by(OutboxEvent.id.desc()).limit(2)
        assert set(session.execute(told)) == {(ANNA, EventType.DNE_ADDED), (BEN, EventType.DNE_ADDED)}
    assert lifted == [None, None]


def test_who_came_onto_the_list_after_the_look_is_left_alone(engine: Engine) -> None:
    add_all(engine, ANNA, BEN)
    with reading(engine) as session:
        seen = preview_dne(session, 1, [ANNA, BEN]).seen
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    done = lift_many(partial(transaction, engine), 1, [ANNA, BEN, "new@x.example"], act(1), seen)
    assert (done.done, done.same, done.newer) == (1, 1, 1)
    assert acts(engine)[-1].targets == [BEN]
    with reading(engine) as session:
        live = session.scalars(select(DneEntry.target).where(DneEntry.lifted_at.is_(None))).all()
        assert (set(live), len(live)) == ({ANNA}, 2)
        again = preview_dne(session, 1, [ANNA]).seen
    assert lift_many(partial(transaction, engine), 1, [ANNA], act(2, "she called"), again).done == 1


def test_who_opts_out_while_many_are_lifted_is_left_alone(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_dne, "PART", 1)
    add_all(engine, ANNA, BEN)
    opened: list[int] = []

    def writer() -> AbstractContextManager[Session]:
        opened.append(1)
        if len(opened) == 3:
            take_in(engine, a_mail(OptOut(), answers=("ben-1-0@us",)))
        return transaction(engine)

    done = lift_many(writer, 1, [ANNA, BEN], act(1))
    assert (done.done, done.newer) == (1, 1)


def test_an_entry_stands_again_over_whom_somebody_made_active_and_then_something_else(engine: Engine) -> None:
    add_all(engine, ANNA, BEN)
    done = lift_all(engine, ANNA, BEN, minutes=1)
    with transaction(engine) as session:
        for address in (ANNA, BEN):
            set_status(session, RULES, one(engine, address), Status.ACTIVE, act(2))
        set_status(session, RULES, one(engine, BEN), Status.NOT_INTERESTED, act(3))
    assert take_back(engine, done) == Undone(1, {ACTIVE: 1})
    with reading(engine) as session:
        assert session.scalars(select(DneEntry.target).where(DneEntry.lifted_at.is_(None))).all() == [BEN]


def test_an_old_entry_of_one_address_is_not_lifted_by_who_did_not_see_the_new_one(engine: Engine) -> None:
    add_all(engine, ANNA)
    with transaction(engine) as session:
        seen = newest_entry(session, 1, [ANNA])
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    with transaction(engine) as session, pytest.raises(InputError, match="a newer Do Not Email entry than was shown"):
        lift_dne(session, 1, ANNA, act(1, "by mistake"), seen)
    with transaction(engine) as session:
        assert lift_dne(session, 1, ANNA, act(1, "she called"), newest_entry(session, 1, [ANNA])) == 2


def test_an_act_that_is_taken_back_while_it_runs_stops(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_status, "PART", 2)
    before, opened = standing(engine), []

    def writer() -> AbstractContextManager[Session]:
        opened.append(1)
        if len(opened) == 3:
            take_back(engine, Done(bulk_id=acts(engine)[0].id))
        return transaction(engine)

    with pytest.raises(InputError, match=r"petra took this back while it ran \(set 2 recipients to Interested\)"):
        set_status_of_many(writer, RULES, everybody(engine), Status.INTERESTED, act())
    assert standing(engine) == before


def test_what_an_act_does_while_it_is_taken_back_is_taken_back_too(engine: Engine) -> None:
    before, opened = standing(engine), []
    ids = everybody(engine)
    done = set_all(engine, Status.INTERESTED, ids=ids[:2])

    def writer() -> AbstractContextManager[Session]:
        opened.append(1)
        if len(opened) == 3:
            set_all(engine, Status.INTERESTED, ids=ids[2:])
            with transaction(engine) as session:
                session.delete(session.scalars(select(BulkAct).order_by(BulkAct.id.desc()).limit(1)).one())
                session.get_one(BulkAct, done.bulk_id).targets = [str(each) for each in ids]
        return transaction(engine)

    assert done.bulk_id is not None
    assert undo_bulk(writer, RULES, done.bulk_id, act(60, by="petra")) == Undone(4, {})
    assert standing(engine) == before
    assert acts(engine)[0].undone_by == "petra"


def test_who_was_made_active_after_a_lift_stays_mailable(engine: Engine) -> None:
    add_all(engine, ANNA, BEN)
    done = lift_all(engine, ANNA, BEN, minutes=1)
    with transaction(engine) as session:
        set_status(session, RULES, one(engine, ANNA), Status.ACTIVE, act(5))
    assert take_back(engine, done) == Undone(1, {ACTIVE: 1})
    assert statuses(engine)["campaign-1", ANNA] == "Active"
    with reading(engine) as session:
        assert (preview_dne(session, 1, [ANNA]).live, preview_dne(session, 1, [BEN]).live) == (0, 1)


def test_a_filter_chooses_what_a_list_shows(engine: Engine) -> None:
    with reading(engine) as session:
        ids = chosen(session, 1, RecipientFilter(campaign="campaign-2", words="anna"))
        assert ids == list(find_recipients(session, 1, ANNA, "campaign-2"))
        assert addresses_of(session, 1, everybody(engine)) == [ANNA, BEN]
        contacts = list(session.scalars(select(Contact.id).where(Contact.address == BEN)))
        assert chosen_contacts(session, 1, contacts) == {contacts[0]: BEN}
        assert list(chosen_contacts(session, 1, ContactFilter(words="anna client")).values()) == [ANNA]


def test_too_many_at_once_are_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "MOST", 3)
    with reading(engine) as session:
        for several in (everybody(engine), RecipientFilter()):
            with pytest.raises(InputError, match="more than 3 at once"):
                chosen(session, 1, several)
    with pytest.raises(InputError, match="more than 3 at once"):
        add_all(engine, *(f"{n}@x.example" for n in range(4)))


def test_a_filter_that_needs_too_many_looks_is_refused(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    add_all(engine, ANNA, BEN)
    monkeypatch.setattr(selection, "MOST", 1)
    monkeypatch.setattr(contact_search, "WINDOW", 1)
    monkeypatch.setattr(contact_search, "BATCHES", 1)
    with transaction(engine) as session:
        session.add_all(Contact(team_id=1, address=f"ben{n}@client.example", domain="client.example") for n in range(9))
        add_dne(session, 1, {"client.example": None}, DneReason.MANUAL, act())
    free = ContactFilter(do_not_email=False)
    with reading(engine) as session:
        assert chosen_contacts(session, 1, free) == {}
        monkeypatch.setattr(selection, "LOOKS", 2)
        with pytest.raises(InputError, match="narrow the choice down with words"):
            chosen_contacts(session, 1, free)


def test_no_team_reaches_anothers(engine: Engine) -> None:
    done = set_all(engine, Status.INTERESTED)
    writer = partial(transaction, engine)
    with pytest.raises(InputError, match="no recipient"):
        set_status_of_many(writer, OTHERS, everybody(engine), Status.ENGAGED, act())
    with pytest.raises(InputError, match="no act on many"):
        take_back(engine, done, rules=OTHERS)
    with reading(engine) as session:
        contacts = list(session.scalars(select(Contact.id)))
        with pytest.raises(InputError, match="no contact"):
            chosen_contacts(session, 2, contacts)
        assert addresses_of(session, 2, everybody(engine)) == []
        assert recent_acts(session, 2) == []
        assert preview_dne(session, 2, [ANNA]).live == 0
    assert set(statuses(engine).values()) == {"Interested"}


def test_the_newest_acts_come_first(engine: Engine) -> None:
    set_all(engine, Status.INTERESTED, ids=[one(engine, ANNA)])
    done = add_all(engine, ANNA, BEN, minutes=1)
    take_back(engine, done)
    with reading(engine) as session:
        newest, older = recent_acts(session, 1)
        assert recent_acts(session, 1, limit=1) == [newest]
    assert (newest["says"], newest["count"], newest["undone_by"], newest["undone_at"]) == (
        "put 2 addresses on Do Not Email", 2, "petra", act(60).at,
    )  # fmt: skip
    assert (older["says"], older["kind"], older["by"], older["at"], older["undone_at"]) == (
        "set 1 recipient to Interested", "status", "mila", NOW, None,
    )  # fmt: skip


def test_undone_acts_name_who_took_them_back_in_the_history(engine: Engine) -> None:
    take_back(engine, set_all(engine, Status.INTERESTED, ids=[one(engine, ANNA)]))
    with reading(engine) as session:
        event = session.scalars(select(RecipientEvent).where(RecipientEvent.kind == EventKind.UNDONE)).one()
    assert (event.actor, event.because) == ("petra", ["petra took back: mila chose Interested"])


def test_only_entries_of_the_act_go(engine: Engine) -> None:
    done = add_all(engine, ANNA)
    with transaction(engine) as session:
        add_dne(session, 1, {"client.example": None}, DneReason.MANUAL, act(1))
    assert take_back(engine, done) == Undone(1, {})
    with reading(engine) as session:
        live = session.scalars(select(DneEntry.target).where(DneEntry.withdrawn_at.is_(None))).all()
    assert live == ["client.example"]
