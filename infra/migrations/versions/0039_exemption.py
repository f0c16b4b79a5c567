"""Pupils who are not assessed in a subject."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; what was decided stays, an exemption is only ended."""
    op.create_table(
        "exemption",
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("subject_code", sa.String(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("class_id", "school_class"),
        _reference("student_id", "student"),
        _reference("decided_by", "staff_member"),
        _reference("ended_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_exemption")),
    )
    op.create_index(
        "uq_exemption_in_force",
        "exemption",
        ["tenant_id", "class_id", "subject_code", "student_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    enable_rls("exemption", rights="select, insert")
    op.execute("grant update (ended_by, ended_at) on exemption to hocba_app")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("exemption")


def _reference(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_exemption_tenant_id_{column}"),
    )
