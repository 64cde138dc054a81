"""What the console needs."""
# ruff: noqa: INP001 - Alembic loads this file by its path

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

WORDS = "to_tsvector('simple'::regconfig, translate({}, '@._-+', '     '))"


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "sign_in_failure",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_failure")),
    )
    with op.batch_alter_table("sign_in_failure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sign_in_failure_at"), ["at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sign_in_failure_client_at"), ["client", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_sign_in_failure_name_at"), ["name", "at"], unique=False)

    op.create_table(
        "ended_session",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_ended_session")),
    )
    with op.batch_alter_table("ended_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ended_session_until"), ["until"], unique=False)

    op.create_table(
        "bulk_act",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("says", sa.Text(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_bulk_act_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_act")),
    )
    with op.batch_alter_table("bulk_act", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_bulk_act_team_id_id"), ["team_id", "id"], unique=False)

    op.create_table(
        "console_user",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("role", sa.String(length=40), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=True),
        sa.Column("time_zone", sa.String(length=64), nullable=True),
        sa.Column("guess_first", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("epoch", sa.Integer(), server_default="0", nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_console_user_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_console_user")),
        sa.UniqueConstraint("name", name=op.f("uq_console_user_name")),
    )
    op.create_table(
        "day_figure",
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("counted", sa.String(length=40), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("counted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_day_figure_team_id")),
        sa.PrimaryKeyConstraint("team_id", "day", "counted", "name", name=op.f("pk_day_figure")),
    )
    op.create_table(
        "mailbox_request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("wish", sa.String(length=40), nullable=False),
        sa.Column("since", sa.Date(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("stop_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("coming", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailbox.id"], name=op.f("fk_mailbox_request_mailbox_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox_request")),
    )
    with op.batch_alter_table("mailbox_request", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mailbox_request_mailbox_id_id"), ["mailbox_id", "id"], unique=False)
        batch_op.create_index(
            "ix_mailbox_request_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scopes", sa.JSON(), server_default='["sending"]', nullable=False))

    with op.batch_alter_table("recipient", schema=None) as batch_op:
        batch_op.add_column(sa.Column("team_id", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True))
        batch_op.drop_index(batch_op.f("ix_recipient_status"))
    op.execute(
        "UPDATE recipient SET"
        " team_id = (SELECT team_id FROM campaign WHERE campaign.id = recipient.campaign_id),"
        " changed_at = COALESCE("
        "(SELECT max(recorded_at) FROM status_change WHERE recipient_id = recipient.id),"
        " (SELECT max(recorded_at) FROM recipient_event WHERE recipient_id = recipient.id),"
        " '2000-01-01 00:00:00.000000')"
    )
    with op.batch_alter_table("recipient", schema=None) as batch_op:
        batch_op.alter_column("team_id", nullable=False)
        batch_op.alter_column("changed_at", nullable=False)
        batch_op.create_index(
            batch_op.f("ix_recipient_campaign_id_changed_at_id"), ["campaign_id", "changed_at", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recipient_campaign_id_status_changed_at_id"),
            ["campaign_id", "status", "changed_at", "id"],
            unique=False,
        )
        batch_op.create_index(
            batch_op.f("ix_recipient_team_id_changed_at_id"), ["team_id", "changed_at", "id"], unique=False
        )
        batch_op.create_index(
            batch_op.f("ix_recipient_team_id_status_changed_at_id"),
            ["team_id", "status", "changed_at", "id"],
            unique=False,
        )
        batch_op.create_foreign_key(batch_op.f("fk_recipient_team_id"), "team", ["team_id"], ["id"])

    if op.get_bind().dialect.name == "postgresql":
        for table, column in (("contact", "address"), ("dne_entry", "target")):
            op.execute(f"CREATE INDEX ix_{table}_words ON {table} USING gin ({WORDS.format(column)})")
    with op.batch_alter_table("dne_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dne_entry_team_id_id"), ["team_id", "id"], unique=False)

    with op.batch_alter_table("mailbox", schema=None) as batch_op:
        batch_op.add_column(sa.Column("backlog", sa.Integer(), nullable=True))

    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rest", sa.Text(), nullable=True))

    reviews()
    with op.batch_alter_table("label", schema=None) as batch_op:
        batch_op.create_index(
            "ix_label_reviewed",
            ["team_id", "actor", "recorded_at"],
            unique=False,
            sqlite_where=sa.text("source = 'review'"),
            postgresql_where=sa.text("source = 'review'"),
        )

    with op.batch_alter_table("recipient_event", schema=None) as batch_op:
        batch_op.create_index(
            "ix_recipient_event_actor",
            ["actor", "kind", "recorded_at", "id"],
            unique=False,
            sqlite_where=sa.text("actor IS NOT NULL"),
            postgresql_where=sa.text("actor IS NOT NULL"),
        )


def reviews() -> None:
    """Give the questions for people what their list is read by."""
    with op.batch_alter_table("review_item", schema=None) as batch_op:
        for name, kind in (
            ("team_id", sa.Integer()),
            ("campaign_id", sa.Integer()),
            ("urgency", sa.Double()),
            ("lesson", sa.Double()),
        ):
            batch_op.add_column(sa.Column(name, kind, nullable=True))
    # As the recipient has them, and as worker/writing/urgency.py places a question when it is opened.
    op.execute(
        "UPDATE review_item SET team_id = recipient.team_id, campaign_id = recipient.campaign_id, lesson = 5,"
        " urgency = CASE WHEN holds THEN 0 ELSE 10 END + CASE kind WHEN 'possible opt-out' THEN 0"
        " WHEN 'drawn at random' THEN 4 WHEN 'close to a possible opt-out' THEN 6 WHEN 'low confidence' THEN 9"
        " ELSE 2 END"
        " FROM recipient WHERE recipient.id = review_item.recipient_id"
    )
    op.execute(
        "UPDATE review_item SET"
        " lesson = COALESCE(e.confidence, 1) + CASE WHEN e.sampled THEN 0 WHEN e.artifact IS NULL THEN 4 ELSE 2 END,"
        " urgency = CASE"
        " WHEN e.sampled AND review_item.kind IN ('close to a possible opt-out', 'low confidence')"
        " THEN CASE WHEN holds THEN 4 ELSE 14 END"
        " WHEN review_item.kind = 'low confidence' THEN urgency - 1 + COALESCE(e.confidence, 1)"
        " ELSE urgency END"
        " FROM recipient_event AS e WHERE e.recipient_id = review_item.recipient_id AND e.key = review_item.event_key"
    )
    with op.batch_alter_table("review_item", schema=None) as batch_op:
        for name in ("team_id", "campaign_id", "urgency", "lesson"):
            batch_op.alter_column(name, nullable=False)
        for name in ("team_id", "campaign_id"):
            table = name.removesuffix("_id")
            batch_op.create_foreign_key(batch_op.f(f"fk_review_item_{name}"), table, [name], ["id"])
        for order in ("urgency", "lesson"):
            batch_op.create_index(
                f"ix_review_item_{order}",
                ["team_id", order, "opened_at", "id", "kind", "campaign_id"],
                unique=False,
                sqlite_where=sa.text("closed_at IS NULL"),
                postgresql_where=sa.text("closed_at IS NULL"),
            )


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("recipient_event", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_recipient_event_actor",
            sqlite_where=sa.text("actor IS NOT NULL"),
            postgresql_where=sa.text("actor IS NOT NULL"),
        )

    with op.batch_alter_table("label", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_label_reviewed",
            sqlite_where=sa.text("source = 'review'"),
            postgresql_where=sa.text("source = 'review'"),
        )

    with op.batch_alter_table("review_item", schema=None) as batch_op:
        for order in ("lesson", "urgency"):
            batch_op.drop_index(
                f"ix_review_item_{order}",
                sqlite_where=sa.text("closed_at IS NULL"),
                postgresql_where=sa.text("closed_at IS NULL"),
            )
        for name in ("team_id", "campaign_id"):
            batch_op.drop_constraint(batch_op.f(f"fk_review_item_{name}"), type_="foreignkey")
        for name in ("lesson", "urgency", "campaign_id", "team_id"):
            batch_op.drop_column(name)

    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.drop_column("rest")

    with op.batch_alter_table("mailbox", schema=None) as batch_op:
        batch_op.drop_column("backlog")

    if op.get_bind().dialect.name == "postgresql":
        for table in ("contact", "dne_entry"):
            op.drop_index(f"ix_{table}_words", table_name=table)
    with op.batch_alter_table("dne_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dne_entry_team_id_id"))

    with op.batch_alter_table("recipient", schema=None) as batch_op:
        batch_op.drop_constraint(batch_op.f("fk_recipient_team_id"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_recipient_team_id_status_changed_at_id"))
        batch_op.drop_index(batch_op.f("ix_recipient_team_id_changed_at_id"))
        batch_op.drop_index(batch_op.f("ix_recipient_campaign_id_status_changed_at_id"))
        batch_op.drop_index(batch_op.f("ix_recipient_campaign_id_changed_at_id"))
        batch_op.create_index(batch_op.f("ix_recipient_status"), ["status"], unique=False)
        batch_op.drop_column("changed_at")
        batch_op.drop_column("team_id")

    with op.batch_alter_table("api_token", schema=None) as batch_op:
        batch_op.drop_column("scopes")

    with op.batch_alter_table("mailbox_request", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_mailbox_request_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index(batch_op.f("ix_mailbox_request_mailbox_id_id"))

    op.drop_table("mailbox_request")
    op.drop_table("day_figure")
    op.drop_table("console_user")
    with op.batch_alter_table("bulk_act", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_bulk_act_team_id_id"))

    op.drop_table("ended_session")
    op.drop_table("bulk_act")
    with op.batch_alter_table("sign_in_failure", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sign_in_failure_name_at"))
        batch_op.drop_index(batch_op.f("ix_sign_in_failure_client_at"))
        batch_op.drop_index(batch_op.f("ix_sign_in_failure_at"))

    op.drop_table("sign_in_failure")
