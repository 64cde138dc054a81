"""Fetches messages of a folder: small ones whole, large ones without their attachments."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from worker.imap import partial
from worker.imap.arrival import arrival
from worker.imap.failures import MALFORMED, is_passing, said
from worker.imap.fetched import WHOLE_BYTES, Answer, FetchedMessage, FolderState, content_of
from worker.tracing import step

HEADER: Final = f"BODY.PEEK[HEADER]<0.{WHOLE_BYTES}>"

Ask = Callable[[list[int], list[str], dict[int, str]], Mapping[int, Answer]]
"""Fetches items of messages by UID; why the server refuses one goes into the last argument."""


@step("fetch")
def fetch(
    mailbox: str, state: FolderState, sizes: Mapping[int, int], ask: Ask, noop: Callable[[], object]
) -> list[FetchedMessage]:
    """Fetch messages, ascending by UID; one that is gone is absent, one that is refused says so in `refused`.

    Args:
        mailbox: its name.
        state: the selected folder.
        sizes: UID -> size in octets.
        ask: fetches items.
        noop: gives the server occasion to tell of deletions.
    """
    return _Fetch(mailbox, state, ask, noop).messages(sizes)


def ask_in_halves(
    fetch_: Callable[[list[int], list[str]], Mapping[int, Answer]],
    recover: Callable[[Exception], object],
    uids: list[int],
    items: list[str],
    refused: dict[int, str],
) -> Mapping[int, Answer]:
    """Fetch items of messages; where the server refuses them together, find the one that is to blame.

    Args:
        fetch_: fetches items of all these messages with one command.
        recover: brings the connection back to order after a refusal.
        uids: which messages; none: nothing is asked.
        items: of each.
        refused: UID -> why the server refuses it; added to.

    Raises:
        IMAPClientError, OSError: the connection broke, or the server refuses only for now.
    """
    if not uids:
        return {}
    try:
        return fetch_(uids, items)
    except IMAPClientAbortError:
        raise
    except (IMAPClientError, *MALFORMED) as error:
        if is_passing(error):
            raise
        recover(error)
        if len(uids) == 1:
            refused[uids[0]] = said(error)
            return {}
    middle = len(uids) // 2
    halves = [ask_in_halves(fetch_, recover, half, items, refused) for half in (uids[:middle], uids[middle:])]
    return {**halves[0], **halves[1]}


@dataclass(frozen=True, slots=True)
class _Fetch:
    mailbox: str
    state: FolderState
    ask: Ask
    noop: Callable[[], object]

    def messages(self, sizes: Mapping[int, int]) -> list[FetchedMessage]:
        small = [uid for uid, size in sizes.items() if size <= WHOLE_BYTES]
        large = [uid for uid, size in sizes.items() if size > WHOLE_BYTES]
        refused: dict[int, str] = {}
        found: dict[int, FetchedMessage] = {}
        for uid, answer in self.ask(small, ["INTERNALDATE", "BODY.PEEK[]"], refused).items():
            raw = content_of(answer, b"BODY[]")
            if raw is not None:
                found[uid] = self._message(uid, sizes[uid], answer, raw)
        structures = self.ask(large, ["INTERNALDATE", "BODYSTRUCTURE", HEADER], refused)
        for uid in large:
            message = self._large(uid, sizes[uid], structures.get(uid), refused)
            if message is not None:
                found[uid] = message
        missing = [uid for uid in sizes if uid not in found]
        for uid, answer in self._still_there(missing).items():
            reason = refused.get(uid, "the server lists the message but answers without it")
            found[uid] = self._message(uid, sizes[uid], answer, b"", refused=reason)
        return [found[uid] for uid in sorted(found)]

    def _large(self, uid: int, size: int, answer: Answer | None, refused: dict[int, str]) -> FetchedMessage | None:
        """Return a large message rebuilt from the parts we read, or its beginning where its structure is no use."""
        header = content_of(answer or {}, b"BODY[HEADER]")
        if answer and header is not None:
            try:
                plan = partial.plan(answer.get(b"BODYSTRUCTURE"), header)
                parts = self.ask([uid], plan.items, refused).get(uid, {}) if plan.items else {}
                rebuilt = partial.rebuild(plan, lambda section: content_of(parts, f"BODY[{section}]".encode()))
                return self._message(uid, size, answer, rebuilt.raw, omitted=rebuilt.omitted)
            except partial.StructureError:
                pass
        answer = self.ask([uid], ["INTERNALDATE", f"BODY.PEEK[]<0.{WHOLE_BYTES}>"], refused).get(uid, {})
        raw = content_of(answer, b"BODY[]")
        if raw is None:
            return None
        start = partial.beginning(raw, WHOLE_BYTES)
        return self._message(uid, size, answer, start.raw, omitted=start.omitted)

    def _still_there(self, uids: list[int]) -> Mapping[int, Answer]:
        if uids:
            # Only between commands may a server tell of deletions (RFC 3501 7.4.1).
            self.noop()
        return self.ask(uids, ["INTERNALDATE"], {})

    def _message(
        self,
        uid: int,
        size: int,
        answer: Answer,
        raw: bytes,
        *,
        omitted: tuple[str, ...] = (),
        refused: str | None = None,
    ) -> FetchedMessage:
        return FetchedMessage(
            mailbox=self.mailbox,
            folder=self.state.folder,
            uidvalidity=self.state.uidvalidity,
            uid=uid,
            arrived_at=arrival(answer.get(b"INTERNALDATE"), raw),
            raw=raw,
            size=size,
            omitted=omitted,
            refused=refused,
        )
