"""What a person has a right to, at the terminal: everything that is held, and that it goes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import text

from classifier.verdict import ReplyClass
from models.session import reading
from models.tables.learning import Label
from tests.worker.commanding import ANNA, BORIS, OPT_OUT, Commands, reply

WHY = ("--why", "asked by letter")


@pytest.fixture
def known(run: Commands) -> Commands:
    """Anna answered twice, and somebody said what her answer was."""
    run.add_mailbox()
    run.receive(reply(ReplyClass.ENGAGED), ANNA, run.send(ANNA))
    run.done("recipients", "set-status", ANNA, "Not Interested", "--why", "she phoned")
    run.receive(OPT_OUT, ANNA, run.send(ANNA, "summer"))
    run.send(BORIS)
    return run


def test_a_person_is_erased_and_stays_banned(known: Commands) -> None:
    said = known.done("contacts", "erase", ANNA, "--yes", *WHY)
    assert said.out.splitlines()[:3] == [f"erased: {ANNA}", "  labels: 1", "  messages: 2"]
    assert known.count(Label) == 0
    for words in (("recipients", "show", ANNA), ("dne", "list", "--target", ANNA)):
        asked = known(*words)
        assert asked.code == 1
        assert f"{ANNA} was erased on request" in asked.err
        assert "by petra; all that is kept is that it may not be mailed" in asked.err
    joined = known("recipients", "add", "--campaign", "spring", ANNA)
    assert "under Do Not Email: erased on request on " in joined.out + joined.err


def test_what_goes_is_said_before_it_goes(known: Commands) -> None:
    asked = known("contacts", "erase", ANNA, *WHY)
    assert asked.code == 1
    assert "it cannot be undone, so say --yes, or look first with --dry-run" in asked.err
    (looked,) = known.done("contacts", "erase", ANNA, "--dry-run", "--json", *WHY).rows
    assert known.done("recipients", "show", ANNA).out.startswith(ANNA)
    assert known.done("contacts", "erase", ANNA, "--yes", "--json", *WHY).rows == [looked]
    assert looked["addresses"] == [ANNA]
    assert looked["counts"]["sends"] == 2


def test_erasures_are_listed_with_the_names_that_stand_in_place_of_addresses(known: Commands) -> None:
    assert known.done("contacts", "erased").err == "no erased on request\n"
    known.done("contacts", "erase", ANNA, "--yes", *WHY)
    (row,) = known.done("contacts", "erased", "--json").rows
    (name,) = row["names"]
    assert (row["by"], row["why"]) == ("petra", "asked by letter")
    shown = known.done("recipients", "show", name).out
    assert "on request, by petra: asked by letter" in shown
    assert "campaign spring: Not Interested" in shown
    assert ANNA not in shown


def test_an_erased_mail_says_that_it_is(known: Commands) -> None:
    known.done("contacts", "erase", ANNA, "--yes", *WHY)
    first, *_ = known.done("messages", "list", "--erased", "--json").rows
    assert first["from"] is None
    shown = known.done("messages", "show", str(first["id"])).out
    assert "erased on request; only that it was read is kept" in shown
    assert "INBOX_MESSAGE_MONTHS" not in shown


def test_everything_that_is_held_is_handed_over(known: Commands) -> None:
    path = Path(known.folder) / "anna.json"
    said = known.done("contacts", "export", ANNA, "--out", str(path))
    assert said.out.startswith(f"written to {path}")
    assert path.stat().st_mode & 0o777 == 0o600
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["addresses"] == [ANNA]
    assert {each["campaign"] for each in told["contacts"][0]["recipients"]} == {"spring", "summer"}
    assert [each["details"]["visible_text"] for each in told["messages"]] == ["Tuesday would suit me.", "Take me off."]
    assert [each["reason"] for each in told["do_not_email"]] == ["unsubscribe reply"]
    assert [each["class"] for each in told["labels"]] == ["Not Interested"]
    assert len(told["sends"]) == 2
    assert "recipient.status_changed" in {each["type"] for each in told["told_to_other_systems"]}
    assert BORIS not in path.read_text(encoding="utf-8")
    assert "is there already" in known("contacts", "export", ANNA, "--out", str(path)).err


def test_of_an_erased_person_only_the_ban_is_held(known: Commands) -> None:
    known.done("contacts", "erase", ANNA, "--yes", *WHY)
    told = json.loads(known.done("contacts", "export", ANNA).out)
    assert set(told) == {"address", "erased", "messages"}
    assert [each["why"] for each in told["erased"]] == ["asked by letter"]
    assert told["messages"] == []
    known.receive(OPT_OUT, ANNA, "spring-boris@shop.example")
    assert len(json.loads(known.done("contacts", "export", ANNA).out)["messages"]) == 1


def test_no_byte_of_the_person_is_left_in_the_file(known: Commands) -> None:
    def held() -> set[bytes]:
        content = b"".join(each.read_bytes() for each in known.folder.glob("inbox.sqlite*"))
        return {each for each in (ANNA.encode(), b"suit me", b"Take me off", b"she phoned") if each in content}

    assert len(held()) == 4
    # Another process has the file open, so that the log stays when the command ends.
    with known.database() as engine:
        with reading(engine) as session:
            session.execute(text("SELECT 1"))
        known.done("contacts", "erase", ANNA, "--yes", *WHY)
        # Other systems are still to hear whom they may not mail.
        assert held() == {ANNA.encode()}
        known.done("events", "deliver")
        assert held() == set()


def test_nothing_is_made_up_about_a_stranger(known: Commands) -> None:
    assert "nothing is held about carl@else.example" in known("contacts", "export", "carl@else.example").err


def test_nobody_is_erased_without_a_key(known: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INBOX_SECRET_KEYS")
    said = known("contacts", "erase", ANNA, "--yes", *WHY)
    assert "secrets are stored encrypted, and there is no key; make a key: inbox-worker secrets new-key" in said.err


def test_who_lost_the_key_is_told_and_mails_nobody(known: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    known.done("contacts", "erase", ANNA, "--yes", *WHY)
    monkeypatch.delenv("INBOX_SECRET_KEYS")
    said = known("recipients", "add", "--campaign", "spring", "carl@else.example")
    assert "a stored secret is encrypted, and there is no key; set INBOX_SECRET_KEYS" in said.err


def test_of_an_address_of_which_nothing_was_held_that_is_said(run: Commands) -> None:
    said = run.done("contacts", "erase", "nobody@client.example", "--why", "letter of 4 May", "--yes")
    assert "nothing was held; what is kept is that it may not be mailed" in said.out
