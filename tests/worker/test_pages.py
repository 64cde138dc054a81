"""Long lists are read page by page, filtered and searched, the same on both databases."""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, select, update
from sqlalchemy import text as sql
from sqlalchemy.orm import Session

from classifier.verdict import OptOut, ReplyClass
from models.events import DneReason, SequenceState, Status
from models.session import reading, transaction
from models.tables.mailing import Campaign, Contact, Recipient
from models.tables.people import Team
from models.tables.standing import DneEntry
from tests.worker.small_world import NOW, SENT_AT, a_mail, a_reply, furnish, send_all, take_in
from worker.act import Act
from worker.acts.do_not_email import add_dne, lift_dne
from worker.errors import InputError
from worker.matching.known_sends import Sent
from worker.queries import contact_search, pages
from worker.queries.contact_search import ContactFilter
from worker.queries.pages import Page, RecipientFilter, campaign_choices, contacts_page, recipients_page
from worker.queries.places import contact_place, id_place, place
from worker.queries.words import BETWEEN, MOST_WORDS, begins_words
from worker.writing.book import covering
from worker.writing.suppression import suppressed

ANNA, BEN = "anna@client.example", "ben@client.example"


@pytest.fixture
def engine(engine: Engine) -> Engine:
    furnish(engine)
    with transaction(engine) as session:
        session.add(Team(id=2, name="others"))
    send_all(engine)
    return engine


def send(engine: Engine, *to: str) -> None:
    ids = {"campaign": "big", "sent_at": SENT_AT, "subject": "Hello"}
    send_all(engine, [Sent(to=each, message_ids=(f"{each}@us",), send_id=each, **ids) for each in to])


def recipients(engine: Engine, after: str | None = None, limit: int = 50, team: int = 1, **wanted: Any) -> Page:
    with reading(engine) as session:
        return recipients_page(session, team, RecipientFilter(**wanted), after, limit)


def contacts(engine: Engine, after: str | None = None, limit: int = 50, team: int = 1, **wanted: Any) -> Page:
    with reading(engine) as session:
        return contacts_page(session, team, ContactFilter(**wanted), after, limit)


def whom(page: Page) -> list[tuple[str, str]]:
    return [(row["campaign"], row["address"]) for row in page.rows]


def addresses(page: Page) -> list[str]:
    return [row["address"] for row in page.rows]


def ban(engine: Engine, *targets: str) -> None:
    with transaction(engine) as session:
        add_dne(session, 1, dict.fromkeys(targets), DneReason.MANUAL, Act("mila", NOW))


def all_rows(read: Any, limit: int, *, full: bool = True) -> Iterator[dict[str, Any]]:
    page = read(limit=limit)
    yield from page.rows
    while page.next:
        assert len(page.rows) == limit or (not full and len(page.rows) < limit)
        assert re.fullmatch(r"[A-Za-z0-9_-]+", page.next)
        page = read(after=page.next, limit=limit)
        yield from page.rows


def test_recipients_come_by_their_newest_change_and_every_page_goes_on(engine: Engine) -> None:
    with transaction(engine) as session:
        ids = list(session.scalars(select(Recipient.id).order_by(Recipient.id)))
        # Two changed at the same moment.
        for recipient_id, minutes in zip(ids, (5, 9, 9, 1), strict=True):
            session.execute(
                update(Recipient)
                .where(Recipient.id == recipient_id)
                .values(changed_at=NOW + timedelta(minutes=minutes))
            )
    for limit in (1, 2, 3, 4, 5):
        rows = list(all_rows(lambda **more: recipients(engine, **more), limit))
        assert [row["id"] for row in rows] == [ids[2], ids[1], ids[0], ids[3]]


def test_a_recipients_row_tells_how_it_stands(engine: Engine) -> None:
    take_in(engine, a_mail(OptOut(), answers=("anna-1-0@us",)))
    (row,) = recipients(engine, campaign="campaign-1", words="anna").rows
    row.pop("id")
    assert row == {
        "address": ANNA, "campaign": "campaign-1", "campaign_name": "campaign-1", "status": "Unsubscribed",
        "sequence": "ended", "until": None, "reason": "opt-out", "listed": True, "changed_at": NOW,
        "do_not_email": [ANNA],
    }  # fmt: skip


def test_recipients_are_filtered(engine: Engine) -> None:
    take_in(engine, a_mail(a_reply(ReplyClass.INTERESTED), answers=("ben-2-0@us",)))
    interested = ("campaign-2", BEN)
    assert whom(recipients(engine, status=Status.INTERESTED)) == [interested]
    assert whom(recipients(engine, status=Status.INTERESTED, campaign="campaign-1")) == []
    assert interested not in whom(recipients(engine, sequence=SequenceState.RUNNING))
    assert len(recipients(engine, campaign="campaign-2").rows) == 2
    assert whom(recipients(engine, words="BEN Client", campaign="campaign-2")) == [interested]
    with pytest.raises(InputError, match="no campaign 'campaign-9'"):
        recipients(engine, campaign="campaign-9")


