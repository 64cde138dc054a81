"""The rules that turn mail into events: whose sends count, for how long, and how much is believed."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The team, and the settings (days) that its events follow."""

    team_id: int
    absence_days: int = 7
    absence_extra_days: int = 1
    weak_match_days: int = 90
    review_share: float = 0.0
    all_campaigns: bool = False
    """A reply changes every campaign of the contact, not only the one it answers."""
    link_keys: tuple[str, ...] = field(default=(), repr=False)
    """Keys of the links in our mail, which an opt-out by mail may carry."""


def rules_of(settings: Settings, team_id: int) -> Rules:
    """Return the settings that events follow."""
    return Rules(
        team_id=team_id,
        absence_days=settings.absence_days,
        absence_extra_days=settings.absence_extra_days,
        weak_match_days=settings.weak_match_days,
        review_share=settings.review_share,
        all_campaigns=settings.reply_scope == "all",
        link_keys=settings.signing_keys,
    )
