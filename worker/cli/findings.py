"""Prints what a diagnosis finds; exit status 1 where something is not well."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict

import click

from worker.cli.output import emit, text
from worker.watch.health import Finding


def print_findings(findings: Iterable[Finding], *, as_json: bool) -> None:
    """Print each finding as soon as it is known.

    Raises:
        SystemExit: with status 1, where one is not well.
    """
    failed = False
    for finding in findings:
        failed |= not finding.ok
        if as_json:
            emit([asdict(finding)])
            continue
        click.echo(f"{_mark(finding)}  {text(finding.what)}: {text(finding.says)}")
        if finding.mend:
            click.echo(f"        -> {text(finding.mend)}")
    if failed:
        sys.exit(1)


def _mark(finding: Finding) -> str:
    if not finding.ok:
        return click.style("FAILED", fg="red", bold=True)
    return click.style("look  ", fg="yellow") if finding.look else click.style("ok    ", fg="green")
