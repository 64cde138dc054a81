"""Months of messages."""
# ruff: noqa: INP001 - Alembic loads this file by its path

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# Each with its key, and with the column that has an index of its own.
TABLES = (("verdict", "message_id, recorded_at", "kind"), ("message_clue", "message_id, value, recorded_at", "value"))
OLDER = "2000-01-01 00:00:00.000000"
"""Of clues that were written before they told when: older than every month."""


def upgrade() -> None:
    """Apply the change."""
    # It was written so from the beginning; from now on a verdict is looked for by it.
    own = "(SELECT recorded_at FROM inbound_message WHERE inbound_message.id = verdict.message_id)"
    op.execute(f"UPDATE verdict SET recorded_at = {own} WHERE recorded_at <> {own}")  # noqa: S608 - both are written here
    with op.batch_alter_table("message_clue", schema=None) as batch_op:
        batch_op.add_column(sa.Column("recorded_at", sa.DateTime(timezone=True), server_default=OLDER, nullable=False))
    # SQLite keeps the default, since it could lose it only by copying the table; every row that is written names one.
    if op.get_bind().dialect.name != "postgresql":
        return
    op.execute("ALTER TABLE message_clue ALTER COLUMN recorded_at DROP DEFAULT")
    until = op.get_bind().scalar(
        sa.text("SELECT to_char(date_trunc('month', now() AT TIME ZONE 'UTC') + interval '1 month', 'YYYY-MM')")
    )
    for table, key, indexed in TABLES:
        part(table, key, indexed, until)


def part(table: str, key: str, indexed: str, until: str) -> None:
    """Make what exists the first of the partitions: it is attached as it is, and only its key is built anew."""
    first, until = f"{table}_before_{until.replace('-', '_')}", f"'{until}-01 00:00:00+00'"
    op.execute(f"ALTER TABLE {table} RENAME TO {first}")
    op.execute(f"ALTER TABLE {first} DROP CONSTRAINT pk_{table}, ADD CONSTRAINT {first}_pkey PRIMARY KEY ({key})")
    op.execute(f"ALTER INDEX ix_{table}_{indexed} RENAME TO {first}_{indexed}_idx")
    op.execute(f"CREATE TABLE {table} (LIKE {first} INCLUDING DEFAULTS) PARTITION BY RANGE (recorded_at)")
    bind(table, key, indexed)
    op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")
    # What a clock that was ahead wrote would keep it from being attached.
    op.execute(
        f"WITH ahead AS (DELETE FROM {first} WHERE recorded_at >= {until} RETURNING *)"  # noqa: S608 - names of our own tables
        f" INSERT INTO {table}_default SELECT * FROM ahead"
    )
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {first} FOR VALUES FROM (MINVALUE) TO ({until})")


def bind(table: str, key: str, indexed: str) -> None:
    """Give a table its key, its reference and its index."""
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT pk_{table} PRIMARY KEY ({key})")
    op.execute(
        f"ALTER TABLE {table} ADD CONSTRAINT fk_{table}_message_id"
        " FOREIGN KEY (message_id) REFERENCES inbound_message (id) ON DELETE CASCADE"
    )
    op.execute(f"CREATE INDEX ix_{table}_{indexed} ON {table} ({indexed})")


def downgrade() -> None:
    """Take the change back."""
    if op.get_bind().dialect.name != "postgresql":
        with op.batch_alter_table("message_clue", schema=None) as batch_op:
            batch_op.drop_column("recorded_at")
        return
    for table, key, indexed in TABLES:
        op.execute(f"CREATE TABLE {table}_whole (LIKE {table} INCLUDING DEFAULTS)")
        op.execute(f"INSERT INTO {table}_whole SELECT * FROM {table}")  # noqa: S608 - the same
        op.execute(f"DROP TABLE {table}")
        op.execute(f"ALTER TABLE {table}_whole RENAME TO {table}")
        bind(table, key.removesuffix(", recorded_at"), indexed)
    op.drop_column("message_clue", "recorded_at")
