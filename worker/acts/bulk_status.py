"""What a person does with the status of many recipients at once, as `worker.acts.bulk_look` showed it before."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.events import Status
from models.session import Writer
from models.tables.mailing import Recipient
from worker.act import Act
from worker.acts.bulk_deed import PART, Deed, Done, counted
from worker.acts.bulk_look import Sorted, sort_out
from worker.acts.person import Choice, write_choice
from worker.acts.selection import chosen
from worker.chunks import chunks
from worker.rules import Rules
from worker.writing.locks import lock
from worker.writing.refold import refold


def set_status_of_many(  # noqa: PLR0913 - one argument a choice of the person
    writer: Writer,
    rules: Rules,
    ids: Collection[int],
    status: Status,
    act: Act,
    seen: int | None = None,
    *,
    by_mail: bool = False,
) -> Done:
    """Set the status of many recipients by hand, as `worker.acts.person.set_status` does of one.

    Who has the status already is left as they are, so whoever starts again after a crash does the rest.

    Args:
        writer: opens a write transaction; this takes several.
        rules: the team and its settings.
        ids: whom.
        status: any of the twelve.
        act: who, when and why.
        seen: as `preview_status` gives it; None: what mail is there now counts as seen.
        by_mail: the newest mail of each says so, and the classifier learns it; whoever means many has seldom read that.

    Raises:
        InputError: too many at once, or the team has no such recipient, and nothing is written; or somebody took the
            act back while it ran, and what is left to do is left.
    """
    with writer() as session:
        ids = sorted(chosen(session, rules.team_id, ids))
    deed = Deed(rules.team_id, "status", lambda n: f"set {counted(n, 'recipient')} to {status.value}", act)
    for some in chunks(ids, PART):
        with writer() as session:
            locked = lock(session, session.scalars(select(Recipient.contact_id).where(Recipient.id.in_(some))))
            part = sort_out(session, rules.team_id, some, status, seen)
            _choose(session, rules, part, Choice(status, by_mail=by_mail), act)
            refold(session, locked, act.at)
            deed.note(session, [str(recipient.id) for recipient, _ in part.change])
        _count_left(part, deed.done)
    return deed.done


def _choose(session: Session, rules: Rules, part: Sorted, choice: Choice, act: Act) -> None:
    for whom in part.change:
        write_choice(session, rules, whom, choice, act)


def _count_left(part: Sorted, done: Done) -> None:
    done.same += part.same
    done.refused += len(part.refused)
    done.came += part.came
    done.waiting += len(part.waiting)
