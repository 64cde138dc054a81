"""What a person may do with the Do Not Email list: add entries and lift them; for every front end."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from classifier.decode import normal_address, normal_domain
from models.events import DneReason
from models.session import insert_new
from models.tables import DneEntry
from worker.act import Act
from worker.chunks import chunks
from worker.errors import InputError
from worker.providers import PUBLIC_PROVIDERS
from worker.refold import Change, contacts_covered, lock, refold
from worker.sends import ADDRESS
from worker.stored import storable
from worker.tie import lock_team

OPTED_OUT = frozenset({DneReason.UNSUBSCRIBE_REPLY, DneReason.UNSUBSCRIBE_LINK, DneReason.COMPLAINT})


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
        force: take public mail providers too.

    Raises:
        InputError: a target is neither an address nor a domain, or a public mail provider and `force` is not given.
    """
    notes = {dne_target(target, force=force): note for target, note in targets.items()}
    wanted = sorted(notes)
    # A contact that an import brings at this moment would not be seen, and so not be folded.
    lock_team(session, team_id, exclusive=True)
    live = {
        target
        for chunk in chunks(wanted)
        for target in session.scalars(
            live_bans(team_id).where(DneEntry.target.in_(chunk), DneEntry.recipient_id.is_(None))
        )
    }
    new = [target for target in wanted if target not in live]
    contacts = {contact_id for target in new for contact_id in contacts_covered(session, team_id, target)}
    locked = lock(session, contacts)
    insert_new(
        session,
        DneEntry,
        [
            {
                "team_id": team_id,
                "target": target,
                "reason": reason if "@" in target else DneReason.DOMAIN,
                "source": uuid.uuid4().hex,
                "since": act.at,
                "actor": act.by,
                "note": storable(notes[target] or act.why),
                "recorded_at": act.at,
            }
            for target in new
        ],
    )
    return refold(session, locked, act.at)


def lift_dne(session: Session, team_id: int, target: str, act: Act) -> int:
    """Lift every live entry of exactly this address or domain; return how many. Recipients stay as they are.

    Raises:
        InputError: nothing to lift, or the contact opted out and no reason is given.
    """
    target = _plain(target)
    lock_team(session, team_id, exclusive=True)
    entries = list(
        session.scalars(
            select(DneEntry).where(
                DneEntry.team_id == team_id,
                DneEntry.target == target,
                DneEntry.lifted_at.is_(None),
                DneEntry.withdrawn_at.is_(None),
            )
        )
    )
    if not entries:
        raise InputError(f"{target} has no live Do Not Email entry; inbox-worker dne list shows all")
    if not act.why and any(entry.reason in OPTED_OUT for entry in entries):
        raise InputError(f"{target} opted out; lifting that needs a reason (--why)")
    locked = lock(session, contacts_covered(session, team_id, target))
    session.execute(
        update(DneEntry)
        .where(DneEntry.id.in_([entry.id for entry in entries]), DneEntry.lifted_at.is_(None))
        .values(lifted_at=act.at, lifted_by=act.by, lifted_why=storable(act.why))
    )
    refold(session, locked, act.at)
    return len(entries)


def dne_target(text: str, *, force: bool = False) -> str:
    """Return an address or domain as Do Not Email entries name it.

    Raises:
        InputError: it is neither, or a public mail provider and `force` is not given.
    """
    target = _plain(text)
    if "@" in target:
        if not ADDRESS.fullmatch(target):
            raise InputError(f"{text!r} is no address")
    elif "." not in target or not all(label.replace("-", "").isalnum() for label in target.split(".")):
        raise InputError(f"{text!r} is neither an address nor a domain")
    elif target in PUBLIC_PROVIDERS and not force:
        raise InputError(f"{target} is a public mail provider: everybody there would be banned; --force does it anyway")
    return target


def _plain(text: str) -> str:
    bare = text.strip().removeprefix("@").rstrip(".")
    return normal_address(bare) if "@" in bare else normal_domain(bare) or bare.lower()


def live_bans(team_id: int) -> Select[str]:
    """Return the query for the targets of a team's live entries."""
    return select(DneEntry.target).where(
        DneEntry.team_id == team_id, DneEntry.lifted_at.is_(None), DneEntry.withdrawn_at.is_(None)
    )
