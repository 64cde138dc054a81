"""What a person does with many recipients or addresses at once: looked at first, kept as one act, taken back as one.

Everything is written in parts of a few hundred, so that other writers get their turn; the kept act names what was done
so far, also where the program ends in the middle.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.events import OPTED_OUT, DneReason, Status
from models.session import Writer
from models.tables.mailing import Recipient
from models.tables.people import BulkAct
from worker.act import Act
from worker.acts.bulk_look import SHOWN, Preview, preview_status, sort_out
from worker.acts.do_not_email import add_dne, dne_target, lift, live_entries, need_why, newest_entry, to_lift
from worker.acts.person import Choice, write_choice
from worker.acts.selection import MOST, Selection, addresses_of, chosen, chosen_contacts, refuse_too_many
from worker.chunks import chunks
from worker.errors import InputError
from worker.queries.story import Row
from worker.rules import Rules
from worker.writing.locks import lock, lock_team
from worker.writing.refold import refold
from worker.writing.suppression import erased

__all__ = [
    "MOST", "DnePreview", "Done", "Preview", "Selection", "add_many_to_dne", "addresses_of", "chosen",
    "chosen_contacts", "lift_many", "preview_dne", "preview_status", "recent_acts", "set_status_of_many",
]  # fmt: skip

PART = 200


@dataclass(slots=True)
class Done:
    """What an act on many did; `bulk_id` names it (None: nothing was done), so that it can be taken back."""

    bulk_id: int | None = None
    done: int = 0
    same: int = 0
    """Nothing was to be done for them."""
    refused: int = 0
    """They are under Do Not Email and cannot become Active."""
    newer: int = 0
    """They came onto Do Not Email anew after the look at them, and are left alone."""
    came: int = 0
    """They got mail after the look at them, and are left alone."""
    waiting: int = 0
    """They may have asked to be removed, and are left alone until somebody has answered that."""


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
    deed = _Deed(rules.team_id, "status", lambda n: f"set {_counted(n, 'recipient')} to {status.value}", act)
    for some in chunks(ids, PART):
        with writer() as session:
            contacts = session.scalars(select(Recipient.contact_id).where(Recipient.id.in_(some)))
            locked = lock(session, contacts)
            part = sort_out(session, rules.team_id, some, status, seen)
            for whom in part.change:
                write_choice(session, rules, whom, Choice(status, by_mail=by_mail), act)
            refold(session, locked, act.at)
            deed.note(session, [str(recipient.id) for recipient, _ in part.change])
        deed.done.same += part.same
        deed.done.refused += len(part.refused)
        deed.done.came += part.came
        deed.done.waiting += len(part.waiting)
    return deed.done


@dataclass(slots=True)
class _Deed:
    """An act on many while it is done."""

    team_id: int
    kind: str
    says: Callable[[int], str]
    act: Act
    done: Done = field(default_factory=Done)

    def note(self, session: Session, targets: Sequence[str]) -> None:
        """Keep, in the same transaction, what one part of it did.

        Raises:
            InputError: somebody took the act back meanwhile; this part is not done.
        """
        if not targets:
            return
        kept = session.get(BulkAct, self.done.bulk_id, with_for_update=True) if self.done.bulk_id else None
        if kept is not None and kept.undone_at is not None:
            raise InputError(f"{kept.undone_by} took this back while it ran ({kept.says}); the rest was not done")
        if kept is None:
            kept = BulkAct(team_id=self.team_id, actor=self.act.by, kind=self.kind, recorded_at=self.act.at, targets=[])
            session.add(kept)
        kept.targets = [*kept.targets, *targets]
        self.done.done = len(kept.targets)
        kept.says = self.says(self.done.done)
        session.flush()
        self.done.bulk_id = kept.id


def _counted(number: int, what: str, several: str = "") -> str:
    return f"1 {what}" if number == 1 else f"{number} {several or what + 's'}"


@dataclass(frozen=True, slots=True)
class DnePreview:
    """How addresses stand on the Do Not Email list."""

    new: int
    """Adding makes an entry for them: no person or import did."""
    live: int
    """They have a live entry of their own, which lifting lifts; a domain's stays."""
    opted_out: int
    """Of these the ones who asked for it themselves: lifting needs a reason."""
    opted_out_first: list[str]
    """Some of these."""
    seen: int
    """The newest of the live entries by its id; given to `lift_many`, what comes later is left alone."""


