r"""An IMAP server that says what a script tells it to: for the oddities of servers that cannot run here.

A script is read line by line. `C: PATTERN` begins a rule for commands that the regular expression fits as a whole
(letter case aside); the `S: LINE`s below it are the answer, in which `$` at the beginning is the command's tag and
`<<name>>` a literal given by that name. Lines before the first rule are the greeting. `S: !hang up` ends the
connection, `S: !silence` says nothing more. Of several rules the first that fits answers; one that begins with `C1:`
answers once only.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Self

HOST: Final = "127.0.0.1"
HANG_UP: Final = b"!hang up"
SILENCE: Final = b"!silence"
_LITERAL: Final = re.compile(rb"<<(\w+)>>")

PLAIN: Final = r"""
S: * OK ready
C: CAPABILITY
S: * CAPABILITY IMAP4rev1
S: $ OK done
C: (LOGIN|AUTHENTICATE) .*
S: $ OK signed in
C: NOOP
S: $ OK done
C: LIST "" "\*"
S: * LIST () "/" INBOX
S: $ OK done
C: LOGOUT
S: * BYE
S: $ OK done
C: .*
S: $ BAD what?
"""
"""What every server says; a script's own rules come before these."""


@dataclass(slots=True)
class Rule:
    """What is answered to some commands, as often as `left` says."""

    pattern: re.Pattern[str]
    lines: list[bytes] = field(default_factory=list)
    left: float = float("inf")


class ScriptedServer:
    """Plays one script to whoever comes; `heard` keeps the commands without their tags."""

    host = HOST

    def __init__(self, script: str, literals: Mapping[str, bytes] | None = None) -> None:
        greeting, rules = _read(script)
        usual, more = _read(PLAIN)
        self.heard: list[str] = []
        self._greeting, self._rules = greeting or usual, [*rules, *more]
        self._literals = literals or {}
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self._closing = threading.Event()
        self._visits: list[threading.Thread] = []
        self._thread = threading.Thread(target=self._accept, name="scripted server", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in (self._thread, *self._visits):
            thread.join(10)
        self._listener.close()

    def password(self, user: str) -> str:
        """Return a user's password, which is any."""
        return user

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                visitor, _ = self._listener.accept()
                visit = threading.Thread(target=self._talk, args=(visitor,), name="scripted visit", daemon=True)
                self._visits.append(visit)
                visit.start()

    def _talk(self, visitor: socket.socket) -> None:
        with visitor, suppress(OSError), visitor.makefile("rb") as asked:
            visitor.settimeout(10)
            visitor.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            goes_on = self._say(visitor, b"", self._greeting)
            while goes_on and (line := asked.readline()):
                tag, _, command = line.strip().partition(b" ")
                goes_on = self._answer(visitor, tag, command.decode())

    def _answer(self, visitor: socket.socket, tag: bytes, command: str) -> bool:
        self.heard.append(command)
        rule = next(each for each in self._rules if each.left and each.pattern.fullmatch(command))
        rule.left -= 1
        return self._say(visitor, tag, rule.lines)

    def _say(self, visitor: socket.socket, tag: bytes, lines: list[bytes]) -> bool:
        for line in lines:
            if line == HANG_UP:
                return False
            if line == SILENCE:
                self._closing.wait()
                return False
            visitor.sendall(self._filled(re.sub(rb"^\$", tag, line)) + b"\r\n")
        return True

    def _filled(self, line: bytes) -> bytes:
        def literal(name: re.Match[bytes]) -> bytes:
            content = self._literals[name[1].decode()]
            return b"{%d}\r\n" % len(content) + content

        return _LITERAL.sub(literal, line)


def _read(script: str) -> tuple[list[bytes], list[Rule]]:
    greeting: list[bytes] = []
    rules: list[Rule] = []
    for line in filter(None, map(str.strip, script.splitlines())):
        who, _, words = line.partition(": ")
        if who == "S":
            (rules[-1].lines if rules else greeting).append(words.encode())
        else:
            rules.append(Rule(re.compile(words, re.IGNORECASE), left=1 if who == "C1" else float("inf")))
    return greeting, rules
