"""What every table shares: naming of constraints, UTC times, enums kept as their values."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Enum, Integer, MetaData, TypeDecorator
from sqlalchemy.orm import DeclarativeBase

# Named constraints, so that migrations can change them on both databases.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

# SQLite counts rows up by itself for INTEGER keys only.
BigKey = BigInteger().with_variant(Integer, "sqlite")
WORDS = "to_tsvector('simple'::regconfig, translate({}, '@._-+', '     '))"
"""The words of the addresses of a column, by whose beginnings PostgreSQL finds them among millions."""


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time on both databases; a naive one is refused, since nobody knows what it means."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the interface of SQLAlchemy
        """Turn an aware time into UTC."""
        return None if value is None else _utc(value)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002 - the same
        """Give back an aware UTC time; PostgreSQL has it in the zone of its session."""
        return None if value is None else value.astimezone(UTC)

    # A dozen times go in and out with every mail. Those of SQLite are text without a zone, and take one step instead
    # of three.
    def bind_processor(self, dialect: Dialect) -> Callable[[Any], Any] | None:
        """Return what does `process_bind_param`, and what the driver asks for."""
        return _to_text if dialect.name == "sqlite" else super().bind_processor(dialect)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Return what does the same for `process_result_value`."""
        return _from_text if dialect.name == "sqlite" else super().result_processor(dialect, coltype)


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"naive time {value}: pass an aware one")
    return value.astimezone(UTC)


def _to_text(value: datetime | None) -> str | None:
    return None if value is None else _utc(value).replace(tzinfo=None).isoformat(" ", "microseconds")


def _from_text(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value).replace(tzinfo=UTC)


def by_value(kind: type[StrEnum]) -> Enum:
    """Return a column type that stores an enum's value as plain text, so that adding a member needs no migration."""
    return Enum(
        kind, native_enum=False, create_constraint=False, length=40, values_callable=lambda e: [m.value for m in e]
    )


class Base(DeclarativeBase):
    """The root of all models."""

    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {datetime: UtcDateTime, dict[str, Any]: JSON, list[str]: JSON}  # noqa: RUF012 - read by SQLAlchemy
