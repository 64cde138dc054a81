"""Carries out the moves that were written down: step 7, after what the mail caused was committed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from itertools import groupby

from sqlalchemy import Engine

from config import logs
from models.session import Writer, reading
from worker.chunks import chunks
from worker.errors import MailboxError, Trouble
from worker.imap.transfer import Fate
from worker.mailbox import Mailbox
from worker.tracing import step
from worker.writing.moves import Errand, note_fates, refusals, wanted

log = logs.logger(__name__)

AT_ONCE = 100
"""Messages that one command moves."""
MOST = 1_000
"""Messages that one poll moves; the others wait for the next."""


@step("acknowledge")
def carry_out(imap: Mailbox, mailbox_id: int, engine: Engine, writer: Writer, now: datetime) -> None:
    """Move what waits to be moved, and note what became of it; what the server refuses is told once and left alone.

    Raises:
        MailboxError: the connection broke, or the server asks for patience; what is not noted waits for the next poll.
    """
    with reading(engine) as session:
        waiting = wanted(session, mailbox_id, MOST)
    for (folder, uidvalidity, to_folder), errands in groupby(waiting, _way):
        for some in chunks(errands, AT_ONCE):
            try:
                by_uid = imap.move(folder, uidvalidity, [each.uid for each in some], to_folder)
            except MailboxError as error:
                if error.trouble is not Trouble.QUOTA:
                    raise
                # A mailbox without room for a copy can be read all the same.
                log.warning("no_room_to_move", says="{error}", mailbox=imap.name, error=error)
                return
            fates = {each.message_id: by_uid[each.uid] for each in some}
            with writer() as session:
                news = _reasons(fates) - refusals(session, mailbox_id)
                note_fates(session, fates, now)
            for why in sorted(news):
                log.warning(
                    "mail_not_moved",
                    says="mailbox {mailbox}: mail stays in {folder!r} and does not go to {to_folder!r}: {why}",
                    mailbox=imap.name,
                    folder=folder,
                    to_folder=to_folder,
                    why=why,
                )


def _way(errand: Errand) -> tuple[str, int, str]:
    return errand.folder, errand.uidvalidity, errand.to_folder


def _reasons(fates: Mapping[int, Fate]) -> set[str]:
    return {fate.error for fate in fates.values() if fate.error is not None}
