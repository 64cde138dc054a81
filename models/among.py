"""Asks for many rows by one statement: a list of values is one parameter, on SQLite and on PostgreSQL.

What costs most of a small query is putting it together, and of a large one binding its values one by one. With `among`
a statement is built once, when the module is loaded, and takes any number of values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Dialect, Integer, SQLColumnExpression, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import UserDefinedType

from models.json_text import as_json


def as_array(values: Collection[Any]) -> str:
    """Return the text of a PostgreSQL array; the driver's own way costs five times as much."""
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: Any) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return '"\\\\x' + value.hex() + '"'
    return value.isoformat() if isinstance(value, date) else str(value)


class Listed(UserDefinedType[Collection[Any]]):
    """Many values in one parameter: JSON for SQLite, an array for PostgreSQL.

    No cast to text stands around it, so PostgreSQL knows the values when it plans, and reads the array once.
    """

    cache_ok = True

    def bind_processor(self, dialect: Dialect) -> Callable[[Any], str]:
        """Return what writes the values."""
        return (lambda values: as_json(list(values))) if dialect.name == "sqlite" else as_array


class _Among(FunctionElement[Any]):
    # Without a type: for a boolean SQLAlchemy writes "(...) = 1" on SQLite, which then uses no index.
    name = "among"
    inherit_cache = True


def among(column: SQLColumnExpression[Any], name: str) -> ColumnElement[bool]:
    """Ask whether a column holds one of the values that the statement is given as a list under this name.

    Unlike IN it is the same statement for any number of values, so it is built once and takes any number of them.
    """
    found: ColumnElement[bool] = _Among(column, bindparam(name, type_=Listed()))
    return found


@compiles(_Among, "sqlite")
def _among_on_sqlite(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(each, **kw) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - names of our own tables


@compiles(_Among, "postgresql")
def _among_on_postgresql(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = element.clauses
    kind = "BIGINT" if isinstance(column.type, Integer) else "TEXT"
    return f"{compiler.process(column, **kw)} = ANY ({compiler.process(values, **kw)}::{kind}[])"


class _Unindexed(FunctionElement[Any]):
    name = "unindexed"
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any]) -> None:
        super().__init__(column)
        self.type = column.type


def unindexed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Give a column by which SQLite shall not look rows up: it is the same in nearly all of them.

    Where its statistics are old or missing, SQLite takes "of this team" for the most telling condition of all.
    """
    return _Unindexed(column)


@compiles(_Unindexed, "sqlite")
def _unindexed_on_sqlite(element: _Unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    return f"+{compiler.process(element.clauses, **kw)}"


@compiles(_Unindexed, "postgresql")
def _unindexed_on_postgresql(element: _Unindexed, compiler: SQLCompiler, **kw: Any) -> str:
    return compiler.process(element.clauses, **kw)
