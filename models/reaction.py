"""How automations act in the fold: each time the condition of a rule becomes true, its tree is walked once.

A rule knows what is true from the beginning and acts only while it stands, so a new rule does nothing about what was
true before it came. While a person is asked about a recipient, rules wait; they look again once the answer is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import datetime, timedelta

from models.automation import (
    AddDne,
    Automation,
    Branch,
    Call,
    Command,
    Condition,
    Fired,
    Move,
    SetStatus,
    Standing,
    Step,
)
from models.events import DneReason, EndReason, Event, EventKind, Status
from models.state import State
from models.table import Column, cell
from models.timeline import PERSON


def next_due(state: State) -> datetime | None:
    """Return when a rule becomes true by the passing of time alone, also one that stands only later.

    For what became true before it stood is no reason to act when something else happens.
    """
    if not state.rules:
        return None  # The common case, asked several times for each event.
    due = [
        moment
        for rule in state.rules
        if rule.id not in state.true_rules
        and (moment := _due(state, rule.automation.when))
        and (rule.until is None or moment < rule.until)
    ]
    return min(due, default=None)


def _due(state: State, condition: Condition) -> datetime | None:
    if condition.days_without_reply is None or state.sent_at is None or not _is_silent(state):
        return None
    moment = state.sent_at + timedelta(days=condition.days_without_reply)
    return moment if moment > state.at else None


def _is_silent(state: State) -> bool:
    """Say whether nobody has answered the newest mail; who is not written to any more is not silent."""
    answered = state.human_at is not None and state.sent_at is not None and state.human_at >= state.sent_at
    return state.ended is None and not answered


_SETTLED = frozenset({EndReason.OPT_OUT, EndReason.BOUNCE, EndReason.DNE, EndReason.PERSON})
"""Ends after which nobody needs to be asked any more; after a reply somebody may still have opted out."""


def react(state: State, cause: Event | None, trigger: str) -> None:
    """Let every rule act whose condition has become true; `cause` None: the passing of time made it so."""
    if not state.rules or (state.waits and state.ended not in _SETTLED and not state.is_banned()):
        return
    # What one rule does may make the condition of another true, so all are asked again; a rule that acted is noted as
    # true, and nothing that rules do makes its condition true a second time.
    while risen := _risen(state):
        state.true_rules.add(risen[0].id)
        _act(state, risen[0], cause, trigger)


def _risen(state: State) -> list[Standing]:
    """Return the rules that stand and whose condition was not true before; note what else is true."""
    true = {rule.id for rule in state.rules if holds(state, rule.automation.when)}
    risen = [rule for rule in state.rules if rule.id in true - state.true_rules and rule.covers(state.at)]
    state.true_rules = true - {rule.id for rule in risen}
    return risen


def holds(state: State, condition: Condition) -> bool:
    """Say whether a condition is true at this moment."""
    return (
        (not condition.status or state.status in condition.status)
        and (not condition.reply_class or state.heard in condition.reply_class)
        and (condition.link is None or any(condition.link in link for link in state.links))
        and (condition.opens is None or state.opens >= condition.opens)
        and (condition.days_without_reply is None or _silent_for(state, condition.days_without_reply))
    )


def _silent_for(state: State, days: int) -> bool:
    return state.sent_at is not None and _is_silent(state) and state.at >= state.sent_at + timedelta(days=days)


def _act(state: State, rule: Standing, cause: Event | None, trigger: str) -> None:
    automation: Automation = rule.automation
    fired = Fired(
        key=fired_key(rule.id, trigger),
        rule_id=rule.id,
        rule=automation.name,
        trigger=trigger,
        at=state.at,
        because=f"automation {automation.name!r}: {automation.when}",
    )
    state.fired.append(fired)
    event = Event(kind=EventKind.AUTOMATION_STOP, happened_at=state.at, key=fired.key)
    # What follows from a person's own word may end what that word let run.
    obeys = cause is not None and cause.kind in PERSON
    # An action that two branches name is done once.
    for step in dict.fromkeys(_chosen(state, automation.then)):
        _do(state, step, fired, event, obeys=obeys)


def fired_key(rule_id: int, trigger: str) -> str:
    """Return the key of what a rule does because of an event, by the event's key."""
    return hashlib.sha256(f"automation\n{rule_id}\n{trigger}".encode()).hexdigest()


def _chosen(state: State, steps: Iterable[Step]) -> list[Step]:
    """Return the actions of the branches whose conditions are true now, before any of them changes something."""
    chosen: list[Step] = []
    for step in steps:
        if isinstance(step, Branch):
            chosen += _chosen(state, step.then if holds(state, step.condition) else step.otherwise)
        else:
            chosen.append(step)
    return chosen


def _do(state: State, step: Step, fired: Fired, event: Event, *, obeys: bool) -> None:
    if isinstance(step, Call):
        state.commands.append(Command(fired, step))
        return
    if isinstance(step, AddDne):
        if state.ban(DneReason.AUTOMATION, event):
            _give(state, Status.CAMPAIGN_STOPPED, event)
            state.end(EndReason.DNE)
        return
    if state.labelled and not obeys:
        return
    if isinstance(step, SetStatus):
        _give(state, step.status, event)
        if step.status is Status.NOT_INTERESTED:
            state.end(EndReason.AUTOMATION)
        return
    _give(state, Status.CAMPAIGN_STOPPED, event)
    state.end(EndReason.AUTOMATION)
    if isinstance(step, Move):
        state.commands.append(Command(fired, step))


def _give(state: State, status: Status, event: Event) -> None:
    """Give a status where the table lets an automation act; answers, bans and labels keep their names."""
    if not state.labelled and cell(state.status, Column.AUTOMATION).status is not None:
        state.become(status, event)
