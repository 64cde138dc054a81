"""`mailboxes check`: every step says in plain words what is wrong, and what to do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from models.tables.mailboxes import Mailbox, SignIn
from tests.scripted import ScriptedServer
from tests.servers import PASSWORD, PrivateDovecot, free_ports
from worker.errands import way
from worker.errands.check import Opened, check
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.imap.connection import shut
from worker.mailbox import reach
from worker.watch.health import Finding

HOST = "127.0.0.1"
SECONDS = 30.0
"""Longer than any test may take."""
DAY = timedelta(days=1)


@dataclass
class Report:
    """What a check found, by the names of its steps."""

    findings: list[Finding]

    def __getitem__(self, what: str) -> Finding:
        return next(each for each in self.findings if each.what == what)

    @property
    def steps(self) -> list[str]:
        return [each.what for each in self.findings]

    @property
    def wrong(self) -> list[str]:
        return [each.what for each in self.findings if not each.ok]


def a_mailbox(**columns: Any) -> Mailbox:
    usual = {"name": "m", "host": HOST, "port": 993, "security": "plain", "username": "mila", "folders": [],
             "read_junk": False, "learn_sends": False, "sign_in": SignIn.PASSWORD}  # fmt: skip
    return Mailbox(**(usual | columns))


def report(mailbox: Mailbox, password: str = PASSWORD, timeout: float = 10.0, at: datetime | None = None) -> Report:
    def sign_in(opened: Callable[[Account], Opened]) -> Opened:
        return opened(
            Account(mailbox.host, mailbox.port, mailbox.username, password, mailbox.security, mailbox.ca_file, timeout)
        )

    return Report(list(check(mailbox, sign_in, timeout, lambda: at or datetime.now(UTC))))


def _never(_: Callable[[Account], Opened]) -> Opened:
    raise AssertionError("nobody signs in")


def at_dovecot(dovecot: PrivateDovecot, user: str, **columns: Any) -> Mailbox:
    usual = {"host": "localhost", "port": dovecot.tls_port, "security": "tls", "ca_file": dovecot.ca_file,
             "username": user, "read_junk": True, "learn_sends": True}  # fmt: skip
    return a_mailbox(**(usual | columns))


@pytest.mark.server
def test_all_is_well_at_a_real_server(dovecot: PrivateDovecot, imap_user: str) -> None:
    dovecot.deliver(imap_user, b"Subject: hello\r\n\r\nGood morning.\r\n")
    found = report(at_dovecot(dovecot, imap_user, bounces_to="Bounces"))
    assert found.wrong == []
    assert found.steps[0] == "host name"
    assert [step for step in found.steps if not step.startswith("connection to")][1:] == [
        "encryption", "signing in", "capabilities", "folders", "folder INBOX", "junk folder Junk", "sent folder Sent",
        "moving mail to Bounces", "clock",
    ]  # fmt: skip
    assert "for localhost, imap.outreach.example, issued by CN=localhost, valid until 20" in found["encryption"].says
    assert found["encryption"].says.startswith("TLSv1.")
    assert "IDLE: new mail is heard of at once" in found["capabilities"].says
    assert found["folder INBOX"].says.startswith("1 messages")


@pytest.mark.server
def test_starttls_is_looked_at_as_well(dovecot: PrivateDovecot, imap_user: str) -> None:
    found = report(at_dovecot(dovecot, imap_user, port=dovecot.port, security="starttls"))
    assert found.wrong == []
    assert "valid until" in found["encryption"].says


@pytest.mark.server
def test_mail_from_the_future_shows_a_wrong_clock(dovecot: PrivateDovecot, imap_user: str) -> None:
    now = datetime.now(UTC)
    dovecot.deliver(imap_user, b"Subject: a\r\n\r\n", internaldate=now + timedelta(minutes=3))
    mailbox = at_dovecot(dovecot, imap_user)
    assert report(mailbox).wrong == []
    found = report(mailbox, at=now - timedelta(hours=2))
    assert found.wrong == ["clock"]
    assert "which is still to come" in found["clock"].says
    assert "timedatectl" in (found["clock"].mend or "")


@pytest.mark.server
def test_a_wrong_password_is_told_in_the_servers_words_and_ends_the_check(
    dovecot: PrivateDovecot, imap_user: str
) -> None:
    found = report(at_dovecot(dovecot, imap_user), password="wrong")
    assert found.wrong == ["signing in"]
    assert found.steps[-1] == "signing in"
    assert "[AUTHENTICATIONFAILED]" in found["signing in"].says
    assert "mailboxes set m --password-file FILE" in found["signing in"].says


@pytest.mark.server
def test_a_missing_folder_keeps_no_other_step_from_being_tried(dovecot: PrivateDovecot, imap_user: str) -> None:
    found = report(at_dovecot(dovecot, imap_user, folders=["Nowhere", "INBOX"], sent_folder="Gone"))
    assert found.wrong == ["folder Nowhere", "sent folder Gone"]
    assert found["folder INBOX"].ok
    assert "check the folder's name among" in found["folder Nowhere"].says


@pytest.mark.server
def test_a_certificate_that_vouches_for_itself_is_not_believed(dovecot: PrivateDovecot, imap_user: str) -> None:
    found = report(at_dovecot(dovecot, imap_user, ca_file=None))
    assert found.wrong == ["encryption"]
    assert found["encryption"].says.startswith("the certificate vouches for itself (CA file: None): for localhost")
    assert "mailboxes set m --ca-file FILE" in (found["encryption"].mend or "")


@pytest.mark.server
def test_a_port_without_tls_wants_another_security(dovecot: PrivateDovecot, imap_user: str) -> None:
    found = report(at_dovecot(dovecot, imap_user, port=dovecot.port))
    assert found.wrong == ["encryption"]
    assert "mailboxes set m --security starttls" in (found["encryption"].mend or "")


@pytest.mark.server
def test_a_port_with_tls_wants_another_security(dovecot: PrivateDovecot, imap_user: str) -> None:
    found = report(at_dovecot(dovecot, imap_user, security="starttls"), timeout=0.3)
    assert found.wrong == ["greeting"]
    assert "no answer within 0.3 seconds" in found["greeting"].says
    assert "mailboxes set m --security tls" in (found["greeting"].mend or "")


def test_a_name_without_an_address_ends_the_check() -> None:
    found = report(a_mailbox(host="mail.invalid"))
    assert (found.steps, found.wrong) == (["host name"], ["host name"])
    assert "mailboxes set m --host HOST" in (found["host name"].mend or "")
    assert report(a_mailbox(host="x" * 70 + ".example")).wrong == ["host name"]


def test_a_closed_port_ends_the_check() -> None:
    (nobody,) = free_ports(1)
    found = report(a_mailbox(port=nobody))
    assert found.wrong == [f"connection to {HOST}"]
    assert "Connection refused" in found.findings[-1].says
    assert "no firewall is in the way" in (found.findings[-1].mend or "")


@pytest.mark.parametrize(("refusal", "ok"), [(ConnectionRefusedError("refused"), True), (TimeoutError("late"), False)])
def test_an_address_that_does_not_answer_matters_where_polls_wait_for_it(
    monkeypatch: pytest.MonkeyPatch, refusal: OSError, ok: bool
) -> None:
    monkeypatch.setattr(way, "_addresses", lambda _: ["192.0.2.1", "192.0.2.2"])
    monkeypatch.setattr(way, "_try", lambda address, *_: refusal if address == "192.0.2.1" else None)
    findings = list(way._connections(Account("h", 993, "u", ""), "m", ["192.0.2.1", "192.0.2.2"]))  # noqa: SLF001
    assert [each.ok for each in findings] == [ok, True]


def certify(
    folder: Path, names: Sequence[str], begins: timedelta, ends: timedelta, other: x509.ExtensionType | None = None
) -> str:
    """Write a certificate that vouches for itself, with its key, and return the file; `other` in place of its names."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(other or x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "server.pem"
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + private)
    return str(file)


