r"""Oddities of servers that cannot run here, such as Courier's and Gmail's, as dialogues with a scripted server."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest
from sqlalchemy import Engine

from models.session import open_engine
from tests.lab import Lab, rewind
from tests.scripted import ScriptedServer
from tests.small_mails import Exchange, exchanges
from worker.errors import MailboxError, Trouble
from worker.imap.account import Account
from worker.mailbox import connect

START = datetime(2026, 5, 4, 9, tzinfo=UTC)
BOUNCE, _, OPT_OUT = exchanges(3, START)
MAILS = {"bounce": BOUNCE.raw, "opt_out": OPT_OUT.raw, "subject": b"Subject: no\r\n\r\n"}
DATE = 'INTERNALDATE "04-May-2026 10:00:00 +0000"'
BOUNCE_SIZE, OPT_OUT_SIZE = len(BOUNCE.raw), len(OPT_OUT.raw)

OPENED = r"""
C: EXAMINE "?INBOX"?
S: * FLAGS (\Seen \Deleted)
S: * 2 EXISTS
S: * 0 RECENT
S: * OK [UIDVALIDITY 7] Ok
S: * OK [UIDNEXT 10] Ok
S: $ OK [READ-ONLY] Ok
"""
LISTED = rf"""
C: FETCH 1:2 .*
S: * 1 FETCH (UID 5 RFC822.SIZE {BOUNCE_SIZE})
S: * 2 FETCH (UID 9 RFC822.SIZE {OPT_OUT_SIZE})
S: $ OK FETCH completed.
"""
FETCHED = rf"""
C: UID FETCH 5,9 .*
S: * 1 FETCH (UID 5 {DATE} BODY[] <<bounce>>)
S: * 2 FETCH (UID 9 {DATE} BODY[] <<opt_out>>)
S: $ OK FETCH completed.
"""


@pytest.fixture(scope="module")
def one_engine(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    path = tmp_path_factory.mktemp("odd") / "odd.sqlite"
    copyfile(sqlite_template, path)
    engine = open_engine(f"sqlite:///{path}")
    yield engine
    engine.dispose()


@pytest.fixture
def engine(one_engine: Engine, sqlite_template: Path) -> Engine:
    with closing(sqlite3.connect(sqlite_template)) as template:
        rewind(one_engine, template)
    return one_engine


@contextmanager
def playing(
    engine: Engine, script: str, literals: Mapping[str, bytes] = MAILS, sent: Sequence[Exchange] = (BOUNCE, OPT_OUT),
    **mailbox: Any,
) -> Iterator[tuple[Lab, ScriptedServer]]:  # fmt: skip
    with ScriptedServer(script, literals) as server:
        lab = Lab(engine, server, "mila")  # type: ignore[arg-type] - it has what the lab asks a server for
        lab.furnish(sent, **mailbox)
        yield lab, server


def read_whole(lab: Lab) -> bool:
    """Say whether both mails were read and are in effect."""
    outcome = lab.outcome()
    statuses = {to: status for (_, to), (status, *_) in outcome.state.recipients.items()}
    assert (outcome.messages, outcome.set_aside) == (2, 0)
    return (statuses[BOUNCE.to], statuses[OPT_OUT.to]) == ("Bounced", "Unsubscribed")


def fetched_bodies(server: ScriptedServer) -> list[str]:
    return [command for command in server.heard if "BODY" in command]


ODDITIES = {
    "nothing odd": OPENED + LISTED + FETCHED,
    "no UIDNEXT": OPENED.replace("S: * OK [UIDNEXT 10] Ok\n", "") + LISTED + FETCHED,
    "lines without meaning": OPENED + LISTED.replace("S: * 2 FETCH", "S: * OK Still here\nS: * 2 FETCH") + FETCHED,
    "ranges echoed": OPENED + LISTED + FETCHED.replace("BODY[]", "BODY[]<0>"),
    "keys in small letters": OPENED + LISTED + FETCHED.replace("BODY[]", "body[]").replace("UID 5", "uid 5"),
    "items nobody asked for": OPENED
    + LISTED.replace("(UID", r"(FLAGS (\Recent) UID")
    + FETCHED.replace("BODY[]", 'BODY[HEADER.FIELDS ("SUBJECT" "IN-REPLY-TO")] <<subject>> BODY[]'),
    "answers out of order": OPENED
    + rf"""
