"""What a person does with the Do Not Email entries of many addresses at once: looked at first, added, lifted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy.orm import Session

from models.events import OPTED_OUT, DneReason
from models.session import Writer
from worker.act import Act
from worker.acts.bulk_deed import PART, Deed, Done, counted
from worker.acts.bulk_look import SHOWN
from worker.acts.do_not_email import add_dne, dne_target, lift, live_entries, need_why, newest_entry, to_lift
from worker.acts.selection import refuse_too_many
from worker.chunks import chunks
from worker.writing.locks import lock_team
from worker.writing.suppression import erased


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
    deed = Deed(team_id, "dne add", lambda n: f"put {_addresses(n)} on Do Not Email", act)
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
    deed = Deed(team_id, "dne lift", lambda n: f"lifted Do Not Email of {_addresses(n)}", act)
    for some in chunks(targets, PART):
        with writer() as session:
            lifting = lift(session, team_id, some, act, seen)
            lifted = sorted({entry.target for entry in lifting.entries})
            deed.note(session, lifted)
        deed.done.newer += len(lifting.newer)
        deed.done.same += len(some) - len(lifted) - len(lifting.newer)
    return deed.done


def _addresses(number: int) -> str:
    return counted(number, "address", "addresses")