@contextmanager
def serving(certificate: str) -> Iterator[int]:
    """A server that shows a certificate and greets; gives its port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server((HOST, 0))

    def greet() -> None:
        while True:
            try:
                visitor, _ = listener.accept()
            except OSError:
                return
            with suppress(OSError), visitor, context.wrap_socket(visitor, server_side=True) as line:
                line.sendall(b"* OK ready\r\n")
                while command := line.recv(1000):
                    line.sendall(b"* CAPABILITY IMAP4rev1\r\n%s OK done\r\n" % command.split()[0])

    thread = threading.Thread(target=greet, name="certificate", daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
        listener.close()


@pytest.mark.parametrize(
    ("names", "begins", "ends", "says", "mend"),
    [
        (["localhost"], -90 * DAY, -DAY, "the certificate has expired: for localhost", "administrator renew it"),
        (["localhost"], DAY, 90 * DAY, "and the certificate begins later", "timedatectl"),
        (["a.example", "b.example"], -DAY, DAY * 90, "is not for localhost: for a.example, b.example",
         "mailboxes set m --host HOST"),
    ],
    ids=["expired", "not yet valid", "another name"],
)  # fmt: skip
def test_what_is_wrong_with_a_certificate_is_said_and_nobody_signs_in(
    tmp_path: Path, names: list[str], begins: timedelta, ends: timedelta, says: str, mend: str
) -> None:
    certificate = certify(tmp_path, names, begins, ends)
    with serving(certificate) as port:
        found = report(a_mailbox(host="localhost", port=port, security="tls", ca_file=certificate))
    assert found.wrong == ["encryption"]
    assert found.steps[-1] == "encryption"
    assert says in found["encryption"].says
    assert mend in (found["encryption"].mend or "")


def other_names(der: bytes) -> x509.UnrecognizedExtension:
    """Names in whatever encoding, as old or careless authorities write them."""
    return x509.UnrecognizedExtension(x509.SubjectAlternativeName.oid, der)


@pytest.mark.parametrize(
    ("other", "says"),
    [
        (x509.OCSPNoCheck(), "; for CN=localhost, issued by CN=localhost"),
        (x509.SubjectAlternativeName([x509.UniformResourceIdentifier("x:y")]), "; for CN=localhost, issued by"),
        (other_names(b"\x30\x03\x82\x01\xff"), "is not for localhost: for CN=localhost, issued by"),
        (other_names(b"\x30\x02\xa3\x00"), "; for CN=localhost, issued by"),
        (x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.CLIENT_AUTH]), "is not believed: unsuitable certificate purp"),
    ],
    ids=["no names", "names of another kind", "no ASCII", "names of an unknown kind", "another purpose"],
)
def test_an_odd_certificate_is_described_as_far_as_it_goes(
    tmp_path: Path, other: x509.ExtensionType, says: str
) -> None:
    certificate = certify(tmp_path, ["localhost"], -DAY, 90 * DAY, other)
    with serving(certificate) as port:
        found = report(a_mailbox(host="localhost", port=port, security="tls", ca_file=certificate))
    assert says in found["encryption"].says


@pytest.mark.parametrize(("ends", "ok"), [(timedelta(days=15), True), (timedelta(days=5, hours=1), False)])
def test_a_certificate_that_ends_soon_is_told_in_time(tmp_path: Path, ends: timedelta, ok: bool) -> None:
    certificate = certify(tmp_path, ["localhost"], -DAY, ends)
    with serving(certificate) as port:
        found = report(a_mailbox(host="localhost", port=port, security="tls", ca_file=certificate))
    assert found["encryption"].ok is ok
    assert ("which is in 5 days" in found["encryption"].says) is not ok
    assert "signing in" in found.steps


USUAL = """
C: CAPABILITY
S: * CAPABILITY IMAP4rev1 ACL QUOTA UIDPLUS
S: $ OK done
C: EXAMINE INBOX
S: * 3 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: $ OK [READ-ONLY] done
C: EXAMINE "INBOX"
S: * 3 EXISTS
S: * OK [UIDVALIDITY 7] ok
S: $ OK [READ-ONLY] done
"""
ALL_RIGHTS = 'C: MYRIGHTS .*\nS: * MYRIGHTS "INBOX" lrswipkxte\nS: $ OK done\n'
NO_QUOTA = 'C: GETQUOTAROOT .*\nS: * QUOTAROOT INBOX ""\nS: * QUOTA "" ()\nS: $ OK done\n'


def played(script: str, **columns: Any) -> Report:
    with ScriptedServer(script + USUAL) as server:
        return report(a_mailbox(port=server.port, **columns))


@pytest.mark.parametrize(("used", "ok"), [(899, True), (950, False), (1200, False)])
def test_a_nearly_full_mailbox_is_told(used: int, ok: bool) -> None:
    quota = f"C: GETQUOTAROOT .*\nS: * QUOTAROOT INBOX user\nS: * QUOTA user (STORAGE {used}000 1000000)\nS: $ OK d\n"
    found = played(ALL_RIGHTS + quota)
    assert found["quota"].ok is ok
    assert found["quota"].says == f"STORAGE: {used * 1.024:,.0f} of 1,024 MB used ({used / 1000:.0%})"
    assert ok or "a full mailbox refuses new mail" in (found["quota"].mend or "")


def test_quotas_of_several_kinds_are_told_each() -> None:
    quota = "S: * QUOTAROOT INBOX a b\nS: * QUOTA a (STORAGE 1 0 MESSAGE 10 10)\nS: * QUOTA b (STORAGE 5 100)\n"
    found = played(ALL_RIGHTS + "C: GETQUOTAROOT .*\n" + quota + "S: $ OK done\n")
    said = [(each.ok, each.says) for each in found.findings if each.what == "quota"]
    assert said == [(False, "MESSAGE: 10 of 10 used (100%)"), (True, "STORAGE: 0 of 0 MB used (5%)")]


@pytest.mark.parametrize(
    ("rights", "moves", "wrong"),
    [
        ("lr", None, []),
        ("l", None, ["folder INBOX"]),
        ("lrs", "INBOX", ["folder INBOX", "moving mail to INBOX"]),
        ("lrite", "INBOX", []),
        ("lrswipd", "INBOX", []),
    ],
    ids=["reads", "may not read", "may not move", "moves", "moves by the old letters"],
)
def test_missing_rights_are_named(rights: str, moves: str | None, wrong: list[str]) -> None:
    rule = f"C: MYRIGHTS .*\nS: * MYRIGHTS INBOX {rights}\nS: $ OK done\n"
    found = played(rule + NO_QUOTA, bounces_to=moves)
    assert found.wrong == wrong
    if rights == "lrs":
        assert "mila lacks the rights t e" in found["folder INBOX"].says
        assert "lacks the right i" in found["moving mail to INBOX"].says


@pytest.mark.parametrize(("name", "rights", "wrong"), [("<<inbox>>", "lr", []), ("INBOX", "<<l>>", ["folder INBOX"])])
def test_rights_are_read_in_whatever_form_a_server_writes_them(name: str, rights: str, wrong: list[str]) -> None:
    script = f"C: MYRIGHTS .*\nS: * MYRIGHTS {name} {rights}\nS: $ OK done\n" + NO_QUOTA + USUAL
    with ScriptedServer(script, {"inbox": b"INBOX", "l": b"l"}) as server:
        assert report(a_mailbox(port=server.port)).wrong == wrong


@pytest.mark.parametrize("rights", ["INBOX 99999999999", "INBOX (", "INBOX NIL"])
def test_rights_that_make_no_sense_are_told_and_end_nothing(rights: str) -> None:
    found = played(f"C: MYRIGHTS .*\nS: * MYRIGHTS {rights}\nS: $ OK done\n" + NO_QUOTA)
    assert found.wrong == ["folder INBOX"]
    assert "asking for the rights to 'INBOX'" in found["folder INBOX"].says


@pytest.mark.parametrize("quota", ["(STORAGE abc 10)", "(STORAGE 1 (2))"])
def test_a_quota_that_makes_no_sense_is_told_and_nothing_is_wrong(quota: str) -> None:
    found = played(ALL_RIGHTS + f'C: GETQUOTAROOT .*\nS: * QUOTAROOT INBOX ""\nS: * QUOTA "" {quota}\nS: $ OK done\n')
    assert found.wrong == []
    assert found["quota"].says.startswith("not told: m: asking for the quota")


def test_a_server_that_does_not_tell_rights_or_quota_is_not_wrong() -> None:
    found = played("C: (MYRIGHTS|GETQUOTAROOT) .*\nS: $ NO not for you\n")
    assert found.wrong == []
    assert "not for you" in found["quota"].says


def test_a_server_that_can_move_nothing_is_told_to_who_wants_to_move() -> None:
    script = "C: CAPABILITY\nS: * CAPABILITY IMAP4rev1\nS: $ OK done\n"
    assert played(script).wrong == []
    found = played(script, opt_outs_to="Opt-outs")
    assert found.wrong == ["moving mail"]
    assert "no IDLE: new mail is found at the next poll" in found["capabilities"].says


def test_what_the_server_wants_a_person_to_know_is_shown_once() -> None:
    alerts = "C: LOGIN .*\nS: * OK [ALERT] moving on Friday\nS: $ OK [ALERT] moving on Friday\n"
    found = played(alerts + ALL_RIGHTS + NO_QUOTA)
    assert [each.says for each in found.findings if each.what == "the server wants you to know"] == ["moving on Friday"]


def test_a_connection_that_breaks_ends_the_check_there() -> None:
    found = played(ALL_RIGHTS + "C: GETQUOTAROOT .*\nS: * BYE maintenance\nS: !hang up\n")
    assert found.wrong == ["quota"]
    assert "maintenance" in found["quota"].says
    assert found.steps[-1] == "quota"


def test_who_speaks_no_imap_is_told_apart() -> None:
    with ScriptedServer("S: 220 mail.example ESMTP\n") as server:
        found = report(a_mailbox(port=server.port))
        assert found.wrong == ["greeting"]
        assert "is no IMAP server" in found["greeting"].says
        assert "--port 993" in (found["greeting"].mend or "")


@pytest.mark.parametrize("greeting", ["SSH-2.0-canary", "+OK canary", "220 canary", "* canary", "{5}"])
@pytest.mark.parametrize("security", ["plain", "starttls"])
def test_the_words_of_who_speaks_no_imap_are_left_to_the_log(
    greeting: str, security: str, caplog: pytest.LogCaptureFixture
) -> None:
    with ScriptedServer(f"S: {greeting}\n") as server:
        found = report(a_mailbox(port=server.port, security=security))
        with pytest.raises(MailboxError, match="what answers there is no IMAP server; check host and port") as caught:
            reach(Account(HOST, server.port, "mila", PASSWORD, security, timeout=5), "m")
    assert found.wrong == ["greeting"]
    assert "canary" not in str(found) + str(caught.value)
    assert repr(greeting)[1:-1] in caplog.text


def test_a_greeting_that_ends_in_the_middle_of_a_line_is_no_ones_to_read() -> None:
    with socket.create_server((HOST, 0)) as listener:

        def greet() -> None:
            for _ in range(2):
                with listener.accept()[0] as visitor:
                    visitor.sendall(b"SSH-2.0-canary\n")

        thread = threading.Thread(target=greet, name="no IMAP", daemon=True)
        thread.start()
        found = report(a_mailbox(port=listener.getsockname()[1]))
        thread.join(10)
    assert found.wrong == ["greeting"]
    assert "canary" not in str(found)


def test_of_a_name_with_many_addresses_only_the_first_few_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[str] = []

    def refuse(address: tuple[str, int], timeout: float | None = None) -> socket.socket:
        del timeout
        tried.append(address[0])
        raise TimeoutError("timed out")

    many = [f"192.0.2.{number}" for number in range(200)]
    found_by = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 993)) for address in many]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found_by)
    monkeypatch.setattr(socket, "create_connection", refuse)
    found = report(a_mailbox(host="many.example"))
    assert tried == many[:8]
    assert found["host name"].says.endswith("192.0.2.7 and 192 more; only the first 8 are ever tried")
    tried.clear()
    with pytest.raises(MailboxError, match="timed out"):
        reach(Account("many.example", 993, "mila", PASSWORD), "m")
    assert tried == many[:8]


def test_a_check_can_be_cut_while_it_waits_for_a_greeting() -> None:
    def cut(handle: socket.socket) -> None:
        with handle:
            shut(handle)

    with ScriptedServer("S: !silence\n") as server:
        found = Report(list(check(a_mailbox(port=server.port), _never, SECONDS, lambda: datetime.now(UTC), cut)))
    assert found.wrong == ["greeting"]
    assert "no answer within" not in found["greeting"].says


def test_a_server_that_turns_everybody_away_says_why() -> None:
    found = played("S: * BYE Too many connections from your address\n")
    assert found.wrong == ["greeting"]
    assert "Too many connections from your address" in found["greeting"].says


def test_a_server_without_starttls_is_sent_no_password() -> None:
    with ScriptedServer(USUAL) as server:
        found = report(a_mailbox(port=server.port, security="starttls"))
        assert found.wrong == ["encryption"]
        assert not any("LOGIN" in each for each in server.heard)


def test_a_password_that_would_cross_the_network_is_warned_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(way, "_is_loopback", lambda _: False)
    found = played(ALL_RIGHTS + NO_QUOTA)
    assert found.wrong == ["encryption"]
    assert "mailboxes set m --security tls" in (found["encryption"].mend or "")
    assert "signing in" in found.steps


def test_a_provider_that_gives_no_token_is_told_after_the_way_was_looked_at() -> None:
    def sign_in(_: Callable[[Account], Opened]) -> Opened:
        raise MailboxError("m: no token: invalid_grant", permanent=True, trouble=Trouble.SIGN_IN)

    with ScriptedServer(USUAL) as server:
        found = Report(list(check(a_mailbox(port=server.port), sign_in, 10.0, lambda: datetime.now(UTC))))
    assert found.wrong == ["signing in"]
    assert found["signing in"].says == "m: no token: invalid_grant"
    assert found["encryption"].ok


def test_a_mailbox_that_was_stopped_says_so_though_all_is_well_again() -> None:
    stopped = {"stopped_at": datetime(2026, 5, 4, tzinfo=UTC), "last_error": "m: refused"}
    found = played(ALL_RIGHTS + NO_QUOTA, **stopped)
    assert found.wrong == ["polling"]
    assert "m: refused" in found["polling"].says
    assert "mailboxes resume m" in (found["polling"].mend or "")


def test_where_no_folder_of_sent_mail_is_marked_it_is_said_how_to_name_one() -> None:
    listed = 'C: LIST "" .*\nS: * LIST (\\Junk) "/" Junk\nS: * LIST () "/" INBOX\nS: $ OK done\n'
    found = played(listed + ALL_RIGHTS + NO_QUOTA, learn_sends=True)
    assert found.wrong == ["sent folder"]
    assert "mailboxes set m --sent-folder F" in (found["sent folder"].mend or "")
    assert "sent folder" not in played(listed + ALL_RIGHTS + NO_QUOTA).steps