C: FETCH 1:2 .*
S: * 2 FETCH (RFC822.SIZE {OPT_OUT_SIZE} UID 9)
S: * 1 FETCH (RFC822.SIZE {BOUNCE_SIZE} UID 5)
S: $ OK done
C: UID FETCH 5,9 .*
S: * 2 FETCH (BODY[] <<opt_out>> {DATE} UID 9)
S: * 1 FETCH (BODY[] <<bounce>> UID 5 {DATE})
S: $ OK done
""",
    "answers in pieces": OPENED
    + rf"""
C: FETCH 1:2 .*
S: * 1 FETCH (UID 5)
S: * 2 FETCH (UID 9 RFC822.SIZE {OPT_OUT_SIZE})
S: * 1 FETCH (RFC822.SIZE {BOUNCE_SIZE})
S: $ OK done
C: UID FETCH 5,9 .*
S: * 1 FETCH (UID 5 {DATE})
S: * 2 FETCH (UID 9 {DATE})
S: * 1 FETCH (UID 5 BODY[] <<bounce>>)
S: * 2 FETCH (UID 9 BODY[] <<opt_out>>)
S: $ OK done
""",
    "news in the middle": OPENED
    + rf"""
C: FETCH 1:2 .*
S: * 1 FETCH (UID 5 RFC822.SIZE {BOUNCE_SIZE})
S: * 3 EXISTS
S: * 1 RECENT
S: * 2 FETCH (FLAGS (\Seen))
S: * 2 FETCH (UID 9 RFC822.SIZE {OPT_OUT_SIZE})
S: $ OK done
C: UID FETCH 5,9 .*
S: * 9 FETCH (FLAGS (\Seen))
S: * 1 FETCH (UID 5 {DATE} BODY[] <<bounce>>)
S: * 1 EXPUNGE
S: * 1 FETCH (UID 9 {DATE} BODY[] <<opt_out>>)
S: * 1 FETCH (UID 9 FLAGS (\Seen))
S: $ OK done
""",
    "labels": OPENED
    + LISTED
    + FETCHED.replace("(UID", r'(X-GM-THRID 1278455344230334865 X-GM-LABELS ("\\Inbox" Kunden "Gr&APYA3w-e") UID'),
    "messages nobody asked for": OPENED
    + LISTED
    + FETCHED.replace("S: $ OK", f"S: * 3 FETCH (UID 12 {DATE} BODY[] <<opt_out>>)\nS: $ OK"),
    "no arrival": OPENED + LISTED + FETCHED.replace(f"{DATE} ", ""),
    "refused together": OPENED
    + LISTED
    + rf"""
