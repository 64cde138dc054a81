"""What is secret stands nowhere that anybody reads by chance: rows, logs, tracebacks, lists, arguments, error pages."""

from __future__ import annotations

import asyncio
import base64
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Engine, inspect, select

from config.settings import read
from console.app import create_app
from models.base import Base
from models.session import DatabaseUnavailable, open_engine, reading, transaction
from models.tables.handling import OAuthGrant
from models.tables.mailboxes import Mailbox
from models.tables.outside import WebhookEndpoint
from models.tables.people import Team
from tests.faulty_proxy import Faults, FaultyProxy
from tests.keys import SECRET_KEY, VAULT
from tests.servers import PrivateDovecot
from tests.worker.commanding import BOX, Commands
from tests.worker.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer, token_server
from worker.access import account_of, connected
from worker.demo.server import Address
from worker.desk import open_desk
from worker.errors import MailboxError
from worker.oauth.providers import provider_of
from worker.oauth.tokens import ask_consent, ask_device
from worker.secrets.vault import new_key, vault_of
from worker.webhooks.deliver import Claim

PASSWORD, CALENDLY, DATABASE = "canary-mailbox-password", "canary-calendly-key", "canary-database-password"
TOKENS = "tokens@outreach.example"


@dataclass
class Secrets:
    """An installation, and everything in it that nobody should see."""

    run: Commands
    server: TokenServer
    known: set[str] = field(default_factory=lambda: {PASSWORD, CALENDLY, DATABASE, SECRET_KEY, CLIENT_SECRET})

    def learn(self) -> None:
        """Take note of the secrets that were made meanwhile."""
        self.known.update(self.server.families)
        with self.run.database() as engine, reading(engine) as session:
            for column in (OAuthGrant.access_token, OAuthGrant.refresh_token, WebhookEndpoint.secret):
                self.known.update(VAULT.open(each) for each in session.scalars(select(column)) if each)

    def found(self, said: str | bytes) -> set[str]:
        """Return what of it stands there, also as base64 inside of something longer."""
        text = said if isinstance(said, bytes) else said.encode()
        forms = {each: [each.encode(), *_encoded(each)] for each in self.known}
        return {each for each, written in forms.items() if any(form in text for form in written)}


def _encoded(secret: str) -> Iterator[bytes]:
    for before in range(3):
        whole = base64.b64encode(b"\0" * before + secret.encode())
        # The ends share their characters with what stands beside them.
        yield whole[4:-4]


@pytest.fixture
def secrets(run: Commands, monkeypatch: pytest.MonkeyPatch) -> Iterator[Secrets]:
    with token_server() as server:
        for name in ("GOOGLE", "MICROSOFT"):
            monkeypatch.setenv(f"INBOX_{name}_ISSUER", server.issuer)
            monkeypatch.setenv(f"INBOX_{name}_CLIENT_ID", CLIENT_ID)
            monkeypatch.setenv(f"INBOX_{name}_CLIENT_SECRET", CLIENT_SECRET)
        password = run.file("password", PASSWORD)
        run.done("mailboxes", "add", BOX, "--host", "127.0.0.1", "--password-file", password)
        run.done("mailboxes", "add", TOKENS, "--microsoft", "--flow", "client", "--host", "127.0.0.1")
        run.done("webhooks", "add", "crm", "https://127.0.0.1/hook", "--allow-private")
        run.done("teams", "set", "default", "--calendly-key-file", run.file("calendly", CALENDLY))
        found = Secrets(run, server)
        found.learn()
        yield found


def mailboxes(secrets: Secrets, **columns: Any) -> None:
    """Change both mailboxes."""
    with secrets.run.database() as engine, transaction(engine) as session:
        for mailbox in session.scalars(select(Mailbox)):
            for name, value in columns.items():
                setattr(mailbox, name, value)


def test_the_search_finds_what_is_there(secrets: Secrets) -> None:
    assert len(secrets.known) == 7
    assert secrets.found(f"LOGIN mila {PASSWORD}") == {PASSWORD}
    assert secrets.found(base64.b64encode(f"\0mila\0{PASSWORD}".encode())) == {PASSWORD}


def test_no_octet_of_a_secret_stands_in_the_files_of_the_database(secrets: Secrets) -> None:
    settings = read()
    with secrets.run.database() as engine, reading(engine) as session:
        mailbox = session.scalars(select(Mailbox).where(Mailbox.name == TOKENS)).one()
    with secrets.run.database() as engine:
        account_of(engine, mailbox, settings, datetime.now(UTC) + timedelta(hours=2))
        secrets.learn()
        files = [path for path in Path(secrets.run.folder).iterdir() if path.name.startswith("inbox.sqlite")]
        assert len(files) > 1
        assert not secrets.found(b"".join(path.read_bytes() for path in files))


def test_no_object_shows_a_secret(secrets: Secrets) -> None:
    settings, now = read(), datetime.now(UTC)
    shown: list[object] = [settings, vault_of(settings), Address("h", 1, "demo", PASSWORD)]
    with secrets.run.database() as engine:
        with reading(engine) as session:
            rows = [*session.scalars(select(Mailbox)), *session.scalars(select(OAuthGrant))]
            rows += [*session.scalars(select(Team)), *session.scalars(select(WebhookEndpoint))]
            shown += [*rows, *(inspect(row) for row in rows), [open_desk(session, rows[0], settings, None)]]
        for mailbox in rows[:2]:
            shown.append(account_of(engine, mailbox, settings, now))
        for sign_in in ("google", "microsoft"):
            provider = provider_of(Mailbox.sign_in.type.python_type(sign_in), settings)
            shown += [provider, ask_consent(provider, "http://127.0.0.1:1", BOX)]
        shown.append(ask_device(provider, now))
    endpoint = next(row for row in rows if isinstance(row, WebhookEndpoint))
    shown.append(Claim(1, 1, 1, now, "msg_1", b"{}", endpoint.secret))
    assert not secrets.found(" ".join(f"{each!r} {each}" for each in shown))
    assert all(isinstance(row, Base) for row in rows)


