"""What a report says of each address, and what follows for the report as a whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from classifier.bounces.reasons import Cause
from classifier.verdict import BounceKind

MOST_RECIPIENTS = 50
_ORDER = (BounceKind.HARD, BounceKind.SOFT, BounceKind.POLICY, BounceKind.UNKNOWN, BounceKind.DELAYED)


@dataclass(frozen=True, slots=True)
class Finding:
    """One address, or none where the report names nobody; why its mail was refused, and what the server said."""

    address: str | None
    cause: Cause
    diagnostic: str
    action: str = ""


def gravest(findings: Sequence[Finding]) -> tuple[Finding, tuple[str, ...]]:
    """Return the finding with the gravest kind, and the addresses of that kind; the others are not mixed in."""
    leader = min(findings, key=lambda each: _ORDER.index(each.cause.kind))
    return leader, unique(each.address for each in findings if each.cause.kind is leader.cause.kind)


def unique(addresses: Iterable[str | None]) -> tuple[str, ...]:
    """Return the addresses in order, each once, as many as are kept."""
    return tuple(dict.fromkeys(each for each in addresses if each))[:MOST_RECIPIENTS]
