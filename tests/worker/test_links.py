"""Links in our mail: what they are made of, and opt-outs by mail that carry a link's token."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from sqlalchemy import Engine, select

from classifier.message import parse
from classifier.verdict import OptOut, ReplyClass
from config.settings import SettingsError, read
from models.session import reading, transaction
from models.tables.mailboxes import Mailbox
from models.tables.people import Team
from models.tables.standing import DneEntry
from tests.worker.commanding import ANNA, BORIS, Commands
from tests.worker.small_world import BOX, NOW, RULES, SENDS, SENT_AT, a_mail, a_reply, furnish, send_all, statuses
from worker.act import Act
from worker.acts.campaigns import put_campaign
from worker.acts.joining import join
from worker.acts.opt_out import opt_out_by_link
from worker.apply import apply
from worker.errors import InputError
from worker.matching.clues import clues_of
from worker.matching.links import (
    Linked,
    Links,
    Purpose,
    booking_link,
    find_linked,
    linked_of_addresses,
    links_with,
    list_unsubscribe,
    make_token,
)
from worker.sending.sends import import_sends
from worker.writing.record import Judged

KEY, OLD = "k" * 32, "o" * 32
LINKS = Links("https://go.us.example/mail", (KEY, OLD))
SOMEBODY = Linked(7, 3, 1, "anna@client.example", "spring")
OUT = OptOut()


def test_the_header_fields_carry_the_link_and_a_mail_that_says_whose() -> None:
    made = list_unsubscribe(LINKS, SOMEBODY, "out+a b@us.example")
    token = make_token(KEY, Purpose.UNSUBSCRIBE, SOMEBODY)
    assert made.link == f"https://go.us.example/mail/u/{token}"
    assert made.list_unsubscribe_post == "List-Unsubscribe=One-Click"
    link, mail = made.list_unsubscribe.split(", ")
    assert link == f"<{made.link}>"
    assert unquote(mail) == f"<mailto:out+a b@us.example?subject=unsubscribe {token}>"
    assert list_unsubscribe(LINKS, SOMEBODY).list_unsubscribe == link


@pytest.mark.parametrize(
    ("url", "query"),
    [
        ("https://calendly.com/mila/30min", {}),
        ("https://calendly.com/mila?month=2026-05&utm_content=old#x", {"month": ["2026-05"]}),
    ],
)
def test_a_booking_link_keeps_what_it_had(url: str, query: dict[str, list[str]]) -> None:
    made = urlsplit(booking_link(LINKS, SOMEBODY, url))
    assert parse_qs(made.query) == query | {"utm_content": [make_token(KEY, Purpose.BOOKING, SOMEBODY)]}
    assert made._replace(query="") == urlsplit(url)._replace(query="")


@pytest.mark.parametrize("url", ["http://calendly.com/x", "calendly.com/x", "javascript:alert(1)", ""])
def test_a_booking_link_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(InputError, match="booking page"):
        booking_link(LINKS, SOMEBODY, url)


def test_a_token_says_nothing_to_who_has_no_key(engine: Engine) -> None:
    furnish(engine)
    send_all(engine)
    with reading(engine) as session:
        anna, _ = linked_of_addresses(session, 1, ["anna@client.example"])
        good = make_token(OLD, Purpose.UNSUBSCRIBE, anna)
        assert find_linked(session, LINKS.keys, Purpose.UNSUBSCRIBE, [good, "x"]) == {good: anna}
        assert not find_linked(session, [KEY], Purpose.UNSUBSCRIBE, [good])
        assert not find_linked(session, LINKS.keys, Purpose.BOOKING, [good])
        for changed in ({"address": "b@c.example"}, {"campaign": "other"}, {"recipient_id": 2**63}):
            forged = make_token(KEY, Purpose.UNSUBSCRIBE, replace(anna, **changed))
            assert not find_linked(session, LINKS.keys, Purpose.UNSUBSCRIBE, [forged])


def test_keys_stay_out_of_logs() -> None:
    assert KEY not in repr(LINKS)
    assert KEY not in repr(replace(RULES, link_keys=(KEY,)))


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("LINK_KEYS", "short", "INBOX_LINK_KEYS.*32 characters"),
        ("LINK_KEYS", f"{KEY} short", "INBOX_LINK_KEYS.*32 characters"),
        ("PUBLIC_URL", "go.us.example", "INBOX_PUBLIC_URL.*https"),
        ("PUBLIC_URL", "http://go.us.example", "INBOX_PUBLIC_URL.*https"),
        ("PUBLIC_URL", "https://go.us.example/?a=b", "INBOX_PUBLIC_URL.*https"),
        ("PUBLIC_URL", "https://go.us.example/\r\nBcc:x", "INBOX_PUBLIC_URL.*https"),
        ("PUBLIC_URL", "https://go.us.example/\u00a0x", "INBOX_PUBLIC_URL.*https"),
    ],
)
@pytest.mark.usefixtures("run")
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str, says: str) -> None:
    monkeypatch.setenv(f"INBOX_{name}", value)
    with pytest.raises(SettingsError, match=says) as error:
        read()
    assert "short" not in str(error.value)


@pytest.mark.usefixtures("run")
def test_several_keys_are_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(f"{KEY},\n{OLD}\n")
    monkeypatch.setenv("INBOX_LINK_KEYS_FILE", str(tmp_path / "keys"))
    monkeypatch.setenv("INBOX_PUBLIC_URL", "https://go.us.example/")
    settings = read()
    assert links_with(settings.public_url, settings.signing_keys) == Links("https://go.us.example", (KEY, OLD))


# Opt-outs by mail: to an alias of ours, with the token in the subject.


def hear(engine: Engine, *mails: Judged) -> None:
    with transaction(engine) as session:
        apply(session, replace(BOX, rules=replace(RULES, link_keys=(OLD, KEY))), mails, NOW)


def token_of(engine: Engine, campaign: str = "campaign-1", purpose: Purpose = Purpose.UNSUBSCRIBE) -> str:
    with reading(engine) as session:
        (linked,) = linked_of_addresses(session, 1, ["anna@client.example"], campaign)
    return make_token(KEY, purpose, linked)


@pytest.fixture
def world(engine: Engine) -> Engine:
    furnish(engine)
    send_all(engine)
    return engine


def test_the_subject_of_an_opt_out_holds_the_token() -> None:
    token = make_token(KEY, Purpose.UNSUBSCRIBE, SOMEBODY)
    for subject in (f"unsubscribe {token}", f"Re: Unsubscribe  {token.upper()} ", f"unsubscribe\r\n {token}"):
        raw = f"From: anna@client.example\r\nTo: out@us.example\r\nSubject: {subject}\r\n\r\n\r\n".encode()
        assert clues_of(parse(raw), OUT, ()).links == (token,)
        assert clues_of(parse(raw), a_reply(), ()).links == ()
    assert clues_of(parse(b"Subject: unsubscribe me\r\n\r\n"), OUT, ()).links == ()


def test_an_opt_out_by_mail_with_a_token_acts_on_the_recipient_it_names(world: Engine) -> None:
    hear(world, a_mail(OUT, links=(token_of(world),), from_address="anna@client.example"))
    assert statuses(world)["campaign-1", "anna@client.example"] == "Unsubscribed"
    assert statuses(world)["campaign-2", "anna@client.example"] == "Removed"
    assert statuses(world)["campaign-1", "ben@client.example"] == "Active"


@pytest.mark.parametrize("forged", ["a" * 40, None, "booking"])
def test_without_a_valid_token_an_opt_out_from_an_address_alone_waits_for_a_person(
    world: Engine, forged: str | None
) -> None:
    token = token_of(world, purpose=Purpose.BOOKING) if forged == "booking" else forged
    hear(world, a_mail(OUT, links=(token,) if token else (), from_address="anna@client.example"))
    assert set(statuses(world).values()) == {"Active"}
    with reading(world) as session:
        assert not session.scalars(select(DneEntry)).all()


def test_a_token_acts_from_another_address_too_and_bans_both(world: Engine) -> None:
    hear(world, a_mail(OUT, links=(token_of(world),), from_address="anna@home.example"))
    with reading(world) as session:
        assert set(session.scalars(select(DneEntry.target))) == {"anna@client.example", "anna@home.example"}


def test_a_token_of_another_team_acts_for_nobody(world: Engine) -> None:
    with transaction(world) as session:
        session.add(Team(id=2, name="theirs"))
        session.flush()
        session.add(Mailbox(id=2, team_id=2, name="x@theirs.example", host="h", port=993, username="u", password="p"))
        import_sends(session, replace(RULES, team_id=2), SENDS[:1], NOW)
        (theirs,) = linked_of_addresses(session, 2, ["anna@client.example"])
    hear(world, a_mail(OUT, links=(make_token(KEY, Purpose.UNSUBSCRIBE, theirs),), from_address="who@else.example"))
    assert set(statuses(world).values()) == {"Active"}


def test_a_mail_with_a_token_from_before_the_send_changes_nothing(world: Engine) -> None:
    hear(world, a_mail(OUT, hours=-5, links=(token_of(world),)))
    assert set(statuses(world).values()) == {"Active"}


def test_a_mail_with_a_token_is_matched_again_when_the_send_arrives_late(engine: Engine) -> None:
    furnish(engine)
    keyed = replace(RULES, link_keys=(OLD, KEY))
    late = [each for each in SENDS if each.campaign == "campaign-1"]
    with transaction(engine) as session:
        put_campaign(session, 1, "campaign-1", {})
        join(session, keyed, "campaign-1", ["anna@client.example"], Act("petra", SENT_AT))
    hear(engine, a_mail(OUT, links=(token_of(engine),), from_address="anna@home.example"))
    assert set(statuses(engine).values()) == {"Active"}
    with transaction(engine) as session:
        import_sends(session, keyed, late, NOW)
    assert statuses(engine)["campaign-1", "anna@client.example"] == "Unsubscribed"


def test_a_token_means_nothing_to_mail_that_is_no_opt_out(world: Engine) -> None:
    hear(world, a_mail(a_reply(ReplyClass.INTERESTED), from_address="nobody@else.example"))
    assert set(statuses(world).values()) == {"Active"}


# The command.


@pytest.fixture
def linking(run: Commands, monkeypatch: pytest.MonkeyPatch) -> Commands:
    monkeypatch.setenv("INBOX_LINK_KEYS", KEY)
    monkeypatch.setenv("INBOX_PUBLIC_URL", "https://go.us.example")
    run.add_mailbox("mila@outreach.example", "--opt-out-alias", "out@us.example")
    for to, campaign in ((ANNA, "spring"), (BORIS, "spring"), (ANNA, "autumn")):
        run.send(to, campaign)
    return run


def test_the_links_of_one_address_are_told(linking: Commands) -> None:
    rows = linking.done("links", "make", ANNA.upper(), "--booking", "https://calendly.com/mila", "--json").rows
    assert [row["campaign"] for row in rows] == ["spring", "autumn"]
    assert rows[0]["unsubscribe"].startswith("https://go.us.example/u/")
    assert "mailto:out@us.example" in rows[0]["list_unsubscribe"]
    assert rows[0]["booking"].startswith("https://calendly.com/mila?utm_content=")
    said = linking.done("links", "make", ANNA, "--campaign", "autumn").out
    assert f"List-Unsubscribe: {rows[1]['list_unsubscribe']}" in said
    assert "List-Unsubscribe-Post: List-Unsubscribe=One-Click" in said
    assert "spring" not in said


def test_the_links_of_a_whole_campaign_are_a_table(linking: Commands) -> None:
    out = linking.done("links", "make", "--all", "--campaign", "spring").out
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["address"] for row in rows] == [ANNA, BORIS]
    assert rows == linking.done("links", "make", "--all", "--campaign", "spring", "--json").rows


def test_links_of_nobody_are_refused(linking: Commands) -> None:
    assert "no recipient" in linking("links", "make", "nobody@x.example").err
    assert "no campaign" in linking("links", "make", "--all", "--campaign", "winter").err
    assert linking("links", "make").code == 2
    assert linking("links", "make", ANNA, "--all", "--campaign", "spring").code == 2


def test_a_token_that_is_none_of_ours_takes_nobody_out(engine: Engine) -> None:
    furnish(engine)
    send_all(engine)
    with reading(engine) as session:
        (whose,) = linked_of_addresses(session, 1, ["anna@client.example"], "campaign-1")
    forged = (make_token("x" * 32, Purpose.UNSUBSCRIBE, whose), make_token(KEY, Purpose.BOOKING, whose), "", "stranger")
    with transaction(engine) as session:
        assert [opt_out_by_link(session, [KEY, OLD], token, "form", NOW) for token in forged] == [False] * 4
        assert session.scalars(select(DneEntry)).all() == []
        assert opt_out_by_link(session, [KEY, OLD], make_token(OLD, Purpose.UNSUBSCRIBE, whose), "form", NOW)
        assert session.scalars(select(DneEntry.target)).all() == ["anna@client.example"]


@pytest.mark.parametrize("missing", ["INBOX_PUBLIC_URL", "INBOX_LINK_KEYS"])
def test_a_missing_setting_is_named(linking: Commands, monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delenv(missing)
    said = linking("links", "make", ANNA)
    assert (said.code, missing in said.err) == (1, True)
