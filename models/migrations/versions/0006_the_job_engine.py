"""The job engine of a fleet (procrastinate); PostgreSQL alone.

Its tables come with every migration where it is installed (`models.job_engine`), so that this one needs it not.
"""
# ruff: noqa: INP001 - Alembic loads this file by its path

from typing import Any

from alembic import op

revision = "0006"
down_revision = "0005"

_DROP = """
DO $$
DECLARE
    found record;
BEGIN
    FOR found IN SELECT tablename AS name FROM pg_tables
        WHERE schemaname = current_schema() AND tablename LIKE 'procrastinate\\_%'
    LOOP
        EXECUTE format('DROP TABLE %I CASCADE', found.name);
    END LOOP;
    FOR found IN SELECT oid::regprocedure AS name FROM pg_proc
        WHERE pronamespace = current_schema()::regnamespace AND proname LIKE 'procrastinate\\_%'
    LOOP
        EXECUTE format('DROP FUNCTION %s CASCADE', found.name);
    END LOOP;
    FOR found IN SELECT oid::regtype AS name FROM pg_type
        WHERE typnamespace = current_schema()::regnamespace AND typname LIKE 'procrastinate\\_%'
    LOOP
        EXECUTE format('DROP TYPE %s CASCADE', found.name);
    END LOOP;
END
$$
"""


def upgrade() -> None:
    """Leave it to whoever migrates."""


def downgrade() -> None:
    """Undo the change."""
    if op.get_bind().dialect.name == "postgresql":
        # A per cent sign stands for itself.
        connection: Any = op.get_bind()
        connection.connection.driver_connection.execute(_DROP)
