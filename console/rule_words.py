"""Rules of campaigns in the words of the pages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from models.automation import Action, AddDne, Automation, Branch, Call, Condition, Move, SetStatus, Step


@dataclass(frozen=True, slots=True)
class Line:
    """One line of what a rule does; what stands below it belongs to it."""

    words: str
    below: Sequence[Line] = ()


def condition_words(condition: Condition) -> str:
    """Return what must be true."""
    days, opens = condition.days_without_reply, condition.opens
    said = [
        f"the status is {_or(condition.status)}" if condition.status else "",
        f"the newest answer counts as {_or(condition.reply_class)}" if condition.reply_class else "",
        f"a link with “{condition.link}” was clicked" if condition.link else "",
        f"mail was opened {_times(opens)} or more" if opens else "",
        f"nobody has replied for {_count(days, 'day')}" if days else "",
    ]
    return " and ".join(filter(None, said))


def _lines(steps: Iterable[Step], names: Mapping[str, str]) -> list[Line]:
    """Return what steps do, line by line."""
    found: list[Line] = []
    for step in steps:
        if not isinstance(step, Branch):
            found.append(Line(action_words(step, names)))
            continue
        found.append(Line(f"If {condition_words(step.condition)}:", _lines(step.then, names)))
        if step.otherwise:
            found.append(Line("Otherwise:", _lines(step.otherwise, names)))
    return found


def action_words(action: Action, names: Mapping[str, str]) -> str:
    """Return what one action does."""
    if isinstance(action, Move):
        return f"Move to {names.get(action.campaign, action.campaign)}"
    if isinstance(action, SetStatus):
        return f"Set {action.status.value}"
    if isinstance(action, AddDne):
        return "Add to Do Not Email"
    return f"Call {action.endpoint}" if isinstance(action, Call) else "Stop the sequence"


def rule_words(automation: Automation, names: Mapping[str, str]) -> Line:
    """Return a whole rule; `names` are those of campaigns, by key."""
    return Line(f"When {condition_words(automation.when)}:", _lines(automation.then, names))


def _or(values: Iterable[object]) -> str:
    return " or ".join(map(str, values))


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _count(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
