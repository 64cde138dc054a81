"""Access tokens are renewed shortly before they expire, once, and a provider's refusal is kept and told."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import Engine, event, update

from config.settings import Settings
from models.session import open_engine, reading, transaction
from models.tables.handling import GrantKind, OAuthGrant
from models.tables.mailboxes import Mailbox, SignIn
from models.tables.outside import AlarmKind
from tests.keys import SECRET_KEY, VAULT
from tests.servers import PrivateDovecot
from tests.worker.small_world import furnish
from tests.worker.token_server import CLIENT_ID, CLIENT_SECRET, TokenServer, token_server
from worker.access import account_of, connected, renew, signed_in
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.bearer import LONGEST_SAID, _Exchange
from worker.mailbox import connect
from worker.oauth import grants
from worker.oauth.grants import keep
from worker.oauth.tokens import Tokens
from worker.secrets.stored_secrets import encrypt_anew
from worker.secrets.vault import Vault, is_sealed
from worker.watch.sign import Limits
from worker.watch.signs import signs

NOW = datetime(2026, 5, 4, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class World:
    """One mailbox that signs in with Google, whose access token has expired."""

    engine: Engine
    server: TokenServer
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def settings(self) -> Settings:
        ours = {
            "google_issuer": self.server.issuer, "google_client_id": CLIENT_ID, "google_client_secret": CLIENT_SECRET,
            "microsoft_issuer": self.server.issuer, "microsoft_client_id": CLIENT_ID,
            "microsoft_client_secret": CLIENT_SECRET, "secret_keys": SECRET_KEY,
        }  # fmt: skip
        return Settings(_env_file=None, **ours | self.more)

    @property
    def mailbox(self) -> Mailbox:
        with reading(self.engine) as session:
            return session.get_one(Mailbox, 1)

    @property
    def grant(self) -> OAuthGrant:
        with reading(self.engine) as session:
            return session.get_one(OAuthGrant, 1)

    def consent(self, expires_at: datetime = NOW, kind: GrantKind = GrantKind.REFRESH) -> None:
        refresh = self.server.consent() if kind is GrantKind.REFRESH else None
        with transaction(self.engine) as session:
            keep(session, 1, kind, Tokens(self.server.access_token(), refresh, expires_at), VAULT, NOW - HOUR)

    def change(self, **columns: Any) -> None:
        with transaction(self.engine) as session:
            session.execute(update(Mailbox).where(Mailbox.id == 1).values(**columns))

    def account(self, now: datetime = NOW) -> Account:
        return account_of(self.engine, self.mailbox, self.settings, now)

    def refused(self, now: datetime = NOW) -> MailboxError:
        with pytest.raises(MailboxError) as caught:
            self.account(now)
        return caught.value

    def tokens(self) -> tuple[str, str]:
        grant = self.grant
        return VAULT.open(grant.access_token or ""), VAULT.open(grant.refresh_token or "")


@pytest.fixture
def server() -> Iterator[TokenServer]:
    with token_server() as running:
        yield running


@pytest.fixture
def world(sqlite_template: Path, tmp_path: Path, server: TokenServer) -> Iterator[World]:
    copyfile(sqlite_template, tmp_path / "test.sqlite")
    engine = open_engine(f"sqlite:///{tmp_path}/test.sqlite")
    yield furnished(engine, server)
    engine.dispose()


@pytest.fixture
def either(engine: Engine, server: TokenServer) -> World:
    """The same on a database of each kind, where locks matter."""
    return furnished(engine, server)


def furnished(engine: Engine, server: TokenServer) -> World:
    furnish(engine)
    world = World(engine, server)
    world.change(sign_in=SignIn.GOOGLE, password="")
    world.consent()
    return world


def test_a_password_is_opened_and_no_provider_asked(world: World) -> None:
    world.change(sign_in=SignIn.PASSWORD, password=VAULT.seal("open sesame"))
    account = world.account()
    assert (account.password, account.token) == ("open sesame", None)
    world.change(password="plain from before")
    assert world.account().password == "plain from before"
    assert not world.server.asked


def test_a_token_is_renewed_shortly_before_it_expires_and_not_at_every_poll(world: World) -> None:
    first = world.account().token
    assert (first, world.server.asked[0]["grant_type"]) == (world.tokens()[0], "refresh_token")
    for minutes in (1, 30, 54):
        assert world.account(NOW + timedelta(minutes=minutes)).token == first
    assert len(world.server.asked) == 1
    assert world.account(NOW + timedelta(minutes=56)).token != first
    assert len(world.server.asked) == 2


def test_a_token_that_lives_shortly_is_renewed_after_half_of_its_life(world: World) -> None:
    world.server.lifetime = 240
    first = world.account().token
    assert world.account(NOW + timedelta(seconds=119)).token == first
    assert len(world.server.asked) == 1
    assert world.account(NOW + timedelta(seconds=121)).token != first
    assert len(world.server.asked) == 2


def test_a_rotated_refresh_token_is_stored_encrypted(world: World) -> None:
    _, before = world.tokens()
    account = world.account()
    assert world.tokens() == (account.token, world.server.asked[0]["refresh_token"].replace(before, world.tokens()[1]))
    assert world.tokens()[1] != before
    assert is_sealed(world.grant.access_token or "")
    assert is_sealed(world.grant.refresh_token or "")
    world.account(NOW + HOUR)
    assert world.grant.error is None


def test_a_refresh_token_that_is_not_rotated_stays(world: World) -> None:
    world.server.rotates = False
    _, before = world.tokens()
    world.account()
    assert world.tokens()[1] == before


def test_an_application_renews_its_token_without_any_consent(world: World) -> None:
    world.change(sign_in=SignIn.MICROSOFT)
    world.consent(kind=GrantKind.CLIENT)
    world.account()
    assert world.server.asked[0]["grant_type"] == "client_credentials"
    assert world.grant.kind is GrantKind.CLIENT
    assert world.grant.refresh_token is None


def test_a_refusal_is_kept_and_told_in_the_words_of_the_provider_until_a_token_is_given(either: World) -> None:
    either.server.revoke()
    error = either.refused()
    assert (error.permanent, error.trouble) == (True, Trouble.SIGN_IN)
    assert "invalid_grant: Token has been expired or revoked." in str(error)
    assert "inbox-worker mailboxes sign-in mila@outreach.example" in str(error)
    assert either.grant.error == "invalid_grant: Token has been expired or revoked."
    with reading(either.engine) as session:
        (sign,) = [each for each in signs(session, Limits(), NOW) if each.kind is AlarmKind.TOKEN]
    assert sign.subject == "mailbox mila@outreach.example"
    assert "Token has been expired or revoked." in sign.says
    assert "mailboxes sign-in mila@outreach.example" in sign.says
    either.consent()
    either.account()
    with reading(either.engine) as session:
        assert not [each for each in signs(session, Limits(), NOW) if each.kind is AlarmKind.TOKEN]


def test_a_token_that_still_holds_is_not_used_once_the_consent_was_taken_back(world: World) -> None:
    world.consent(NOW + timedelta(minutes=3))
    world.server.revoke()
    assert world.refused().permanent


@pytest.mark.parametrize("fails", [(503, "busy"), (400, {"error": "temporarily_unavailable"}), (429, "slow down")])
def test_a_provider_in_trouble_is_waited_for_while_the_token_holds_and_after(
    world: World, fails: tuple[int, Any]
) -> None:
    world.consent(NOW + timedelta(minutes=3))
    held, _ = world.tokens()
    world.server.fails = [fails, fails]
    assert world.account().token == held
    error = world.refused(NOW + timedelta(minutes=3))
    assert (error.permanent, error.trouble) == (False, Trouble.UNAVAILABLE)
    assert "Google gives no access token" in str(error)
    assert world.grant.error is None
    assert world.account(NOW + timedelta(minutes=4)).token != held


def test_a_client_secret_that_ran_out_is_an_alarm_and_stops_no_mailbox(world: World) -> None:
    world.more = {"google_client_secret": "another"}
    world.consent(NOW + timedelta(minutes=3))
    assert world.account().token == world.tokens()[0]
    error = world.refused(NOW + HOUR)
    assert not error.permanent
    assert "the client secret has expired; check INBOX_GOOGLE_CLIENT_ID, _CLIENT_SECRET" in str(error)
    assert world.grant.error == "invalid_client: the client secret has expired"
    world.more = {}
    world.account(NOW + HOUR)
    assert world.grant.error is None


def test_a_mailbox_without_consent_or_without_a_setting_says_what_to_do(world: World) -> None:
    for name, step in (("google_client_id", "INBOX_GOOGLE_CLIENT_ID"), ("secret_keys", "set INBOX_SECRET_KEYS")):
        world.more = {name: None}
        error = world.refused()
        assert not error.permanent
        assert str(error).startswith("mila@outreach.example: ")
        assert step in str(error)
    world.more = {}
    with transaction(world.engine) as session:
        session.delete(session.get_one(OAuthGrant, 1))
    assert "nobody has consented yet; sign in again: inbox-worker mailboxes sign-in" in str(world.refused())


def test_no_transaction_is_open_while_the_provider_is_asked(world: World) -> None:
    opened: list[int] = []

    def begun(_: object) -> None:
        opened.append(1)

    def ended(_: object) -> None:
        opened.pop()

    event.listen(world.engine, "begin", begun)
    event.listen(world.engine, "commit", ended)
    event.listen(world.engine, "rollback", ended)
    during: list[int] = []
    answer = world.server.token
    world.server.token = lambda asked: (during.append(len(opened)), answer(asked))[1]  # type: ignore[method-assign]
    world.account()
    assert during == [0]


def test_two_who_renew_at_the_same_time_end_with_the_same_tokens(either: World) -> None:
    either.server.rotates = False
    either.server.waits = threading.Barrier(2)
    mailbox, settings = either.mailbox, either.settings
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(account_of, either.engine, mailbox, settings, NOW) for _ in range(2)]
        tokens = {each.result().token for each in both}
    assert tokens == {either.tokens()[0]}
    assert len(either.server.asked) == 2


def test_who_comes_second_with_a_used_refresh_token_takes_what_the_first_got(
    either: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    first: list[Account] = []
    ask = grants.refresh

    def late(*given: Any) -> Tokens:
        monkeypatch.setattr(grants, "refresh", ask)
        first.append(either.account())
        # The provider has its own opinion of a refresh token that comes twice.
        either.server.fails = [(400, {"error": "invalid_grant"})]
        return ask(*given)

    monkeypatch.setattr(grants, "refresh", late)
    assert either.account().token == first[0].token == either.tokens()[0]
    assert either.grant.error is None


def test_a_key_that_is_exchanged_meanwhile_loses_no_refresh_token(
    either: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = grants.refresh

    def slow(*given: Any) -> Tokens:
        with transaction(either.engine) as session:
            encrypt_anew(session, Vault((SECRET_KEY,)))
        return ask(*given)

    monkeypatch.setattr(grants, "refresh", slow)
    either.account()
    assert either.tokens()[1] in either.server.current.values()


def test_a_token_that_the_server_refuses_is_renewed_once(world: World) -> None:
    world.consent(NOW + HOUR)
    held, _ = world.tokens()
    shown: list[str | None] = []

    def open_(account: Account) -> str:
        shown.append(account.token)
        if account.token == held:
            raise MailboxError("refused", permanent=True, trouble=Trouble.SIGN_IN)
        return "open"

    assert signed_in(world.engine, world.mailbox, world.settings, NOW, open_) == "open"
    assert shown == [held, world.tokens()[0]]

    def never(account: Account) -> str:
        shown.append(account.token)
        raise MailboxError("refused", permanent=True, trouble=Trouble.SIGN_IN)

    with pytest.raises(MailboxError, match="refused"):
        signed_in(world.engine, world.mailbox, world.settings, NOW, never)
    assert len(shown) == 4


def test_another_trouble_of_the_server_costs_no_token(world: World) -> None:
    world.consent(NOW + HOUR)

    def open_(_: Account) -> None:
        raise MailboxError("busy", permanent=False, trouble=Trouble.UNAVAILABLE)

    with pytest.raises(MailboxError, match="busy"):
        signed_in(world.engine, world.mailbox, world.settings, NOW, open_)
    assert not world.server.asked


def test_a_token_that_somebody_renewed_since_is_taken_as_it_is(world: World) -> None:
    old = world.account()
    new = world.account(NOW + HOUR)
    assert renew(world.engine, world.mailbox, world.settings, old, NOW + HOUR).token == new.token
    assert len(world.server.asked) == 2


def test_a_complaint_of_the_server_may_be_anything() -> None:
    deep = b"[" * 100_000
    exchange = _Exchange("XOAUTH2", "mila", "token")
    exchange(b"")
    exchange(deep)
    assert exchange.said == deep.decode()[:LONGEST_SAID]


@pytest.fixture
def real(world: World, dovecot: PrivateDovecot, imap_user: str) -> World:
    """The same mailbox on a real server that believes the provider's tokens."""
    world.server.key, world.server.user = dovecot.token_key, imap_user
    world.change(host="localhost", port=dovecot.tls_port, username=imap_user, ca_file=dovecot.ca_file)
    return world


