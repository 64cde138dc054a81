"""A person consents in a browser here, on another machine, or once for a whole tenant."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import select

from models.session import reading, transaction
from models.tables.handling import GrantKind, OAuthGrant
from models.tables.mailboxes import Mailbox, SignIn
from tests.keys import SECRET_KEY, VAULT
from tests.worker.commanding import BOX, Commands
from tests.worker.small_world import NOW
from tests.worker.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer, token_server
from worker.cli import consent as module
from worker.oauth.tokens import Consent, Device


@pytest.fixture
def server(run: Commands, monkeypatch: pytest.MonkeyPatch) -> Iterator[TokenServer]:
    """A provider that this installation is registered with, as Google and as Microsoft."""
    del run
    with token_server() as running:
        for name in ("GOOGLE", "MICROSOFT"):
            monkeypatch.setenv(f"INBOX_{name}_ISSUER", running.issuer)
            monkeypatch.setenv(f"INBOX_{name}_CLIENT_ID", CLIENT_ID)
            monkeypatch.setenv(f"INBOX_{name}_CLIENT_SECRET", CLIENT_SECRET)
        yield running


@pytest.fixture
def browser(monkeypatch: pytest.MonkeyPatch) -> list[httpx.Response]:
    """A person who opens the address that is printed, after others have knocked; gives what the person sees."""
    seen: list[httpx.Response] = []
    ask = module.ask_consent

    def browse(consent: Consent) -> None:
        httpx.get(f"{consent.redirect}?state=other&code=stolen")
        seen.append(httpx.get(consent.redirect))
        seen.append(httpx.get(consent.url, follow_redirects=True))

    def asked(*given: Any) -> Consent:
        consent = ask(*given)
        threading.Thread(target=browse, args=[consent]).start()
        return consent

    monkeypatch.setattr(module, "ask_consent", asked)
    return seen


def the_mailbox(run: Commands) -> tuple[Mailbox, OAuthGrant | None]:
    with run.database() as engine, reading(engine) as session:
        return session.scalars(select(Mailbox)).one(), session.scalars(select(OAuthGrant)).one_or_none()


def test_a_mailbox_at_google_is_added_by_a_browser_on_this_machine(
    run: Commands, server: TokenServer, browser: list[httpx.Response]
) -> None:
    said = run.done("mailboxes", "add", BOX, "--google")
    assert f"{server.issuer}/authorize?" in said.err
    mailbox, grant = the_mailbox(run)
    assert (mailbox.host, mailbox.port, mailbox.username) == ("imap.gmail.com", 993, BOX)
    assert (mailbox.sign_in, mailbox.password) == (SignIn.GOOGLE, "")
    assert grant is not None
    assert VAULT.open(grant.refresh_token or "") in server.current.values()
    assert grant.kind is GrantKind.REFRESH
    stray, answer = browser
    assert (stray.status_code, answer.status_code) == (404, 200)
    assert "You may close this window" in answer.text
    # A person may read over one's shoulder.
    assert urlsplit(str(answer.url)).query not in answer.text
    assert run.done("mailboxes", "list", "--json").rows[0]["sign_in"] == "google"


def test_a_mailbox_at_microsoft_is_added_by_a_code_on_another_machine(
    run: Commands, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(module, "sleep", pauses.append)
    server.pending = ["authorization_pending", "slow_down", "authorization_pending"]
    said = run.done("mailboxes", "add", BOX, "--microsoft", "--flow", "device", "--host", "imap.example")
    assert f"Open {server.issuer}/here in any browser and enter the code WDJB-MJHT" in said.err
    assert pauses == [5, 5, 10, 10]
    mailbox, _ = the_mailbox(run)
    assert (mailbox.sign_in, mailbox.host) == (SignIn.MICROSOFT, "imap.example")


def test_a_mailbox_at_microsoft_is_added_for_the_whole_tenant(run: Commands, server: TokenServer) -> None:
    run.done("mailboxes", "add", BOX, "--microsoft", "--flow", "client")
    mailbox, grant = the_mailbox(run)
    assert mailbox.host == "outlook.office365.com"
    assert grant is not None
    assert (grant.kind, grant.refresh_token) == (GrantKind.CLIENT, None)
    assert server.asked[0]["grant_type"] == "client_credentials"


@pytest.mark.parametrize("code", ["access_denied", "expired_token"])
def test_who_says_no_to_a_device_adds_nothing(
    run: Commands, server: TokenServer, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    monkeypatch.setattr(module, "sleep", lambda _: None)
    server.pending = [code]
    said = run("mailboxes", "add", BOX, "--microsoft", "--flow", "device")
    assert (said.code, run.count(Mailbox)) == (1, 0)
    assert f"Microsoft gives no access token: {code}" in said.err


def test_a_code_that_nobody_enters_ends_by_itself(
    run: Commands, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "sleep", lambda _: None)
    monkeypatch.setattr(module, "ask_device", lambda *_: Device("device-1", "A", "B", 5, NOW))
    said = run("mailboxes", "add", BOX, "--microsoft", "--flow", "device")
    assert "nobody entered the code in time" in said.err
    assert not server.asked


def test_a_consent_for_an_hour_is_refused(run: Commands, server: TokenServer, browser: list[httpx.Response]) -> None:
    del browser
    server.fails = [(200, {"access_token": "x", "expires_in": 3600})]
    said = run("mailboxes", "add", BOX, "--google")
    assert "no refresh token" in said.err
    assert run.count(Mailbox) == 0


def test_without_a_key_nobody_is_asked_to_consent(
    run: Commands, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INBOX_SECRET_KEYS")
    assert "secrets new-key" in run("mailboxes", "add", BOX, "--google").err
    assert not server.described


def test_a_mailbox_says_how_it_signs_in_and_only_one_way(run: Commands) -> None:
    said = run("mailboxes", "add", BOX, "--google", "--host", "h", "--password-file", run.file("password", "x"))
    assert (said.code, "one of them" in said.err) == (2, True)
    assert "--host" in run("mailboxes", "add", BOX, "--password-file", run.file("password", "x")).err
    assert "INBOX_GOOGLE_CLIENT_ID" in run("mailboxes", "add", BOX, "--google").err


def test_signing_in_anew_lets_polling_go_on(run: Commands, server: TokenServer) -> None:
    run.done("mailboxes", "add", BOX, "--microsoft", "--flow", "client")
    with run.database() as engine, transaction(engine) as session:
        mailbox = session.scalars(select(Mailbox)).one()
        mailbox.stopped_at, mailbox.failures, mailbox.last_error = NOW, 4, "refused"
        session.scalars(select(OAuthGrant)).one().error = "invalid_grant"
    run.done("mailboxes", "sign-in", BOX, "--flow", "client")
    mailbox, grant = the_mailbox(run)
    assert (mailbox.stopped_at, mailbox.failures, mailbox.last_error) == (None, 0, None)
    assert grant is not None
    assert grant.error is None
    assert len(server.asked) == 2


def test_a_password_gives_way_to_a_token_and_the_other_way_round(run: Commands, server: TokenServer) -> None:
    del server
    run.add_mailbox()
    said = run("mailboxes", "sign-in", BOX)
    assert (said.code, "say --google or --microsoft" in said.err) == (2, True)
    run.done("mailboxes", "sign-in", BOX, "--microsoft", "--flow", "client")
    mailbox, grant = the_mailbox(run)
    assert (mailbox.sign_in, mailbox.password, grant is None) == (SignIn.MICROSOFT, "", False)
    run.done("mailboxes", "set", BOX, "--password-file", run.file("new", "fresh"))
    mailbox, grant = the_mailbox(run)
    assert (mailbox.sign_in, VAULT.open(mailbox.password), grant) == (SignIn.PASSWORD, "fresh", None)


def test_a_token_and_a_connection_that_is_not_encrypted_do_not_go_together(run: Commands, server: TokenServer) -> None:
    said = run("mailboxes", "add", BOX, "--microsoft", "--flow", "client", "--security", "plain")
    assert (said.code, "encrypted connections only" in said.err) == (1, True)
    run.add_mailbox(BOX, "--security", "plain")
    said = run("mailboxes", "sign-in", BOX, "--microsoft", "--flow", "client")
    assert f"inbox-worker mailboxes set {BOX} --security tls" in said.err
    assert not server.asked
    run.done("mailboxes", "set", BOX, "--security", "tls")
    run.done("mailboxes", "sign-in", BOX, "--microsoft", "--flow", "client")
    assert run("mailboxes", "set", BOX, "--security", "plain").code == 1
    assert the_mailbox(run)[0].security == "tls"
    run.done("mailboxes", "set", BOX, "--security", "plain", "--password-file", run.file("new", "fresh"))


def test_an_address_from_another_machine_may_be_pasted_and_no_secret_is_among_the_arguments(
    run: Commands, server: TokenServer
) -> None:
    command = subprocess.Popen(
        [sys.executable, "-m", "worker", "mailboxes", "add", BOX, "--google"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=run.folder,
    )  # fmt: skip
    assert command.stderr is not None
    url = next(line.strip() for line in command.stderr if line.startswith("http"))
    arguments = subprocess.run(
        ["ps", "-o", "args=", "-p", str(command.pid)], capture_output=True, text=True, check=True
    )
    assert "mailboxes add" in arguments.stdout
    assert [each for each in (CLIENT_SECRET, SECRET_KEY) if each in arguments.stdout] == []
    _, err = command.communicate(httpx.get(url).headers["Location"] + "\n", timeout=60)
    assert command.returncode == 0, err
    _, grant = the_mailbox(run)
    assert grant is not None
    assert VAULT.open(grant.refresh_token or "") in server.current.values()


def test_who_never_comes_back_from_the_browser_is_told_to_begin_anew(
    run: Commands, server: TokenServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PATIENCE", timedelta(seconds=1))
    said = run("mailboxes", "add", BOX, "--google")
    assert "nobody consented within" in said.err
    assert not server.asked
    assert run.count(Mailbox) == 0


def test_without_standard_input_the_browser_alone_is_waited_for(run: Commands, server: TokenServer) -> None:
    command = subprocess.Popen(
        ["sh", "-c", 'exec "$0" -m worker mailboxes add "$1" --google <&-', sys.executable, BOX],
        stderr=subprocess.PIPE, text=True, cwd=run.folder,
    )  # fmt: skip
    assert command.stderr is not None
    url = next((line.strip() for line in command.stderr if line.startswith("http")), "")
    assert "You may close this window" in httpx.get(url, follow_redirects=True).text
    _, err = command.communicate(timeout=60)
    assert command.returncode == 0, err
    assert server.asked
    assert run.count(Mailbox) == 1
