"""Nobody on the way talks us out of encryption: what should be encrypted is, or no password is sent."""

from __future__ import annotations

import base64
import traceback

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from tests.scripted import ScriptedServer
from worker.errors import MailboxError
from worker.imap import bearer
from worker.imap.account import Account
from worker.imap.bearer import MECHANISMS, first
from worker.imap.failures import telling
from worker.mailbox import connect

PASSWORD = "canary-password"
NO_STARTTLS = "S: * OK ready\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nS: $ OK done\n"
REFUSED = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 STARTTLS\nS: $ OK done\nC: STARTTLS\nS: $ BAD not today\n"
SIGNED_IN = "S: * PREAUTH welcome\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 STARTTLS\nS: $ OK done\n"
TOLD_AT_ONCE = "S: * OK [CAPABILITY IMAP4rev1 {}] ready\n"
NO_TLS = REFUSED.replace("BAD not today", "OK go on") + "S: * no TLS\nS: !hang up\n"


def refused(script: str, security: str, **more: str) -> tuple[MailboxError, list[str]]:
    with ScriptedServer(script) as server:
        account = Account("127.0.0.1", server.port, "mila", PASSWORD, security=security, timeout=2, **more)  # type: ignore[arg-type]
        with pytest.raises(MailboxError) as caught, connect(account, "mila"):
            pass
        return caught.value, server.heard


@pytest.mark.parametrize(
    "script",
    [
        *(NO_STARTTLS, REFUSED, SIGNED_IN, NO_TLS),
        TOLD_AT_ONCE.format("AUTH=PLAIN"),
        TOLD_AT_ONCE.format("STARTTLS") + REFUSED,
        TOLD_AT_ONCE.format("STARTTLS").replace("OK", "PREAUTH") + REFUSED,
    ],
)
def test_without_starttls_no_password_is_sent(script: str) -> None:
    error, heard = refused(script, "starttls")
    assert not [each for each in heard if each.upper().startswith(("LOGIN", "AUTHENTICATE")) or PASSWORD in each]
    assert "mila: signing in at 127.0.0.1" in str(error)


@pytest.mark.parametrize("greeting", ["* OK ready", "* PREAUTH ready", "* OK [CAPABILITY IMAP4rev1 STARTTLS] ready"])
def test_no_password_goes_out_where_encryption_is_refused(greeting: str) -> None:
    capabilities = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nS: $ OK done\n"
    _, heard = refused(f"S: {greeting}\n{capabilities}C: .*\nS: $ NO refused\n", "starttls")
    assert heard
    assert not any(PASSWORD in line or "LOGIN" in line or "AUTHENTICATE" in line for line in heard)


def test_a_server_that_lacks_starttls_is_a_matter_for_a_person() -> None:
    error, _ = refused(NO_STARTTLS, "starttls")
    assert error.permanent
    assert "check port and security (now 'starttls')" in str(error)


def test_a_port_without_tls_gets_no_password() -> None:
    error, heard = refused("S: * OK ready\nS: !hang up\n", "tls")
    assert "check port, security (now 'tls')" in str(error)
    assert (error.permanent, heard) == (True, [])


def test_a_server_that_wants_no_password_unencrypted_gets_none() -> None:
    script = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\nS: $ OK done\n"
    error, heard = refused(script, "plain")
    assert heard == ["CAPABILITY"]
    assert error.permanent
    assert "--security tls" in str(error)


@pytest.mark.parametrize(
    "answer", [f"$ NO {PASSWORD}?", f'* BYE what is LOGIN mila "{PASSWORD}"', f'LOGIN mila "{PASSWORD}"']
)
def test_a_server_that_repeats_a_secret_is_not_quoted(answer: str) -> None:
    error, _ = refused(f"C: LOGIN .*\nS: {answer}\n", "plain")
    assert "***" in str(error)
    assert PASSWORD not in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("secret", ["hunter2", 'hun"ter2', "hun\\ter2", "hun'\"ter2", "hun'ter2", "h\u00fcnter2"])
@pytest.mark.parametrize("form", ["it", "quoted", "PLAIN", *MECHANISMS])
def test_no_form_of_a_secret_is_told(secret: str, form: str) -> None:
    account = Account("h", 1, "mila", "", token=secret) if form in MECHANISMS else Account("h", 1, "mila", secret)
    written = {"it": secret, "quoted": '"' + secret.replace("\\", "\\\\").replace('"', '\\"') + '"'}.get(form)
    if written is None:
        exchange = f"\0mila\0{secret}" if form == "PLAIN" else first(form, "mila", secret)
        written = base64.b64encode(exchange.encode()).decode()
    for words in (f"what is {written}?", str(f"what is {written}?".encode())):
        with pytest.raises(MailboxError) as caught, telling(account, "m", "working"):
            raise LoginError(words)
        assert "failed: what is ***?; " in str(caught.value).replace('"', "")
        assert "ter2" not in "".join(traceback.format_exception(caught.value)).replace(__file__, "")


def test_alerts_do_not_repeat_a_secret(caplog: pytest.LogCaptureFixture) -> None:
    refused(f"C: LOGIN .*\nS: * NO [ALERT] odd: {PASSWORD}\nS: $ NO no\n", "plain")
    assert "odd: ***" in caplog.text
    assert PASSWORD not in caplog.text


@pytest.mark.parametrize("long", [False, True])
def test_of_a_token_in_a_complaint_not_even_the_beginning_is_told(long: bool) -> None:
    token = "canary-" * (90 if long else 1)
    exchange = bearer._Exchange("XOAUTH2", "mila", token)  # noqa: SLF001 - what imapclient calls
    exchange(b"")
    exchange(f'{{"status": "401", "what": "{token}"}}'.encode())
    assert exchange.said == "status: 401, what: ***"


def test_a_server_that_takes_no_tokens_is_shown_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "worker.imap.connection._connected", lambda account, *_: IMAPClient(account.host, account.port, ssl=False)
    )
    error, heard = refused(NO_STARTTLS, "plain", token="canary-token")
    assert heard == ["CAPABILITY"]
    assert "neither AUTH=OAUTHBEARER nor AUTH=XOAUTH2" in str(error)


def test_a_token_is_shown_over_encrypted_connections_only() -> None:
    script = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=XOAUTH2\nS: $ OK done\n"
    error, heard = refused(script, "plain", token="canary-token")
    assert (heard, error.permanent) == ([], True)
    assert "--security tls" in str(error)
