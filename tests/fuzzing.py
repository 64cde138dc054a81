"""Throws damaged mail at parse and judge for so many seconds: `make fuzz`, or `python -m tests.fuzzing --seconds 60`.

Seeds are the mails the tests are written with. Each turn takes one, damages it (bytes, lines, fields, parts, nesting,
pieces of another), and asks what must hold for every mail there is. A finding is written to a file, cut down to the
lines that still show it, and becomes a case of `tests/classifier/test_message.py`.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from classifier.decode import valid_address
from classifier.judge import judge
from classifier.message import parse
from classifier.part import MOST_PARTS, MOST_TEXT
from classifier.present import as_card, as_json
from classifier.verdict import Bounce
from tests.classifier.letters import NOW, context

ROOT = Path(__file__).parent.parent
SEEDS = ("tests/data/bounces", "worker/demo/mails", "worker/demo/sent")
SLOW = 1.0
"""Seconds a damaged mail of some kilobytes may take at most."""
INTERESTING = (
    *(b"\x00", b"\xff", b"\xc3", b"\r", b"\n\n", b"--", b"=?utf-8?b?", b"?=", b"boundary=", b"charset=utf-7"),
    *(b"<" * 40, b">" * 40, b"@" * 40, b"9" * 400, b" " * 4_000, b"9999-99-99", b"until 31/02", b'charset="\x00"'),
    b"Content-Type: message/rfc822\n\n",
    b"Content-Type: multipart/mixed; boundary=b\n\n--b\n",
    b"Content-Transfer-Encoding: base64\n",
    b"Content-Type: text/html\n\n<div><blockquote>",
    b"Final-Recipient: rfc822;",
    *(b"\nOriginal-Recipient: rfc822; +00a@b.example\n", b"\nOriginal-Recipient: utf-8; \\x{D800}a@b.example\n"),
    b"\nDate: Fri, 31 Dec 9999 23:00:00 +0000\n",
    b"Action: failed\n",
    b"BEGIN:VCALENDAR\nMETHOD:REPLY\n",
    b"On Mon, 1 Jun 2026, a wrote:\n",
    b'{"notificationType":',
    "\u202e\u0000\U0010ffff".encode(),
)
Damage = Callable[[random.Random, bytes, bytes], bytes]


def flip(rng: random.Random, raw: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.randbytes(rng.randrange(1, 6)) + raw[at + rng.randrange(4) :]


def insert(rng: random.Random, raw: bytes, _: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.choice(INTERESTING) * rng.choice((1, 1, 1, 3, 50)) + raw[at:]


def cut(rng: random.Random, raw: bytes, _: bytes) -> bytes:
    start = rng.randrange(len(raw) + 1)
    return raw[:start] + raw[start + rng.randrange(1, 400) :]


def truncate(rng: random.Random, raw: bytes, _: bytes) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)]


def repeat(rng: random.Random, raw: bytes, _: bytes) -> bytes:
    start = rng.randrange(len(raw) + 1)
    end = start + rng.randrange(1, 300)
    return raw[:end] + raw[start:end] * rng.choice((1, 5, 200)) + raw[end:]


def shuffle(rng: random.Random, raw: bytes, _: bytes) -> bytes:
    lines = raw.split(b"\n")
    start = rng.randrange(len(lines))
    block = lines[start : start + rng.randrange(2, 12)]
    rng.shuffle(block)
    return b"\n".join(lines[:start] + block + lines[start + len(block) :])


def splice(rng: random.Random, raw: bytes, other: bytes) -> bytes:
    return raw[: rng.randrange(len(raw) + 1)] + other[rng.randrange(len(other) + 1) :]


def enclose(rng: random.Random, raw: bytes, _: bytes) -> bytes:
    kind = rng.choice((b"multipart/mixed", b"multipart/report; report-type=delivery-status", b"multipart/digest"))
    part = rng.choice(
        (b"message/rfc822", b"message/delivery-status", b"text/html", b"text/calendar", b"message/feedback-report")
    )
    return b"From: a@b.example\nContent-Type: %s; boundary=z\n\n--z\nContent-Type: %s\n\n%s\n--z--\n" % (
        kind,
        part,
        raw,
    )


def relabel(rng: random.Random, raw: bytes, _: bytes) -> bytes:
    charset = rng.choice((b"utf-16", b"utf-7", b"iso-2022-jp", b"gb18030", b"unknown-8bit", b"idna", b"rot13", b"hz"))
    return raw.replace(b"utf-8", charset).replace(b"us-ascii", charset)


DAMAGES: tuple[Damage, ...] = (flip, insert, cut, truncate, repeat, shuffle, splice, enclose, relabel)


def seeds() -> list[bytes]:
    return [path.read_bytes() for folder in SEEDS for path in sorted((ROOT / folder).glob("*.eml"))]


def texts(value: object) -> Iterator[str]:
    """Yield every text within a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for each in value.values() if isinstance(value, dict) else value:
            yield from texts(each)