@pytest.mark.server
def test_a_real_server_lets_the_token_in_by_either_mechanism(real: World, monkeypatch: pytest.MonkeyPatch) -> None:
    account = real.account()
    for mechanism in ("OAUTHBEARER", "XOAUTH2"):
        monkeypatch.setattr("worker.imap.bearer.MECHANISMS", (mechanism,))
        with connect(account, "mila") as imap:
            assert imap.select("INBOX").exists == 0


@pytest.mark.server
@pytest.mark.parametrize("mechanism", ["OAUTHBEARER", "XOAUTH2"])
def test_a_token_that_a_real_server_refuses_is_renewed_and_its_words_are_told(
    real: World, monkeypatch: pytest.MonkeyPatch, mechanism: str
) -> None:
    monkeypatch.setattr("worker.imap.bearer.MECHANISMS", (mechanism,))
    expired = real.server.access_token(-5)
    with transaction(real.engine) as session:
        keep(session, 1, GrantKind.REFRESH, Tokens(expired, real.server.consent(), NOW + HOUR), VAULT, NOW)
    with connected(real.engine, real.mailbox, real.settings, NOW) as imap:
        assert imap.select("INBOX").exists == 0
    real.server.key = b"another key"
    with (
        pytest.raises(MailboxError, match=r"\(status: (401|invalid_token)") as caught,
        connected(real.engine, real.mailbox, real.settings, NOW + HOUR),
    ):
        pass
    assert (caught.value.permanent, caught.value.trouble) == (True, Trouble.SIGN_IN)
    assert "inbox-worker mailboxes sign-in mila@outreach.example" in str(caught.value)
    assert len(real.server.asked) == 3


def test_a_consent_without_a_refresh_token_has_to_be_given_anew(world: World) -> None:
    with transaction(world.engine) as session:
        session.execute(update(OAuthGrant).values(refresh_token=None))
    error = world.refused()
    assert (error.trouble, error.permanent) == (Trouble.SIGN_IN, True)
    assert "gave no refresh token; sign in again: inbox-worker mailboxes sign-in" in str(error)
    assert world.server.asked == []


def test_a_consent_that_is_removed_while_the_provider_is_asked_stays_removed(
    either: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = grants.refresh

    def removed(*given: Any) -> Tokens:
        with transaction(either.engine) as session:
            session.delete(session.get_one(OAuthGrant, 1))
        return ask(*given)

    monkeypatch.setattr(grants, "refresh", removed)
    error = either.refused()
    assert (error.trouble, error.permanent) == (Trouble.SIGN_IN, True)
    assert "the consent was removed; sign in again" in str(error)
    with reading(either.engine) as session:
        assert session.get(OAuthGrant, 1) is None
