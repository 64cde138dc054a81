"""Says in plain words what an act on many would do, and what it has done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from console.render import number
from console.status_words import MEANS
from models.events import Status
from worker.acts.bulk_deed import Done
from worker.acts.bulk_dne import DnePreview
from worker.acts.bulk_look import Preview

SHOWN = 20
"""So many addresses are named before an act."""
_WAITING = "whether they asked to be removed waits for an answer in Review"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the page says before an act."""

    title: str
    count: int
    facts: Sequence[str]
    froms: Sequence[tuple[Status, int]] = ()
    lists: Sequence[tuple[str, Sequence[str], int]] = ()
    need_why: bool = False
    seen: int = 0


def of_status(found: Preview, status: Status, first: Sequence[str], of: int) -> Told:
    """Say what giving `of` recipients a status would do; `first` are some of their addresses."""
    count = sum(found.changes.values())
    facts = [f"{_count(count, 'recipient changes', 'recipients change')} to {status.value}: {MEANS[status]}."]
    if found.same:
        facts.append(f"{_count(found.same, 'is', 'are')} {status.value} already and {_stay(found.same)}.")
    if found.refused:
        why = "under Do Not Email; lift that first, and then set them Active"
        facts.append(f"{_count(found.refused, 'is refused: it is', 'are refused: they are')} {why}.")
    if found.waiting:
        facts.append(f"{_count(found.waiting, 'is', 'are')} left alone: {_WAITING}.")
    if found.settled:
        facts.append(f"{_count(found.settled, 'open question is', 'open questions are')} settled with it.")
    return Told(
        title=f"Set {_count(of, 'recipient', 'recipients')} to {status.value}?",
        count=count,
        facts=facts,
        froms=sorted(found.changes.items(), key=lambda each: -each[1]),
        lists=[
            ("Refused", found.refused_first, found.refused),
            ("To be answered first", found.waiting_first, found.waiting),
            ("Chosen", first, of),
        ],
        seen=found.seen,
    )


def of_adding(found: DnePreview, addresses: Sequence[str]) -> Told:
    """Say what adding addresses to Do Not Email would do."""
    known = len(addresses) - found.new
    gets = _count(found.new, "address gets", "addresses get")
    facts = [f"{gets} an entry: nothing is mailed there any more, in no campaign, and running sequences end."]
    if known:
        facts.append(f"{_count(known, 'has', 'have')} such an entry already and {_stay(known)}.")
    return Told(
        title=f"Add {_count(len(addresses), 'address', 'addresses')} to Do Not Email?",
        count=found.new,
        facts=facts,
        lists=[("Chosen", addresses[:SHOWN], len(addresses))],
    )


def of_lifting(found: DnePreview, addresses: Sequence[str]) -> Told:
    """Say what lifting the entries of addresses would do."""
    none = len(addresses) - found.live
    lifted = _count(found.live, "address is", "addresses are")
    facts = [
        f"{lifted} lifted: they may join campaigns, and be set Active, again.",
        "Statuses stay as they are, and no sequence starts again by itself.",
    ]
    if none:
        facts.append(
            f"{_count(none, 'has', 'have')} no entry of {'its' if none == 1 else 'their'} own and {_stay(none)}; "
            "the entry of a whole domain is lifted at Do Not Email."
        )
    if found.opted_out:
        facts.append(f"{number(found.opted_out)} of them opted out: say why they may be mailed again.")
    return Told(
        title=f"Remove {_count(len(addresses), 'address', 'addresses')} from Do Not Email?",
        count=found.live,
        facts=facts,
        lists=[
            ("Opted out", found.opted_out_first, found.opted_out),
            ("Chosen", addresses[:SHOWN] if found.opted_out < len(addresses) else [], len(addresses)),
        ],
        need_why=bool(found.opted_out),
        seen=found.seen,
    )


def done_words(what: str, done: Done) -> str:
    """Say what an act has done."""
    did = {"dne add": "added to Do Not Email", "dne lift": "removed from Do Not Email"}.get(what, f"set to {what}")
    besides = [f"{number(done.same)} stay as they were"] if done.same else []
    return "; ".join([f"{_count(done.done, 'is', 'are')} {did}", *besides, *_refused(done), *left_alone(done)]) + "."


def nothing_words(done: Done) -> str:
    """Say why an act has done nothing."""
    already = "It was done already" if done.same else "Nothing was done"
    return "; ".join([already, *_refused(done), *left_alone(done)]) + "."


def _refused(done: Done) -> list[str]:
    return [f"{number(done.refused)} were refused, as they are under Do Not Email"] if done.refused else []


def left_alone(done: Done) -> list[str]:
    """Say how many were left alone, since something came that was not seen or waits for an answer."""
    why = (
        (done.newer, f"{number(done.newer)} came onto Do Not Email since: left alone"),
        (done.came, f"{number(done.came)} left alone: a mail came since"),
        (done.waiting, f"{number(done.waiting)} left alone: {_WAITING}"),
    )
    return [words for count, words in why if count]


def _count(count: int, one: str, many: str) -> str:
    return f"{number(count)} {one if count == 1 else many}"


def _stay(count: int) -> str:
    return "stays as it is" if count == 1 else "stay as they are"
