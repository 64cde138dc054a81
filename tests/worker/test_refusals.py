"""What servers' refusals mean: the words of many providers, as they come over the line."""

from __future__ import annotations

import logging
import socket
import ssl
from dataclasses import replace

import pytest
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError, LoginError

from tests.scripted import ScriptedServer
from worker.errors import MailboxError, Trouble
from worker.imap import bearer
from worker.imap.account import Account
from worker.imap.client import Client
from worker.imap.failures import is_passing, telling
from worker.mailbox import connect

ACCOUNT = Account("imap.example", 993, "mila", "secret")
PASSES, STAYS = False, True

AT_SIGN_IN = [
    ("[AUTHENTICATIONFAILED] Invalid credentials (Failure)", Trouble.SIGN_IN, STAYS, "check user name 'mila'"),
    ("[ALERT] Invalid credentials (Failure)", Trouble.SIGN_IN, STAYS, "mailboxes set m --password-file FILE"),
    ("[AUTHENTICATIONFAILED] (#AUTH012) Incorrect username or password", Trouble.SIGN_IN, STAYS, "app password"),
    ("LOGIN failed.", Trouble.SIGN_IN, STAYS, "check user name"),
    ("AUTHENTICATE failed.", Trouble.SIGN_IN, STAYS, "check user name"),
    ("Login failed: no such user", Trouble.SIGN_IN, STAYS, "check user name"),
    ("[ALERT] Application-specific password required: https://p.example/1 (Failure)", Trouble.SIGN_IN, STAYS,
     "make an app password"),
    ("[ALERT] Your account is not enabled for IMAP use. Please visit your settings page (Failure)", Trouble.SIGN_IN,
     STAYS, "switch it on in the mailbox's settings"),
    ("[ALERT] IMAP access is disabled for your domain. (Failure)", Trouble.SIGN_IN, STAYS, "IMAP is switched off"),
    ("[ALERT] You are yet to enable IMAP for your account. (Failure)", Trouble.SIGN_IN, STAYS, "IMAP is switched off"),
    ("[WEBALERT https://p.example/c] Web login required.", Trouble.SIGN_IN, STAYS, "in a web browser"),
    ("[ALERT] Please log in via your web browser: https://p.example (Failure)", Trouble.SIGN_IN, STAYS, "web browser"),
    ("LOGIN failed. LogonDenied-BasicAuthBlocked", Trouble.SIGN_IN, STAYS,
     "mailboxes sign-in m --microsoft"),
    ("[EXPIRED] That password is old", Trouble.SIGN_IN, STAYS, "the password has expired"),
    ("[CONTACTADMIN] Call us", Trouble.SIGN_IN, STAYS, "support"),
    ("Your account has been suspended", Trouble.SIGN_IN, STAYS, "support"),
    ("[AUTHORIZATIONFAILED] No such authorization", Trouble.SIGN_IN, STAYS, "may not open this mailbox"),
    ("[NOPERM] not you", Trouble.SIGN_IN, STAYS, "check user name"),
    ("[PRIVACYREQUIRED] Plaintext authentication disallowed on non-secure connections.", Trouble.TLS, STAYS,
     "mailboxes set m --security tls"),
    ("[ALERT] Too many simultaneous connections. (Failure)", Trouble.CROWDED, PASSES, "end some of them"),
    ("[UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
     Trouble.CROWDED, PASSES, "INBOX_HOST_CONNECTIONS"),
    ("Maximum connection limit reached", Trouble.CROWDED, PASSES, "end some of them"),
    ("[ALERT] Account exceeded command or bandwidth limits. (Failure)", Trouble.THROTTLED, PASSES, "left alone"),
    ("[OVERQUOTA] Account exceeded command or bandwidth limits.", Trouble.THROTTLED, PASSES, "left alone"),
    ("Request is throttled. Suggested Backoff Time: 272988 milliseconds", Trouble.THROTTLED, PASSES, "left alone"),
    ("[LIMIT] LOGIN Rate limit hit.", Trouble.THROTTLED, PASSES, "left alone"),
    ("[AUTHENTICATIONFAILED] Too many failed login attempts", Trouble.THROTTLED, PASSES, "left alone"),
    ("[UNAVAILABLE] Temporary authentication failure. [mx1:2026-05-04 09:00:00]", Trouble.UNAVAILABLE, PASSES,
     "patience"),
    ("Server Unavailable. 15", Trouble.UNAVAILABLE, PASSES, "patience"),
    ("Temporary problem, please try again later", Trouble.UNAVAILABLE, PASSES, "patience"),
    ("[INUSE] LOGIN failed", Trouble.UNAVAILABLE, PASSES, "patience"),
    ("[SERVERBUG] Internal error occurred.", Trouble.UNAVAILABLE, PASSES, "patience"),
]  # fmt: skip
LATER = [
    ("User is authenticated but not connected.", Trouble.UNAVAILABLE, PASSES, "its administrator should see"),
    ("Session invalidated - AccessTokenExpired", Trouble.NETWORK, PASSES, "a new one"),
    ("[OVERQUOTA] Quota exceeded (mailbox for user is full)", Trouble.QUOTA, PASSES, "mailboxes check m"),
    ("[LIMIT] Too large a set", Trouble.QUOTA, PASSES, "left alone"),
    ("[THROTTLED]", Trouble.THROTTLED, PASSES, "left alone"),
    ("[NOPERM] Permission denied", Trouble.FOLDER, STAYS, "lacks the right"),
    ("[NONEXISTENT] Unknown Mailbox: Nowhere (Failure)", Trouble.FOLDER, STAYS, "check the folder's name"),
    ("Mailbox doesn't exist: Nowhere", Trouble.FOLDER, STAYS, "check the folder's name"),
    ("[CORRUPTION] index damaged", Trouble.OTHER, PASSES, "administrator"),
    ("[CLIENTBUG] what?", Trouble.PROTOCOL, PASSES, "tried again"),
    ("Error in IMAP command received by server.", Trouble.OTHER, PASSES, "tried again"),
]