C: UID FETCH 5,9 .*
S: * 1 FETCH (UID 5 {DATE} BODY[] <<bounce>>)
S: $ NO Some messages could not be FETCHed
C: UID FETCH 5 .*
S: * 1 FETCH (UID 5 {DATE} BODY[] <<bounce>>)
S: $ OK done
C: UID FETCH 9 .*
S: * 2 FETCH (UID 9 {DATE} BODY[] <<opt_out>>)
S: $ OK done
""",
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_mail_is_read_whole_and_once_whatever_a_server_says_besides(engine: Engine, oddity: str) -> None:
    with playing(engine, ODDITIES[oddity]) as (lab, server):
        lab.poll()
        assert read_whole(lab)
        asked = len(fetched_bodies(server))
        lab.poll()
        assert read_whole(lab)
        assert len(fetched_bodies(server)) == asked


COURIER = r"""
S: * OK [CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE SORT QUOTA IDLE] ready
C: CAPABILITY
S: * CAPABILITY IMAP4rev1 UIDPLUS CHILDREN NAMESPACE SORT QUOTA IDLE
S: $ OK CAPABILITY completed
C: LIST "" "\*"
S: * LIST (\Marked \HasChildren) "." "INBOX"
S: * LIST (\HasNoChildren) "." "INBOX.Sent"
S: * LIST (\HasNoChildren) "." "INBOX.Trash"
S: $ OK LIST completed
C: EXAMINE "?INBOX.Sent"?
S: * FLAGS (\Draft \Answered \Flagged \Deleted \Seen \Recent)
S: * OK [PERMANENTFLAGS ()] No permanent flags permitted
S: * 1 EXISTS
S: * 0 RECENT
S: * OK [UIDVALIDITY 1777888999] Ok
S: * OK [MYRIGHTS "acdilrsw"] ACL
S: $ OK [READ-ONLY] Ok
C: FETCH 1:1 .*
S: * 1 FETCH (UID 3 RFC822.SIZE 200)
S: $ OK FETCH completed.
C: UID FETCH 3 .*
S: * 1 FETCH (UID 3 INTERNALDATE "04-May-2026 09:02:00 +0000" RFC822.SIZE 200 BODY[HEADER]<0> <<sent>>)
S: $ OK FETCH completed.
"""


def test_courier_keeps_everything_below_the_inbox_and_names_no_special_folder(engine: Engine) -> None:
    literals = MAILS | {"sent": OPT_OUT.ours.partition(b"May I")[0]}
    opened = OPENED.replace("S: * OK [UIDNEXT 10] Ok\n", "")
    with playing(engine, COURIER + opened + LISTED + FETCHED, literals, [BOUNCE]) as (lab, _):
        lab.poll()
        assert read_whole(lab)
        assert ("learnt:mila@outreach.example", OPT_OUT.to) in lab.outcome().state.recipients


GMAIL = r"""
S: * OK Gimap ready
C: CAPABILITY
S: * CAPABILITY IMAP4rev1 UNSELECT IDLE NAMESPACE QUOTA ID X-GM-EXT-1 UIDPLUS MOVE SPECIAL-USE LIST-EXTENDED LIST-STATUS
S: $ OK done
C: LIST "" "\*" RETURN \(SPECIAL-USE\)
S: * LIST (\HasNoChildren) "/" "INBOX"
S: * LIST (\HasNoChildren) "/" "Kunden &AOQ-lter"
S: * LIST (\HasChildren \Noselect) "/" "[Gmail]"
S: * LIST (\All \HasNoChildren) "/" "[Gmail]/Alle Nachrichten"
S: * LIST (\Drafts \HasNoChildren) "/" "[Gmail]/Entw&APw-rfe"
S: * LIST (\HasNoChildren \Junk) "/" "[Gmail]/Spam"
S: * LIST (\HasNoChildren \Sent) "/" "[Gmail]/Gesendet"
S: $ OK Success
C: EXAMINE "?\[Gmail\]/(Spam|Gesendet)"?
S: * 0 EXISTS
S: * OK [UIDVALIDITY 7]
S: * OK [UIDNEXT 1] Predicted next UID.
S: $ OK [READ-ONLY] selected. (Success)
"""


@pytest.mark.parametrize(
    ("wanted", "read"),
    [([], {"INBOX", "[Gmail]/Spam"}), ([r"\All", "INBOX"], {"[Gmail]/Alle Nachrichten", "[Gmail]/Spam"})],
)
def test_gmail_hands_over_each_mail_once_whether_by_its_inbox_or_by_all_mail(
    engine: Engine, wanted: list[str], read: set[str]
) -> None:
    opened = OPENED.replace('"?INBOX"?', r'"?(INBOX|\[Gmail\]/Alle Nachrichten)"?')
    with playing(engine, GMAIL + opened + ODDITIES["labels"].removeprefix(OPENED), folders=wanted) as (lab, server):
        lab.poll()
        assert read_whole(lab)
    opened_ones = {words.removeprefix("EXAMINE ").strip('"') for words in server.heard if words.startswith("EXAMINE")}
    assert opened_ones == read | {"[Gmail]/Gesendet"}


WINDOW = "C: FETCH 2:2 .*\n{}S: $ OK done\n"


@pytest.mark.parametrize(
    ("window", "found", "asks"),
    [
        # Taken away between opening and listing.
        (WINDOW.format(""), [(5, BOUNCE_SIZE)], ["2:2", "1:1"]),
        (WINDOW.format(f"S: * 2 FETCH (UID 9 RFC822.SIZE {OPT_OUT_SIZE})\n"), [(9, OPT_OUT_SIZE)], ["2:2"]),
    ],
)
def test_a_listing_asks_for_what_may_be_new_and_no_more(
    window: str, found: list[tuple[int, int]], asks: list[str]
) -> None:
    after = 4 if len(asks) > 1 else 8
    older = f"C: FETCH 1:1 .*\nS: * 1 FETCH (UID 5 RFC822.SIZE {BOUNCE_SIZE})\nS: $ OK done\n"
    with (
        ScriptedServer(OPENED.replace("UIDNEXT 10", f"UIDNEXT {after + 2}") + window + older) as server,
        connect(Account(server.host, server.port, "u", "p", "plain"), "mila") as imap,
    ):
        assert imap.new_uids(imap.select("INBOX"), after) == found
        assert [words.split()[1] for words in server.heard if words.startswith("FETCH")] == asks


def test_mail_that_is_told_of_in_the_middle_is_read_next_time(engine: Engine) -> None:
    first = ODDITIES["news in the middle"].replace("C: ", "C1: ")
    later = (
        OPENED.replace("2 EXISTS", "1 EXISTS").replace("UIDNEXT 10", "UIDNEXT 13")
        + rf"""
