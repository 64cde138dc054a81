r"""Step 1: reads a mailbox over IMAP and leaves no trace in it (EXAMINE and BODY.PEEK: \Seen stays as it is)."""

from __future__ import annotations

import socket
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import date, datetime
from typing import Final

from worker.errors import MailboxError
from worker.imap import folders, listing
from worker.imap.account import Account
from worker.imap.arrival import arrival
from worker.imap.client import Client
from worker.imap.compress import compress, is_near
from worker.imap.connection import hang_up, log_out, open_client, shut, slim
from worker.imap.failures import telling
from worker.imap.fetch import HEADER, ask_in_halves, fetch
from worker.imap.fetched import (
    BATCH_MESSAGES,
    Answer,
    FetchedMessage,
    FolderState,
    batches,
    content_of,
    size_of,
)
from worker.imap.idle import Ear, Heard
from worker.imap.together import statuses
from worker.imap.transfer import Fate, transfer

HEADER_BATCH: Final = 500
# CONDSTORE would tell of changed flags, too, and a folder be opened whenever somebody reads a mail in it.
_NUMBERS: Final = "MESSAGES UIDNEXT UIDVALIDITY"


@contextmanager
def connect(account: Account, name: str) -> Iterator[Mailbox]:
    """Sign in to the mailbox called `name`; signs out at the end.

    Raises:
        MailboxError: it cannot be reached or signed in to; permanent where a person has to act.
    """
    mailbox = reach(account, name)
    try:
        yield mailbox
    except BaseException:
        mailbox.close(broken=True)
        raise
    mailbox.close()


def reach(account: Account, name: str, begun: Callable[[socket.socket], None] | None = None) -> Mailbox:
    """Sign in to the mailbox called `name`; whoever calls closes it. `begun` is as of `worker.imap.client.Client`.

    Raises:
        MailboxError: as `connect`.
    """
    with telling(account, name, "signing in"):
        return Mailbox(open_client(account, begun=begun), account, name)


