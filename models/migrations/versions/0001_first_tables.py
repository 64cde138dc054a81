"""First tables."""
# ruff: noqa: INP001 - Alembic loads this file by its path

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply the change."""
    op.create_table(
        "artifact",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(length=80), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("metrics", sa.JSON(), nullable=False),
        sa.Column("promoted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifact")),
        sa.UniqueConstraint("version", name=op.f("uq_artifact_version")),
    )
    op.create_table(
        "team",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
        sa.UniqueConstraint("name", name=op.f("uq_team_name")),
    )
    op.create_table(
        "campaign",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=200), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("stop_on_reply", sa.Boolean(), nullable=False),
        sa.Column("auto_response", sa.String(length=40), nullable=False),
        sa.Column("auto_response_days", sa.Integer(), nullable=False),
        sa.Column("policy_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_campaign_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("team_id", "key", name=op.f("uq_campaign_team_id_key")),
    )
    op.create_table(
        "contact",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.Column("domain", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_contact_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
        sa.UniqueConstraint("team_id", "address", name=op.f("uq_contact_team_id_address")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_contact_domain"), ["domain"], unique=False)

    op.create_table(
        "mailbox",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=320), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("port", sa.Integer(), nullable=False),
        sa.Column("security", sa.String(length=10), nullable=False),
        sa.Column("username", sa.String(length=320), nullable=False),
        sa.Column("password", sa.Text(), nullable=False),
        sa.Column("ca_file", sa.Text(), nullable=True),
        sa.Column("addresses", sa.JSON(), nullable=False),
        sa.Column("opt_out_aliases", sa.JSON(), nullable=False),
        sa.Column("authserv_ids", sa.JSON(), nullable=False),
        sa.Column("folders", sa.JSON(), nullable=False),
        sa.Column("sent_folder", sa.String(length=500), nullable=True),
        sa.Column("learn_sends", sa.Boolean(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_poll_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_success_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_mailbox_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mailbox")),
        sa.UniqueConstraint("name", name=op.f("uq_mailbox_name")),
    )
    with op.batch_alter_table("mailbox", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mailbox_next_poll_at"), ["next_poll_at"], unique=False)

    op.create_table(
        "folder_cursor",
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("folder", sa.String(length=500), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("last_uid", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailbox.id"], name=op.f("fk_folder_cursor_mailbox_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("mailbox_id", "folder", name=op.f("pk_folder_cursor")),
    )
    op.create_table(
        "inbound_message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=False),
        sa.Column("folder", sa.String(length=500), nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.String(length=998), nullable=True),
        sa.Column("content_hash", sa.String(length=64), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("from_address", sa.String(length=320), nullable=True),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=40), nullable=False),
        sa.Column("duplicate_of", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("clues", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailbox.id"], name=op.f("fk_inbound_message_mailbox_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_message")),
        sa.UniqueConstraint(
            "mailbox_id",
            "folder",
            "uidvalidity",
            "uid",
            name=op.f("uq_inbound_message_mailbox_id_folder_uidvalidity_uid"),
        ),
    )
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_inbound_message_mailbox_id_content_hash"), ["mailbox_id", "content_hash"], unique=False
        )
        batch_op.create_index(batch_op.f("ix_inbound_message_state"), ["state"], unique=False)

    op.create_table(
        "recipient",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("campaign_id", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("removed_by_person", sa.Boolean(), nullable=False),
        sa.Column("sequence", sa.String(length=40), nullable=False),
        sa.Column("sequence_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sequence_reason", sa.String(length=40), nullable=True),
        sa.Column("next_change_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("decided_by", sa.String(length=64), nullable=True),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_recipient_campaign_id")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_recipient_contact_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient")),
        sa.UniqueConstraint("campaign_id", "contact_id", name=op.f("uq_recipient_campaign_id_contact_id")),
    )
    with op.batch_alter_table("recipient", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recipient_contact_id"), ["contact_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_recipient_next_change_at"), ["next_change_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_recipient_status"), ["status"], unique=False)

    op.create_table(
        "second_address",
        sa.Column("contact_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("address", sa.String(length=320), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_second_address_contact_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("contact_id", "address", name=op.f("pk_second_address")),
    )
    with op.batch_alter_table("second_address", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_second_address_address"), ["address"], unique=False)

    op.create_table(
        "dne_entry",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("target", sa.String(length=320), nullable=False),
        sa.Column("reason", sa.String(length=40), nullable=False),
        sa.Column("source", sa.String(length=64), nullable=False),
        sa.Column("recipient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(length=200), nullable=True),
        sa.Column("note", sa.Text(), nullable=True),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by", sa.String(length=200), nullable=True),
        sa.Column("lifted_why", sa.Text(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name=op.f("fk_dne_entry_recipient_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_dne_entry_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dne_entry")),
        sa.UniqueConstraint(
            "team_id", "target", "reason", "source", name=op.f("uq_dne_entry_team_id_target_reason_source")
        ),
    )
    with op.batch_alter_table("dne_entry", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_dne_entry_recipient_id"), ["recipient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_dne_entry_target"), ["target"], unique=False)

    op.create_table(
        "message_clue",
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("value", sa.String(length=998), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbound_message.id"], name=op.f("fk_message_clue_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "value", name=op.f("pk_message_clue")),
    )
    with op.batch_alter_table("message_clue", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_message_clue_value"), ["value"], unique=False)

    op.create_table(
        "recipient_event",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("happened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=True),
        sa.Column("sure", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("ends", sa.Boolean(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dated", sa.Boolean(), nullable=False),
        sa.Column("bounce", sa.String(length=40), nullable=True),
        sa.Column("send_id", sa.String(length=500), nullable=True),
        sa.Column("booking_id", sa.String(length=200), nullable=True),
        sa.Column("trust", sa.String(length=40), nullable=False),
        sa.Column("review", sa.String(length=40), nullable=True),
        sa.Column("about", sa.String(length=64), nullable=True),
        sa.Column("rule", sa.String(length=200), nullable=True),
        sa.Column("other_address", sa.String(length=320), nullable=True),
        sa.Column("because", sa.JSON(), nullable=False),
        sa.Column("artifact", sa.String(length=80), nullable=True),
        sa.Column("policy_version", sa.Integer(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=True),
        sa.Column("retracted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbound_message.id"], name=op.f("fk_recipient_event_message_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name=op.f("fk_recipient_event_recipient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recipient_event")),
        sa.UniqueConstraint("recipient_id", "key", name=op.f("uq_recipient_event_recipient_id_key")),
    )
    with op.batch_alter_table("recipient_event", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_recipient_event_key"), ["key"], unique=False)
        batch_op.create_index(batch_op.f("ix_recipient_event_message_id"), ["message_id"], unique=False)

    op.create_table(
        "review_item",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("event_key", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("holds", sa.Boolean(), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name=op.f("fk_review_item_recipient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_item")),
        sa.UniqueConstraint(
            "recipient_id", "event_key", "kind", name=op.f("uq_review_item_recipient_id_event_key_kind")
        ),
    )
    with op.batch_alter_table("review_item", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_review_item_closed_at"), ["closed_at"], unique=False)

    op.create_table(
        "sent_message",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("recipient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("mailbox_id", sa.Integer(), nullable=True),
        sa.Column("send_id", sa.String(length=500), nullable=False),
        sa.Column("subject_key", sa.String(length=200), nullable=False),
        sa.Column("token", sa.String(length=200), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["mailbox_id"], ["mailbox.id"], name=op.f("fk_sent_message_mailbox_id"), ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name=op.f("fk_sent_message_recipient_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_sent_message_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sent_message")),
        sa.UniqueConstraint("team_id", "send_id", name=op.f("uq_sent_message_team_id_send_id")),
    )
    with op.batch_alter_table("sent_message", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sent_message_recipient_id"), ["recipient_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_sent_message_token"), ["token"], unique=False)

    op.create_table(
        "status_change",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("recipient_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("from_status", sa.String(length=40), nullable=True),
        sa.Column("to_status", sa.String(length=40), nullable=False),
        sa.Column("from_sequence", sa.String(length=40), nullable=True),
        sa.Column("to_sequence", sa.String(length=40), nullable=False),
        sa.Column("event_key", sa.String(length=64), nullable=True),
        sa.Column("because", sa.JSON(), nullable=False),
        sa.Column("artifact", sa.String(length=80), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("actor", sa.String(length=200), nullable=True),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["recipient_id"], ["recipient.id"], name=op.f("fk_status_change_recipient_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_status_change")),
    )
    with op.batch_alter_table("status_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_status_change_recipient_id"), ["recipient_id"], unique=False)

    op.create_table(
        "verdict",
        sa.Column("message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("reply_class", sa.String(length=20), nullable=True),
        sa.Column("confidence", sa.Double(), nullable=True),
        sa.Column("artifact", sa.String(length=80), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbound_message.id"], name=op.f("fk_verdict_message_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_verdict")),
    )
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_verdict_kind"), ["kind"], unique=False)

    op.create_table(
        "sent_message_id",
        sa.Column("team_id", sa.Integer(), nullable=False),
        sa.Column("message_id", sa.String(length=998), nullable=False),
        sa.Column("sent_message_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["sent_message_id"],
            ["sent_message.id"],
            name=op.f("fk_sent_message_id_sent_message_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_sent_message_id_team_id")),
        sa.PrimaryKeyConstraint("team_id", "message_id", "sent_message_id", name=op.f("pk_sent_message_id")),
    )
    with op.batch_alter_table("sent_message_id", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sent_message_id_sent_message_id"), ["sent_message_id"], unique=False)


def downgrade() -> None:
    """Take the change back."""
    with op.batch_alter_table("sent_message_id", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sent_message_id_sent_message_id"))

    op.drop_table("sent_message_id")
    with op.batch_alter_table("verdict", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_verdict_kind"))

    op.drop_table("verdict")
    with op.batch_alter_table("status_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_status_change_recipient_id"))

    op.drop_table("status_change")
    with op.batch_alter_table("sent_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sent_message_token"))
        batch_op.drop_index(batch_op.f("ix_sent_message_recipient_id"))

    op.drop_table("sent_message")
    with op.batch_alter_table("review_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_review_item_closed_at"))

    op.drop_table("review_item")
    with op.batch_alter_table("recipient_event", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recipient_event_message_id"))
        batch_op.drop_index(batch_op.f("ix_recipient_event_key"))

    op.drop_table("recipient_event")
    with op.batch_alter_table("message_clue", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_message_clue_value"))

    op.drop_table("message_clue")
    with op.batch_alter_table("dne_entry", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_dne_entry_target"))
        batch_op.drop_index(batch_op.f("ix_dne_entry_recipient_id"))

    op.drop_table("dne_entry")
    with op.batch_alter_table("second_address", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_second_address_address"))

    op.drop_table("second_address")
    with op.batch_alter_table("recipient", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_recipient_status"))
        batch_op.drop_index(batch_op.f("ix_recipient_next_change_at"))
        batch_op.drop_index(batch_op.f("ix_recipient_contact_id"))

    op.drop_table("recipient")
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_inbound_message_state"))
        batch_op.drop_index(batch_op.f("ix_inbound_message_mailbox_id_content_hash"))

    op.drop_table("inbound_message")
    op.drop_table("folder_cursor")
    with op.batch_alter_table("mailbox", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mailbox_next_poll_at"))

    op.drop_table("mailbox")
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_contact_domain"))

    op.drop_table("contact")
    op.drop_table("campaign")
    op.drop_table("team")
    op.drop_table("artifact")
