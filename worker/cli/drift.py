"""What `evaluate --drift` does: is the mail still what it was? Loads NumPy and SQLAlchemy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta
from typing import Any

import click
from sqlalchemy import Engine

from classifier.drift import TooFewError
from models.session import reading
from worker.cli.common import now
from worker.cli.learning import DRIFT_DAYS
from worker.cli.output import emit, show
from worker.errors import InputError
from worker.learning.promotion import trained_at
from worker.learning.recent import Block, answers, changes

COLUMNS = ("first", "last", "replies", "told apart", "limit", "changed", "new words")


def tell_drift(engine: Engine, *, as_json: bool) -> None:
    """Say whether the mail of the last days can be told from what came before, and since when.

    Raises:
        InputError: too little mail has come in for that.
    """
    blocks = _blocks(engine)
    if as_json:
        emit(
            {"first": each.first, "last": each.last, **asdict(each.drift), "changed": each.drift.changed}
            for each in blocks
        )
        return
    show("Is the mail still what it was?", COLUMNS, [_cells(each) for each in blocks])
    changed = next((each for each in blocks if each.drift.changed), None)
    if changed:
        click.echo(f"the mail has changed since about {changed.first:%Y-%m-%d}: label some of it and train again")
    else:
        click.echo("the mail has not changed")


def _blocks(engine: Engine) -> list[Block]:
    with reading(engine) as session:
        found = answers(session, now() - timedelta(days=DRIFT_DAYS))
        since = trained_at(session)
    try:
        return list(changes(found, since))
    except TooFewError as error:
        raise InputError(f"{error} within the last {DRIFT_DAYS} days; ask again when more mail has come in") from error


def _cells(block: Block) -> Sequence[Any]:
    told = block.drift
    return (
        block.first, block.last, told.newer, f"{told.auc:.2f}", f"{told.limit:.2f}", "yes" if told.changed else "no",
        ", ".join(told.words),
    )  # fmt: skip
