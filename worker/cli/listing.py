"""How listings are printed: the columns a person needs, or every field as JSON; and that there is more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from worker.cli.numbers import LIMIT
from worker.cli.output import emit, show

limit_option = click.option("--limit", type=LIMIT, default=100, show_default=True, help="Most rows to show.")


def listing(
    what: str, columns: Sequence[str], rows: Sequence[dict[str, Any]], *, as_json: bool, limit: int | None = None
) -> None:
    """Print rows; give one row more than `limit` where there is more, so that it can be said."""
    shown = rows[:limit]
    if as_json:
        emit(shown)
    elif shown:
        show(
            what, [column.replace("_", " ") for column in columns], [[_cell(row[c]) for c in columns] for row in shown]
        )
    else:
        click.echo(f"no {what}", err=True)
    if len(shown) < len(rows):
        click.echo(f"only the first {limit} {what} are shown; --limit shows more", err=True)


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, float):
        return f"{value:.2f}"
    return "; ".join(map(str, value)) if isinstance(value, list) else value
