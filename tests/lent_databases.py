"""PostgreSQL databases that one test after the other is lent: to empty one costs a fraction of copying the template."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import LiteralString
from uuid import uuid4

import psycopg
from psycopg import sql
from sqlalchemy import URL, make_url

_CATALOGS = (
    "pg_attrdef", "pg_attribute", "pg_class", "pg_constraint", "pg_db_role_setting", "pg_extension", "pg_index",
    "pg_namespace", "pg_proc", "pg_trigger", "pg_type", "alembic_version",
)  # fmt: skip
# Whatever changes a schema leaves a younger row in one of these, or one row less.
_SCHEMA = sql.SQL(" UNION ALL ").join(
    sql.SQL("SELECT {name}, count(*), max(xmin::text::bigint) FROM {table}").format(
        name=name, table=sql.Identifier(name)
    )
    for name in _CATALOGS
)
_END_SESSIONS: LiteralString = """
    SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
# A table that holds nothing, and has held nothing, has no pages.
_USED: LiteralString = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'r' AND oid >= 16384 AND relname <> 'alembic_version' AND pg_relation_size(oid) > 0
"""
# Ids begin anew, and the planner knows as little of the rows as it does in a copy.
_FORGET: LiteralString = """
    SELECT setval(seqrelid, seqstart, false) FROM pg_sequence;
    DELETE FROM pg_statistic WHERE starelid >= 16384;
    UPDATE pg_class SET relpages = 0, reltuples = -1, relallvisible = 0
    WHERE relkind IN ('r', 't') AND oid >= 16384 AND reltuples >= 0;
"""

Schema = list[tuple[str, int, int]]


@dataclass
class Shelf:
    """The databases of one template that nobody uses."""

    server: URL
    template: str
    spare: dict[str, Schema] = field(default_factory=dict)

    @contextmanager
    def lend(self) -> Iterator[str]:
        """Hand out a database as the template is, by a name that nobody has heard of."""
        name = f"test_{uuid4().hex}"
        schema = self._take(name)
        try:
            yield self.server.set(database=name).render_as_string(hide_password=False)
        finally:
            self._put_back(name, schema)

    def clear(self) -> None:
        """Drop whatever is not in use."""
        while self.spare:
            on_server(self.server, f"DROP DATABASE {self.spare.popitem()[0]} WITH (FORCE)")

    def _take(self, name: str) -> Schema:
        if self.spare:
            # Whoever still knows the old name, such as a thread of the test before, does not get in any more.
            old, schema = self.spare.popitem()
            on_server(self.server, f"ALTER DATABASE {old} RENAME TO {name}")
            return schema
        on_server(self.server, f"CREATE DATABASE {name} TEMPLATE {self.template}")
        with _connected(self.server.set(database=name)) as connection:
            return _schema(connection)

    def _put_back(self, name: str, schema: Schema) -> None:
        try:
            with _connected(self.server.set(database=name)) as connection:
                connection.execute(_END_SESSIONS)
                if _schema(connection) == schema:
                    _empty(connection)
                    self.spare[name] = _schema(connection)
        finally:
            if name not in self.spare:
                on_server(self.server, f"DROP DATABASE {name} WITH (FORCE)")


def on_server(server: URL, statement: str) -> None:
    """Run what concerns a whole database."""
    with _connected(server) as connection:
        connection.execute(statement.encode())


def _connected(url: URL) -> psycopg.Connection:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, autocommit=True)


def _schema(connection: psycopg.Connection) -> Schema:
    return connection.execute(_SCHEMA).fetchall()


def _empty(connection: psycopg.Connection) -> None:
    """Take every row out, and the room it took: a table that is read from its start looks like a new one."""
    used = [sql.SQL(name) for (name,) in connection.execute(_USED)]
    if used:
        # Without triggers, and without asking who refers to whom.
        connection.execute("SET session_replication_role = replica")
        connection.execute(sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(name) for name in used))
        connection.execute(sql.SQL("VACUUM (INDEX_CLEANUP ON) {}").format(sql.SQL(", ").join(used)))
    connection.execute(_FORGET)
