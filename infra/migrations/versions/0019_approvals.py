"""Requests for what two people of a school decide together."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the requests; the application may decide them, change nothing else of them, and remove none."""
    op.create_table(
        "approval_request",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("facts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("told", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_account", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_account", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.CheckConstraint(
            "state <> 'approved' or (decided_by is not null and decided_by <> asked_by"
            " and decided_account is not null and decided_account <> asked_account)",
            name=op.f("ck_approval_request_two_people"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "asked_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_approval_request_tenant_id_asked_by"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "decided_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_approval_request_tenant_id_decided_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_approval_request")),
    )
    op.create_index("ix_approval_request_time", "approval_request", ["tenant_id", "asked_at"])
    enable_rls(
        "approval_request",
        rights="select, insert, update (state, decided_by, decided_account, decided_at, answer)",
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("approval_request")
