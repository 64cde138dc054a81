"""The automations of a campaign: a condition, and a small decision tree of what to do once it has become true.

Pure data, validated when it is made. How it acts in the fold says `models.reaction`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from models.events import Status

DEEPEST = 5
MOST_STEPS = 50

# No control characters: no database takes NUL, and a name is one line in every report.
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
]
CampaignKey = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]

ReplyClassName = Literal[
    Status.ENGAGED,
    Status.INTERESTED,
    Status.NOT_INTERESTED,
    Status.AUTO_RESPONSE,
    Status.OUT_OF_OFFICE,
    Status.UNSUBSCRIBED,
]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(_Data):
    """What must be true: everything that is named; of several statuses or classes one."""

    status: tuple[Status, ...] = Field((), min_length=1)
    """The recipient's status is one of these."""
    reply_class: tuple[ReplyClassName, ...] = Field((), alias="class", min_length=1)
    """The newest answer counts as one of these."""
    link: str | None = Field(None, min_length=1, max_length=500)
    """A link with this in it was clicked."""
    opens: int | None = Field(None, ge=1, le=1_000)
    """At least so many opens."""
    days_without_reply: int | None = Field(None, ge=1, le=365)
    """So many days have passed since the newest mail we sent, and nobody has answered it."""

    @model_validator(mode="after")
    def _says_something(self) -> Condition:
        if not str(self):
            raise ValueError("a condition names at least one of status, class, link, opens, days_without_reply")
        return self

    def __str__(self) -> str:
        """Say the condition in words."""
        said = [
            f"status {' or '.join(self.status)}" if self.status else "",
            f"answer {' or '.join(self.reply_class)}" if self.reply_class else "",
            f"link {self.link!r} clicked" if self.link else "",
            f"opened {self.opens} times" if self.opens else "",
            f"{self.days_without_reply} days without a reply" if self.days_without_reply else "",
        ]
        return ", ".join(filter(None, said))


class Stop(_Data):
    """End the sequence; the status becomes Campaign Stopped where no answer or label stands."""

    do: Literal["stop"]


class Move(_Data):
    """Stop here, and join another campaign of the team."""

    do: Literal["move"]
    campaign: CampaignKey


class SetStatus(_Data):
    """Give a status where no answer or label stands.

    Interested is for positive replies alone, and what bans an address, restarts or removes is no rule's business.
    """

    do: Literal["set_status"]
    status: Literal[Status.ENGAGED, Status.NOT_INTERESTED]


class AddDne(_Data):
    """Put the address under Do Not Email."""

    do: Literal["add_dne"]


class Call(_Data):
    """Tell one webhook endpoint of the team, by its name."""

    do: Literal["call"]
    endpoint: Name


Action = Annotated[Stop | Move | SetStatus | AddDne | Call, Field(discriminator="do")]


class Branch(_Data):
    """A fork of the tree: looked at once, when the rule acts."""

    condition: Condition = Field(alias="if")
    then: tuple[Action | Branch, ...] = Field(min_length=1)
    otherwise: tuple[Action | Branch, ...] = Field((), alias="else")


Step = Action | Branch


class Automation(_Data):
    """A rule of a campaign: each time `when` becomes true, walk through `then` once."""

    name: Name
    when: Condition
    then: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _is_small(self) -> Automation:
        if _depth(self.then) > DEEPEST:
            raise ValueError(f"the tree is deeper than {DEEPEST} forks")
        if sum(1 for _ in _steps(self.then)) > MOST_STEPS:
            raise ValueError(f"the tree has more than {MOST_STEPS} steps")
        return self

    def actions(self) -> Iterator[Any]:
        """Yield every action that the tree may do."""
        return (step for step in _steps(self.then) if not isinstance(step, Branch))


def _steps(steps: tuple[Any, ...]) -> Iterator[Any]:
    for step in steps:
        yield step
        if isinstance(step, Branch):
            yield from _steps((*step.then, *step.otherwise))


def _depth(steps: tuple[Any, ...]) -> int:
    return max((1 + _depth((*s.then, *s.otherwise)) for s in steps if isinstance(s, Branch)), default=0)


@dataclass(frozen=True, slots=True)
class Standing:
    """A rule as the fold knows it: it acts on what happens from `since` and before `until`."""

    id: int
    automation: Automation
    since: datetime
    until: datetime | None = None

    def covers(self, moment: datetime) -> bool:
        """Say whether the rule stood at `moment`."""
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class Fired:
    """A derived event: a rule acted, because of the event `trigger` (or the passing of time, as a key)."""

    key: str
    rule_id: int
    rule: str
    trigger: str
    at: datetime
    because: str


@dataclass(frozen=True, slots=True)
class Command:
    """What a rule does outside the fold: done once for its trigger, never undone."""

    fired: Fired
    action: Move | Call

    @property
    def says(self) -> str:
        """Name what is done, and where to; with rule and trigger this identifies the command."""
        return f"move {self.action.campaign}" if isinstance(self.action, Move) else f"call {self.action.endpoint}"
