"""A rule as form fields and back: one condition, some actions, and one fork behind them; what is deeper is JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, Field

from console.values import LARGEST_BIGINT, PLAIN
from models.automation import Automation, Branch, Condition
from worker.acts.automations import automation_of
from worker.errors import InputError
from worker.sending.sends import LONGEST_CAMPAIGN

ROWS, FORK_ROWS = 3, 2
"""At least so many actions fit into a form."""
MOST_CHOSEN = 20
LONGEST_JSON = 100_000
LONGEST_VALUE = 1_000

Value = Annotated[str, Field(max_length=LONGEST_VALUE)]
Values = Annotated[list[Value], Field(max_length=MOST_CHOSEN)]
Actions = Annotated[list[Value], Field(max_length=60)]
"""Each is an action as JSON; an empty one is none."""
Key = Annotated[str, Field(min_length=1, max_length=LONGEST_CAMPAIGN, pattern=PLAIN)]


class Typed(BaseModel):
    """What a person typed: whose rule, how it is written, and the rule itself."""

    campaign: Key
    was: Value = ""
    """The name that the rule had; empty: it is a new one."""
    was_id: Annotated[int, Field(ge=0, le=LARGEST_BIGINT)] = 0
    """Which row the rule was, so that nobody overwrites what another person made of it meanwhile; 0: a new one."""
    name: Value = ""
    as_json: bool = False
    text: Annotated[str, Field(max_length=LONGEST_JSON)] = ""
    status: Values = []
    answer: Values = []
    link: Value = ""
    opens: Value = ""
    days: Value = ""
    do: Actions = []
    if_status: Values = []
    if_answer: Values = []
    if_link: Value = ""
    if_opens: Value = ""
    if_days: Value = ""
    then: Actions = []
    otherwise: Actions = []

    def rule(self) -> Automation:
        """Return the rule.

        Raises:
            InputError: it is none; says why.
        """
        return automation_of({**(_read(self.text) if self.as_json else self.built()), "name": self.name})

    def built(self) -> dict[str, Any]:
        """Return what was chosen in the form, as JSON data that may be no rule yet.

        Raises:
            InputError: an action is none.
        """
        fork = {
            "if": _condition(self.if_status, self.if_answer, self.if_link, self.if_opens, self.if_days),
            "then": _actions(self.then),
            "else": _actions(self.otherwise),
        }
        return {
            "when": _condition(self.status, self.answer, self.link, self.opens, self.days),
            "then": [*_actions(self.do), *([_filled(fork)] if any(fork.values()) else [])],
        }


def _condition(status: Sequence[str], answer: Sequence[str], link: str, opens: str, days: str) -> dict[str, Any]:
    return _filled({"status": status, "class": answer, "link": link, "opens": opens, "days_without_reply": days})


def _filled(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value or name in {"if", "then"}}


def _actions(chosen: Sequence[str]) -> list[Any]:
    return [_read(each) for each in chosen if each]


def _read(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"this is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise InputError('this is no rule: write {"when": {...}, "then": [...]}')
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What the form shows."""

    name: str = ""
    when: Mapping[str, Any] = field(default_factory=dict)
    do: Sequence[str] = ()
    fork: Mapping[str, Any] = field(default_factory=dict)
    then: Sequence[str] = ()
    otherwise: Sequence[str] = ()
    text: str = ""
    as_json: bool = False


def shown(typed: Typed) -> Fields:
    """Return a form as it was typed."""
    return Fields(
        name=typed.name,
        when=_condition(typed.status, typed.answer, typed.link, typed.opens, typed.days),
        do=_rows(typed.do, ROWS),
        fork=_condition(typed.if_status, typed.if_answer, typed.if_link, typed.if_opens, typed.if_days),
        then=_rows(typed.then, FORK_ROWS),
        otherwise=_rows(typed.otherwise, FORK_ROWS),
        text=typed.text,
        as_json=typed.as_json,
    )


def written(typed: Typed) -> Fields:
    """Return what was chosen in a form as JSON to go on with, also where it is no rule yet.

    Raises:
        InputError: an action is none.
    """
    built = typed.built()
    try:
        return fields_of(typed.rule(), as_json=True)
    except InputError:
        return Fields(name=typed.name, text=_pretty(built), as_json=True)


def fields_of(automation: Automation | None, *, as_json: bool) -> Fields:
    """Return the form of a rule, or of a new one; as JSON where somebody wants it, or the rows cannot show it."""
    if automation is None:
        return Fields(do=_rows([], ROWS), then=_rows([], FORK_ROWS), otherwise=_rows([], FORK_ROWS), as_json=as_json)
    fork = automation.then[-1] if isinstance(automation.then[-1], Branch) else None
    plain = automation.then[:-1] if fork else automation.then
    inside = (*fork.then, *fork.otherwise) if fork else ()
    definition = _dumped(automation)
    name = definition.pop("name")
    if as_json or any(isinstance(each, Branch) for each in (*plain, *inside)):
        return Fields(name=name, text=_pretty(definition), as_json=True)
    return Fields(
        name=name,
        when=_dumped(automation.when),
        do=_rows([action_value(each) for each in plain], ROWS),
        fork=_dumped(fork.condition) if fork else {},
        then=_rows([action_value(each) for each in (fork.then if fork else ())], FORK_ROWS),
        otherwise=_rows([action_value(each) for each in (fork.otherwise if fork else ())], FORK_ROWS),
    )


def action_value(action: BaseModel) -> str:
    """Return an action as the value of a field."""
    return json.dumps(_dumped(action))


def _pretty(definition: Mapping[str, Any]) -> str:
    return json.dumps(definition, indent=2, ensure_ascii=False)


def _rows(values: Sequence[str], least: int) -> list[str]:
    filled = [each for each in values if each]
    return filled + [""] * max(least - len(filled), 1)


def _dumped(part: Automation | Condition | BaseModel) -> dict[str, Any]:
    return part.model_dump(mode="json", by_alias=True, exclude_unset=True)