C: FETCH 1:1 .*
S: * 1 FETCH (UID 12 RFC822.SIZE {OPT_OUT_SIZE})
S: $ OK done
C: UID FETCH 12 .*
S: * 1 FETCH (UID 12 {DATE} BODY[] <<opt_out>>)
S: $ OK done
"""
    )
    with playing(engine, first + later) as (lab, _):
        lab.poll()
        assert read_whole(lab)
        lab.poll()
        assert lab.outcome().messages == 3


LARGE = r"""
C: FETCH 1:2 .*
S: * 1 FETCH (UID 5 RFC822.SIZE 3000000)
S: $ OK done
C: UID FETCH 5 \(.*BODYSTRUCTURE.*
S: * 1 FETCH (UID 5 DATE BODYSTRUCTURE (("text" "plain" NIL NIL NIL "7bit" 40 1)("application" "pdf" NIL NIL NIL "base64" 2999000) "mixed" ("boundary" "b")) BODY[HEADER]<ECHO> <<head>>)
S: $ OK done
C: UID FETCH 5 .*
S: * 1 FETCH (UID 5 BODY[1.MIME] <<mime>> BODY[1]<ECHO> <<words>>)
S: $ OK done
"""  # noqa: E501 - a line of the protocol


@pytest.mark.parametrize("echo", ["<0>", "<0.131072>", ""])
def test_ranges_may_be_echoed_in_any_form(engine: Engine, echo: str) -> None:
    head = (
        f"From: {OPT_OUT.to}\r\nIn-Reply-To: <{OPT_OUT.message_id}>\r\nMessage-ID: <large@client.example>\r\n"
        'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n'
    ).encode()
    words = b"Please remove me from your list.\r\n"
    literals = {"head": head, "mime": b"Content-Type: text/plain\r\n\r\n", "words": words}
    script = OPENED + LARGE.replace("<ECHO>", echo).replace("DATE", DATE)
    with playing(engine, script, literals) as (lab, server):
        lab.poll()
        outcome = lab.outcome()
        assert (outcome.messages, outcome.set_aside) == (1, 0)
        assert outcome.state.recipients["campaign-2", OPT_OUT.to][0] == "Unsubscribed"
    assert not [command for command in server.heard if "BODY.PEEK[]" in command]


@pytest.mark.parametrize("body", ["NIL", '""', "<<nothing>>"])
def test_a_message_without_content_is_recorded_and_holds_up_no_other(engine: Engine, body: str) -> None:
    script = (
        OPENED
        + LISTED
        + FETCHED.replace("<<bounce>>", body)
        + rf"""
C: UID FETCH 5 \(INTERNALDATE\)
S: * 1 FETCH (UID 5 {DATE})
S: $ OK done
"""
    )
    with playing(engine, script, MAILS | {"nothing": b""}) as (lab, _):
        lab.poll()
        outcome = lab.outcome()
        assert outcome.messages == 2
        assert outcome.state.recipients["campaign-2", OPT_OUT.to][0] == "Unsubscribed"


BYES = ["* BYE Session expired, please login again", "* BYE [UNAVAILABLE] Temporary System Error", "!hang up"]


@pytest.mark.parametrize("bye", BYES)
@pytest.mark.parametrize("place", ["C: EXAMINE .*", "C: FETCH .*", "C: UID FETCH .*"])
def test_a_server_that_takes_its_leave_anywhere_is_asked_again(engine: Engine, place: str, bye: str) -> None:
    leave = f"{place.replace('C:', 'C1:')}\nS: {bye}\nS: !hang up\n"
    with playing(engine, leave + OPENED + LISTED + FETCHED) as (lab, _):
        with pytest.raises(MailboxError) as caught:
            lab.poll()
        assert not caught.value.permanent
        lab.poll()
        assert read_whole(lab)


LOGIN, FETCH = "C1: (LOGIN|AUTHENTICATE) .*", "C1: UID FETCH .*"
REFUSALS = [
    (LOGIN, "NO [ALERT] Too many simultaneous connections. (Failure)", Trouble.CROWDED, False),
    (LOGIN, "NO [ALERT] Maximum connection limit reached for this user", Trouble.CROWDED, False),
    (LOGIN, "NO [UNAVAILABLE] Temporary authentication failure.", Trouble.UNAVAILABLE, False),
    (LOGIN, "NO [ALERT] Account exceeded command or bandwidth limits. (Failure)", Trouble.THROTTLED, False),
    (LOGIN, "BAD User is authenticated but not connected.", Trouble.UNAVAILABLE, False),
    (LOGIN, "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", Trouble.SIGN_IN, True),
    (LOGIN, "NO LOGIN failed.", Trouble.SIGN_IN, True),
    (LOGIN, "NO [ALERT] Application-specific password required (Failure)", Trouble.SIGN_IN, True),
    (FETCH, "NO [OVERQUOTA] Account exceeded command or bandwidth limits. (Failure)", Trouble.THROTTLED, False),
    (FETCH, "NO [THROTTLED] Please slow down", Trouble.THROTTLED, False),
    (FETCH, "NO [LIMIT] That is enough for now", Trouble.QUOTA, False),
    (FETCH, "NO [UNAVAILABLE] The store is away", Trouble.UNAVAILABLE, False),
    (FETCH, "BAD Request is throttled. Suggested Backoff Time: 90000 milliseconds", Trouble.THROTTLED, False),
    ("C1: EXAMINE .*", "NO [INUSE] Mailbox is locked", Trouble.UNAVAILABLE, False),
]


@pytest.mark.parametrize(("place", "words", "trouble", "permanent"), REFUSALS)
def test_what_a_server_refuses_is_told_in_its_words_and_loses_nothing(
    engine: Engine, place: str, words: str, trouble: Trouble, permanent: bool
) -> None:
    with playing(engine, f"{place}\nS: $ {words}\n" + OPENED + LISTED + FETCHED) as (lab, _):
        with pytest.raises(MailboxError) as caught:
            lab.poll()
        assert (caught.value.trouble, caught.value.permanent) == (trouble, permanent)
        assert words.rpartition("] ")[2].removeprefix("NO ").removeprefix("BAD ") in str(caught.value)
        assert lab.outcome().messages == 0
        lab.poll()
        assert read_whole(lab)


@pytest.mark.parametrize(
    ("greeting", "trouble"),
    [
        ("* BYE Maximum number of connections from your IP address exceeded", Trouble.CROWDED),
        ("* BYE [UNAVAILABLE] Server is shutting down", Trouble.UNAVAILABLE),
        ("220 mail.example ESMTP", Trouble.NETWORK),
    ],
)
def test_a_greeting_that_is_none_passes(engine: Engine, greeting: str, trouble: Trouble) -> None:
    with playing(engine, f"S: {greeting}\nS: !hang up\n") as (lab, _):
        with pytest.raises(MailboxError) as caught:
            lab.poll()
        assert (caught.value.trouble, caught.value.permanent) == (trouble, False)


def test_what_a_server_wants_a_person_to_know_is_told(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    script = f"{LOGIN}\nS: * OK [ALERT] The mailbox moves on Sunday\nS: $ OK done\n" + OPENED + LISTED + FETCHED
    with playing(engine, script) as (lab, _), caplog.at_level(logging.WARNING):
        lab.poll()
        assert read_whole(lab)
    assert "The mailbox moves on Sunday" in caplog.text


def test_a_server_that_can_only_expunge_everything_is_never_asked_to_move(engine: Engine) -> None:
    """Without MOVE and UIDPLUS, mail that somebody else has marked as deleted would vanish with ours."""
    targets = {"bounces_to": "Bounces", "opt_outs_to": "Opt-outs"}
    with playing(engine, OPENED + LISTED + FETCHED, **targets) as (lab, server):
        lab.poll()
        lab.poll()
        assert read_whole(lab)
    assert not [words for words in server.heard if any(verb in words for verb in ("EXPUNGE", "STORE", "COPY", "MOVE"))]
