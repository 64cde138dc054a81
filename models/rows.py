"""Writes many rows by one statement, on SQLite and on PostgreSQL.

Mail is written all day, a few rows of many tables at a time, and most of what that cost was putting statements together
and binding each value of each row. What the rows of a table are written with is put together once and kept here; on
PostgreSQL all values of a column are one parameter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, islice
from typing import Any, TypeVar

from sqlalchemy import JSON, CursorResult, Dialect, Enum, String, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.util import identity_key
from sqlalchemy.types import TypeEngine

from models.among import as_array
from models.base import Base
from models.json_text import as_json

DIALECTS: dict[str, Dialect] = {"sqlite": sqlite.dialect(), "postgresql": postgresql.dialect()}  # type: ignore[no-untyped-call]
WRITTEN_AT_ONCE = 10_000
RETURNED_AT_ONCE = 500
"""Rows of a statement of SQLite that has a variable for each value: 32,766 are the most it takes."""
FEW = 5
"""Rows up to which PostgreSQL takes them as single values in less time than as arrays."""
T = TypeVar("T")
Bind = Callable[[Any], Any]


def table_of(model: type[Base]) -> Table:
    """Return the table of a model."""
    return model.metadata.tables[model.__tablename__]


def insert_new(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> int:
    """Insert the rows whose unique keys are not stored yet and return how many those were.

    No number of rows meets a limit on variables. What the session still holds is written first, since the rows may
    refer to it.

    Raises:
        ValueError: the rows do not all name the same columns, or a time is naive.
    """
    if not rows:
        return 0
    shape = _shape_of(session, model, rows)
    return sum(_insert(session, shape, some) for some in _parts(rows, WRITTEN_AT_ONCE))


def insert_returning(
    session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> list[tuple[Any, ...]]:
    """Do what `insert_new` does and return these columns, numbers or texts, of the rows that were new."""
    if not rows:
        return []
    shape = _shape_of(session, model, rows)
    wanted = ", ".join(map(_quote, names))
    found: list[tuple[Any, ...]] = []
    for some in _parts(rows, RETURNED_AT_ONCE):
        source, values = _values(shape, some) if _is_sqlite(session) else _source(shape, some)
        statement = f"INSERT INTO {shape.into} {source} ON CONFLICT DO NOTHING RETURNING {wanted}"
        found += [tuple(row) for row in _run(session, statement, values)]
    return found


def update_rows(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write the named columns of rows that are found by their id; objects of them that the session holds follow.

    Raises:
        ValueError: as in `insert_new`.
    """
    if not rows:
        return
    shape = _shape_of(session, model, rows, filled=False)
    for some in _parts(rows, WRITTEN_AT_ONCE):
        _run(session, *(_update_each(shape, some) if _is_sqlite(session) else _update_all(shape, some)))
    held = ((session.identity_map.get(identity_key(model, row["id"])), row) for row in rows)
    for one, row in held if session.identity_map else ():
        if one is not None:
            for name, value in row.items():
                set_committed_value(one, name, value)


