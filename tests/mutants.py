"""Breaks the code on purpose and asks whether a test sees it: `make mutants`, or `python -m tests.mutants`.

mutmut makes the mutants and runs the tests that pyproject.toml names on each. Here they are counted file by file,
without those of `equivalent_mutants.toml`, which no test can tell from the code; every other survivor is shown.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parent.parent
LEAST = 0.9
"""The share of the mutants of each file that the tests must see."""
_MUTMUT = (sys.executable, "-m", "mutmut")
_SEEN = {"killed", "timeout", "segfault"}
"""Also a mutant that runs for ever: the test that waits for it does not pass."""
_RESULT = re.compile(r"^\s*(?P<name>\S+): (?P<status>.+)$", re.MULTILINE)

Equivalents = Mapping[tuple[str, str], str]


@dataclass
class Score:
    """What became of the mutants of one file."""

    made: int = 0
    seen: int = 0
    equivalent: int = 0
    survivors: list[str] = field(default_factory=list)

    @property
    def share(self) -> float:
        return self.seen / max(1, self.made - self.equivalent)

    def __str__(self) -> str:
        return f"{self.made:7} {self.seen:7} {self.equivalent:10} {self.share:7.3f}"


def equivalents() -> Equivalents:
    """Return why no test can see them, by the line as it is and as a mutant has it."""
    table = tomllib.loads((ROOT / "tests/equivalent_mutants.toml").read_text(encoding="utf-8"))
    return {(each["line"], line): each["why"] for each in table["mutant"] for line in each["becomes"]}


def results() -> dict[str, str]:
    """Make the mutants, run the tests on each, and return what became of it by its name."""
    shutil.rmtree(ROOT / "mutants", ignore_errors=True)
    subprocess.run([*_MUTMUT, "run", "--max-children", "2"], cwd=ROOT, check=True)
    told = subprocess.run([*_MUTMUT, "results", "--all", "true"], cwd=ROOT, check=True, capture_output=True, text=True)
    return {each["name"]: each["status"] for each in _RESULT.finditer(told.stdout)}


def changed(name: str) -> tuple[str, str]:
    """Return the line as it is and as the mutant has it."""
    told = subprocess.run([*_MUTMUT, "show", name], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    was, becomes = (
        "\n".join(line[1:].strip() for line in told.splitlines() if re.match(rf"{sign}(?!{sign}{sign})", line))
        for sign in ("-", "[+]")
    )
    return was, becomes


def count(found: Mapping[str, str], known: Equivalents) -> tuple[dict[str, Score], set[tuple[str, str]]]:
    """Return the score of each file, and the equivalents that were met."""
    scores: dict[str, Score] = {}
    met = set()
    for name, status in found.items():
        score = scores.setdefault(name.rpartition(".")[0].replace(".", "/") + ".py", Score())
        score.made += 1
        if status in _SEEN:
            score.seen += 1
            continue
        change = changed(name)
        if change in known:
            score.equivalent += 1
            met.add(change)
        else:
            score.survivors.append(f"{name}: {status}\n  - {change[0]}\n  + {change[1]}")
    return scores, met


def report(scores: Mapping[str, Score], unmet: Iterable[tuple[str, str]], states: Mapping[str, int]) -> bool:
    """Print what was found, and return whether it is good enough."""
    print("\n".join(survivor for score in scores.values() for survivor in score.survivors))
    for was, becomes in unmet:
        print(f"listed as equivalent, but no such mutant survives:\n  - {was}\n  + {becomes}")
    print(f"\n{'file':26}{'mutants':>8} {'seen':>7} {'equivalent':>10} {'score':>7}")
    for path, score in sorted(scores.items()):
        print(f"{path:27}{score}")
    print(", ".join(f"{number} {state}" for state, number in states.items()))
    return all(score.share >= LEAST for score in scores.values()) and not unmet


def main() -> int:
    """Return 0 where the tests see enough of every file."""
    found, known = results(), equivalents()
    scores, met = count(found, known)
    return 0 if report(scores, sorted(set(known) - met), Counter(found.values())) else 1


if __name__ == "__main__":
    sys.exit(main())
