"""Tries a rule on what has happened: whom it would have touched, had it stood since a day; changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from models.automation import Automation, Call, Command, Move, Standing
from models.events import Interval, SequenceState, Status
from models.outcome import Folded
from models.status import fold
from models.tables.mailing import Recipient
from models.tables.standing import ReviewItem
from worker.acts.automations import refuse_unknown_places
from worker.chunks import chunks
from worker.errors import InputError
from worker.queries.campaigns import find_campaign
from worker.writing.book import Book, Person, read
from worker.writing.entries import elsewhere, lifts_of

MOST = 1_000
"""Recipients that are looked at, those that changed last."""
SHOWN = 20
TRIED = 0
"""The id of a rule that is stored nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Touched:
    """What the rule would have done to one recipient."""

    address: str
    at: datetime
    """When it would have acted first."""
    before: Status
    """Without the rule, at present."""
    after: Status
    ends: bool
    """The sequence would have ended by it."""
    bans: bool
    moves: tuple[str, ...]
    """The keys of the campaigns that the contact would have joined."""
    stays: tuple[str, ...]
    """The keys of those that it may not join, or is in already."""
    calls: tuple[str, ...]
    """The names of the endpoints that would have been told."""

    @property
    def idle(self) -> bool:
        """Say whether all of it comes to nothing: an answer, a label or a ban stands."""
        return self.before is self.after and not (self.ends or self.bans or self.moves or self.calls)

    @property
    def says(self) -> list[str]:
        """What it would have done besides the status."""
        return [
            *(["the sequence ends"] if self.ends else []),
            *(["added to Do Not Email"] if self.bans else []),
            *(f"moved to {each}" for each in self.moves),
            *(f"not moved to {each}" for each in self.stays),
            *(f"{each} is called" for each in self.calls),
        ]


@dataclass(slots=True)
class Rehearsal:
    """What a rule would have done; counts are recipients."""

    looked_at: int
    more: bool
    """The campaign has more of them."""
    touched: int = 0
    idle: int = 0
    """Of these so many whom the rule would have changed nothing about."""
    changes: Counter[tuple[Status, Status]] = field(default_factory=Counter)
    ends: int = 0
    bans: int = 0
    moves: Counter[str] = field(default_factory=Counter)
    stays: Counter[str] = field(default_factory=Counter)
    calls: Counter[str] = field(default_factory=Counter)
    first: list[Touched] = field(default_factory=list)
    """Some whom it would have changed something about."""

    def take(self, one: Touched) -> None:
        """Count one recipient."""
        self.touched += 1
        self.idle += one.idle
        if one.before is not one.after:
            self.changes[one.before, one.after] += 1
        self.ends += one.ends
        self.bans += one.bans
        self.moves.update(one.moves)
        self.stays.update(one.stays)
        self.calls.update(one.calls)
        if not one.idle and len(self.first) < SHOWN:
            self.first.append(one)


def rehearse(
    session: Session, team_id: int, campaign_key: str, automation: Automation, since: datetime, now: datetime
) -> Rehearsal:
    """Fold the campaign's newest recipients with the rule and without it.

    Args:
        session: any; nothing is written.
        team_id: whose.
        campaign_key: which campaign.
        automation: the rule; one of its name that stands there is taken to have stood until `since` only.
        since: from when on it would have stood, aware UTC.
        now: aware UTC.

    Raises:
        InputError: no such campaign; the rule leads to places that the team lacks; or `since` is still to come.
    """
    campaign = find_campaign(session, team_id, campaign_key)
    refuse_unknown_places(session, campaign, automation)
    if since > now:
        raise InputError("the day from which the rule is tried is still to come; choose one that is past")
    ids = _newest(session, campaign.id)
    book = read(session, ids[:MOST])
    people = {person.row.contact_id: person for person in book.people if person.row.campaign_id == campaign.id}
    without = [_until(rule, since, automation.name) for rule in book.rules[campaign.id]]
    crowd = _Crowd(session, book)
    found = Rehearsal(len(people), len(ids) > MOST)
    for contact_id in ids[:MOST]:
        touched = _try(people[contact_id], crowd, without, Standing(TRIED, automation, since), now)
        if touched is not None:
            found.take(touched)
    return found


class _Crowd:
    """The recipients that are looked at, and where else the same contacts stand."""

    def __init__(self, session: Session, book: Book) -> None:
        self.book = book
        self.campaigns = {(person.row.contact_id, person.row.campaign) for person in book.people}
        contacts = {person.row.id: person.row.contact_id for person in book.people}
        self.held = {contacts[recipient_id] for recipient_id in _held(session, contacts)}


def _held(session: Session, recipient_ids: Collection[int]) -> Iterator[int]:
    """Yield the recipients that wait for a person, also where the sequence has ended."""
    query = select(ReviewItem.recipient_id).where(ReviewItem.closed_at.is_(None), ReviewItem.holds.is_(True))
    for some in chunks(recipient_ids):
        yield from session.scalars(query.where(ReviewItem.recipient_id.in_(some)))


def _newest(session: Session, campaign_id: int) -> Sequence[int]:
    query = select(Recipient.contact_id).where(Recipient.campaign_id == campaign_id)
    return session.scalars(query.order_by(Recipient.changed_at.desc(), Recipient.id.desc()).limit(MOST + 1)).all()


def _until(rule: Standing, since: datetime, name: str) -> Standing:
    """Return a rule as it would have stood if the one that is tried had taken its place."""
    if rule.automation.name != name:
        return rule
    return replace(rule, until=min(rule.until or since, since))


def _try(person: Person, crowd: _Crowd, without: Sequence[Standing], tried: Standing, now: datetime) -> Touched | None:
    intervals, lifts = _entries(person, crowd.book, now), lifts_of(person, crowd.book)
    after = fold(person.events, now, intervals=intervals, lifts=lifts, rules=[*without, tried])
    fired = {each.key: each for each in after.fired if each.rule_id == TRIED}
    if not fired:
        return None
    before = fold(person.events, now, intervals=intervals, lifts=lifts, rules=without)
    commands = [each for each in after.commands if each.fired.key in fired]
    bans = any(draft.source in fired and not draft.born_lifted for draft in after.dne)
    moves = dict.fromkeys(each.action.campaign for each in commands if isinstance(each.action, Move))
    may = {campaign for campaign in moves if not bans and _may_join(person, crowd, after, campaign)}
    return Touched(
        address=person.row.address,
        at=min(each.at for each in fired.values()),
        before=before.status,
        after=after.status,
        ends=_ended(after) and not _ended(before),
        bans=bans,
        moves=tuple(each for each in moves if each in may),
        stays=tuple(each for each in moves if each not in may),
        calls=_called(commands),
    )


def _entries(person: Person, book: Book, now: datetime) -> list[Interval]:
    """Return when entries covered the contact; those that its own events and rules make are made anew by the folds."""
    if not any(book.by_target[target] for target in person.targets):
        return []
    return elsewhere(person, book, now)


def _may_join(person: Person, crowd: _Crowd, after: Folded, campaign: str) -> bool:
    """Say whether a contact would be moved: not who is banned, waits for a person anywhere, or is there already."""
    held = person.row.contact_id in crowd.held or any(item.holds for item in after.reviews)
    there = (person.row.contact_id, campaign) in crowd.campaigns
    return not (crowd.book.covered_by(person) or held or there)


def _called(commands: Collection[Command]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.action.endpoint for each in commands if isinstance(each.action, Call)))


def _ended(folded: Folded) -> bool:
    return folded.sequence.state is SequenceState.ENDED