def complaint_about(raw: bytes) -> str | None:
    """Say what does not hold of a mail, or None where all does."""
    start = time.perf_counter()
    try:
        parsed = parse(raw)
        world = context(arrived_at=parsed.date or NOW)
        verdict = judge(parsed, world)
        row = as_json({"file": "x"}, parsed, verdict)
        json.dumps(row, ensure_ascii=False).encode()
        as_card({"file": "x"}, parsed, verdict).encode()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        return f"{type(error).__name__}: {error}"
    seconds = time.perf_counter() - start
    held = {
        f"took {seconds:.2f} s for {len(raw)} bytes": seconds < SLOW,
        "more parts than allowed": len(parsed.parts) <= MOST_PARTS,
        "more text than allowed": len(parsed.text) <= MOST_TEXT,
        "another verdict the second time": judge(parse(raw), world) == verdict,
        "a NUL, which no database keeps": not any("\0" in each for each in texts(asdict(verdict))),
        "a recipient that is no address": not isinstance(verdict, Bounce)
        or all(
            "@" in each and (valid_address(each) or "." not in each.rpartition("@")[2]) for each in verdict.recipients
        ),
    }
    return next((problem for problem, fine in held.items() if not fine), None)


def shortened(raw: bytes, problem: str) -> bytes:
    """Cut away lines, in ever smaller blocks, as long as the same kind of problem shows."""
    kind = problem.partition(":")[0].partition(" ")[0]
    lines = raw.split(b"\n")
    size = len(lines) // 2
    while size:
        at = 0
        while at < len(lines):
            fewer = lines[:at] + lines[at + size :]
            if (complaint_about(b"\n".join(fewer)) or "").startswith(kind):
                lines = fewer
            else:
                at += size
        size //= 2
    return b"\n".join(lines)


def damaged(rng: random.Random, mails: list[bytes]) -> Iterator[bytes]:
    while True:
        raw = rng.choice(mails)
        for _ in range(rng.choice((1, 1, 2, 3, 6))):
            raw = rng.choice(DAMAGES)(rng, raw, rng.choice(mails))[:200_000]
        yield raw


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=None, help="to see the same mails again")
    parser.add_argument("--into", type=Path, default=Path(".cache/fuzz"))
    options = parser.parse_args()
    seed = random.randrange(2**32) if options.seed is None else options.seed  # noqa: S311 - no secret
    mails = seeds()
    for each in mails[:100]:
        complaint_about(each)  # Tables and the language model are loaded at their first use, which is slow once.
    end, tried, findings = time.monotonic() + options.seconds, 0, set[str]()
    for raw in damaged(random.Random(seed), mails):  # noqa: S311 - no secret
        tried += 1
        problem = complaint_about(raw)
        if problem and problem.partition(":")[0] not in findings:
            findings.add(problem.partition(":")[0])
            options.into.mkdir(parents=True, exist_ok=True)
            path = options.into / f"{seed}-{tried}.eml"
            path.write_bytes(shortened(raw, problem))
            print(f"{path}: {problem}")
        if time.monotonic() > end:
            break
    print(f"{tried} mails, {len(findings)} findings (--seed {seed})")
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
