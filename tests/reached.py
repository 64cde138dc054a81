"""Says how much of each package the tests reach, from what coverage measured; fails where it is too little.

`python -m tests.reached` after `coverage combine`; `make coverage` does both.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import click

ENOUGH = 95.0
"""Percent of the branches of each package below."""
MUST = ("models", "classifier", "worker")


def main() -> int:
    packages: dict[str, Counter[str]] = {}
    for file, told in report().items():
        packages.setdefault(file.partition("/")[0], Counter()).update(told)
    low = []
    for name, counts in sorted(packages.items()):
        lines = share(counts, "covered_lines", "num_statements")
        branches = share(counts, "covered_branches", "num_branches")
        click.echo(f"{name:11} lines {lines:5.1f} %  branches {branches:5.1f} % of {counts['num_branches']}")
        if name in MUST and branches < ENOUGH:
            low.append(name)
    if low:
        click.echo(f"fewer than {ENOUGH:g} % of the branches of {', '.join(low)}; see which above", err=True)
    return 1 if low else 0


def report() -> dict[str, dict[str, int]]:
    """Return the counts of each file."""
    with TemporaryDirectory() as folder:
        file = Path(folder, "coverage.json")
        coverage = (sys.executable, "-m", "coverage", "json", "--quiet", "-o", str(file))
        subprocess.run(coverage, check=True)
        told = json.loads(file.read_text("utf-8"))
    kinds = ("covered_lines", "num_statements", "covered_branches", "num_branches")
    return {file: {kind: each["summary"][kind] for kind in kinds} for file, each in told["files"].items()}


def share(counts: Counter[str], part: str, whole: str) -> float:
    return 100 * counts[part] / counts[whole] if counts[whole] else 100.0


if __name__ == "__main__":
    sys.exit(main())
