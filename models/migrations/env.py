"""What Alembic runs for every command; `models.migrate` hands it the connection, inside a transaction."""
# ruff: noqa: INP001 - Alembic loads this file by its path

from typing import Any, Literal

from alembic import context
from sqlalchemy import Enum

from models import tables  # noqa: F401 - fills the metadata
from models.base import Base, UtcDateTime
from models.revision import is_ours


def plain(kind: str, item: Any, _context: object) -> str | Literal[False]:
    """Write our own types as the database's, so that a migration never depends on what the models become later."""
    if kind == "type" and isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if kind == "type" and isinstance(item, Enum):
        return f"sa.String(length={item.length})"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite alters a table by copying it.
    render_item=plain,
    include_name=is_ours,
)
with context.begin_transaction():
    context.run_migrations()