def told(error: Exception, account: Account = ACCOUNT) -> MailboxError:
    with pytest.raises(MailboxError) as caught, telling(account, "m", "working"):
        raise error
    return caught.value


@pytest.mark.parametrize(("words", "trouble", "permanent", "advice"), AT_SIGN_IN)
def test_a_refused_sign_in_is_understood(words: str, trouble: Trouble, permanent: bool, advice: str) -> None:
    with (
        ScriptedServer(f"C: LOGIN .*\nS: $ NO {words}\n") as server,
        pytest.raises(MailboxError) as caught,
        connect(replace(ACCOUNT, host=server.host, port=server.port, security="plain"), "m"),
    ):
        pass
    error = caught.value
    assert (error.trouble, error.permanent) == (trouble, permanent)
    assert words in str(error)
    assert advice in str(error)


@pytest.mark.parametrize(("words", "trouble", "permanent", "advice"), LATER)
def test_a_refusal_later_is_understood(words: str, trouble: Trouble, permanent: bool, advice: str) -> None:
    error = told(IMAPClientError(f"select failed: {words}"))
    assert (error.trouble, error.permanent) == (trouble, permanent)
    assert words in str(error)
    assert advice in str(error)


@pytest.mark.parametrize(
    ("error", "trouble", "permanent"),
    [
        (IMAPClientAbortError("socket error: EOF"), Trouble.NETWORK, PASSES),
        (IMAPClientAbortError("command: FETCH => Connection is closed. 13"), Trouble.NETWORK, PASSES),
        (IMAPClientAbortError("command: NOOP => [UNAVAILABLE] Server shutting down."), Trouble.NETWORK, PASSES),
        (IMAPClientAbortError("[ALERT] Too many simultaneous connections"), Trouble.CROWDED, PASSES),
        (IMAPClientAbortError("[OVERQUOTA] bandwidth limit"), Trouble.THROTTLED, PASSES),
        (ConnectionResetError("reset"), Trouble.NETWORK, PASSES),
        (ConnectionRefusedError("refused"), Trouble.NETWORK, PASSES),
        (TimeoutError("timed out"), Trouble.NETWORK, PASSES),
        (socket.gaierror(-2, "Name or service not known"), Trouble.NAME, PASSES),
        (UnicodeError("encoding with 'idna' codec failed"), Trouble.NAME, STAYS),
        (FileNotFoundError("ca.crt"), Trouble.TLS, STAYS),
        (ssl.SSLEOFError("EOF occurred in violation of protocol"), Trouble.NETWORK, PASSES),
        # The parser's own words are no server's.
        (LookupError("no such atom"), Trouble.PROTOCOL, PASSES),
    ],
)
def test_every_failure_on_the_way_has_its_kind(error: Exception, trouble: Trouble, permanent: bool) -> None:
    caught = told(error)
    assert (caught.trouble, caught.permanent) == (trouble, permanent)


