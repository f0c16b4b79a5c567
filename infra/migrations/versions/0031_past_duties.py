"""Who led a class or taught a subject before: a change within the year leaves its dates."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; what was changed before has no dates."""
    op.create_table(
        "past_duty",
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=True),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("class_id", "school_class"),
        _reference("staff_id", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_past_duty")),
    )
    op.create_index("ix_past_duty_class", "past_duty", ["tenant_id", "class_id"])
    enable_rls("past_duty", rights="select, insert")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("past_duty")


def _reference(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_past_duty_tenant_id_{column}"),
    )