def bulk_insert(session: Session, table: Table, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Insert very many rows as they come, holding only some of them: COPY on PostgreSQL, one statement on SQLite.

    A column that is not named gets what the database gives it, never a default of the models; a unique key that is
    stored already is an error. What the session still holds is written first.

    Args:
        session: inside a write transaction.
        table: for example `Contact.__table__`.
        columns: names of the columns that every row holds, in this order.
        rows: values as the models have them.
    """
    session.flush()
    connection = session.connection()
    kinds = [table.columns[name].type.dialect_impl(connection.dialect) for name in columns]
    binds = [kind.bind_processor(connection.dialect) for kind in kinds]
    bound = (tuple(bind(value) if bind else value for bind, value in zip(binds, row, strict=True)) for row in rows)
    quote = connection.dialect.identifier_preparer.quote
    into = f"{quote(table.name)} ({', '.join(map(quote, columns))})"
    if connection.dialect.name == "postgresql":
        driver: Any = connection.connection.driver_connection
        with driver.cursor().copy(f"COPY {into} FROM STDIN") as copy:
            for row in bound:
                copy.write_row(row)
        return
    statement = f"INSERT INTO {into} VALUES ({', '.join('?' * len(columns))})"  # noqa: S608 - names of our own tables
    while some := list(islice(bound, WRITTEN_AT_ONCE)):
        connection.exec_driver_sql(statement, some)


def _parts(rows: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


@dataclass(frozen=True, slots=True)
class Shape:
    """What rows of a table that name certain columns are written with."""

    table: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    """What each column's values are for PostgreSQL; a text that is too long for it is refused, where VARCHAR cuts."""
    binds: tuple[Bind | None, ...]
    defaults: Mapping[str, Callable[[], Any]]
    """Values of the columns that the rows do not name."""

    @property
    def into(self) -> str:
        """Return the table with its columns."""
        return f"{self.table} ({self.columns})"

    @property
    def columns(self) -> str:
        """Return the columns' names."""
        return ", ".join(map(_quote, self.names))

    def bound(self, rows: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
        """Return the values as the driver takes them, column by column."""
        return [self._column(name, bind, rows) for name, bind in zip(self.names, self.binds, strict=True)]

    def _column(self, name: str, bind: Bind | None, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
        default = self.defaults.get(name)
        values = [default() for _ in rows] if default else [row[name] for row in rows]
        if bind is None:
            return values
        # Much is the same in every row: when it is written, whose it is, what it is.
        first = values[0]
        if all(value is first for value in values):
            return [bind(first)] * len(values)
        return [bind(value) for value in values]


def _shape_of(session: Session, model: type[Base], rows: Sequence[Mapping[str, Any]], *, filled: bool = True) -> Shape:
    names = rows[0].keys()
    if any(row.keys() != names for row in rows):
        raise ValueError(f"rows for {model.__tablename__} name different columns")
    return _shape(session.get_bind().dialect.name, table_of(model), tuple(names), filled=filled)


@cache
def _shape(dialect: str, table: Table, names: tuple[str, ...], *, filled: bool) -> Shape:
    others = [column for column in table.columns if filled and column.name not in names and column.default is not None]
    columns = [*(table.columns[name] for name in names), *others]
    return Shape(
        _quote(table.name),
        tuple(column.name for column in columns),
        tuple(_kind(column.type) for column in columns),
        tuple(_bind(column.type, DIALECTS[dialect]) for column in columns),
        {column.name: _default(column.default) for column in others},
    )


def _default(default: Any) -> Callable[[], Any]:
    return (lambda: default.arg) if default.is_scalar else (lambda: default.arg(None))


def _bind(kind: TypeEngine[Any], dialect: Dialect) -> Bind | None:
    if isinstance(kind, Enum) and kind.enum_class is not None:
        values: dict[Any, str | None] = {member: member.value for member in kind.enum_class}
        return (values | {None: None}).__getitem__
    return as_json if isinstance(kind, JSON) else kind.dialect_impl(dialect).bind_processor(dialect)


def _kind(kind: TypeEngine[Any]) -> str:
    return "TEXT" if isinstance(kind, String | Enum) else kind.compile(DIALECTS["postgresql"])


def _insert(session: Session, shape: Shape, rows: Sequence[Mapping[str, Any]]) -> int:
    source, values = _each(shape, rows) if _is_sqlite(session) else _source(shape, rows)
    return _run(session, f"INSERT INTO {shape.into} {source} ON CONFLICT DO NOTHING", values).rowcount


def _update_each(shape: Shape, rows: Sequence[Mapping[str, Any]]) -> tuple[str, Any]:
    columns = dict(zip(shape.names, shape.bound(rows), strict=True))
    ids = columns.pop("id")
    sets = ", ".join(f"{_quote(name)} = ?" for name in columns)
    return f"UPDATE {shape.table} SET {sets} WHERE id = ?", list(zip(*columns.values(), ids, strict=True))  # noqa: S608 - names of our own tables


def _update_all(shape: Shape, rows: Sequence[Mapping[str, Any]]) -> tuple[str, Any]:
    sets = ", ".join(f"{_quote(name)} = new.{_quote(name)}" for name in shape.names if name != "id")
    source, values = _rows_of(shape, rows)
    return f"UPDATE {shape.table} SET {sets} FROM {source} WHERE {shape.table}.id = new.id", values  # noqa: S608 - the same


def _each(shape: Shape, rows: Sequence[Mapping[str, Any]]) -> tuple[str, Any]:
    """Return what takes one row, and the rows: SQLite runs it over them all."""
    return f"VALUES ({', '.join('?' * len(shape.names))})", list(zip(*shape.bound(rows), strict=True))


def _values(shape: Shape, rows: Sequence[Mapping[str, Any]]) -> tuple[str, Any]:
    """Return what takes all rows at once, which is needed where SQLite shall return something of them."""
    row = f"({', '.join('?' * len(shape.names))})"
    return f"VALUES {', '.join([row] * len(rows))}", tuple(chain.from_iterable(zip(*shape.bound(rows), strict=True)))


def _source(shape: Shape, rows: Sequence[Mapping[str, Any]]) -> tuple[str, Any]:
    """Return a query that gives PostgreSQL the rows, in their order, and its values."""
    source, values = _rows_of(shape, rows)
    # Rows get their ids in the order in which they come.
    order = " ORDER BY nth" if len(rows) > FEW else ""
    return f"SELECT {shape.columns} FROM {source}{order}", values  # noqa: S608 - names of our own tables


def _rows_of(shape: Shape, rows: Sequence[Mapping[str, Any]]) -> tuple[str, Any]:
    columns = shape.bound(rows)
    if len(rows) > FEW:
        arrays = ", ".join(f"%s::{kind}[]" for kind in shape.kinds)
        return f"unnest({arrays}) WITH ORDINALITY AS new ({shape.columns}, nth)", tuple(map(as_array, columns))
    row = f"({', '.join(f'%s::{kind}' for kind in shape.kinds)})"
    values = tuple(chain.from_iterable(zip(*columns, strict=True)))
    return f"(VALUES {', '.join([row] * len(rows))}) AS new ({shape.columns})", values


def _run(session: Session, statement: str, values: Any) -> CursorResult[Any]:
    session.flush()
    return session.connection().exec_driver_sql(statement, values, execution_options={"preserve_rowcount": True})


def _is_sqlite(session: Session) -> bool:
    return session.get_bind().dialect.name == "sqlite"


@cache
def _quote(name: str) -> str:
    # Always: what is a word of its own differs between the two.
    return DIALECTS["postgresql"].identifier_preparer.quote_identifier(name)