def test_no_list_shows_a_secret(secrets: Secrets) -> None:
    run = secrets.run
    with run.database() as engine, transaction(engine) as session:
        session.scalars(select(OAuthGrant)).one().error = "invalid_grant"
    said = [
        run(*words)
        for words in (
            ("mailboxes", "list", "--json"), ("mailboxes", "list"), ("teams", "list", "--json"),
            ("webhooks", "list", "--json"), ("webhooks", "deliveries", "crm", "--json"), ("alarms", "list", "--json"),
            ("events", "tail", "--json"), ("tokens", "list", "--json"), ("doctor", "--json"), ("doctor",),
            ("mailboxes", "check", BOX, "--json"), ("mailboxes", "check", TOKENS, "--json"), ("secrets", "rotate"),
            ("mailboxes", "set", BOX, "--folder", "Answers"),
        )
    ]  # fmt: skip
    assert any(BOX in each.out for each in said)
    assert not secrets.found("".join(each.out + each.err for each in said))


def test_the_password_of_the_database_is_not_told_when_it_is_away(
    secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INBOX_DATABASE_URL", f"postgresql://inbox:{DATABASE}@127.0.0.1:1/inbox")
    said = [secrets.run(*words) for words in (("doctor", "--json"), ("mailboxes", "list"), ("run",))]
    assert "INBOX_DATABASE_URL" in said[1].err
    assert not secrets.found("".join(each.out + each.err for each in said))
    with pytest.raises(DatabaseUnavailable) as caught:
        open_engine(f"postgresql://inbox:{DATABASE}@127.0.0.1:1/inbox")
    assert not secrets.found("".join(traceback.format_exception(caught.value)))


def test_no_error_page_shows_a_secret(secrets: Secrets, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = []
    with secrets.run.database() as engine:
        answers.append(_ask(engine))
        monkeypatch.setenv("INBOX_SECRET_KEYS", new_key())
        answers.append(_ask(engine))
        monkeypatch.setattr("console.calendly.signing_team", lambda *_: 1 / 0)
        answers.append(_ask(engine))
    assert [each.status_code for each in answers] == [401, 503, 500]
    assert not secrets.found("".join(f"{each.headers}{each.text}" for each in answers))


def _ask(engine: Engine) -> httpx.Response:
    async def ask() -> httpx.Response:
        app = create_app(engine, read(), lambda: datetime.now(UTC))
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://console") as client:
            return await client.post(
                "/webhooks/calendly/default", content=b"{}", headers={"Calendly-Webhook-Signature": "t=1,v1=a"}
            )

    return asyncio.run(ask())


@pytest.mark.server
def test_no_log_line_and_no_traceback_shows_a_secret_whether_polls_work_or_fail(
    secrets: Secrets, dovecot: PrivateDovecot, imap_user: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = secrets.run
    monkeypatch.setenv("INBOX_LOG_LEVEL", "DEBUG")
    secrets.server.key, secrets.server.user = dovecot.token_key, imap_user
    # As it stands in LOGIN; alone it is a common word.
    secrets.known.add(f'"{dovecot.password(imap_user)}"')
    mailboxes(secrets, host="localhost", port=dovecot.tls_port, username=imap_user, ca_file=dovecot.ca_file)
    said = {"refused": told(secrets)}
    run.done("mailboxes", "set", BOX, "--password-file", run.file("right", dovecot.password(imap_user)))
    run.done("mailboxes", "sign-in", TOKENS, "--flow", "client")
    said["well"] = told(secrets)
    with FaultyProxy(dovecot.port, Faults(cut_after=150)) as proxy:
        mailboxes(secrets, port=proxy.port, security="plain")
        said["cut"] = told(secrets)
    with run.database() as engine, transaction(engine) as session:
        session.scalars(select(OAuthGrant)).one().expires_at = datetime.now(UTC)
    secrets.server.fails = [(400, {"error": "invalid_grant"})] * 9
    said["no token"] = told(secrets)
    for step, words in {
        "refused": ("LOGIN **REDACTED**", "AUTHENTICATE **REDACTED**", "/token", "AUTHENTICATIONFAILED", "Traceback"),
        "well": ("LOGIN **REDACTED**", "AUTHENTICATE **REDACTED**"),
        "cut": ("the connection broke", "Traceback"),
        "no token": ("invalid_grant", "Traceback"),
    }.items():
        assert [each for each in words if each not in said[step]] == [], step
    assert not secrets.found("".join(said.values()))


def told(secrets: Secrets) -> str:
    """Use both mailboxes in every way; return all output, the log at DEBUG and the tracebacks of what failed."""
    said = []
    for name in (BOX, TOKENS):
        answers = [secrets.run(*words, name) for words in (("poll",), ("mailboxes", "check"), ("sends", "learn"))]
        said += [each.out + each.err for each in answers]
    with secrets.run.database() as engine:
        with reading(engine) as session:
            rows = list(session.scalars(select(Mailbox)))
        for row in rows:
            try:
                with connected(engine, row, read(), datetime.now(UTC)):
                    pass
            except MailboxError as error:
                said += traceback.format_exception(error)
    secrets.learn()
    return "".join(said)
