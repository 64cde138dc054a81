"""A fleet of workers over very many mailboxes: how fast it is, beside the single process, and what it gets over.

    python -m bench.fleet [--mailboxes 10000] [--seconds 30] [--only speed,kill,postgres,cut,halt,drop] [--quick]

The real commands on PostgreSQL, each worker on a host of its own (a network namespace; needs root, and is left out
with a word where there is none). The mail server is simulated (`bench.imap_server`), since ten thousand mailboxes of a
real one would need more memory and time than all that is measured; it speaks TLS, and counts as an *overlap* each
time that two workers are at work in one mailbox at the same moment. After each measurement every mail must lie in the
database once, where the mail server put it, with one event and what follows from it. Prints tables, writes
bench/fleet.json (but for --quick), and fails where that is not so or workers overlapped
(but for one that was cut off or halted: it cannot know yet that another took its place when it speaks again).
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from bench.fleet_scenarios import FAULTS, Recovery, Scale, Speed, recovery, speed
from bench.fleet_site import ALONE, WORKER, Outcome, Site, commands, site
from bench.processes import ROOT

SPEED = "speed"
COUNTS = (1, 2, 4)
PAIR = 2
SPEAKS_AGAIN = frozenset({"cut", "halt"})
"""Faults after which a worker may end a sentence that it began before, whoever took its place meanwhile."""
QUICK = {"mailboxes": 100, "seconds": 3.0, "mails": 200, "broken_seconds": 8.0}


def fleets(counts: Sequence[int]) -> Iterator[tuple[str, int]]:
    """Yield what is beside each other: the single process, and so many workers where this version has them."""
    yield ALONE, 1
    if WORKER in commands():
        yield from ((WORKER, count) for count in counts)


def measured(where: Site, only: Sequence[str], scale: Scale) -> Iterator[Speed | Recovery]:
    """Yield one result after the other."""
    if SPEED in only:
        for command, count in fleets(COUNTS):
            yield speed(where, command, count, scale)
    for fault in FAULTS:
        if fault == "cut" and where.hosts is None and fault in only:
            print("cut is left out: there are no hosts to cut off", file=sys.stderr)
        elif fault in only:
            yield recovery(where, fault, *list(fleets([PAIR]))[-1], scale)


def outcome(found: Outcome) -> str:
    return f"{found.delivered} / {found.lost} / {found.doubled} / {found.misplaced} / {found.unmoved}"


def seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f} s"


def is_right(each: Speed | Recovery) -> bool:
    """Say whether every mail acted once, and no two workers were in one mailbox where that can be helped."""
    helpless = isinstance(each, Recovery) and each.fault in SPEAKS_AGAIN
    return each.outcome.is_right and (helpless or not each.overlaps)


def number(value: int | None) -> str:
    return "-" if value is None else f"{value}"


def speed_row(each: Speed) -> str:
    return (
        f"| {each.workers} x {each.command} | {each.first_round_seconds:.1f} s | {each.polls_a_second:.0f} "
        f"| {each.worker_cpu:.2f} | {each.server_cpu:.2f} | {each.memory_mb:.0f} | {each.mails_a_second:.0f} "
        f"| {each.cpu_ms_a_mail:.1f} | {number(each.overlaps)} | {outcome(each.outcome)} |"
    )


def recovery_row(each: Recovery) -> str:
    return (
        f"| {each.fault} | {each.workers} x {each.command} | {each.touched} | {seconds(each.usual_seconds)} "
        f"| {seconds(each.seconds)} | {seconds(each.back_seconds)} | {each.restarts} | {number(each.overlaps)} "
        f"| {outcome(each.outcome)} |"
    )


def tables(results: Sequence[Speed | Recovery]) -> Iterator[str]:
    """Yield the lines of what is printed."""
    found = "mails / lost / doubled / misplaced / without effect |"
    speeds = [speed_row(each) for each in results if isinstance(each, Speed)]
    if speeds:
        measures = "first round | polls/s | cores, workers | cores, server | MB | mails/s | CPU ms a mail | overlaps"
        yield from (f"| | {measures} | {found}", "|---" * 10 + "|", *speeds)
    faults = [recovery_row(each) for each in results if isinstance(each, Recovery)]
    if faults:
        measures = "mailboxes touched | a usual round | polled again | back | restarts | overlaps"
        yield from (f"\n| fault | of | {measures} | {found}", "|---" * 9 + "|", *faults)


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    every = [SPEED, *FAULTS]
    parser.add_argument("--mailboxes", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=30, help="how long polls are counted")
    parser.add_argument("--mails", type=int, default=5_000, help="in the burst that each fleet takes in")
    parser.add_argument("--broken-seconds", type=float, default=60, help="how long a host is cut off, a worker halted")
    parser.add_argument(
        "--poll-seconds", type=int, default=10, help="between polls of a mailbox, where something breaks"
    )
    parser.add_argument("--threads", type=int, default=16, help="of each process")
    parser.add_argument("--only", default=",".join(every), help="which of these, with commas between them")
    parser.add_argument("--quick", action="store_true", help="a hundred mailboxes, for a look in a minute or two")
    found = parser.parse_args()
    found.only = found.only.split(",")
    if unknown := set(found.only) - set(every):
        parser.error(f"--only knows no {', '.join(sorted(unknown))}; it knows {', '.join(every)}")
    if found.quick:
        vars(found).update(QUICK)
    return found


def main() -> None:
    chosen = options()
    # What was started ends, whoever ends this.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    scale = Scale(chosen.seconds, chosen.mails, chosen.broken_seconds, chosen.poll_seconds)
    environment = {"INBOX_POLL_THREADS": str(chosen.threads), "INBOX_HOST_CONNECTS_A_SECOND": "100000"}
    results: list[Speed | Recovery] = []
    with site(chosen.mailboxes, environment) as where:
        for each in measured(where, chosen.only, scale):
            print(each, file=sys.stderr)
            results.append(each)
        server_mb = where.server.memory_mb()
    rows = [{"kind": type(each).__name__.lower(), **asdict(each)} for each in results]
    result = {"mailboxes": chosen.mailboxes, "threads": chosen.threads, "server_mb": server_mb, "results": rows}
    if not chosen.quick:
        (ROOT / "bench" / "fleet.json").write_text(json.dumps(result, indent=1) + "\n")
    print("\n".join(tables(results)))
    sys.exit(not all(is_right(each) for each in results))


if __name__ == "__main__":
    main()
