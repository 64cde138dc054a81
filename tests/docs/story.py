"""A page as one story: its commands are typed in order, in a new folder, and what they answer is held against the page.

What is not as on the reader's machine: `inbox-worker` is this source tree, imap.outreach.example leads to a Dovecot of
the tests (by shim/sitecustomize.py; SSL_CERT_FILE vouches for its certificate), ports are free ones, mila is who
is signed in, and passwords are typed by us.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sqlite3
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from tests.docs.mails import HOST, MILA
from tests.docs.not_run import COMMANDS, PAGES, PROGRAMS
from tests.docs.pages import ROOT, Command, commands, name_of
from tests.docs.terminal import SECONDS, Daemon, Terminal
from tests.docs.worlds import ELSE, WORLDS, World
from tests.keys import SECRET_KEY
from tests.servers import PrivateDovecot, free_ports
from tests.servers.mail import PASSWORD

PORTS: Final = ("8025", "8099")
"""What the pages listen on; here each is a free port."""
DAEMON = re.compile(r"inbox-worker (?:run|worker|console)\b[^|;&]*")
DATABASE = "inbox-worker.sqlite"
ANNA = "anna@client.example"
# What is another one each time. Both sides are written this way before they are compared.
VARIES: Final = (
    (re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|\+\d\d:\d\d| UTC)?)?"), "TIME"),
    (re.compile(r"whsec_[\w/+=]+|\b[\w-]{40,}\b"), "TOKEN"),
    (re.compile(r"\b\d+(?:\.\d+)? (?:ms|s|seconds?)\b"), "DURATION"),
    (re.compile(r"\b\d\d:\d\d(?::\d\d)?Z?\b"), "TIME"),
    (re.compile(r"UIDVALIDITY \d+"), "UIDVALIDITY"),
    (re.compile(r"[ \t]+$", re.MULTILINE), ""),
)


def reason_not_to_run(command: Command) -> str | None:
    """Return why a command is not run, if it is on the list."""
    line = bare(command.text)
    for_all = PAGES.get(command.page) or PROGRAMS.get(line.split(" ", 1)[0])
    return for_all or next((why for each, why in COMMANDS.items() if fnmatchcase(line, each)), None)


def bare(text: str) -> str:
    """Return a command without its comment."""
    return re.sub(r"\s+#[^'\"]*$", "", text)


class Story:
    """The commands of one page, and the folder in which they run."""

    def __init__(self, page: Path, folder: Path, dovecot: PrivateDovecot) -> None:
        self.commands = commands(page)
        self.told = "\n".join(command.text for command in self.commands)
        self.world = WORLDS.get(name_of(page)) or (ELSE if ANNA in self.told and not self.begins else World())
        self.folder = folder
        self._ports = dict(zip(PORTS, map(str, free_ports(len(PORTS))), strict=True))
        self._dovecot = dovecot

    @property
    def begins(self) -> bool:
        """Whether the page begins with nothing, as it makes the first key."""
        return "secrets new-key" in self.told

    def tell(self) -> None:
        """Run all of it."""
        (self.folder / "bin").mkdir()
        program = f'#!{sys.executable}\nif __name__ == "__main__":\n    from worker.cli import main\n    main()\n'
        self._write("bin/inbox-worker", program).chmod(0o755)
        self._write("bin/python", f'#!/bin/sh\nexec {sys.executable} "$@"\n').chmod(0o755)
        for name, text in self.world.files.items():
            self._write(name, text)
        with Terminal(self.folder, self._environment(), PASSWORD) as terminal:
            for line in self._before():
                answer = terminal.run(line)
                assert answer.status == 0, f"before the page, {line}: {answer.text}"
            for command in self.commands:
                if not reason_not_to_run(command):
                    self._type(terminal, command)
            ended = terminal.stop_daemons()
            assert set(ended.values()) <= {0}, f"told to stop, they end with {ended}"

    def _type(self, terminal: Terminal, command: Command) -> None:
        terminal.password = "a-word-that-nobody-guesses" if "users add" in command.text else PASSWORD
        line = self._here(command.text)
        if DAEMON.fullmatch(bare(line)):
            self._wait_for(terminal.start(bare(line)), command)
            return
        answer = terminal.run(line)
        assert answer.status == 0, f"{command.place}: {line}\nends with {answer.status}: {answer.text}"
        if line.endswith("&"):
            # What goes on beside the shell has to listen before it is spoken to.
            spoken_to = [port for port in self._ports.values() if port in line]
            _wait(lambda: all(map(_listens, spoken_to)), f"{command.place}: nobody listens on {spoken_to}")
        if command.answer is not None:
            compare(command, self._there(answer.text))

    def _wait_for(self, daemon: Daemon, command: Command) -> None:
        is_up = self._is_served if " console" in daemon.line else self._is_polled
        _wait(lambda: is_up() or not _lives(daemon.pid), f"{command.place}: {daemon.line} does not begin")
        assert _lives(daemon.pid), f"{command.place}: {daemon.line} ended: {daemon.log.read_text()}"

    def _is_served(self) -> bool:
        return _listens(self._ports["8025"])

    def _is_polled(self) -> bool:
        # Until the daemon has made its tables there is nothing to ask.
        with suppress(sqlite3.OperationalError), closing(sqlite3.connect(self.folder / DATABASE)) as database:
            return bool(database.execute("SELECT 1 FROM mailbox WHERE last_success_at IS NOT NULL").fetchall())
        return False

    def _before(self) -> list[str]:
        """Return what is done first; a page about a mailbox that it does not add finds it there."""
        lines = list(self.world.before)
        concerned = MILA in self.told or "inbox-worker run" in self.told
        if concerned and f"mailboxes add {MILA} --host" not in self.told:
            lines.insert(0, f"inbox-worker mailboxes add {MILA} --host {HOST}")
        return lines

    def _environment(self) -> Mapping[str, str]:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("INBOX_", "PYTEST"))}
        ours = {
            "PATH": f"{self.folder}/bin:{inherited['PATH']}", "PYTHONPATH": f"{ROOT}/tests/docs/shim:{ROOT}",
            "PAGES_IMAP_PORT": str(self._dovecot.tls_port), "SSL_CERT_FILE": self._dovecot.ca_file,
            "HOME": str(self.folder), "LOGNAME": "mila", "TZ": "UTC", "LC_ALL": "C.UTF-8",
            "TERM": "xterm", "COLUMNS": "100",
            "INBOX_CONSOLE_PORT": self._ports["8025"], "INBOX_BACKFILL_PROCESSES": "1",
            # What is logged beside an answer is no part of the pages.
            "INBOX_LOG_LEVEL": "WARNING",
            # No page tells of a mail that happens to be drawn at random.
            "INBOX_REVIEW_SHARE": "0",
        }  # fmt: skip
        return inherited | ours | ({} if self.begins else {"INBOX_SECRET_KEYS": SECRET_KEY})

    def _here(self, text: str) -> str:
        """Write a line of the page as it is typed here."""
        for word, meant in (*self.world.words.items(), *self._ports.items()):
            text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", meant, text)
        return text

    def _there(self, text: str) -> str:
        """Write what was answered here as a reader of the page sees it."""
        for port, free in self._ports.items():
            text = text.replace(free, port)
        return text.replace(str(self.folder), "FOLDER")

    def _write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(text, "utf-8")
        return path


def compare(command: Command, said: str) -> None:
    """Hold what was said against what the page shows; `...` stands for whatever is left out."""
    shown = command.answer or ""
    if command.is_json:
        assert _is_like(json.loads(shown), json.loads(said)), f"{command.place} is answered with\n{said}"
        return
    parts = [re.escape(part) for part in same(shown.strip("\n")).split("...")]
    assert re.fullmatch(".*".join(parts), same(said.strip("\n")), re.DOTALL), f"{command.place} says now:\n{said}"


def same(text: str) -> str:
    """Write what varies in one way."""
    for pattern, word in VARIES:
        text = pattern.sub(word, text)
    return text


def _is_like(shown: Any, said: Any) -> bool:
    if isinstance(shown, dict) and isinstance(said, dict):
        return shown.keys() == said.keys() and all(_is_like(shown[key], said[key]) for key in shown)
    if isinstance(shown, list) and isinstance(said, list):
        return len(shown) == len(said) and all(map(_is_like, shown, said))
    if isinstance(shown, str) and isinstance(said, str):
        parts = [re.escape(part) for part in same(shown).split("...")]
        return re.fullmatch(".*".join(parts), same(said), re.DOTALL) is not None
    return bool(shown == said)


def _listens(port: str) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", int(port))) == 0


def _lives(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _wait(happened: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.05)