def test_who_left_the_list_is_shown_when_asked_for(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(update(Recipient).values(listed=False))
    assert recipients(engine).rows == []
    assert contacts(engine, words="anna").rows[0]["campaigns"] == 0
    assert len(recipients(engine, unlisted=True).rows) == 4


def test_contacts_come_by_address_with_what_stands_of_them(engine: Engine) -> None:
    send(engine, "zoe@shop.example", ANNA)
    take_in(engine, a_mail(a_reply(ReplyClass.INTERESTED), answers=("anna-1-0@us",)))
    ban(engine, "shop.example")
    for limit in (1, 2, 3, 4):
        rows = list(all_rows(lambda **more: contacts(engine, **more), limit))
        assert [row["address"] for row in rows] == [ANNA, BEN, "zoe@shop.example"]
    assert [(row["campaigns"], row["statuses"]) for row in rows] == [
        (3, ["Active", "Interested"]), (2, ["Active"]), (1, ["Removed"]),
    ]  # fmt: skip
    assert [row["do_not_email"] for row in rows] == [[], [], [{"target": "shop.example", "reason": "domain"}]]


COVERED = ["a@mail.shop.example", "b@shop.example", "c@client.example", "e@x.y.z.deep.example"]
FREE = ["d@client.example", "f@other-shop.example", "g@deep.example.org"]


@pytest.mark.parametrize("window", [2, 3_000])
def test_contacts_are_filtered_by_do_not_email_of_address_domain_and_parents(
    engine: Engine, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_search, "WINDOW", window)
    send(engine, *COVERED, *FREE)
    ban(engine, "shop.example", "c@client.example", "deep.example", "nobody@else.example")
    for limit in (1, 2, 50):
        for do_not_email, expected in ((True, COVERED), (False, sorted([ANNA, BEN, *FREE]))):
            rows = all_rows(partial(contacts, engine, do_not_email=do_not_email), limit, full=window > 2)
            assert [row["address"] for row in rows] == expected
    assert addresses(contacts(engine, do_not_email=True, words="shop")) == COVERED[:2]
    assert addresses(contacts(engine, do_not_email=False, words="shop")) == ["f@other-shop.example"]


def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that gets the number of contacts of every batch that is looked at."""
    sizes: list[int] = []

    def counted(session: Session, team_id: int, addresses: list[str]) -> Any:
        sizes.append(len(addresses))
        return suppressed(session, team_id, addresses)

    monkeypatch.setattr(contact_search, "suppressed", counted)
    return sizes


@pytest.mark.parametrize("searched", [{}, {"words": "example"}])
def test_a_page_ends_empty_where_those_wanted_are_rare_and_the_next_ones_go_on(
    engine: Engine, searched: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact_search, "WINDOW", 3)
    monkeypatch.setattr(contact_search, "BATCHES", 2)
    send(engine, *(f"a{n:02}@banned.example" for n in range(30)))
    ban(engine, "banned.example")
    sizes = looked_at(monkeypatch)
    page = contacts(engine, limit=1, do_not_email=False, **searched)
    assert (page.rows, page.next is not None, len(sizes), sum(sizes) <= 6) == ([], True, 2, True)
    rows = all_rows(partial(contacts, engine, do_not_email=False, **searched), 1, full=False)
    assert [row["address"] for row in rows] == [ANNA, BEN]


def test_entries_without_a_contact_are_passed_part_by_part(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_search, "WINDOW", 3)
    monkeypatch.setattr(contact_search, "BATCHES", 2)
    send(engine, *(f"b{n:02}@free.example" for n in range(40)), "z@sub.banned.example", "zz@free.example")
    ban(engine, "banned.example", "zz@free.example", *(f"nobody{n:02}@free.example" for n in range(20)))
    page = contacts(engine, limit=1, do_not_email=True)
    assert (page.rows, page.next is not None) == ([], True)
    for limit in (1, 2, 5):
        rows = all_rows(partial(contacts, engine, do_not_email=True), limit, full=False)
        assert [row["address"] for row in rows] == ["z@sub.banned.example", "zz@free.example"]
    # Words go by their index, and need no parts.
    assert addresses(contacts(engine, limit=5, do_not_email=True, words="zz")) == ["zz@free.example"]


def test_entries_with_common_words_are_passed_part_by_part_too(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_search, "WINDOW", 3)
    monkeypatch.setattr(contact_search, "BATCHES", 2)
    send(engine, "z@free.example")
    ban(engine, "z@free.example", *(f"nobody{n:02}@free.example" for n in range(20)))
    page = contacts(engine, limit=1, do_not_email=True, words="free")
    assert (page.rows, page.next is not None) == ([], True)
    rows = all_rows(partial(contacts, engine, do_not_email=True, words="free"), 1, full=False)
    assert [row["address"] for row in rows] == ["z@free.example"]


def test_domains_without_number_are_looked_through_in_batches(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact_search, "WINDOW", 2)
    monkeypatch.setattr(contact_search, "BATCHES", 2)
    monkeypatch.setattr(contact_search, "CHUNK", 0)
    send(engine, *(f"b{n:02}@free.example" for n in range(12)), "z@banned.example")
    ban(engine, "banned.example")
    page = contacts(engine, limit=1, do_not_email=True)
    assert (page.rows, page.next is not None) == ([], True)
    rows = all_rows(partial(contacts, engine, do_not_email=True), 1, full=False)
    assert [row["address"] for row in rows] == ["z@banned.example"]


def test_lifted_entries_ban_nobody(engine: Engine) -> None:
    ban(engine, ANNA)
    assert addresses(contacts(engine, do_not_email=True)) == [ANNA]
    with transaction(engine) as session:
        lift_dne(session, 1, ANNA, Act("mila", NOW))
    assert contacts(engine, do_not_email=True).rows == []


@pytest.mark.parametrize("window", [1, 3_000])
def test_words_are_found_whether_they_are_common_or_rare(
    engine: Engine, window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages, "WINDOW", window)
    monkeypatch.setattr(contact_search, "WINDOW", window)
    send(engine, "mila.hartmann@x.example", "hartmut@y.example", "ahart@z.example")
    for text, found in (
        ("hart", ["hartmut@y.example", "mila.hartmann@x.example"]),
        ("Hartmann mila", ["mila.hartmann@x.example"]),
        ("mila.hartmann@x.example", ["mila.hartmann@x.example"]),
        ("client.ex", [ANNA, BEN]),
        ("artmann", []),
        ("example hart y", ["hartmut@y.example"]),
    ):
        assert addresses(contacts(engine, words=text)) == found
        assert sorted(set(addresses(recipients(engine, words=text)))) == found
        rows = list(all_rows(lambda text=text, **more: recipients(engine, words=text, **more), 1))
        assert sorted({row["address"] for row in rows}) == found


@pytest.mark.parametrize("text", ["", "  ", "@", "'; --", "&|!()"])
def test_a_search_without_words_finds_everything(engine: Engine, text: str) -> None:
    assert len(contacts(engine, words=text).rows) == 2


def test_too_many_words_are_refused(engine: Engine) -> None:
    with pytest.raises(InputError, match=f"at most {MOST_WORDS}"):
        contacts(engine, words=" ".join(f"w{n}" for n in range(MOST_WORDS + 1)))


LETTERS = "aab1e5zé"
parts = st.text(st.sampled_from(LETTERS + BETWEEN.replace("@", "")), min_size=1, max_size=10)
texts = st.text(st.sampled_from(LETTERS + BETWEEN + '\\:*()<>,;" \0'), max_size=8)


labels = st.lists(st.sampled_from(["a", "b-1", "1e5", "xn--zz"]), min_size=1, max_size=3).map(".".join)


@given(
    known=st.dictionaries(st.tuples(st.sampled_from(["anna", "ben"]), labels), st.booleans(), min_size=1, max_size=8),
    banned=st.sets(labels, max_size=3),
)
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whoever_an_entry_covers_is_on_the_list_of_the_banned_and_nobody_else(
    engine: Engine, known: dict[tuple[str, str], bool], banned: set[str]
) -> None:
    targets = {f"{local}@{domain}" for (local, domain), own in known.items() if own} | banned
    with transaction(engine) as session:
        session.add_all(Contact(team_id=2, address=f"{name}@{domain}", domain=domain) for name, domain in known)
        session.add_all(
            DneEntry(team_id=2, target=each, reason=DneReason.MANUAL, source="", since=NOW, recorded_at=NOW)
            for each in targets
        )
        session.flush()
        shown = {
            wish: set(addresses(contacts_page(session, 2, ContactFilter(do_not_email=wish)))) for wish in (True, False)
        }
        session.rollback()
    everybody = {f"{name}@{domain}" for name, domain in known}
    covered = {each for each in everybody if not targets.isdisjoint(covering(each))}
    assert shown == {True: covered, False: everybody - covered}


@given(locals_=st.sets(parts, min_size=1, max_size=4), domain=parts, text=texts)
@example(locals_={"o'neil", "5e3-1.5e+2", "x=1&y"}, domain="b.example", text="neil")
@example(locals_={"o'neil", "5e3-1.5e+2", "x=1&y"}, domain="b.example", text="5e3 1 5e")
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_word_finds_the_addresses_of_which_a_word_begins_with_it(
    engine: Engine, locals_: set[str], domain: str, text: str
) -> None:
    known = sorted(f"{local}@{domain}" for local in locals_)
    wanted = re.findall(r"[^\W_]+", text)
    with transaction(engine) as session:
        session.add_all(Contact(team_id=2, address=each, domain=domain) for each in known)
        session.flush()
        page = contacts_page(session, 2, ContactFilter(words=text))
        session.rollback()
    words = {each: re.split(f"[{re.escape(BETWEEN)}]", each) for each in known}
    found = [each for each in known if all(any(w.startswith(x) for w in words[each]) for x in wanted)]
    assert sorted(addresses(page)) == found


@pytest.mark.parametrize("database_url", [pytest.param("postgresql", marks=pytest.mark.server)], indirect=True)
def test_the_index_of_words_is_asked(engine: Engine) -> None:
    with transaction(engine) as session:
        session.execute(sql("SET LOCAL enable_seqscan = off"))
        query = select(Contact.id).where(*begins_words(session, ["anna"], Contact.address))
        plan = query.compile(engine, compile_kwargs={"literal_binds": True})
        lines = session.scalars(sql(f"EXPLAIN {plan}".replace(":", "\\:"))).all()
    assert "ix_contact_words" in "".join(lines)


def cursor(value: Any) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "damaged",
    [
        "", "!", "é", "AAAA", cursor(None), cursor([]), cursor([1, 2, 3]), cursor(["2026-01-01T00:00:00+00:00", 2**63]),
        cursor(["2026-01-01T00:00:00+00:00", True]), cursor(["yesterday", 1]), cursor([5]), cursor(["\0"]),
        cursor(["\ud800"]), cursor(["0001-01-01T00:00:00+14:00", 1]), cursor([["a"]]), cursor({"a": 1, "b": 2}),
        "W" * 5_000, cursor(["a" * 2_000]), urlsafe_b64encode(b"[" * 1_400).decode(),
        urlsafe_b64encode(b"[" * 2_200).decode(),
    ],
)  # fmt: skip
def test_a_damaged_cursor_is_told(damaged: str, sqlite_session: Session) -> None:
    for read, wanted in ((recipients_page, RecipientFilter()), (contacts_page, ContactFilter())):
        with pytest.raises(InputError, match="begin the list anew"):
            read(sqlite_session, 1, wanted, damaged)  # type: ignore[operator]


@pytest.mark.parametrize(
    "damaged", ["!", cursor([]), cursor([1, 2]), cursor(["1"]), cursor([True]), cursor([-1]), cursor([2**63])]
)
def test_a_damaged_cursor_of_a_list_by_ids_is_told(damaged: str) -> None:
    assert id_place(place(2**63 - 1)) == 2**63 - 1
    with pytest.raises(InputError, match="begin the list anew"):
        id_place(damaged)


def test_the_longest_address_there_is_has_a_place() -> None:
    address = "\N{GRINNING FACE}" * 307 + "@shop.example"
    assert contact_place(place(address)) == address


@pytest.fixture
def sqlite_session() -> Iterator[Session]:
    """A session that no statement may run in: what is damaged is told before the database is asked."""
    with Session() as session:
        yield session


def test_what_one_team_banned_shows_no_contact_of_another(engine: Engine) -> None:
    with transaction(engine) as session:
        for name, domain in (("zoe", "own.example"), ("carl", "banned.example"), ("dora", "sub.banned.example")):
            session.add(Contact(team_id=2, address=f"{name}@{domain}", domain=domain))
    ban(engine, "zoe@own.example", "banned.example")
    for words in (None, "example", "zoe"):
        assert contacts(engine, do_not_email=True, words=words).rows == []
        assert contacts(engine, team=2, do_not_email=True, words=words).rows == []


def test_no_team_sees_anothers(engine: Engine) -> None:
    with transaction(engine) as session:
        session.add(Campaign(team_id=2, key="theirs", name="Theirs"))
    assert recipients(engine, team=2).rows == contacts(engine, team=2).rows == []
    assert recipients(engine, team=2, words="anna").rows == contacts(engine, team=2, words="anna").rows == []
    with pytest.raises(InputError, match="no campaign"):
        recipients(engine, team=2, campaign="campaign-1")
    with reading(engine) as session:
        assert campaign_choices(session, 2) == [{"key": "theirs", "name": "Theirs"}]
        assert [row["key"] for row in campaign_choices(session, 1)] == ["campaign-1", "campaign-2"]
