"""Adding, changing, watching, checking and removing mailboxes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update

from classifier.verdict import ReplyClass
from models.session import transaction
from models.tables.mail import InboundMessage, VerdictRow
from models.tables.mailboxes import Mailbox
from models.tables.mailing import SentMessage
from models.tables.standing import RecipientEvent
from tests.keys import VAULT
from tests.worker.commanding import ANNA, BOX, Commands, reply
from worker.cli.output import show
from worker.demo.server import Address, serving


@pytest.fixture
def server() -> Iterator[Address]:
    with serving([], []) as address:
        yield address


def connect_to(
    run: Commands, server: Address, *more: str, password: str | None = None, host: str | None = None
) -> None:
    secret = run.file("secret", password or server.password)
    run.done("mailboxes", "add", BOX, "--host", host or server.host, "--port", str(server.port), "--security", "plain",
             "--username", server.username, "--password-file", secret, *more)  # fmt: skip


def test_an_added_mailbox_has_the_defaults_of_its_security(run: Commands) -> None:
    run.add_mailbox()
    (row,) = run.done("mailboxes", "list", "--json").rows
    assert (row["name"], row["port"], row["security"], row["username"]) == (BOX, 993, "tls", BOX)
    assert (row["team"], row["state"], row["learn_sends"]) == ("default", "not polled yet", True)


def test_what_is_said_about_a_mailbox_is_kept(run: Commands) -> None:
    run.add_mailbox(BOX, "--security", "starttls", "--team", "north", "--address", "info@outreach.example",
                    "--address", "sales@outreach.example", "--opt-out-alias", "stop@outreach.example",
                    "--authserv-id", "mx.outreach.example", "--folder", "INBOX", "--folder", "Junk",
                    "--sent-folder", "Out", "--no-learn-sends")  # fmt: skip
    (row,) = run.done("mailboxes", "list", "--team", "north", "--json").rows
    assert row["port"] == 143
    assert row["addresses"] == ["info@outreach.example", "sales@outreach.example"]
    assert row["opt_out_aliases"] == ["stop@outreach.example"]
    assert row["authserv_ids"] == ["mx.outreach.example"]
    assert (row["folders"], row["sent_folder"], row["learn_sends"]) == (["INBOX", "Junk"], "Out", False)


def test_no_listing_shows_a_password(run: Commands) -> None:
    run.add_mailbox()
    for words in (["mailboxes", "list"], ["mailboxes", "list", "--json"], ["doctor"]):
        said = run(*words)
        assert "sesame" not in said.out + said.err


def test_the_password_is_read_from_standard_input_without_its_line_end(run: Commands) -> None:
    run.done("mailboxes", "add", BOX, "--host", "h", "--password-file", "-", stdin="two words \n")
    with run.database() as engine, transaction(engine) as session:
        assert VAULT.open(session.scalars(select(Mailbox.password)).one()) == "two words "


def test_without_a_terminal_the_password_must_come_from_a_file(run: Commands) -> None:
    said = run("mailboxes", "add", BOX, "--host", "h")
    assert said.code == 2
    assert "--password-file" in said.err


def test_an_empty_password_file_is_refused(run: Commands) -> None:
    said = run("mailboxes", "add", BOX, "--host", "h", "--password-file", run.file("empty", "\n"))
    assert said.code == 1
    assert "is empty" in said.err


def test_a_name_that_is_no_address_is_wrong_usage(run: Commands) -> None:
    said = run("mailboxes", "add", "mila", "--host", "h", "--password-file", run.file("p", "x"))
    assert said.code == 2
    assert "NAME is the mailbox's address" in said.err


def test_the_same_mailbox_is_not_added_twice(run: Commands) -> None:
    run.add_mailbox()
    said = run("mailboxes", "add", BOX.upper(), "--host", "h", "--password-file", run.file("p", "x"))
    assert said.code == 1
    assert f"inbox-worker mailboxes set {BOX}" in said.err


def test_a_readable_connection_is_warned_about(run: Commands) -> None:
    said = run("mailboxes", "add", BOX, "--host", "h", "--security", "plain", "--password-file", run.file("p", "x"))
    assert "warning" in said.err


def test_a_password_can_be_changed_and_the_rest_stays(run: Commands) -> None:
    run.add_mailbox(BOX, "--folder", "Answers")
    run.done("mailboxes", "set", BOX, "--password-file", run.file("new", "fresh"))
    with run.database() as engine, transaction(engine) as session:
        mailbox = session.scalars(select(Mailbox)).one()
        assert (VAULT.open(mailbox.password), mailbox.folders, mailbox.host) == ("fresh", ["Answers"], "127.0.0.1")


@pytest.mark.parametrize(("before", "after"), [((), 143), (("--port", "1993"), 1993)])
def test_the_usual_port_follows_the_security_and_a_chosen_one_stays(
    run: Commands, before: tuple[str, ...], after: int
) -> None:
    run.add_mailbox(BOX, *before)
    run.done("mailboxes", "set", BOX, "--security", "starttls")
    assert run.done("mailboxes", "list", "--json").rows[0]["port"] == after


def test_changing_nothing_is_wrong_usage(run: Commands) -> None:
    run.add_mailbox()
    assert run("mailboxes", "set", BOX).code == 2


def test_a_paused_mailbox_is_left_alone_until_it_is_resumed(run: Commands) -> None:
    run.add_mailbox()
    run.done("mailboxes", "pause", BOX)
    assert run.done("mailboxes", "list", "--json").rows[0]["state"] == "paused"
    run.done("mailboxes", "resume", BOX)
    row = run.done("mailboxes", "list", "--json").rows[0]
    assert (row["state"], row["paused_at"], row["next_poll_at"]) == ("not polled yet", None, None)


def test_a_stopped_mailbox_is_told_of_and_goes_on_when_it_is_resumed_or_changed(run: Commands) -> None:
    run.add_mailbox()
    for words in (["resume", BOX], ["set", BOX, "--password-file", run.file("new", "fresh")]):
        with run.database() as engine, transaction(engine) as session:
            session.execute(update(Mailbox).values(failures=3, last_error="refused", stopped_at=datetime.now(UTC)))
        assert run.done("mailboxes", "list", "--json").rows[0]["state"] == "stopped"
        said = run("doctor")
        assert said.code == 1
        assert f"FAILED  mailbox {BOX}: not polled since" in said.out
        assert f"inbox-worker mailboxes resume {BOX}" in said.out
        run.done("mailboxes", *words)
        row = run.done("mailboxes", "list", "--json").rows[0]
        assert (row["state"], row["stopped_at"], row["failures"], row["last_error"]) == (
            "not polled yet", None, 0, None,
        )  # fmt: skip


def test_where_every_mailbox_is_stopped_the_daemon_is_not_to_blame(run: Commands) -> None:
    run.add_mailbox()
    with run.database() as engine, transaction(engine) as session:
        session.execute(update(Mailbox).values(stopped_at=datetime.now(UTC)))
    assert "no mailbox to poll" in run.done("doctor", "--max-age", "60").out


@pytest.mark.parametrize(
    ("failures", "success", "state"),
    [(0, datetime(2026, 5, 4, tzinfo=UTC), "well"), (1, None, "trying again"), (3, None, "failing")],
)
def test_the_list_says_how_polling_fares(run: Commands, failures: int, success: datetime | None, state: str) -> None:
    run.add_mailbox()
    with run.database() as engine, transaction(engine) as session:
        session.execute(update(Mailbox).values(failures=failures, last_success_at=success, last_error="no answer"))
    assert f"\t{state}\t" in run.done("mailboxes", "list").out


def test_an_unknown_mailbox_names_those_that_exist(run: Commands) -> None:
    run.add_mailbox()
    for verb in ("check", "pause", "resume", "remove"):
        said = run("mailboxes", verb, "nobody@outreach.example")
        assert said.code == 1
        assert BOX in said.err


def test_removing_says_what_goes_and_asks(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), ANNA, run.send(ANNA))
    said = run("mailboxes", "remove", BOX, stdin="n\n")
    assert said.code == 1
    assert "the record of 1 messages" in said.out
    assert run.count(Mailbox) == 1


def test_a_removed_mailbox_takes_its_mail_along_and_leaves_what_it_caused(run: Commands) -> None:
    run.add_mailbox()
    run.receive(reply(ReplyClass.INTERESTED), ANNA, run.send(ANNA))
    run.done("mailboxes", "remove", BOX, "--yes")
    assert [run.count(table) for table in (Mailbox, InboundMessage, VerdictRow)] == [0, 0, 0]
    assert [run.count(table) for table in (SentMessage, RecipientEvent)] == [1, 1]
    assert run.done("recipients", "list", "--json").rows[0]["status"] == "Interested"


def test_a_check_goes_through_every_step(run: Commands, server: Address) -> None:
    connect_to(run, server)
    said = run.done("mailboxes", "check", BOX, "--json")
    found = {row["what"]: row for row in said.rows}
    assert list(found) == ["host name", "connection to 127.0.0.1", "encryption", "signing in", "capabilities",
                           "folders", "folder INBOX", "sent folder Sent"]  # fmt: skip
    assert all(row["ok"] for row in said.rows)
    assert "0 messages" in found["folder INBOX"]["says"]
    assert "none, which does no harm within this machine" in found["encryption"]["says"]


def test_a_check_with_a_wrong_password_says_so_and_fails(run: Commands, server: Address) -> None:
    connect_to(run, server, password="wrong")
    said = run("mailboxes", "check", BOX)
    assert said.code == 1
    assert "FAILED  signing in" in said.out
    assert "check user name" in said.out
    assert "wrong" not in said.out.replace("wrong password", "")


def test_a_check_of_a_closed_port_fails_at_the_connection(run: Commands) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        connect_to(run, Address("127.0.0.1", closed.getsockname()[1], "mila", "secret"))
        said = run("mailboxes", "check", BOX)
    assert said.code == 1
    assert "ok      host name" in said.out
    assert "FAILED  connection" in said.out


def test_a_check_of_an_unknown_host_fails_at_its_name(run: Commands, server: Address) -> None:
    connect_to(run, server, host="mail.invalid")
    said = run("mailboxes", "check", BOX)
    assert said.code == 1
    assert "FAILED  host name: mail.invalid has no address" in said.out


def test_a_check_tries_every_folder_though_one_is_missing(run: Commands, server: Address) -> None:
    connect_to(run, server, "--folder", "Nowhere", "--folder", "INBOX")
    said = run("mailboxes", "check", BOX)
    assert said.code == 1
    assert "FAILED  folder Nowhere" in said.out
    assert "ok      folder INBOX" in said.out


def test_a_strangers_brackets_and_escapes_do_nothing_to_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    show("mail", ["subject"], [["[/urgent] \x1b[2J\u202egone"]])
    out = capsys.readouterr().out
    assert "[/urgent]" in out
    assert "\x1b[2J" not in out
    assert "\u202e" not in out


def test_mailboxes_are_listed_by_team_and_a_team_that_is_not_there_is_named(run: Commands) -> None:
    run.add_mailbox(BOX, "--team", "sales")
    run.add_mailbox("noor@outreach.example")
    (row,) = run.done("mailboxes", "list", "--team", "sales", "--json").rows
    assert (row["name"], row["team"]) == (BOX, "sales")
    said = run("mailboxes", "list", "--team", "sails")
    assert (said.code, "no team 'sails'" in said.err) == (1, True)


def test_a_password_that_is_no_text_or_none_is_refused(run: Commands) -> None:
    for content, says in ((b"\xff\xfe\n", "no text in UTF-8"), (b"\n", "is empty; put the password into it")):
        (run.folder / "secret").write_bytes(content)
        said = run("mailboxes", "add", BOX, "--host", "127.0.0.1", "--password-file", "secret")
        assert (said.code, says in said.err) == (1, True)
    assert run.done("mailboxes", "list", "--json").rows == []
