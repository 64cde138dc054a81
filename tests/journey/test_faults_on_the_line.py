"""Whatever happens to the connection, wherever in a session: the next poll goes on, nothing lost, nothing twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from models.session import open_engine
from tests.faulty_proxy import Connection, Faults, FaultyProxy
from tests.lab import Lab, Outcome, deliver, now, recent, rewind
from tests.servers import PrivateDovecot
from tests.soak import places
from worker.errors import MailboxError

pytestmark = pytest.mark.server

MAILS = 10


@dataclass
class Line:
    """A mailbox behind a faulty proxy, and what its database held before the first poll."""

    lab: Lab
    proxy: FaultyProxy
    before: sqlite3.Connection
    expected: Outcome | None = None
    known: set[str] = field(default_factory=set)
    """Every state of the database from which a quiet poll was seen to end well."""

    def poll(self) -> MailboxError | None:
        try:
            self.lab.poll()
        except MailboxError as error:
            return error
        return None

    def undisturbed(self) -> Connection:
        """Poll once, and return what the connection carried."""
        rewind(self.lab.engine, self.before)
        self.proxy.faults = Faults()
        assert self.poll() is None
        self.expected = self.lab.outcome()
        assert (self.expected.messages, self.expected.set_aside) == (MAILS, 0)
        return self.proxy.connections[-1]

    def faulty(self, faults: Faults, patience: float) -> MailboxError | None:
        """Poll for the first time, through faults, waiting so many seconds for an answer."""
        rewind(self.lab.engine, self.before)
        self.proxy.faults = faults
        patient = self.lab.settings
        self.lab.settings = patient.model_copy(update={"imap_timeout": patience})
        failure = self.poll()
        self.proxy.faults, self.lab.settings = Faults(), patient
        return failure

    def disturbed(self, faults: Faults, patience: float = 10.0) -> MailboxError | None:
        """Poll once with faults, which may fail, then quietly: all must be as if nothing had been.

        Where the database was left as after other faults, the quiet poll cannot end otherwise than it did after those.
        """
        failure = self.faulty(faults, patience)
        left = self.dump()
        if left not in self.known:
            self.lab.poll()
            assert self.lab.outcome() == self.expected, faults
            self.known.add(left)
        return failure

    def kept(self, faults: Faults | None = None) -> list[MailboxError]:
        """Poll for the first time and twice again over a kept connection, the first one with faults, then quietly."""
        rewind(self.lab.engine, self.before)
        if faults:
            self.proxy.coming.append(faults)
        failures: list[MailboxError] = []
        with self.lab.kept() as poll:
            for _ in range(3):
                try:
                    poll()
                except MailboxError as error:
                    failures.append(error)
        with self.lab.kept() as poll:
            poll()
        return failures

    def differing(self, outcome: Outcome) -> set[tuple[str, str]]:
        """Return the recipients that do not stand as they do where nothing happens."""
        assert self.expected is not None
        usual, found = self.expected.state.recipients, outcome.state.recipients
        return {each for each in usual.keys() | found.keys() if usual.get(each) != found.get(each)}

    def dump(self) -> str:
        with closing(sqlite3.connect(self.lab.engine.url.database or "")) as database:
            return "\n".join(database.iterdump())


@contextmanager
def laid(dovecot: PrivateDovecot, template: Path, folder: Path, **way: Any) -> Iterator[Line]:
    mails, user = recent(MAILS), f"line-{way['security']}"
    deliver(dovecot, user, mails)
    copyfile(template, folder / "line.sqlite")
    engine = open_engine(f"sqlite:///{folder}/line.sqlite")
    with FaultyProxy(way.pop("port")) as proxy, closing(sqlite3.connect(":memory:")) as before:
        # Time stands still, so that the same mail leaves the same rows.
        at = now()
        lab = Lab(engine, dovecot, user, clock=lambda: at)
        lab.furnish(mails, port=proxy.port, **way)
        with closing(sqlite3.connect(folder / "line.sqlite")) as database:
            database.backup(before)
        yield Line(lab, proxy, before)
    engine.dispose()


@pytest.fixture(scope="module")
def plain(dovecot: PrivateDovecot, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with laid(dovecot, sqlite_template, tmp_path_factory.mktemp("plain"), port=dovecot.port, security="plain") as line:
        yield line


@pytest.fixture(scope="module")
def tls(dovecot: PrivateDovecot, sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    with laid(
        dovecot, sqlite_template, tmp_path_factory.mktemp("tls"),
        port=dovecot.tls_port, security="tls", ca_file=dovecot.ca_file,
    ) as line:  # fmt: skip
        yield line


@pytest.mark.parametrize("asking", [False, True], ids=["answers", "questions"])
def test_cut_at_any_octet_of_a_connection_that_is_kept(plain: Line, asking: bool) -> None:
    plain.undisturbed()
    before = len(plain.proxy.connections)
    assert plain.kept() == []
    assert plain.lab.outcome() == plain.expected
    usual = len(plain.proxy.connections) - before
    kept = plain.proxy.connections[before]
    end, short = (kept.asked, 12) if asking else (kept.answered, 24)
    noticed, cuts = 0, places(end, first=0, short=short, long=1_000)
    for at in cuts:
        before = len(plain.proxy.connections)
        failures = plain.kept(Faults(cut_asking_after=at) if asking else Faults(cut_after=at))
        assert plain.lab.outcome() == plain.expected, at
        noticed += bool(failures) or len(plain.proxy.connections) - before > usual
    assert noticed > len(cuts) * 3 // 4


@pytest.mark.parametrize("reset", [False, True], ids=["ended", "reset"])
def test_cut_at_any_octet_of_the_answers(plain: Line, reset: bool) -> None:
    end = plain.undisturbed().answered
    cuts = places(end, first=50 if reset else 300, short=20 if reset else 100)
    failures = [plain.disturbed(Faults(cut_after=at, reset=reset)) for at in cuts]
    assert not [failure for failure in failures if failure and failure.permanent]
    assert sum(failure is not None for failure in failures) > 0.9 * len(cuts)
    # After the Sent folder, after each batch of the inbox, and before all.
    assert len(plain.known) >= 4


def test_cut_at_any_octet_of_the_questions(plain: Line) -> None:
    end = plain.undisturbed().asked
    failures = [plain.disturbed(Faults(cut_asking_after=at)) for at in places(end, first=20, short=40)]
    assert not [failure for failure in failures if failure and failure.permanent]
    assert sum(failure is not None for failure in failures) > 0.9 * len(failures)


def test_cut_at_any_octet_of_an_encrypted_connection(tls: Line) -> None:
    end = tls.undisturbed().answered
    failures = [tls.disturbed(Faults(cut_after=at)) for at in places(end, first=20, short=50)]
    assert not [failure for failure in failures if failure and failure.permanent]
    assert sum(failure is not None for failure in failures) > 0.9 * len(failures)


DAMAGES = [
    pytest.param({"insert": b"\x00\xff* }{ \r\n)"}, id="garbage"),
    pytest.param({"lose": 7}, id="half a line"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_on_an_encrypted_connection_is_as_good_as_cut(tls: Line, damage: dict[str, Any]) -> None:
    end = tls.undisturbed().answered
    failures = [tls.disturbed(Faults(splice_at=at, **damage), 0.1) for at in places(end, first=5, short=20, long=1_500)]
    assert sum(failure is not None for failure in failures) > 0.8 * len(failures)


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_damaged_without_encryption_ends_in_an_error_that_is_told(plain: Line, damage: dict[str, Any]) -> None:
    """What a mail says may be damaged unseen then; but nothing hangs, and no error is one we do not know."""
    end = plain.undisturbed().answered
    for at in places(end, first=5, short=20, long=1_500):
        plain.faulty(Faults(splice_at=at, **damage), 0.1)
        plain.poll()
        outcome = plain.lab.outcome()
        assert outcome.messages >= MAILS, at
        assert len(plain.differing(outcome)) <= 1, at


def test_a_server_that_falls_silent_is_given_up_in_time_anywhere(plain: Line) -> None:
    end = plain.undisturbed().answered
    # What is said last, at the end of the session, is not waited for.
    failures = [plain.disturbed(Faults(stall_after=at), 0.1) for at in places(end - 300, first=2, short=18, long=1_000)]
    for failure in failures:
        assert failure is not None
        assert not failure.permanent
        assert "no answer within 0.1 seconds" in str(failure)


@pytest.mark.parametrize("chunk", [1, 3, 50])
def test_answers_may_come_in_drops(plain: Line, chunk: int) -> None:
    plain.undisturbed()
    assert plain.disturbed(Faults(chunk=chunk, pause=0.0001)) is None


def test_a_slow_line_is_waited_for(tls: Line) -> None:
    tls.undisturbed()
    assert tls.disturbed(Faults(chunk=2_000, pause=0.05)) is None


def test_a_door_that_is_shut_is_tried_again_later(tls: Line) -> None:
    tls.undisturbed()
    failure = tls.disturbed(Faults(refuse=True))
    assert failure is not None
    assert not failure.permanent


def test_a_line_that_comes_and_goes_brings_everything_in_the_end(plain: Line) -> None:
    """Each poll gets a little further than the one before, however often the line goes."""
    end = plain.undisturbed().answered
    rewind(plain.lab.engine, plain.before)
    plain.proxy.coming.extend(Faults(cut_after=at, reset=at % 2 == 0) for at in range(100, end + 1_000, end // 40))
    polls = 0
    while plain.poll() is not None:
        polls += 1
        assert polls < 50
    plain.proxy.coming.clear()
    assert plain.lab.outcome() == plain.expected
    assert polls > 5
