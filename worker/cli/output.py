"""What every command prints with: tables for people, JSON for machines. Loads no database library."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from worker.plain import plain as text

__all__ = ["as_json", "emit", "show", "text"]

as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object a line, for machines.")


def show(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table that fits the terminal, or as tab-separated lines into a pipe."""
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(text(value) for value in row))
        return
    table = Table(title=title, title_justify="left", header_style="bold", expand=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        # As text, for a stranger's "[/urgent]" is no markup of ours.
        table.add_row(*(Text(text(value)) for value in row))
    Console().print(table)


def emit(rows: Iterable[dict[str, Any]]) -> None:
    """Print one JSON object a line."""
    for row in rows:
        line = json.dumps(row, ensure_ascii=False, default=text)
        click.echo(line if line.isprintable() else "".join(map(_harmless, line)))


def _harmless(each: str) -> str:
    """Return a character of JSON, escaped where a terminal would obey it; a reader of JSON gets the same either way."""
    return each if each.isprintable() else json.dumps(each)[1:-1]