class Mailbox:
    """An open mailbox; every method raises MailboxError where the server or the way to it fails."""

    def __init__(self, client: Client, account: Account, name: str) -> None:
        self._client = client
        self._account = account
        self._name = name
        self._state: FolderState | None = None
        self._folders: list[folders.Folder] | None = None
        self._opening: socket.socket | None = None
        """What cuts a connection that is opened in place of another."""

    @property
    def name(self) -> str:
        """Return the mailbox's name."""
        return self._name

    @property
    def account(self) -> Account:
        """Return how this connection was signed in."""
        return self._account

    def close(self, *, broken: bool = False) -> None:
        """Sign out, or just hang up where the connection may be broken."""
        (hang_up if broken else log_out)(self._client)

    def cut(self) -> None:
        """End the connection from another thread: whoever waits for the server hears that it broke."""
        shut(self._opening or self._client.socket())

    def special_folder(self, use: str) -> str | None:
        r"""Return the folder of a use such as r"\Sent" or r"\Junk" (RFC 6154), or None.

        Well-known names count only where the server marks no folder at all.
        """
        return folders.find(self.folders(), use)

    def folders(self, *, anew: bool = False) -> list[folders.Folder]:
        """Return the folders that can be opened, as they were when first asked for, or `anew`."""
        if self._folders is None or anew:
            with telling(self._account, self._name, "listing folders"):
                self._folders = folders.listed(self._client)
        return self._folders

    def select(self, folder: str) -> FolderState:
        """Open a folder for reading only, and return its state."""
        with telling(self._account, self._name, f"opening folder {folder!r}"):
            # A server that refuses has closed the folder before (RFC 9051 6.3.2).
            self._state = None
            answer = self._client.select_folder(folder, readonly=True)
            if not answer.get(b"UIDVALIDITY"):
                raise MailboxError(
                    f"{self._name}: {self._account.host} gives folder {folder!r} no lasting numbers (UIDVALIDITY), "
                    "so it cannot be read; choose another folder",
                    permanent=True,
                )
            self._state = _state(folder, answer, answer.get(b"EXISTS", 0))
            return self._state

    def changed(self, states: Collection[FolderState]) -> set[str]:
        """Return which folders are not as they were, asking for all of them in one go (RFC 9051 5.5).

        STATUS may tell of the selected folder what was true when it was selected (6.3.11); of that one, NOOP brings
        the news.
        """
        others = self._not_selected(states)
        with telling(self._account, self._name, "asking for news"):
            numbers = statuses(self._client, [(state.folder, _NUMBERS) for state in others])
        changed = {state.folder for state, found in zip(others, numbers, strict=True) if not _is_as(state, found)}
        return changed | {state.folder for state in states if state not in others and not self.stands_at(state)}

    def ask(self, ear: Ear, states: Collection[FolderState]) -> tuple[Heard, bool]:
        """Ask over a connection that waits, and goes on waiting, whether the folders are as they were.

        Returns what was heard of the folder that it waits for, and whether the numbers of all are the same.
        """
        others = self._not_selected(states)
        with telling(self._account, self._name, "asking for news"):
            heard, numbers = ear.ask([(state.folder, _NUMBERS) for state in others])
        same = all(_is_as(state, found) for state, found in zip(others, numbers, strict=True))
        return heard, same and all(state == self._state for state in states if state not in others)

    def listen(self, folder: str) -> Ear | None:
        """Return an ear that waits for news of a folder (IDLE), or None where the server has no IDLE."""
        if not self._client.has_capability("IDLE"):
            return None
        if self._state is None or self._state.folder != folder:
            self.select(folder)
        slim(self._client)
        return Ear(self._client, self._selected.exists)

    @property
    def selected(self) -> str | None:
        """Return which folder is selected."""
        return self._state.folder if self._state else None

    def stands_at(self, state: FolderState) -> bool:
        """Say whether the selected folder is as it was then, as far as the server has told."""
        return self._state == state and not self._was_told_of_news()

    def compress(self) -> bool:
        """Compress what passes from now on, if the server can; return whether that is done.

        Octets that never leave this machine cost less than making fewer of them.
        """
        with telling(self._account, self._name, "agreeing on compression"):
            return not is_near(self._client) and compress(self._client)

    def new_uids(self, state: FolderState, after_uid: int, since: date | None = None) -> list[tuple[int, int]]:
        """Return (UID, size in octets), ascending, of the messages with a UID above `after_uid`.

        Call it straight after `select`, whose state it takes.

        Args:
            state: the selected folder.
            after_uid: 0 for all.
            since: leaves out what arrived before this day (UTC).
        """
        with telling(self._account, self._name, f"listing {state.folder!r}"):
            return listing.above(self._client, state, after_uid, since)

    def uids_between(self, first: int, last: int, since: date | None = None) -> list[tuple[int, int]]:
        """Return (UID, size in octets), ascending, of the selected folder's messages from one UID to another.

        With `since`, what arrived before that day (UTC) is left out.
        """
        with telling(self._account, self._name, f"listing {self._selected.folder!r}"):
            return listing.between(self._client, first, last, since)

    def fetch(self, pairs: Sequence[tuple[int, int]], most: int = BATCH_MESSAGES) -> Iterator[list[FetchedMessage]]:
        """Yield the messages of the selected folder in batches, ascending by UID; no batch is empty.

        A message deleted meanwhile is absent; one the server lists but will not hand over says so in `refused`.

        Args:
            pairs: (UID, size) as `new_uids` gives them.
            most: messages in a batch.
        """
        for batch in batches(sorted(pairs), most):
            with telling(self._account, self._name, f"reading {self._selected.folder!r}"):
                messages = fetch(self._name, self._selected, dict(batch), self._ask, self._noop)
            if messages:
                yield messages

    def headers(self, uids: Sequence[int]) -> Iterator[tuple[int, bytes, datetime, int]]:
        """Yield (UID, header block, arrival as aware UTC, size in octets) of the selected folder, ascending by UID."""
        ordered = sorted(uids)
        for start in range(0, len(ordered), HEADER_BATCH):
            with telling(self._account, self._name, f"reading headers of {self._selected.folder!r}"):
                answers = self._ask(ordered[start : start + HEADER_BATCH], ["INTERNALDATE", "RFC822.SIZE", HEADER], {})
            for uid, answer in sorted(answers.items()):
                header = content_of(answer, b"BODY[HEADER]")
                if header is not None:
                    yield uid, header, arrival(answer.get(b"INTERNALDATE"), header), size_of(answer)

    def move(self, folder: str, uidvalidity: int, uids: Sequence[int], to: str) -> dict[int, Fate]:
        """Move messages to another folder and say what became of each: the one thing that changes a mailbox.

        Args:
            folder: where they lie; it is open for reading only again afterwards.
            uidvalidity: of that folder, when they were seen there.
            uids: which.
            to: where they go; made where it is missing.
        """
        with telling(self._account, self._name, f"moving mail from {folder!r} to {to!r}"):
            self._state = self._folders = None
            fates = transfer(self._client, folder, uidvalidity, uids, to)
        with suppress(MailboxError):
            self.select(folder)
        return fates

    def _not_selected(self, states: Collection[FolderState]) -> list[FolderState]:
        return [state for state in states if self._state is None or state.folder != self._state.folder]

    @property
    def _selected(self) -> FolderState:
        if self._state is None:
            raise RuntimeError("select a folder before reading it")
        return self._state

    def _was_told_of_news(self) -> bool:
        # What a server says of the selected folder comes with the answer to any command, and imaplib keeps it.
        told = self._client._imap.untagged_responses  # noqa: SLF001
        counts = told.get("EXISTS") or [b"%d" % self._selected.exists]
        return "EXPUNGE" in told or int(counts[-1]) != self._selected.exists

    def _ask(self, uids: list[int], items: list[str], refused: dict[int, str]) -> Mapping[int, Answer]:
        return ask_in_halves(self._fetch, self._recover, uids, items, refused)

    def _fetch(self, uids: list[int], items: list[str]) -> Mapping[int, Answer]:
        # Looked up anew each time: a recovery may have put another connection in the place of the first.
        answers: Mapping[int, Answer] = self._client.fetch(uids, items)
        return answers

    def _noop(self) -> None:
        self._client.noop()

    def _recover(self, error: Exception) -> None:
        """Bring the connection back to order after a refusal, on a new one where imaplib stopped inside an answer."""
        if "got more than" not in str(error):
            self._client.noop()
            return
        hang_up(self._client)
        try:
            self._client = open_client(self._account, begun=self._begun)
        finally:
            if self._opening:
                self._opening.close()
            self._opening = None
        before = self._selected
        if self.select(before.folder).uidvalidity != before.uidvalidity:
            raise MailboxError(
                f"{self._name}: folder {before.folder!r} was replaced while it was read; it is tried again",
                permanent=False,
            )

    def _begun(self, handle: socket.socket) -> None:
        self._opening = handle


def _state(folder: str, answer: Answer, exists: int) -> FolderState:
    return FolderState(folder, answer.get(b"UIDVALIDITY", 0), answer.get(b"UIDNEXT", 0), exists)


def _is_as(state: FolderState, numbers: Answer) -> bool:
    # A server that does not tell its next number cannot vouch for anything.
    return bool(state.uidnext) and state == _state(state.folder, numbers, numbers.get(b"MESSAGES", 0))
