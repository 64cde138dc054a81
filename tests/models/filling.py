"""Fills every table of a database with rows, whatever its schema is: for what has to survive a change of it."""

from __future__ import annotations

import re
import warnings
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Column, Connection, Enum, MetaData, Table, func, insert, select, text, types

import models.tables  # noqa: F401 - with it come all models
from models.base import Base
from models.partitions import TABLES as PARTED

AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
ROWS = 3
"""In each table, each time."""
_VALUES: dict[type[types.TypeEngine[Any]], Any] = {
    types.Boolean: True, types.Float: 0.5, types.DateTime: AT, types.Date: AT.date(), types.LargeBinary: b"octets",
}  # fmt: skip
_GIVEN: dict[tuple[str, str], Any] = {
    # What is read back with its meaning.
    ("automation_rule", "definition"): {
        "name": "stop", "when": {"status": ["Interested"]}, "then": [{"do": "stop"}],
    },
    ("promotion", "rolls_back"): False,
    ("team", "holidays"): "DE-BY",
    ("team", "time_zone"): "Europe/Berlin",
    ("team", "working_days"): "12345",
}  # fmt: skip
_PART = re.compile(rf"({'|'.join(each.name for each in PARTED)})_(before_\d|\d|default)")
Rows = dict[str, list[dict[str, Any]]]


def tables(connection: Connection) -> list[Table]:
    """Return our tables as they are, each behind those that it refers to; no parts of tables, and none of others."""
    found = MetaData()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Indexes over expressions cannot be reflected, and are not needed.
        found.reflect(connection)
    return [each for each in found.sorted_tables if each.name in Base.metadata.tables and not _PART.match(each.name)]


def fill(connection: Connection, first: int) -> None:
    """Put `ROWS` rows into every table, with ids from `first` on, every column filled and every reference right."""
    for table in tables(connection):
        rows = [{each.name: _value(each, number) for each in table.columns} for number in range(first, first + ROWS)]
        connection.execute(insert(table), rows)
        if connection.dialect.name == "postgresql" and "id" in table.columns:
            # It counts ids up from where it was, and not from the greatest.
            last = select(func.max(table.c.id)).scalar_subquery()
            connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, text("'id'")), last)))


def rows_of(connection: Connection) -> Rows:
    """Return everything that lies in our tables."""
    return {
        table.name: [dict(row) for row in connection.execute(select(table)).mappings()] for table in tables(connection)
    }


def lost(before: Rows, after: Rows) -> list[str]:
    """Return what lay in the tables and lies there no more; columns that are gone are no matter of rows."""
    found = [f"table {table}" for table in before.keys() - after.keys()]
    for table in before.keys() & after.keys():
        was, now = before[table], after[table]
        both = [each for each in was[0] if now and each in now[0]]
        rows = [sorted(repr([row[each] for each in both]) for row in some) for some in (was, now)]
        found += [f"{table}: {was[0].keys()} {row}" for row in rows[0] if row not in rows[1]]
        found += [f"{table}: {len(was)} rows became {len(now)}"] if len(was) != len(now) else []
    return found


def _value(column: Column[Any], number: int) -> Any:
    name, kind = (str(column.table.name), column.name), column.type
    if name in _GIVEN:
        return _GIVEN[name]
    if isinstance(kind, types.Integer):
        return number
    if isinstance(kind, types.JSON):
        return [column.name] if _is_list(*name) else {column.name: number}
    plain = next((value for each, value in _VALUES.items() if isinstance(kind, each)), None)
    if plain is not None:
        return plain
    modelled = Base.metadata.tables[name[0]].columns.get(name[1])
    if modelled is not None and isinstance(modelled.type, Enum):
        return modelled.type.enums[number % len(modelled.type.enums)]
    return f"{column.name} {number}"[: getattr(kind, "length", None)]


def _is_list(table: str, column: str) -> bool:
    """Say whether the models have a list there."""
    (mapped,) = [each for each in Base.registry.mappers if getattr(each.local_table, "name", "") == table]
    return "list" in str(mapped.class_.__annotations__.get(column, ""))
