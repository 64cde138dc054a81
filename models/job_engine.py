"""The tables of the job engine (procrastinate), by which the workers of a fleet share a PostgreSQL."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from sqlalchemy import Connection, inspect

ONE_OF_THEM = "procrastinate_jobs"


def bring(connection: Connection) -> None:
    """Make the engine's tables, types and functions where they lack and it is installed; inside a transaction.

    SQLite has no fleet, and needs none of them.
    """
    if connection.dialect.name != "postgresql" or has_it(connection) or not find_spec("procrastinate"):
        return
    from procrastinate.schema import SchemaManager  # noqa: PLC0415 - an extra

    # Its statements hold per cent signs that stand for themselves.
    driver: Any = connection.connection.driver_connection
    driver.execute(SchemaManager.get_schema())


def has_it(connection: Connection) -> bool:
    """Say whether a database has the engine's tables."""
    return inspect(connection).has_table(ONE_OF_THEM)
