"""How fast are mails understood? Parse and judge in one process, beside flufl.bounce alone on the same files.

    python -m bench.understand [FOLDER] [--repeat 5]

FOLDER holds mails and an `expected.jsonl` of {"file": ..., "kind": ...}; kind "ordinary" is one group, failures (hard,
soft, policy, unknown, bounce) the other. Without FOLDER: the mails that the tests are written with. Prints tables and
writes bench/understand.json.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email import message_from_bytes
from pathlib import Path

from flufl.bounce import scan_message

from classifier.context import JudgeContext, ReplyJudge
from classifier.judge import judge
from classifier.message import parse
from config.settings import read
from worker.learning.artifacts import open_classifier

ROOT = Path(__file__).parent.parent
FAILURES = {"hard", "soft", "policy", "unknown", "bounce"}
NO_DATE = datetime(2020, 1, 1, tzinfo=UTC)
Work = Callable[[bytes], object]


@dataclass(frozen=True)
class Row:
    group: str
    what: str
    mails: int
    per_second: float
    slowest_ms: float


def understand(classifier: ReplyJudge | None) -> Work:
    def work(raw: bytes) -> object:
        parsed = parse(raw)
        nobody: frozenset[str] = frozenset()
        return judge(
            parsed,
            JudgeContext(
                own_addresses=nobody,
                opt_out_aliases=nobody,
                trusted_authserv_ids=nobody,
                arrived_at=parsed.received_at or parsed.date or NO_DATE,
                classifier=classifier,
            ),
        )

    return work


def flufl(raw: bytes) -> object:
    # It raises on some real mail; the time until then counts.
    with contextlib.suppress(Exception):
        return scan_message(message_from_bytes(raw))
    return None


def groups(folder: Path) -> Iterator[tuple[str, list[bytes]]]:
    rows = [json.loads(line) for line in (folder / "expected.jsonl").read_text("utf-8").splitlines() if line.strip()]
    for name, kinds in (("ordinary", {"ordinary"}), ("failures", FAILURES)):
        yield name, [(folder / row["file"]).read_bytes() for row in rows if row["kind"] in kinds]


def measure(group: str, what: str, work: Work, mails: list[bytes], repeat: int) -> Row:
    rates, slowest = [], [float("inf")] * len(mails)
    for each in mails:
        work(each)
    for _ in range(repeat):
        whole = time.perf_counter()
        for at, each in enumerate(mails):
            start = time.perf_counter()
            work(each)
            slowest[at] = min(slowest[at], time.perf_counter() - start)
        rates.append(len(mails) / (time.perf_counter() - whole))
    return Row(group, what, len(mails), statistics.median(rates), 1000 * max(slowest))


HEAD = b"From: a@b.example\nSubject: Re: x\nDate: Wed, 3 Jun 2026 09:00:00 +0000\n"
GROWING: dict[str, Callable[[int], bytes]] = {
    "plain text": lambda size: HEAD + b"\n" + b"On Monday I wrote: please see > below, thank you.\n" * (size // 50),
    "HTML": lambda size: HEAD + b"Content-Type: text/html\n\n" + b"<div><p>Hello there</p></div>\n" * (size // 30),
    "a bounce's text": lambda size: (
        b"From: MAILER-DAEMON@a.example\nSubject: failure notice\n\n"
        + b"<a@b.example>: 550 user unknown\n" * (size // 32)
    ),
    "a bounce's blanks": lambda size: (
        b"From: MAILER-DAEMON@a.example\nSubject: failure notice\n\nCould not deliver to:\n" + b" " * size
    ),
    "nested multiparts": lambda size: (
        HEAD + b"".join(b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (i, i) for i in range(size // 50))
    ),
    "many parts": lambda size: HEAD + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * (size // 8),
    "boundaries alike": lambda size: (
        HEAD
        + b"".join(b"Content-Type: multipart/mixed; boundary=%b\n\n--%b\n" % (b"B" * i, b"B" * i) for i in range(1, 30))
        + (b"--" + b"B" * 30 + b"\n") * (size // 33)
    ),
    "encoded messages": lambda size: (
        HEAD
        + b"Content-Type: message/rfc822\nContent-Transfer-Encoding: quoted-printable\n\n" * 30
        + b"hello world =3D yes\n" * (size // 20)
    ),
    "an attachment": lambda size: (
        HEAD + b"Content-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n" + b"QUJD" * 19 * (size // 76)
    ),
}
SIZES = (64, 256, 1_024, 4_096, 16_384)


def growth(work: Work) -> Iterator[tuple[str, list[float]]]:
    for name, make in GROWING.items():
        times = []
        for kilobytes in SIZES:
            raw = make(kilobytes * 1024)
            start = time.perf_counter()
            work(raw)
            times.append(1000 * (time.perf_counter() - start))
        yield name, times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=ROOT / "tests" / "data" / "bounces")
    parser.add_argument("--repeat", type=int, default=5)
    options = parser.parse_args()
    logging.disable()  # flufl.bounce writes a traceback for every detector that raises.
    works = {
        "inbox-worker, rules alone": understand(None),
        "inbox-worker with its classifier": understand(open_classifier(read())),
        "flufl.bounce alone": flufl,
    }
    rows = [
        measure(group, what, work, mails, options.repeat)
        for group, mails in groups(options.folder)
        for what, work in works.items()
    ]
    print("| Mails | What | Number | Mails a second (median) | Slowest mail, ms |\n|---|---|---|---|---|")
    for row in rows:
        print(f"| {row.group} | {row.what} | {row.mails} | {row.per_second:.0f} | {row.slowest_ms:.1f} |")
    grown = dict(growth(works["inbox-worker, rules alone"]))
    print(
        "\n| Made to grow, ms | " + " | ".join(f"{size} KB" for size in SIZES) + " |\n|---" + "|---" * len(SIZES) + "|"
    )
    for name, times in grown.items():
        print(f"| {name} | " + " | ".join(f"{each:.1f}" for each in times) + " |")
    result = {"rows": [asdict(row) for row in rows], "sizes_kb": SIZES, "growth_ms": grown}
    (ROOT / "bench" / "understand.json").write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