def preview_dne(session: Session, team_id: int, addresses: Collection[str]) -> DnePreview:
    """Say what adding addresses to Do Not Email, or lifting them, would do."""
    targets = _targets(addresses)
    entries = live_entries(session, team_id, targets)
    by_people = {entry.target for entry in entries if entry.recipient_id is None}
    opted_out = sorted({entry.target for entry in entries if entry.reason in OPTED_OUT})
    live = {entry.target for entry in entries}
    newest = max((entry.id for entry in entries), default=0)
    return DnePreview(len(targets) - len(by_people), len(live), len(opted_out), opted_out[:SHOWN], newest)


def _targets(addresses: Collection[str]) -> list[str]:
    targets = list(dict.fromkeys(dne_target(each) for each in addresses))
    refuse_too_many(targets)
    return targets


def add_many_to_dne(writer: Writer, team_id: int, addresses: Collection[str], act: Act) -> Done:
    """Add many addresses to Do Not Email by hand; what a person or an import added before stays as it is.

    Raises:
        InputError: too many at once, or one is no address, and nothing is written; or somebody took the act back
            while it ran, and what is left to do is left.
    """
    deed = _Deed(team_id, "dne add", lambda n: f"put {_addresses(n)} on Do Not Email", act)
    for part in chunks(_targets(addresses), PART):
        with writer() as session:
            lock_team(session, team_id, exclusive=True)
            names = erased(session, team_id, part)
            some = [names.get(target, target) for target in part]
            known = {e.target for e in live_entries(session, team_id, some) if e.recipient_id is None}
            new = [target for target in some if target not in known]
            add_dne(session, team_id, dict.fromkeys(new), DneReason.MANUAL, act)
            deed.note(session, new)
        deed.done.same += len(known)
    return deed.done


def lift_many(writer: Writer, team_id: int, addresses: Collection[str], act: Act, seen: int | None = None) -> Done:
    """Lift the Do Not Email entries of many addresses; recipients stay as they are, and so do entries of domains.

    Args:
        writer: opens a write transaction; this takes several.
        team_id: whose list.
        addresses: whose entries.
        act: who, when and why.
        seen: as `preview_dne` gives it; None: what is there now counts as seen.

    Raises:
        InputError: too many at once, or a contact opted out and no reason is given, and nothing is written; or
            somebody took the act back while it ran, and what is left to do is left.
    """
    targets = _targets(addresses)
    with writer() as session:
        if seen is None:
            seen = newest_entry(session, team_id, targets)
        need_why(to_lift(session, team_id, targets, seen).entries, act)
    deed = _Deed(team_id, "dne lift", lambda n: f"lifted Do Not Email of {_addresses(n)}", act)
    for some in chunks(targets, PART):
        with writer() as session:
            lifting = lift(session, team_id, some, act, seen)
            lifted = sorted({entry.target for entry in lifting.entries})
            deed.note(session, lifted)
        deed.done.newer += len(lifting.newer)
        deed.done.same += len(some) - len(lifted) - len(lifting.newer)
    return deed.done


def _addresses(number: int) -> str:
    return _counted(number, "address", "addresses")


def recent_acts(session: Session, team_id: int, limit: int = 20) -> list[Row]:
    """Return the newest acts on many, the newest first."""
    count = func.json_array_length(BulkAct.targets)
    query = select(BulkAct, count).where(BulkAct.team_id == team_id).order_by(BulkAct.id.desc()).limit(limit)
    return [
        {
            "id": act.id,
            "kind": act.kind,
            "says": act.says,
            "by": act.actor,
            "at": act.recorded_at,
            "count": targets,
            "undone_at": act.undone_at,
            "undone_by": act.undone_by,
        }
        for act, targets in session.execute(query)
    ]