def test_the_next_step_of_who_signs_in_with_a_token_is_to_sign_in_again() -> None:
    error = told(LoginError("[AUTHENTICATIONFAILED] no"), replace(ACCOUNT, token="t"))
    assert "inbox-worker mailboxes sign-in m" in str(error)
    assert "--password-file" not in str(error)


def test_at_microsoft_a_refused_password_is_no_matter_of_another_password() -> None:
    for words in ("LOGIN failed.", "AUTHENTICATE failed."):
        error = told(LoginError(words), replace(ACCOUNT, host="Outlook.office365.com"))
        assert "inbox-worker mailboxes sign-in m --microsoft" in str(error)
        assert (error.trouble, error.permanent) == (Trouble.SIGN_IN, STAYS)


def test_braces_in_what_a_person_or_a_server_wrote_do_no_harm() -> None:
    error = told(LoginError("{name} {0}"), replace(ACCOUNT, username="{mila}"))
    assert "{name} {0}" in str(error)
    assert "'{mila}'" in str(error)


@pytest.mark.parametrize(
    ("words", "passing"),
    [
        ("[THROTTLED] slow down", True),
        ("[INUSE] locked", True),
        ("[CORRUPTION] cannot read message 3", False),
        ("[NOPERM] no", False),
        ("Some messages could not be FETCHed", False),
    ],
)
def test_only_what_passes_stops_a_batch_and_anything_else_is_the_messages_fault(words: str, passing: bool) -> None:
    assert is_passing(IMAPClientError(words)) is passing


def visit(script: str) -> None:
    with ScriptedServer(script) as server:
        account = replace(ACCOUNT, host=server.host, port=server.port, security="plain")
        with connect(account, "m") as imap:
            imap.folders()
            imap.folders(anew=True)


def test_an_alert_is_told_whenever_it_comes_and_once(caplog: pytest.LogCaptureFixture) -> None:
    script = """
    S: * OK [ALERT] greeting: we move on Friday
    C: LOGIN .*
    S: * NO [ALERT] untagged: 95% full
    S: $ OK [ALERT] tagged: expires soon
    C: LIST .*
    S: * OK [ALERT] later: maintenance tonight
    S: * LIST () "/" "[ALERT] folder"
    S: * LIST () "/" INBOX
    S: $ OK done
    """
    with caplog.at_level(logging.WARNING):
        visit(script)
    alerts = [record.getMessage().partition(" to know: ")[2] for record in caplog.records]
    assert alerts == [
        "greeting: we move on Friday",
        "untagged: 95% full",
        "tagged: expires soon",
        "later: maintenance tonight",
    ]
    assert all(record.getMessage().startswith("mila at 127.0.0.1: ") for record in caplog.records)


def test_a_server_that_hangs_up_says_why() -> None:
    for script in (
        "S: * BYE Too many connections from your address\n",
        "C: LOGIN .*\nS: * BYE Too many connections from your address\nS: !hang up\n",
    ):
        with pytest.raises(MailboxError, match="Too many connections from your address") as caught:
            visit(script)
        assert caught.value.trouble is Trouble.CROWDED
    with pytest.raises(MailboxError, match="Autologout; idle for too long") as caught:
        visit("C: LIST .*\nS: * BYE Autologout; idle for too long\nS: !hang up\n")
    assert (caught.value.trouble, caught.value.permanent) == (Trouble.NETWORK, False)


def test_a_farewell_for_a_greeting_passes() -> None:
    with pytest.raises(MailboxError, match="the connection broke") as caught:
        visit("S: * BYE not today\n")
    assert (caught.value.trouble, caught.value.permanent) == (Trouble.NETWORK, PASSES)


def test_a_listing_of_folders_that_is_refused_is_no_mailbox_without_folders() -> None:
    with pytest.raises(MailboxError, match=r"listing folders at .*The store is away") as caught:
        visit("C: LIST .*\nS: $ NO [UNAVAILABLE] The store is away\n")
    assert (caught.value.trouble, caught.value.permanent) == (Trouble.UNAVAILABLE, PASSES)


def test_a_token_that_is_refused_without_a_word_is_a_refused_sign_in() -> None:
    script = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=XOAUTH2\nS: $ OK done\nC: AUTHENTICATE .*\nS: $ NO no\n"
    with ScriptedServer(script) as server:
        client = Client(server.host, server.port, context=None, timeout=5, alert=print, begun=None)
        with pytest.raises(LoginError, match="no") as caught:
            bearer.sign_in(client, "mila", "a token")
        assert "()" not in str(caught.value)
        client.shutdown()
