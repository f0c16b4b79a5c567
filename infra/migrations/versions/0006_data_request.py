"""Requests about personal data."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the requests; the application may move them on, and remove none."""
    op.create_table(
        "data_request",
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("requester_name", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("wanted", sa.String(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("acknowledge_by", sa.Date(), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("acknowledged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("extension_reason", sa.String(), nullable=True),
        sa.Column("answer", sa.String(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("recorded_by", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "student_id"],
            ["student.tenant_id", "student.id"],
            name=op.f("fk_data_request_tenant_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "recorded_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_data_request_tenant_id_recorded_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_data_request")),
    )
    op.create_index("ix_data_request_student", "data_request", ["tenant_id", "student_id"])
    enable_rls(
        "data_request",
        rights="select, insert, update (state, answer_by, acknowledged_at, extension_reason, answer, closed_at)",
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("data_request")
