"""What happened in a school, in order; addresses of other systems; what became of telling them."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0151"
down_revision = "0150"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Events are never changed, endpoints and messages never removed."""
    op.create_table(
        "webhook_endpoint",
        sa.Column("url", sa.String(), nullable=False),
        sa.Column("events", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.String(), nullable=False),
        sa.Column("old_key", sa.LargeBinary(), nullable=True),
        sa.Column("old_public_key", sa.String(), nullable=True),
        sa.Column("old_until", _MOMENT, nullable=True),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("stopped_at", _MOMENT, nullable=True),
        sa.Column("failing_since", _MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_webhook_endpoint_tenant_id_created_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_webhook_endpoint")),
    )
    op.create_table(
        "partner_event",
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("happened_at", _MOMENT, nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_partner_event")),
        sa.UniqueConstraint("tenant_id", "sequence", name=op.f("uq_partner_event_tenant_id_sequence")),
    )
    op.create_table(
        "webhook_message",
        sa.Column("endpoint_id", sa.Uuid(), nullable=False),
        sa.Column("event_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("tried_at", _MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "endpoint_id"],
            ["webhook_endpoint.tenant_id", "webhook_endpoint.id"],
            name=op.f("fk_webhook_message_tenant_id_endpoint_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "event_id"],
            ["partner_event.tenant_id", "partner_event.id"],
            name=op.f("fk_webhook_message_tenant_id_event_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_webhook_message")),
        sa.UniqueConstraint(
            "tenant_id",
            "endpoint_id",
            "event_id",
            name=op.f("uq_webhook_message_tenant_id_endpoint_id_event_id"),
        ),
    )
    op.create_index("ix_webhook_message_state", "webhook_message", ["tenant_id", "endpoint_id", "state"])
    endpoint = "old_key, old_public_key, old_until, key, public_key, ended_at, stopped_at, failing_since"
    enable_rls("webhook_endpoint", rights=f"select, insert, update ({endpoint})")
    enable_rls("partner_event", rights="select, insert")
    message = "state, attempts, status, problem, tried_at"
    enable_rls("webhook_message", rights=f"select, insert, update ({message})")


def downgrade() -> None:
    """Remove them."""
    for table in ("webhook_message", "partner_event", "webhook_endpoint"):
        op.drop_table(table)
