"""Which folders are read: the inbox and junk, or what is named; each mail once, and nothing of our own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import Engine, select

from models.session import reading
from models.tables.mail import InboundMessage
from models.tables.mailboxes import Mailbox
from tests.servers import PrivateDovecot
from tests.worker.commanding import BOX, Commands
from tests.worker.small_world import furnish
from tests.worker.test_resilience import visiting
from worker.errors import MailboxError
from worker.imap.folders import Folder, Place, find, listed, to_read
from worker.poll import go_round

SQLITE = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
"""For what is the same on both databases."""


class Listing:
    """A server that answers LIST with these lines."""

    def __init__(self, *lines: str) -> None:
        self._imap, self.lines = self, [line.encode() for line in lines]

    def has_capability(self, _: str) -> bool:
        return False

    def list(self, *_: str) -> tuple[str, list[bytes]]:
        return "OK", self.lines


def folders_of(*lines: str) -> list[Folder]:
    server: Any = Listing(*lines)
    return listed(server)


GMAIL = folders_of(
    r'(\HasNoChildren) "/" "INBOX"',
    r'(\HasChildren \Noselect) "/" "[Gmail]"',
    r'(\All \HasNoChildren) "/" "[Gmail]/All Mail"',
    r'(\HasNoChildren \Junk) "/" "[Gmail]/Spam"',
    r'(\HasNoChildren \Sent) "/" "[Gmail]/Sent Mail"',
    r'(\Drafts \HasNoChildren) "/" "[Gmail]/Drafts"',
    r'(\HasNoChildren \Trash) "/" "[Gmail]/Trash"',
    r'(\HasNoChildren) "/" "Customers"',
)
MARKED = folders_of(
    r'(\HasNoChildren) "/" INBOX',
    r'(\Junk) "/" Rommel',
    r'(\Archive) "/" Archief',
    r'(\Sent) "/" Verzonden',
    r'(\Drafts) "/" Concepten',
    r'(\Trash) "/" Prullenbak',
    r'() "/" Spam',
)
NAMED = folders_of(
    r'() "." INBOX', r'() "." INBOX.Spam', r'() "." INBOX.Sent', r'() "." INBOX.Archives', r'() "." 2024'
)
BARE = folders_of(r'() "/" INBOX', r'() "/" Sent')

INBOX, GMAIL_SPAM, ALL_MAIL = Place("INBOX"), Place("[Gmail]/Spam", junk=True), Place("[Gmail]/All Mail")


@pytest.mark.parametrize(
    ("folders", "wanted", "found"),
    [
        (MARKED, [], [INBOX, Place("Rommel", junk=True)]),
        (NAMED, [], [INBOX, Place("INBOX.Spam", junk=True)]),
        (BARE, [], [INBOX]),
        (GMAIL, [], [INBOX, GMAIL_SPAM]),
        # By special use, by name, twice, and in whatever letters the inbox is written.
        (MARKED, ["inbox", r"\archive"], [INBOX, Place("Archief"), Place("Rommel", junk=True)]),
        (NAMED, [r"\Archive", "2024"], [Place("INBOX.Archives"), Place("2024"), Place("INBOX.Spam", junk=True)]),
        (MARKED, ["Rommel", "INBOX", "INBOX"], [INBOX, Place("Rommel", junk=True)]),
        # What is called junk is no better for being named.
        (MARKED, ["Spam"], [Place("Rommel", junk=True), Place("Spam", junk=True)]),
        # All mail holds the mail of every other folder but junk and trash.
        (GMAIL, [r"\All"], [ALL_MAIL, GMAIL_SPAM]),
        (GMAIL, ["INBOX", "Customers", "[Gmail]/All Mail"], [ALL_MAIL, GMAIL_SPAM]),
        (GMAIL, [r"\All", r"\Trash", r"\Sent"], [ALL_MAIL, Place("[Gmail]/Trash"), GMAIL_SPAM]),
        # What is not there is told where it is opened, and not left out.
        (MARKED, [r"\All", "Nowhere"], [Place(r"\All"), Place("Nowhere"), Place("Rommel", junk=True)]),
    ],
)
def test_each_mail_is_read_once(folders: list[Folder], wanted: list[str], found: list[Place]) -> None:
    def key(place: Place) -> tuple[bool, str]:
        return place.junk, place.path

    places = to_read(wanted, folders, junk=True)
    assert sorted(places, key=key) == sorted(found, key=key)
    assert [place.junk for place in places] == sorted(place.junk for place in places)


@pytest.mark.parametrize("folders", [GMAIL, MARKED, NAMED, BARE])
def test_our_own_mail_and_dead_mail_is_not_read_by_default(folders: list[Folder]) -> None:
    assert to_read([], folders, junk=False) == [INBOX]
    read = {place.path for place in to_read([], folders, junk=True)}
    assert not read & {find(folders, use) for use in (r"\Sent", r"\Drafts", r"\Trash")}


@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("Spam", r"\Junk"),
        ("Junk-E-Mail", r"\Junk"),
        ("Unerw&APw-nscht", r"\Junk"),
        ("Courrier ind&AOk-sirable", r"\Junk"),
        ("Lixo Eletr&APQ-nico", r"\Junk"),
        ("Skr&AOQ-ppost", r"\Junk"),
        ("S&APg-ppelpost", r"\Junk"),
        ("Wiadomo&AVs-ci-&AVs-mieci", r"\Junk"),
        ("&BCEEPwQwBDw-", r"\Junk"),
        ("&BB0ENQQ2BDUEOwQwBEIENQQ7BEwEPQQwBE8- &BD8EPgRHBEIEMA-", r"\Junk"),
        ("&V4NXPpCuTvY-", r"\Junk"),
        ("&j,dg0TDhMPww6w-", r"\Junk"),
        ("&yBXQbA- &ulTHfA-", r"\Junk"),
        ("Gesendete Elemente", r"\Sent"),
        ("&AMk-l&AOk-ments envoy&AOk-s", r"\Sent"),
        ("&BB4EQgQ,BEAEMAQyBDsENQQ9BD0ESwQ1-", r"\Sent"),
        ("&XfJT0ZAB-", r"\Sent"),
        ("&kAFP4W4IMH8-", r"\Sent"),
        ("Ar&AV8-iv", r"\Archive"),
    ],
)
def test_folders_are_known_by_the_names_that_providers_give_them(name: str, use: str) -> None:
    folders = folders_of('() "/" INBOX', f'() "/" "{name}"')
    assert find(folders, use) == folders[1].path


def test_a_folder_of_that_name_deep_inside_another_is_none() -> None:
    assert to_read([], folders_of('() "/" INBOX', '() "/" "Customers/Spam"'), junk=True) == [INBOX]


MAIL = b"From: nora@partner.example\r\nSubject: Hello\r\nMessage-ID: <%d@partner.example>\r\n\r\nGood morning.\r\n"


def subjects(engine: Engine) -> list[str]:
    with reading(engine) as session:
        return sorted(session.scalars(select(InboundMessage.folder)))


@SQLITE
@pytest.mark.server
@pytest.mark.parametrize(
    ("wanted", "junk", "found"),
    [
        ([], True, ["INBOX", "Junk"]),
        ([], False, ["INBOX"]),
        ([r"\Archive"], False, ["Archive"]),
        ([r"\All", "INBOX"], True, ["All Mail", "Junk"]),
    ],
)
def test_a_poll_reads_the_folders_that_are_meant(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str, wanted: Sequence[str], found: list[str], *, junk: bool
) -> None:
    furnish(engine)
    for number, name in enumerate(("INBOX", "Junk", "Sent", "Archive", "All Mail", "Drafts", "Trash")):
        dovecot.deliver(imap_user, MAIL % number, name)
    with visiting(engine, dovecot, imap_user) as visit:
        go_round(visit, Mailbox(folders=[*wanted], read_junk=junk, learn_sends=False))
    assert subjects(engine) == found


@SQLITE
@pytest.mark.server
def test_a_mailbox_without_junk_is_read_and_a_use_without_folder_is_told(
    engine: Engine, dovecot: PrivateDovecot, imap_user: str
) -> None:
    furnish(engine)
    dovecot.deliver(imap_user, MAIL % 1)
    with dovecot.session(imap_user) as client:
        client.delete_folder("Junk")
    with visiting(engine, dovecot, imap_user) as visit:
        go_round(visit, Mailbox(folders=[], read_junk=True, learn_sends=False))
        with pytest.raises(MailboxError, match=r"Archive"):
            go_round(visit, Mailbox(folders=[r"\Archive", "INBOX"], read_junk=True, learn_sends=False))
    assert subjects(engine) == ["INBOX"]


def test_junk_and_moves_are_set_shown_and_switched_off(run: Commands) -> None:
    def row() -> dict[str, Any]:
        (found,) = run.done("mailboxes", "list", "--json").rows
        return {name: found[name] for name in ("folders", "read_junk", "bounces_to", "opt_outs_to")}

    run.add_mailbox(BOX, "--bounces-to", "Bounces", "--opt-outs-to", "Gone", "--folder", r"\All")
    assert row() == {"folders": [r"\All"], "read_junk": True, "bounces_to": "Bounces", "opt_outs_to": "Gone"}
    run.done("mailboxes", "set", BOX, "--no-junk", "--bounces-to", "")
    assert row() == {"folders": [r"\All"], "read_junk": False, "bounces_to": None, "opt_outs_to": "Gone"}
    run.done("mailboxes", "set", BOX, "--junk")
    assert row()["read_junk"] is True
