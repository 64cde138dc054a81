"""The part of IMAP (RFC 3501, RFC 2177, RFC 2971, RFC 6154) that a simulated mail server speaks over one connection.

Mailboxes are never changed by their clients, so SELECT answers as EXAMINE does, and sequence numbers are UIDs.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from bench.imap_boxes import FOLDERS, UIDVALIDITY, Boxes, Mail, Turn
from bench.imap_words import ITEM, SET, BadCommandError, content, folder_of, numbers_of, told
from tests.servers.mail import PASSWORD

CAPABILITY: Final = b"CAPABILITY IMAP4rev1 IDLE ID SPECIAL-USE LIST-EXTENDED"
LONGEST_LINE: Final = 65_536
_TAGGED: Final = re.compile(rb"([^\x00-\x20(){%*\"\\+]+) (?:(UID) )?([A-Za-z]+)(?: (.*))?", re.DOTALL | re.IGNORECASE)
_PLAIN_ITEMS: Final = frozenset({b"UID", b"RFC822.SIZE", b"INTERNALDATE", b"FLAGS"})
_STATUS_ITEMS: Final = frozenset({"MESSAGES", "UIDNEXT", "UIDVALIDITY", "RECENT", "UNSEEN"})
_BAD: Final = b"BAD not spoken here"
_ANY, _SIGNED_IN, _SELECTED = range(3)


class Talk(asyncio.Protocol):
    """One connection; its peer is known by its address, and by what it says of itself (ID)."""

    def __init__(self, boxes: Boxes) -> None:
        self._boxes = boxes
        self._transport: asyncio.Transport | None = None
        self._rest, self._out = b"", list[bytes]()
        self._box: int | None = None
        self._folder: str | None = None
        self._told = 0
        self._waits: bytes | None = None
        """The tag of the IDLE that goes on."""
        self._turn: Turn | None = None
        self.peer = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a server's transports are these
        self._transport = transport
        self.peer = str(transport.get_extra_info("peername")[0])
        transport.write(b"* OK [%b] ready\r\n" % CAPABILITY)

    def connection_lost(self, _: Exception | None) -> None:
        if self._box is not None:
            self._boxes.boxes[self._box].listeners.discard(self)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\r\n")
        for line in lines:
            self._hear(line)
        if len(self._rest) > LONGEST_LINE:
            self._say(b"* BYE this line does not end")
            self._close()
        self._flush()

    def tell(self, folder: str, exists: int) -> None:
        """Tell the client, which waits, that its folder holds so many messages now."""
        if folder == self._folder:
            self._told = exists
            self._say(b"* %d EXISTS" % exists)
            self._flush()

    def _say(self, line: bytes) -> None:
        self._out += (line, b"\r\n")

    def _flush(self) -> None:
        if self._out and self._transport:
            self._transport.write(b"".join(self._out))
        self._out.clear()

    def _close(self) -> None:
        self._flush()
        if self._transport:
            self._transport.close()

    def _hear(self, line: bytes) -> None:
        if self._waits is not None:
            self._wake(line)
            return
        command = _TAGGED.fullmatch(line)
        if command is None:
            self._say(b"* BAD this is no command")
            return
        tag, uid, name, words = command.groups()
        do, least = _COMMANDS.get((uid.upper() + b" " if uid else b"") + name.upper(), (Talk.none, _ANY))
        state = _ANY if self._box is None else _SIGNED_IN if self._folder is None else _SELECTED
        try:
            answer = do(self, tag, words or b"") if state >= least else _BAD
        except BadCommandError:
            answer = _BAD
        if answer:
            self._say(b"%b %b" % (tag, answer))

    def _work(self) -> Boxes:
        """Note that this peer works on its mailbox."""
        assert self._box is not None  # noqa: S101 - the command is none for strangers
        if self._turn is None:
            self._turn = self._boxes.begin(self._box, self.peer)
        else:
            self._boxes.go_on(self._box, self._turn)
        return self._boxes

    def _rests(self) -> None:
        if self._turn is not None and self._box is not None:
            self._boxes.go_on(self._box, self._turn)
            self._boxes.end(self._box)
            self._turn = None

    def _mails(self, folder: str) -> Sequence[Mail]:
        assert self._box is not None  # noqa: S101 - the same
        return self._boxes.boxes[self._box].mails(folder)

    def _wake(self, line: bytes) -> None:
        assert self._box is not None  # noqa: S101 - the same
        tag, self._waits = self._waits, None
        self._boxes.boxes[self._box].listeners.discard(self)
        self._say(b"%b OK done" % tag if line.upper() == b"DONE" else b"%b BAD only DONE ends a wait" % tag)

    def none(self, _tag: bytes, _words: bytes) -> bytes:
        return _BAD

    def capability(self, _tag: bytes, _words: bytes) -> bytes:
        self._say(b"* " + CAPABILITY)
        return b"OK done"

    def id(self, _tag: bytes, words: bytes) -> bytes:
        if words.upper() != b"NIL":
            self.peer = f"{self.peer} {words.decode('ascii', 'replace')}"
        self._say(b'* ID ("name" "simulated")')
        return b"OK done"

    def login(self, _tag: bytes, words: bytes) -> bytes:
        if self._box is not None:
            raise BadCommandError
        user, password = told(words, 2)
        box = self._boxes.find(user)
        if box is None or password != PASSWORD:
            return b"NO [AUTHENTICATIONFAILED] user or password is wrong"
        self._box = box
        self._boxes.logins[box] += 1
        return b"OK [%b] signed in" % CAPABILITY

    def logout(self, tag: bytes, _words: bytes) -> bytes:
        self._rests()
        self._say(b"* BYE farewell")
        self._say(b"%b OK done" % tag)
        self._close()
        return b""

    def list(self, _tag: bytes, words: bytes) -> bytes:
        reference, pattern, *_ = told(words)
        self._work()
        if not pattern:
            self._say(b'* LIST (\\Noselect) "/" ""')
        for name, use in FOLDERS.items():
            if not reference and (pattern in {"*", "%"} or pattern == name):
                self._say(f'* LIST (\\HasNoChildren{" " * bool(use)}{use}) "/" {name}'.encode())
        return b"OK done"

    def select(self, _tag: bytes, words: bytes) -> bytes:
        (name,) = told(words, 1)
        self._work()
        self._folder = folder_of(name)
        if self._folder is None:
            return b"NO [NONEXISTENT] no such folder"
        self._told = len(self._mails(self._folder))
        for line in (
            b"* FLAGS (\\Seen)", b"* OK [PERMANENTFLAGS ()] none", b"* %d EXISTS" % self._told, b"* 0 RECENT",
            b"* OK [UIDVALIDITY %d] lasting" % UIDVALIDITY, b"* OK [UIDNEXT %d] next" % (self._told + 1),
        ):  # fmt: skip
            self._say(line)
        return b"OK [READ-ONLY] done"

    def close(self, _tag: bytes, _words: bytes) -> bytes:
        self._work()
        self._folder = None
        return b"OK done"

    def status(self, _tag: bytes, words: bytes) -> bytes:
        name, items = told(words, 2)
        wanted = items.strip("()").upper().split()
        if not wanted or not set(wanted) <= _STATUS_ITEMS:
            raise BadCommandError
        self._work()
        folder = folder_of(name)
        if folder is None:
            return b"NO [NONEXISTENT] no such folder"
        count = len(self._mails(folder))
        numbers = {"MESSAGES": count, "UNSEEN": count, "UIDNEXT": count + 1, "UIDVALIDITY": UIDVALIDITY, "RECENT": 0}
        self._say(f"* STATUS {folder} ({' '.join(f'{item} {numbers[item]}' for item in wanted)})".encode())
        return b"OK done"

    def noop(self, _tag: bytes, _words: bytes) -> bytes:
        if self._box is not None:
            self._work()
            self._news()
        return b"OK done"

    def idle(self, tag: bytes, _words: bytes) -> bytes:
        assert self._box is not None  # noqa: S101 - the same
        self._rests()
        self._waits = tag
        self._boxes.boxes[self._box].listeners.add(self)
        self._say(b"+ waiting")
        self._news()
        return b""

    def fetch(self, _tag: bytes, words: bytes) -> bytes:
        return self._fetch(words, by_uid=False)

    def uid_fetch(self, _tag: bytes, words: bytes) -> bytes:
        return self._fetch(words, by_uid=True)

    def _news(self) -> None:
        if self._folder is not None and len(self._mails(self._folder)) != self._told:
            self._told = len(self._mails(self._folder))
            self._say(b"* %d EXISTS" % self._told)

    def _fetch(self, words: bytes, *, by_uid: bool) -> bytes:
        asked, _, rest = words.partition(b" ")
        items = list(ITEM.finditer(rest.strip(b"()")))
        known = all(item[0].upper() in _PLAIN_ITEMS or b"[" in item[0] for item in items)
        left = ITEM.sub(b"", rest.strip(b"()")).strip()
        if not items or left or not known or not SET.fullmatch(asked):
            raise BadCommandError
        boxes, mails = self._work(), self._mails(self._folder or "")
        # What a client was not told of yet it cannot mean (RFC 3501 7.4.1).
        for number in numbers_of(asked, self._told):
            self._say(self._fetched(boxes, number, mails[number - 1], items, by_uid=by_uid))
        return b"OK done"

    def _fetched(
        self, boxes: Boxes, number: int, mail: Mail, items: Sequence[re.Match[bytes]], *, by_uid: bool
    ) -> bytes:
        arrived, text = mail
        parts = [b"UID %d" % number] if by_uid else []
        for item in items:
            name = item[0].upper()
            if name.startswith(b"BODY"):
                parts.append(content(boxes.texts.text(text), item))
                assert self._box is not None  # noqa: S101 - the same
                boxes.fetched[self._box] += not item[1]
            elif name == b"RFC822.SIZE":
                parts.append(b"RFC822.SIZE %d" % boxes.texts.size(text))
            elif name == b"INTERNALDATE":
                parts.append(time.strftime('INTERNALDATE "%d-%b-%Y %H:%M:%S +0000"', time.gmtime(arrived)).encode())
            elif name == b"FLAGS":
                parts.append(b"FLAGS ()")
            elif not by_uid:
                parts.append(b"UID %d" % number)
        return b"* %d FETCH (%b)" % (number, b" ".join(parts))


_COMMANDS: Final[Mapping[bytes, tuple[Callable[[Talk, bytes, bytes], bytes], int]]] = {
    b"CAPABILITY": (Talk.capability, _ANY),
    b"ID": (Talk.id, _ANY),
    b"NOOP": (Talk.noop, _ANY),
    b"LOGOUT": (Talk.logout, _ANY),
    b"LOGIN": (Talk.login, _ANY),
    b"LIST": (Talk.list, _SIGNED_IN),
    b"SELECT": (Talk.select, _SIGNED_IN),
    b"EXAMINE": (Talk.select, _SIGNED_IN),
    b"STATUS": (Talk.status, _SIGNED_IN),
    b"IDLE": (Talk.idle, _SIGNED_IN),
    b"CLOSE": (Talk.close, _SELECTED),
    b"FETCH": (Talk.fetch, _SELECTED),
    b"UID FETCH": (Talk.uid_fetch, _SELECTED),
}
"""What answers each command, and the least state of the connection that allows it (RFC 3501 3)."""
