"""Who was erased is never mailed again, and what happened stays true without them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import Engine, event, func, select
from sqlalchemy.orm import Session

from classifier.verdict import OptOut, ReplyClass
from models.automation import Automation
from models.base import Base
from models.events import DneReason, EventKind, Status
from models.session import open_engine, reading, transaction
from models.tables.learning import Label
from models.tables.mail import InboundMessage, MessageState, VerdictRow
from models.tables.mailing import Campaign, Contact, Recipient, SecondAddress, SentMessage
from models.tables.outside import AutomationCommand, WebhookEndpoint
from models.tables.people import Team
from models.tables.privacy import Erasure, ErasureKey
from models.tables.standing import DneEntry, RecipientEvent, ReviewItem
from tests.databases import KINDS, postgres_database
from tests.keys import VAULT
from tests.worker.small_world import HARD, NOW, RULES, SENDS, a_mail, a_reply, furnish, send_all, statuses, take_in
from worker.act import Act
from worker.acts.automations import put_automations
from worker.acts.bulk_dne import add_many_to_dne
from worker.acts.contacts import merge
from worker.acts.do_not_email import add_dne, lift_dne
from worker.acts.joining import join
from worker.acts.person import find_recipients, set_status
from worker.errors import InputError
from worker.privacy.erasure import Erased, erase
from worker.queries.erasures import erasures
from worker.queries.history import tell
from worker.reading.learn import SentHeader, learn
from worker.secrets.pseudonyms import Pseudonyms, carry, is_pseudonym, pseudonyms
from worker.secrets.stored_secrets import encrypt_anew
from worker.secrets.vault import Vault, new_key
from worker.sending.bookings import Heard, hear_booking
from worker.sending.intake import Signal, Told
from worker.sending.intake import take_in as hear_sender
from worker.sending.sends import import_sends
from worker.webhooks.dispatch import dispatch
from worker.writing.record import Judged
from worker.writing.suppression import is_suppressed, suppressed

ANNA = "anna@client.example"
ACT = Act("petra", NOW, "asked by letter")
LATER = Act("petra", NOW + timedelta(days=1), "asked again")


@pytest.fixture(scope="module")
def server(postgres_url: str, postgres_template: str) -> Iterator[Engine]:
    """One database for all tests of this page: to make one for each takes longer than all that they do."""
    with postgres_database(postgres_url, postgres_template) as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture(params=KINDS)
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    if request.param == "sqlite":
        copyfile(request.getfixturevalue("sqlite_template"), tmp_path / "test.sqlite")
        engine = open_engine(f"sqlite:///{tmp_path}/test.sqlite")
    else:
        engine = request.getfixturevalue("server")
        with transaction(engine) as session:
            tables = ", ".join(Base.metadata.tables)
            session.connection().exec_driver_sql(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
    carry(engine, VAULT)
    furnish(engine)
    yield engine
    if request.param == "sqlite":
        engine.dispose()


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


def test_an_erased_address_joins_no_campaign(engine: Engine) -> None:
    send_all(engine)
    erase_anna(engine)
    with transaction(engine) as session:
        (joined,) = join(session, RULES, "campaign-1", [ANNA], LATER)
    assert (joined.state, joined.says) == ("refused", f"under Do Not Email: {SAYS[0]}")
    assert ANNA not in addresses(engine)


def test_who_is_not_known_is_banned_all_the_same(engine: Engine) -> None:
    assert set(erase_anna(engine).counts.values()) == {0}
    assert covers(engine) == SAYS


def test_only_the_person_is_erased(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(a_reply(), answers=("ben-1-0@us",), from_address="ben@client.example"))
    before = statuses(engine)
    erase_anna(engine)
    assert {key: each for key, each in statuses(engine).items() if "ben" in key[1]} == {
        key: each for key, each in before.items() if "ben" in key[1]
    }
    with reading(engine) as session:
        assert session.scalar(select(func.count()).select_from(VerdictRow)) == 1
        assert tell(session, 1, "ben@client.example")["recipients"][0]["story"][-1]["because"]


def test_every_address_of_the_person_is_banned_by_its_own_name(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",), from_address="anna@home.example"))
    with transaction(engine) as session:
        merge(session, RULES, ANNA, "anna@work.example", ACT)
    done = erase_anna(engine, address="anna@work.example")
    whose = [ANNA, "anna@home.example", "anna@work.example"]
    assert sorted(done.addresses) == whose
    assert len(done.names) == 3
    assert [covers(engine, each) for each in whose] == [SAYS] * 3
    assert addresses(engine).isdisjoint(whose)


def test_a_contact_who_answered_for_somebody_is_no_part_of_that_person(engine: Engine) -> None:
    send_all(engine)
    with transaction(engine) as session:
        anna = session.scalars(select(Contact.id).where(Contact.address == ANNA)).one()
        session.add(SecondAddress(contact_id=anna, address="ben@client.example"))
    erase_anna(engine)
    assert covers(engine, "ben@client.example") == []
    with reading(engine) as session:
        assert session.scalar(select(func.count(Contact.id)).where(Contact.address == "ben@client.example")) == 1
        assert session.scalars(select(SecondAddress)).all() == []


def test_a_mail_that_goes_out_all_the_same_stores_no_address_and_stands_under_the_ban(engine: Engine) -> None:
    send_all(engine)
    erase_anna(engine)
    sent = replace(SENDS[0], campaign="campaign-3", message_ids=("new@us", f"1-{ANNA}"), send_id=f"9 {ANNA}")
    for _ in range(2):
        send_all(engine, [sent])
        assert ANNA not in addresses(engine)
        with reading(engine) as session:
            rows = session.execute(select(SentMessage.send_id, SentMessage.subject_key, SentMessage.token)).all()
        assert not any("anna@" in str(row) for row in rows)
        assert len(rows) == len(SENDS) + 1
    (status,) = [each for (campaign, _), each in statuses(engine).items() if campaign == "campaign-3"]
    assert status == "Removed"


def test_a_send_that_is_told_again_is_known_although_its_person_was_erased(engine: Engine) -> None:
    send_all(engine)
    erase_anna(engine)
    with transaction(engine) as session:
        report = import_sends(session, RULES, SENDS, NOW)
    assert (report.new, report.known) == (0, len(SENDS))


def test_a_sent_folder_teaches_no_erased_address(engine: Engine) -> None:
    send_all(engine)
    erase_anna(engine)
    raw = f"From: mila@outreach.example\r\nTo: {ANNA}\r\nMessage-ID: <late@us>\r\nIn-Reply-To: <anna-1-0@us>\r\n"
    raw += "Subject: Hi Anna\r\n\r\n"
    with transaction(engine) as session:
        sends = learn(session, 1, 1, "mila", [SentHeader(raw.encode(), NOW)], frozenset())
        import_sends(session, RULES, sends, NOW)
    assert ANNA not in addresses(engine)
    with reading(engine) as session:
        assert session.scalar(select(func.count(Contact.id))) == 2
        assert set(session.scalars(select(Campaign.key))) == {"campaign-1", "campaign-2"}
        assert session.scalar(select(func.count(SentMessage.id)).where(SentMessage.subject_key.contains("anna"))) == 0


@pytest.mark.parametrize("by", ["send_id", "message_id"])
def test_what_became_of_an_old_send_still_counts_and_brings_no_words(engine: Engine, by: str) -> None:
    send_all(engine)
    erase_anna(engine)
    named = {"send_id": SENDS[0].send_id} if by == "send_id" else {"message_id": "anna-1-0@us", "to": ANNA}
    signal = Signal(row=0, kind=EventKind.CLICKED, happened_at=NOW, link=f"https://us.example/?{ANNA}", **named)
    taken = hear_sender(partial(transaction, engine), RULES, Told(signals=[signal]), "sender", NOW)
    assert (taken.new, taken.unknown) == (1, [])
    with reading(engine) as session:
        clicked = session.scalars(select(RecipientEvent)).one()
        assert (clicked.link, clicked.because) == (None, ["clicked, says the sending side"])


def test_banning_an_erased_address_again_stores_nothing(engine: Engine) -> None:
    send_all(engine)
    erase_anna(engine)
    with transaction(engine) as session:
        add_dne(session, 1, {ANNA: "Anna phoned", "carl@client.example": None}, DneReason.MANUAL, LATER)
    done = add_many_to_dne(partial(transaction, engine), 1, [ANNA], LATER)
    assert (done.done, done.same) == (0, 1)
    assert ANNA not in addresses(engine)
    assert covers(engine) == SAYS


def test_lifting_the_ban_needs_a_reason_and_lets_the_address_begin_anew(engine: Engine) -> None:
    send_all(engine)
    erase_anna(engine)
    with (
        pytest.raises(InputError, match="erased on request; lifting that needs a reason"),
        transaction(engine) as session,
    ):
        lift_dne(session, 1, ANNA, Act("petra", NOW))
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, LATER)
        (joined,) = join(session, RULES, "campaign-1", [ANNA], LATER)
    assert joined.state == "joined"
    assert statuses(engine)["campaign-1", ANNA] == "Active"


def test_who_comes_back_and_is_erased_again_is_gone_again(engine: Engine) -> None:
    send_all(engine)
    erase_anna(engine)
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, LATER)
        join(session, RULES, "campaign-1", [ANNA], LATER)
    for _ in range(2):
        assert erase_anna(engine, LATER).counts["contacts"] == 2
        assert covers(engine) == ["erased on request on 2026-05-15"]
        assert ANNA not in addresses(engine)
    assert {each for (_, address), each in statuses(engine).items() if is_pseudonym(address)} == {"Removed"}


def test_no_second_address_is_an_erased_one(engine: Engine) -> None:
    send_all(engine)
    erase_anna(engine)
    with pytest.raises(InputError, match="was erased on request; only that"), transaction(engine) as session:
        merge(session, RULES, "ben@client.example", ANNA, LATER)


def test_by_the_address_nothing_is_found_but_that_it_was_erased(engine: Engine) -> None:
    send_all(engine)
    done = erase_anna(engine)
    with reading(engine) as session:
        with pytest.raises(InputError, match="was erased on request, 2026-05-14 by petra; all that is kept"):
            tell(session, 1, ANNA)
        story = tell(session, 1, done.names[0])
    assert [(each["by"], each["why"]) for each in story["erased"]] == [("petra", "asked by letter")]
    assert story["contact"] == "Do Not Email"
    assert len(story["recipients"]) == 2


def test_every_erasure_is_written_down_without_the_address(engine: Engine) -> None:
    send_all(engine)
    first = erase_anna(engine)
    erase_anna(engine, LATER)
    with reading(engine) as session:
        rows = erasures(session, 1)
        kept = session.scalars(select(Erasure)).all()
    assert [(row["at"], row["why"]) for row in rows] == [(LATER.at, LATER.why), (ACT.at, ACT.why)]
    assert rows[1]["names"] == list(first.names)
    assert rows[1]["counts"]["contacts"] == 1
    assert not any("anna@" in str(vars(each)) for each in kept)


@pytest.mark.parametrize(("why", "says"), [(None, "needs a reason"), (f"{ANNA} wrote", "must not name the person")])
def test_the_reason_is_asked_for_and_names_nobody(engine: Engine, why: str | None, says: str) -> None:
    send_all(engine)
    with pytest.raises(InputError, match=says):
        erase_anna(engine, replace(ACT, why=why))
    assert ANNA in addresses(engine)


@pytest.mark.parametrize(
    ("address", "says"), [("anna", "'anna' is no address"), ("0f@erased.invalid", "give the address itself")]
)
def test_only_an_address_names_who_is_erased(engine: Engine, address: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        erase_anna(engine, address=address)
    with reading(engine) as session:
        assert session.scalars(select(Erasure)).all() == []


def book(engine: Engine, kind: str, number: int = 7) -> Heard:
    payload = {"uri": f"https://calendly.example/{number}", "email": ANNA, "created_at": NOW.isoformat()}
    with transaction(engine) as session:
        return hear_booking(session, RULES, json.dumps({"event": kind, "payload": payload}).encode(), NOW)


def test_what_is_told_of_another_address_still_says_so(engine: Engine) -> None:
    """A reply from home does not show that the address at work is alive, so a bounce counts."""
    send_all(engine)
    take_in(engine, a_mail(a_reply(), hours=30, answers=("anna-1-0@us",), from_address="anna@home.example"))
    take_in(engine, a_mail(HARD, hours=40, answers=("anna-1-1@us",), addresses=(ANNA,)))
    before = sorted(statuses(engine).values())
    assert "Bounced" in before
    erase_anna(engine)
    assert sorted(statuses(engine).values()) == before


def test_a_booking_is_still_known_and_a_new_one_teaches_no_address(engine: Engine) -> None:
    send_all(engine)
    assert book(engine, "invitee.created") is Heard.RECORDED
    erase_anna(engine)
    assert book(engine, "invitee.canceled") is Heard.RECORDED
    assert book(engine, "invitee.created", 8) is Heard.RECORDED
    with reading(engine) as session:
        events = session.scalars(select(RecipientEvent).order_by(RecipientEvent.id)).all()
        contacts = session.scalars(select(Recipient.contact_id).join(RecipientEvent)).all()
    booked, cancelled, _ = events
    assert booked.recipient_id == cancelled.recipient_id
    assert len(set(contacts)) == 1
    assert "anna@" not in str([each.because for each in events])


def test_what_a_rule_did_it_does_not_do_again(engine: Engine) -> None:
    rule = {
        "name": "curious",
        "when": {"link": "/offer"},
        "then": [{"do": "call", "endpoint": "crm"}, {"do": "add_dne"}],
    }
    with transaction(engine) as session:
        session.add(WebhookEndpoint(team_id=1, name="crm", url="https://c.example", secret="s", recorded_at=NOW))
        session.add(Campaign(team_id=1, key="campaign-1", name="campaign-1"))
        session.flush()
        rules = [Automation.model_validate(rule)]
        put_automations(session, 1, "campaign-1", rules, Act("petra", NOW - timedelta(days=20)))
    send_all(engine)
    link = "https://us.example/offer?who=7"
    at = NOW - timedelta(hours=1)
    signal = Signal(row=0, kind=EventKind.CLICKED, happened_at=at, link=link, send_id="anna-1-0")
    hear_sender(partial(transaction, engine), RULES, Told(signals=[signal]), "sender", NOW)
    before = sorted(statuses(engine).values())
    erase_anna(engine)
    assert sorted(statuses(engine).values()) == before
    with reading(engine) as session:
        assert session.scalar(select(func.count(AutomationCommand.id))) == 1
        assert session.scalars(select(RecipientEvent.link)).all() == ["/offer"]
        made = session.scalars(select(DneEntry).where(DneEntry.reason == DneReason.AUTOMATION)).all()
        assert [each.withdrawn_at for each in made] == [None]


def test_a_rule_that_asks_for_a_link_in_a_fork_still_finds_its_words(engine: Engine) -> None:
    call = [{"do": "call", "endpoint": "crm"}]
    inner = {"if": {"link": "/docs"}, "then": call}
    rule = {
        "name": "curious", "when": {"opens": 1},
        "then": [{"if": {"link": "/price"}, "then": [{"if": {"class": ["Engaged"]}, "then": call}], "else": [inner]}],
    }  # fmt: skip
    with transaction(engine) as session:
        session.add(WebhookEndpoint(team_id=1, name="crm", url="https://c.example", secret="s", recorded_at=NOW))
        session.add(Campaign(team_id=1, key="campaign-1", name="campaign-1"))
        session.flush()
        put_automations(session, 1, "campaign-1", [Automation.model_validate(rule)], Act("petra", NOW))
    send_all(engine)
    links = ("https://us.example/price?who=7", "https://us.example/docs?who=7", "https://us.example/other?who=7")
    signals = [
        Signal(row=row, kind=EventKind.CLICKED, happened_at=NOW, link=link, send_id="anna-1-0")
        for row, link in enumerate(links)
    ]
    hear_sender(partial(transaction, engine), RULES, Told(signals=signals), "sender", NOW)
    erase_anna(engine)
    with reading(engine) as session:
        assert set(session.scalars(select(RecipientEvent.link))) == {"/price", "/docs", None}


# --- Mail ---


def mail(**changed: Any) -> Judged:
    judged = a_mail(a_reply(), uid=900, answers=("anna-1-0@us",), from_address=ANNA)
    return replace(judged, from_address=ANNA, subject="It is me, Anna", **changed)


@pytest.mark.parametrize("place", [{}, {"uid": 7}, {"folder": "Archive"}, {"uidvalidity": 2, "uid": 3}])
def test_erased_mail_is_never_taken_in_again(engine: Engine, place: dict[str, Any]) -> None:
    send_all(engine)
    take_in(engine, mail())
    erase_anna(engine)
    before = statuses(engine)
    for _ in range(2):
        assert take_in(engine, mail(**place)).changes == []
    assert statuses(engine) == before
    with reading(engine) as session:
        rows = session.scalars(select(InboundMessage)).all()
        assert session.scalar(select(func.count()).select_from(VerdictRow)) == 0
    assert len(rows) == (2 if place else 1)
    for row in rows:
        assert (row.state, row.from_address, row.subject, row.clues) == (MessageState.ERASED, None, "", {})


def test_mail_that_was_set_aside_is_erased_and_not_tried_again(engine: Engine) -> None:
    take_in(engine, mail(error="broken", raw=b"From: Anna"))
    assert erase_anna(engine).counts["messages"] == 1
    take_in(engine, mail())
    with reading(engine) as session:
        assert session.scalars(select(InboundMessage.state)).all() == [MessageState.ERASED]


def test_a_bounce_that_matched_nobody_goes_with_the_address_it_is_about(engine: Engine) -> None:
    take_in(engine, a_mail(HARD, addresses=(ANNA,), answers=("no@where",)))
    assert erase_anna(engine).counts["messages"] == 1


def test_what_the_classifier_could_learn_goes_too(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, mail())
    with transaction(engine) as session:
        set_status(session, RULES, find_recipients(session, 1, ANNA)[0], Status.NOT_INTERESTED, ACT)
        assert session.scalar(select(func.count(Label.id))) == 1
    assert erase_anna(engine).counts["labels"] == 1


def test_no_question_about_the_person_stays_open(engine: Engine) -> None:
    send_all(engine)
    take_in(engine, a_mail(a_reply(sure=False), answers=("anna-1-0@us",), from_address=ANNA))
    erase_anna(engine)
    take_in(engine, a_mail(a_reply(sure=False), answers=("anna-1-1@us",), from_address=ANNA))
    with reading(engine) as session:
        assert session.scalars(select(ReviewItem.closed_at)).all() == [NOW]


def test_new_mail_from_the_person_counts_and_teaches_no_address(engine: Engine) -> None:
    send_all(engine)
    (name,) = erase_anna(engine).names
    for answers in (("anna-1-0@us",), ()):
        take_in(engine, replace(a_mail(OptOut(), answers=answers, from_address=ANNA), from_address=ANNA))
    assert ANNA not in addresses(engine)
    with reading(engine) as session:
        story = tell(session, 1, name)["recipients"][0]["story"]
        assert session.scalars(select(InboundMessage.from_address)).all() == [name, name]
    assert ("opt_out", "acts") in [(each["event"], each.get("acts")) for each in story]
    assert erase_anna(engine, LATER).counts["messages"] == 2


# --- The key ---


def test_without_a_key_nobody_is_erased(engine: Engine) -> None:
    send_all(engine)
    carry(engine, Vault())
    with pytest.raises(InputError, match="secrets are stored encrypted, and there is no key"):
        erase_anna(engine)
    assert ANNA in addresses(engine)


@pytest.mark.parametrize(
    ("vault", "says"), [(Vault(), "there is no key"), (Vault((new_key(),)), "not among INBOX_SECRET_KEYS")]
)
def test_nothing_goes_on_where_nobody_can_tell_who_was_erased(engine: Engine, vault: Vault, says: str) -> None:
    send_all(engine)
    erase_anna(engine)
    carry(engine, vault)
    asking: tuple[Callable[[Session], object], ...] = (
        lambda session: suppressed(session, 1, ["ben@client.example"]),
        lambda session: is_suppressed(session, 1, "ben@client.example"),
        lambda session: join(session, RULES, "campaign-1", ["carl@client.example"], ACT),
        lambda session: import_sends(session, RULES, SENDS, NOW),
        lambda session: add_dne(session, 1, {"carl@client.example": None}, DneReason.MANUAL, ACT),
    )
    for ask in asking:
        with pytest.raises(InputError, match=says), transaction(engine) as session:
            ask(session)
    with pytest.raises(InputError, match=says):
        take_in(engine, a_mail(a_reply(), answers=("ben-1-0@us",)))
    with reading(engine) as session:
        assert session.scalar(select(func.count(InboundMessage.id))) == 0


def test_an_exchanged_key_opens_the_names(engine: Engine) -> None:
    send_all(engine)
    erase_anna(engine)
    newer = Vault((new_key(), *VAULT.keys))
    with transaction(engine) as session:
        encrypt_anew(session, newer)
    carry(engine, Vault(newer.keys[:1]))
    assert covers(engine) == SAYS


def test_the_database_alone_does_not_hold_the_key(engine: Engine) -> None:
    erase_anna(engine)
    with reading(engine) as session:
        sealed = session.scalars(select(ErasureKey.sealed)).one()
        names = pseudonyms(session)
    assert sealed.startswith("sealed:")
    assert names is not None
    assert names.key.hex() not in sealed
    assert repr(names) == "Pseudonyms()"


def test_a_name_tells_nothing_and_is_the_same_for_ever() -> None:
    names = Pseudonyms(b"k" * 32)
    assert names.of(ANNA) == names.of(names.of(ANNA)) != Pseudonyms(b"l" * 32).of(ANNA)
    assert names.hide("x") == names.hide(names.hide("x"))
    assert names.hide(ANNA).removeprefix("erased:") != names.of(ANNA).partition("@")[0]


def test_the_check_asks_once_who_was_erased(engine: Engine) -> None:
    asked: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append(call[2]))
    with reading(engine) as session:
        suppressed(session, 1, [ANNA, "ben@client.example"])
    assert sum("erasure" in each for each in asked) == 1
    erase_anna(engine)
    asked.clear()
    with reading(engine) as session:
        for _ in range(3):
            suppressed(session, 1, [ANNA, "ben@client.example"])
    assert sum("erasure" in each for each in asked) == 1


# --- What was stays true ---


def standing(engine: Engine) -> list[str]:
    with reading(engine) as session:
        rows = session.execute(select(Recipient.status, Recipient.sequence, Recipient.sequence_reason))
        return sorted(" ".join(str(each) for each in row) for row in rows)


def test_a_past_under_a_ban_of_the_domain_folds_to_the_same(engine: Engine) -> None:
    send_all(engine)
    with transaction(engine) as session:
        add_dne(session, 1, {"client.example": None}, DneReason.MANUAL, Act("petra", NOW - timedelta(days=8)))
    take_in(engine, a_mail(a_reply(ReplyClass.NOT_INTERESTED), hours=100, answers=("anna-1-0@us",)))
    with transaction(engine) as session:
        lift_dne(session, 1, "client.example", Act("petra", NOW - timedelta(days=1), "a mistake"))
    before = standing(engine)
    erase_anna(engine)
    assert standing(engine) == before


def test_another_team_keeps_its_own_contact(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Team(id=2, name="other"))
        session.flush()
        import_sends(session, replace(RULES, team_id=2), SENDS[:1], NOW)
    send_all(engine)
    erase_anna(engine)
    with reading(engine) as session:
        assert session.scalars(select(Contact.team_id).where(Contact.address == ANNA)).all() == [2]
        assert suppressed(session, 2, [ANNA]) == {}


# --- Others at the same time ---


def test_whoever_writes_meanwhile_brings_no_address_back(engine: Engine) -> None:
    people = [f"person{number}@client.example" for number in range(6)]
    sends = [replace(SENDS[0], to=each, message_ids=(f"to-{each[6]}@us",), send_id=f"to-{each[6]}") for each in people]
    send_all(engine, sends)

    def answer(number: int) -> None:
        take_in(engine, a_mail(OptOut(), answers=(f"to-{number}@us",), from_address=people[number]))

    works: list[Callable[[int], object]] = [
        lambda number: erase_anna(engine, address=people[number]),
        answer,
        lambda _: send_all(engine, sends),
        lambda _: dispatch(engine, NOW),
    ]

    def patiently(work: Callable[[int], object]) -> None:
        for number in range(len(people)):
            work(number)

    with ThreadPoolExecutor(len(works)) as pool:
        for done in [pool.submit(patiently, work) for work in works]:
            done.result()
    assert addresses(engine).isdisjoint(people)
    assert [covers(engine, each) for each in people] == [SAYS] * len(people)
