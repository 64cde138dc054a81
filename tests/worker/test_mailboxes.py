"""Mailboxes as the console describes them: of one team alone, with no secret shown or led elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.session import transaction
from models.tables.handling import GrantKind, OAuthGrant, Wish
from models.tables.mailboxes import Mailbox, SignIn
from models.tables.people import Team
from tests.keys import VAULT
from tests.worker.small_world import BOX, NOW, fresh
from worker.act import Act
from worker.acts.mailbox_columns import new_columns
from worker.acts.mailboxes import (
    add_mailbox,
    change_mailbox,
    pause_mailbox,
    remove_mailbox,
    resume_mailbox,
    sign_in_anew,
)
from worker.errands.requests import ask, stop
from worker.errors import InputError
from worker.oauth.tokens import Tokens
from worker.queries.mailboxes import list_mailboxes, mailbox_in

PETRA = Act("petra", NOW)
NEW = "nora@us.example"
GRANTED = (GrantKind.REFRESH, Tokens("canary-access", "canary-refresh", NOW))


@pytest.fixture
def session() -> Iterator[Session]:
    with fresh() as engine, transaction(engine) as session:
        session.add(Team(id=2, name="north"))
        yield session


def added(session: Session, name: str = NEW, team_id: int = 2, **given: Any) -> Mailbox:
    columns = new_columns(name, SignIn.PASSWORD, {"host": "imap.example", "password": "sesame"} | given)
    return mailbox_in(session, team_id, add_mailbox(session, team_id, columns, VAULT, PETRA))


def test_a_mailbox_is_its_own_teams_alone(session: Session) -> None:
    mailbox = added(session)
    assert [each["name"] for each in list_mailboxes(session, 2, 10)] == [NEW]
    assert [each["name"] for each in list_mailboxes(session, None, 10)] == [BOX.name, NEW]
    with pytest.raises(InputError, match=f"no mailbox {mailbox.id}"):
        mailbox_in(session, 1, mailbox.id)


def test_what_was_left_out_has_its_default_and_no_row_shows_a_secret(session: Session) -> None:
    mailbox = added(session, name=f" {NEW.upper()} ", security="starttls")
    (row,) = list_mailboxes(session, 2, 10)
    assert (row["id"], row["name"], row["port"], row["username"]) == (mailbox.id, NEW, 143, NEW)
    assert (row["team"], row["state"], row["sign_in"]) == ("north", "not polled yet", "password")
    assert VAULT.open(mailbox.password) == "sesame"
    assert "password" not in row


def test_a_list_goes_on_behind_a_name_and_is_narrowed(session: Session) -> None:
    for name in ("a@us.example", "b_1@us.example", "c@us.example"):
        added(session, name)
    assert [each["name"][0] for each in list_mailboxes(session, 2, 2)] == ["a", "b"]
    assert [each["name"][0] for each in list_mailboxes(session, 2, 2, after="b_1@us.example")] == ["c"]
    assert [each["name"] for each in list_mailboxes(session, 2, 9, part="B_")] == ["b_1@us.example"]
    ill, paused = (session.scalars(select(Mailbox).where(Mailbox.name.startswith(each))).one() for each in "ac")
    ill.failures, paused.stopped_at, paused.paused_at = 1, NOW, NOW
    assert [each["state"] for each in list_mailboxes(session, 2, 9, ill=True)] == ["trying again"]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"host": ""}, "host is one line"),
        ({"host": "h\r\nA LOGOUT"}, "host is one line"),
        ({"port": 0}, "port is a number from 1"),
        ({"port": "993"}, "port is a number from 1"),
        ({"security": "none"}, "security is one of tls, starttls, plain"),
        ({"folders": "INBOX"}, "folders is a list"),
        ({"folders": [""]}, "folders is a list"),
        ({"read_junk": "yes"}, "read_junk is yes or no"),
        ({"sent_folder": "x" * 501}, "sent_folder is one line of at most 500"),
        ({"failures": 0}, "failures is nothing that can be given"),
    ],
)
def test_a_value_that_means_nothing_is_named(session: Session, given: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        added(session, **given)
    with pytest.raises(InputError, match=says):
        change_mailbox(session, mailbox_in(session, 1, 1), given, VAULT, PETRA)


def test_what_is_missing_or_taken_is_named(session: Session) -> None:
    with pytest.raises(InputError, match="'mila' is none"):
        new_columns("mila", SignIn.PASSWORD, {})
    with pytest.raises(InputError, match="is none"):
        new_columns("m" * 320 + "@us.example", SignIn.PASSWORD, {"host": "h", "password": "sesame"})
    with pytest.raises(InputError, match="password is missing"):
        new_columns(NEW, SignIn.PASSWORD, {"host": "h"})
    with pytest.raises(InputError, match="then it has no password"):
        new_columns(NEW, SignIn.GOOGLE, {"password": "sesame"})
    with pytest.raises(InputError, match="is there already"):
        added(session, BOX.name.upper())


def test_only_what_is_given_changes_and_nothing_clears_a_folder(session: Session) -> None:
    mailbox = added(session, bounces_to="Bounces", folders=["Answers"])
    mailbox.failures, mailbox.stopped_at = 3, NOW
    assert change_mailbox(session, mailbox, {"bounces_to": "", "read_junk": False}, VAULT, PETRA) == [
        "bounces_to",
        "read_junk",
    ]
    assert (mailbox.bounces_to, mailbox.read_junk, mailbox.folders) == (None, False, ["Answers"])
    assert (mailbox.failures, mailbox.stopped_at) == (0, None)


@pytest.mark.parametrize("given", [{"host": "elsewhere"}, {"security": "plain"}, {"username": "root"}, {"port": 1}])
def test_a_stored_password_is_shown_to_no_other_server(session: Session, given: dict[str, Any]) -> None:
    mailbox = added(session)
    with pytest.raises(InputError, match="give the password again"):
        change_mailbox(session, mailbox, given, VAULT, PETRA)
    change_mailbox(session, mailbox, given | {"password": "fresh"}, VAULT, PETRA)
    assert VAULT.open(mailbox.password) == "fresh"
    # What stands there already may be sent along, as forms do.
    change_mailbox(session, mailbox, {"host": mailbox.host, "port": mailbox.port, "learn_sends": False}, VAULT, PETRA)


def test_who_works_at_the_machine_may_move_a_mailbox_with_its_password(session: Session) -> None:
    mailbox = added(session)
    change_mailbox(session, mailbox, {"host": "elsewhere"}, VAULT, PETRA, at_the_machine=True)
    assert (mailbox.host, VAULT.open(mailbox.password)) == ("elsewhere", "sesame")


def test_a_stored_consent_is_shown_to_no_other_server(session: Session) -> None:
    columns = new_columns(NEW, SignIn.GOOGLE, {})
    mailbox = mailbox_in(session, 2, add_mailbox(session, 2, columns, VAULT, PETRA, GRANTED))
    assert (mailbox.host, mailbox.port, mailbox.password) == ("imap.gmail.com", 993, "")
    with pytest.raises(InputError, match="a stored consent is not moved"):
        change_mailbox(session, mailbox, {"host": "elsewhere"}, VAULT, PETRA)
    change_mailbox(session, mailbox, {"host": "elsewhere", "password": "sesame"}, VAULT, PETRA)
    assert (mailbox.sign_in, session.scalar(select(OAuthGrant))) == (SignIn.PASSWORD, None)


def test_a_new_consent_takes_the_place_of_a_password_and_lets_polling_go_on(session: Session) -> None:
    mailbox = added(session)
    mailbox.stopped_at = NOW
    sign_in_anew(session, mailbox, SignIn.MICROSOFT, GRANTED, VAULT, PETRA)
    grant = session.scalars(select(OAuthGrant)).one()
    assert (mailbox.sign_in, mailbox.password, mailbox.stopped_at) == (SignIn.MICROSOFT, "", None)
    assert (VAULT.open(grant.refresh_token or ""), grant.granted_at) == ("canary-refresh", NOW)
    change_mailbox(session, mailbox, {"security": "plain", "password": "sesame"}, VAULT, PETRA)
    with pytest.raises(InputError, match="encrypted connections only"):
        sign_in_anew(session, mailbox, SignIn.MICROSOFT, GRANTED, VAULT, PETRA)


def test_a_paused_mailbox_is_resumed_as_if_nothing_had_gone_wrong(session: Session) -> None:
    mailbox = added(session)
    pause_mailbox(mailbox, PETRA)
    pause_mailbox(mailbox, Act("boris", NOW.replace(year=2027)))
    assert mailbox.paused_at == NOW
    mailbox.stopped_at, mailbox.last_error, mailbox.failures = NOW, "refused", 3
    resume_mailbox(mailbox, PETRA)
    assert (mailbox.paused_at, mailbox.stopped_at, mailbox.last_error, mailbox.failures) == (None, None, None, 0)


def test_the_log_says_who_did_what_with_which_mailbox_and_no_secret(
    session: Session, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    mailbox = added(session)
    change_mailbox(session, mailbox, {"host": "elsewhere", "port": 993, "password": "canary"}, VAULT, PETRA)
    change_mailbox(session, mailbox, {"port": 993}, VAULT, PETRA)
    pause_mailbox(mailbox, PETRA)
    resume_mailbox(mailbox, PETRA)
    sign_in_anew(session, mailbox, SignIn.GOOGLE, GRANTED, VAULT, PETRA)
    request_id = ask(session, 2, mailbox.id, Wish.CHECK, PETRA)
    stop(session, 2, request_id, Act("boris", NOW))
    remove_mailbox(session, mailbox, PETRA)
    assert [each.getMessage() for each in caplog.records] == [
        f"mailbox {NEW} at imap.example:993: added by petra",
        f"mailbox {NEW} at elsewhere:993: host, password changed by petra",
        f"mailbox {NEW} at elsewhere:993: nothing changed by petra",
        f"mailbox {NEW}: paused by petra",
        f"mailbox {NEW}: resumed by petra",
        f"mailbox {NEW}: signed in with google anew by petra",
        f"mailbox {NEW}: check asked for by petra (request {request_id})",
        f"mailbox {NEW}: check stopped by boris (request {request_id})",
        f"mailbox {NEW}: removed by petra",
    ]
