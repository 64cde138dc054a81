"""Keys are made, exchanged, and missed where they are missing."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from models.session import reading, transaction
from models.tables.handling import GrantKind, OAuthGrant
from models.tables.mailboxes import Mailbox
from models.tables.outside import WebhookEndpoint
from models.tables.people import Team
from tests.keys import SECRET_KEY, VAULT
from tests.worker.commanding import Commands
from tests.worker.small_world import NOW
from worker.secrets.vault import Vault, is_sealed, new_key

PLAIN = "plain-old-password"


def furnish(run: Commands) -> None:
    """One of everything that is secret; the second mailbox is from a version without encryption."""
    run.add_mailbox()
    run.add_mailbox("rosa@outreach.example")
    run.done("teams", "set", "default", "--calendly-key-file", run.file("calendly", "calendly-key"))
    with run.database() as engine, transaction(engine) as session:
        session.scalars(select(Mailbox).where(Mailbox.id == 2)).one().password = PLAIN
        session.add(WebhookEndpoint(team_id=1, name="crm", url="https://crm.example", secret="whsec_x", types=[],
                                    recorded_at=NOW))  # fmt: skip
        session.add(OAuthGrant(mailbox_id=1, kind=GrantKind.REFRESH, refresh_token=VAULT.seal("refresh"),
                               access_token=VAULT.seal("access"), granted_at=NOW))  # fmt: skip


def stored(run: Commands) -> list[str]:
    with run.database() as engine, reading(engine) as session:
        columns = (Mailbox.password, WebhookEndpoint.secret, Team.calendly_key, OAuthGrant.refresh_token,
                   OAuthGrant.access_token)  # fmt: skip
        return [value for column in columns for value in session.scalars(select(column)) if value is not None]


def test_a_new_key_is_printed_and_usable(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    key = run.done("secrets", "new-key").out
    monkeypatch.delenv("INBOX_SECRET_KEYS")
    monkeypatch.setenv("INBOX_SECRET_KEYS_FILE", run.file("inbox-worker.key", key))
    run.add_mailbox()
    (password,) = stored(run)
    assert Vault((key.strip(),)).open(password) == "open sesame"


def test_a_mailbox_is_not_added_without_a_key(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("INBOX_SECRET_KEYS")
    said = run("mailboxes", "add", "a@b.example", "--host", "h", "--password-file", run.file("password", "x"))
    assert said.code == 1
    assert "inbox-worker secrets new-key > inbox-worker.key" in said.err
    assert run.count(Mailbox) == 0


def test_rotating_encrypts_everything_with_the_first_key(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(run)
    new = new_key()
    monkeypatch.setenv("INBOX_SECRET_KEYS", f"{new} {SECRET_KEY}")
    assert run.done("secrets", "rotate").out == "secrets: 6 encrypted with the first key (0 were already)\n"
    opened = {Vault((new,)).open(each) for each in stored(run)}
    assert opened == {"open sesame", PLAIN, "calendly-key", "whsec_x", "refresh", "access"}
    assert all(map(is_sealed, stored(run)))


def test_rotating_says_when_the_new_key_cannot_be_the_first(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(run)
    monkeypatch.setenv("INBOX_SECRET_KEYS", f"{SECRET_KEY} {new_key()}")
    assert run.done("secrets", "rotate").out == "secrets: 6 encrypted with the first key (4 were already)\n"
    assert "(all were already: is the new key the first?)" in run.done("secrets", "rotate").out


@pytest.mark.parametrize("name", [".gitignore", ".dockerignore"])
def test_neither_git_nor_an_image_takes_a_key_along(name: str) -> None:
    ignored = set((Path(__file__).parents[2] / name).read_text().replace("**/", "").split())
    assert "*.key" in ignored
    assert ignored & {".env", ".*"}


def test_after_rotating_no_octet_of_what_was_plain_is_left_in_the_files(run: Commands) -> None:
    furnish(run)
    files = [path for path in Path(run.folder).iterdir() if path.name.startswith("inbox.sqlite")]
    assert any(PLAIN.encode() in path.read_bytes() for path in files)
    run.done("secrets", "rotate")
    files = [path for path in Path(run.folder).iterdir() if path.name.startswith("inbox.sqlite")]
    assert not any(PLAIN.encode() in path.read_bytes() for path in files)


def test_rotating_with_a_key_missing_changes_nothing(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(run)
    before = stored(run)
    monkeypatch.setenv("INBOX_SECRET_KEYS", new_key())
    said = run("secrets", "rotate")
    assert said.code == 1
    assert "INBOX_SECRET_KEYS" in said.err
    assert stored(run) == before


def test_the_doctor_finds_what_is_plain_and_what_no_key_opens(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(run)
    said = run("doctor")
    assert "FAILED  secrets: 2 of 6 are stored in plain text\n        -> run: inbox-worker secrets rotate" in said.out
    run.done("secrets", "rotate")
    assert "secrets: 6 encrypted" in run("doctor").out
    monkeypatch.setenv("INBOX_SECRET_KEYS", new_key())
    said = run("doctor")
    assert said.code == 1
    assert "FAILED  secrets: 2 passwords of mailboxes cannot be opened" in said.out
    monkeypatch.delenv("INBOX_SECRET_KEYS")
    assert "FAILED  secrets: 1 Calendly keys cannot be opened: a stored secret is encrypted" in run("doctor").out
