"""Nobody on the way talks us out of encryption: what should be encrypted is, or no password is sent."""

from __future__ import annotations

import pytest

from tests.scripted import ScriptedServer
from worker.errors import MailboxError
from worker.imap import Account
from worker.mailbox import connect

PASSWORD = "canary-password"
NO_STARTTLS = "S: * OK ready\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=PLAIN\nS: $ OK done\n"
REFUSED = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 STARTTLS\nS: $ OK done\nC: STARTTLS\nS: $ BAD not today\n"
SIGNED_IN = "S: * PREAUTH welcome\nC: CAPABILITY\nS: * CAPABILITY IMAP4rev1 STARTTLS\nS: $ OK done\n"
NO_TLS = REFUSED.replace("BAD not today", "OK go on") + "S: * no TLS\nS: !hang up\n"


def refused(script: str, security: str, **more: str) -> tuple[MailboxError, list[str]]:
    with ScriptedServer(script) as server:
        account = Account("127.0.0.1", server.port, "mila", PASSWORD, security=security, timeout=2, **more)  # type: ignore[arg-type]
        with pytest.raises(MailboxError) as caught, connect(account, "mila"):
            pass
        return caught.value, server.heard


@pytest.mark.parametrize("script", [NO_STARTTLS, REFUSED, SIGNED_IN, NO_TLS])
def test_without_starttls_no_password_is_sent(script: str) -> None:
    error, heard = refused(script, "starttls")
    assert not [each for each in heard if each.upper().startswith(("LOGIN", "AUTHENTICATE")) or PASSWORD in each]
    assert "mila: signing in at 127.0.0.1" in str(error)


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


@pytest.mark.parametrize("secret", ["password", "token"])
def test_a_server_that_repeats_a_secret_is_not_quoted(secret: str) -> None:
    script = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1 AUTH=XOAUTH2\nS: $ OK done\n"
    script += f"C: (LOGIN|AUTHENTICATE) .*\nS: $ NO {PASSWORD}?\n"
    error, _ = refused(script, "plain", **({"token": PASSWORD} if secret == "token" else {}))
    assert "***?" in str(error)
    assert PASSWORD not in f"{error} {error.__cause__}"


def test_a_server_that_takes_no_tokens_is_shown_none() -> None:
    error, heard = refused(NO_STARTTLS, "plain", token="canary-token")
    assert heard == ["CAPABILITY"]
    assert "neither AUTH=OAUTHBEARER nor AUTH=XOAUTH2" in str(error)
