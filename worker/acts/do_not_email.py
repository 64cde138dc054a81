"""What a person may do with the Do Not Email list: add entries and lift them; for every front end."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from classifier.decode import normal_address, normal_domain
from models.events import OPTED_OUT, DneReason
from models.tables.outside import EventType
from models.tables.standing import DneEntry
from worker.act import Act
from worker.acts.dne_import import ban
from worker.acts.shared_domains import shared
from worker.chunks import chunks
from worker.errors import InputError
from worker.secrets.pseudonyms import is_pseudonym
from worker.sending.sends import ADDRESS, LONGEST_ADDRESS
from worker.writing.book import LONGEST_DOMAIN
from worker.writing.locks import lock, lock_team
from worker.writing.outbox import Told, entry_payload, tell
from worker.writing.refold import Change, refold
from worker.writing.stored import storable
from worker.writing.suppression import LIVE, contacts_covered, erased

_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")


def add_dne(
    session: Session,
    team_id: int,
    targets: Mapping[str, str | None],
    reason: DneReason,
    act: Act,
    *,
    force: bool = False,
) -> list[Change]:
    """Add addresses and domains to Do Not Email; a domain covers its subdomains.

    What a person or an import added before is left as it is; an entry that a bounce made is no such reason.

    Args:
        session: inside a write transaction.
        team_id: whose list.
        targets: each address or domain with a note of its own; None: the reason of the act.
        reason: of the addresses; an entry of a domain says that it is one.
        act: who, when and why.
        force: take domains of many strangers too.

    Returns:
        What that changed of recipients; the first thousand of very many.

    Raises:
        InputError: a target is neither an address nor a domain, or a domain of many strangers without `force`.
    """
    plain = {dne_target(target, force=force): note for target, note in targets.items()}
    return ban(session, team_id, plain.items(), reason, act).changes


def lift_dne(session: Session, team_id: int, target: str, act: Act, seen: int | None = None) -> int:
    """Lift every live entry of exactly this address or domain; return how many. Recipients stay as they are.

    Args:
        session: inside a write transaction.
        team_id: whose list.
        target: which.
        act: who, when and why.
        seen: the newest entry that the person has looked at, by its id; None: whatever is there.

    Raises:
        InputError: nothing to lift, an entry that is newer than `seen`, or an opt-out and no reason is given.
    """
    if storable(target) != target:
        raise InputError(f"{target!r} is neither an address nor a domain: no database can keep it")
    lifted = lift(session, team_id, [target], act, seen)
    if lifted.newer:
        raise InputError(f"{_plain(target)} has a newer Do Not Email entry than was shown; look at it, and decide anew")
    if not lifted.entries:
        raise InputError(f"{_plain(target)} has no live Do Not Email entry; inbox-worker dne list shows all")
    return len(lifted.entries)


@dataclass(frozen=True, slots=True)
class Lifting:
    """Which entries are lifted, and the targets that are left alone since somebody banned them anew."""

    entries: Sequence[DneEntry]
    newer: frozenset[str]


def lift(session: Session, team_id: int, targets: Iterable[str], act: Act, seen: int | None = None) -> Lifting:
    """Lift every live entry of exactly these addresses and domains, which may have none.

    A target with an entry that is newer than `seen` is left alone as a whole: nobody has weighed why it is there.

    Raises:
        InputError: one of the contacts opted out and no reason is given.
    """
    lock_team(session, team_id, exclusive=True)
    lifting = to_lift(session, team_id, targets, seen)
    entries = lifting.entries
    need_why(entries, act)
    reasons: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        reasons[entry.target].add(entry.reason.value)
    locked = lock(session, covered(session, team_id, reasons))
    for some in chunks(entry.id for entry in entries):
        session.execute(
            update(DneEntry)
            .where(DneEntry.id.in_(some), DneEntry.lifted_at.is_(None))
            .values(lifted_at=act.at, lifted_by=act.by, lifted_why=storable(act.why))
        )
    said = {"by": act.by, "why": storable(act.why)}
    told = [
        Told(EventType.DNE_LIFTED, target, {"target": target, "reasons": sorted(each), **said})
        for target, each in reasons.items()
    ]
    tell(session, team_id, told, act.at)
    for some in chunks(locked):
        refold(session, some, act.at)
    return lifting


def to_lift(session: Session, team_id: int, targets: Iterable[str], seen: int | None) -> Lifting:
    """Return what lifting these targets would lift, going by the newest entry that was looked at."""
    entries = live_entries(session, team_id, targets)
    newer = frozenset(entry.target for entry in entries if seen is not None and entry.id > seen)
    return Lifting([entry for entry in entries if entry.target not in newer], newer)


def newest_entry(session: Session, team_id: int, targets: Iterable[str]) -> int:
    """Return the id of the newest live entry of exactly these addresses and domains; 0: they have none."""
    return max((entry.id for entry in live_entries(session, team_id, targets)), default=0)


def live_entries(session: Session, team_id: int, targets: Iterable[str]) -> Sequence[DneEntry]:
    """Return the live entries of exactly these addresses and domains, by id."""
    query = select(DneEntry).where(DneEntry.team_id == team_id, *LIVE)
    named = {_plain(storable(target)) for target in targets}
    names = erased(session, team_id, {each for each in named if "@" in each})
    plain = sorted({names.get(each, each) for each in named})
    found = [entry for some in chunks(plain) for entry in session.scalars(query.where(DneEntry.target.in_(some)))]
    return sorted(found, key=lambda entry: entry.id)


def covered(session: Session, team_id: int, targets: Iterable[str]) -> set[int]:
    """Return the contacts that any of these addresses and domains covers."""
    return {each for target in targets for each in contacts_covered(session, team_id, target)}


def withdraw(session: Session, team_id: int, entries: Iterable[DneEntry], act: Act) -> None:
    """Take entries back that a person's mistake made: they count as if they had never been.

    The caller holds the team's and the contacts' locks, and folds afterwards.

    Raises:
        InputError: one of them is live and says that the contact opted out, and no reason is given.
    """
    gone = [entry for entry in entries if entry.withdrawn_at is None]
    need_why([entry for entry in gone if entry.lifted_at is None], act)
    for entry in gone:
        entry.withdrawn_at = act.at
        if entry.lifted_at is None:
            entry.lifted_by, entry.lifted_why = act.by, storable(act.why)
    session.flush()
    told = [
        Told(
            EventType.DNE_WITHDRAWN,
            each.target,
            entry_payload(each.target, each.reason, each.since, each.actor, each.note)
            | {"withdrawn_by": act.by, "why": storable(act.why)},
        )
        for each in gone
    ]
    tell(session, team_id, told, act.at)


def need_why(entries: Iterable[DneEntry], act: Act) -> None:
    """See that a reason is given where a contact opted out.

    Raises:
        InputError: there is none.
    """
    for entry in entries:
        if is_pseudonym(entry.target) and not act.why:
            raise InputError(f"{entry.target} was erased on request; lifting that needs a reason (--why)")
        if entry.reason in OPTED_OUT and not act.why:
            raise InputError(f"{entry.target} opted out; lifting that needs a reason (--why)")


def dne_target(text: str, *, force: bool = False) -> str:
    """Return an address or domain as Do Not Email entries name it.

    Raises:
        InputError: it is neither, or a domain of many strangers and `force` is not given.
    """
    target = _plain(text)
    if not text.strip().isprintable():
        raise InputError(f"{text!r} is neither an address nor a domain: it has signs in it that nobody can see")
    if "@" in target:
        if len(target) > LONGEST_ADDRESS or not ADDRESS.fullmatch(target):
            raise InputError(f"{text!r} is no address")
        return target
    whose = shared(target)
    if len(target) > LONGEST_DOMAIN or not _DOMAIN.fullmatch(target) or ("." not in target and not whose):
        raise InputError(f"{text!r} is neither an address nor a domain")
    if whose and not force:
        raise InputError(f"{target} is {whose}: strangers would be banned; --force does it anyway")
    return target


def _plain(text: str) -> str:
    bare = text.strip().removeprefix("@").rstrip(".")
    return normal_address(bare) if "@" in bare else normal_domain(bare) or bare.lower()
