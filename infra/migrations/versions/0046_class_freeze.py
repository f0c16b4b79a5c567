"""Classes that are frozen together, and what came of each."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was asked for is written once; what came of it once more."""
    op.create_table(
        "class_freeze",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("frozen", sa.Integer(), nullable=False),
        sa.Column("left_out", postgresql.JSONB(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("class_id", "school_class"),
        _reference("asked_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_class_freeze")),
        sa.UniqueConstraint(
            "tenant_id", "run_id", "class_id", name=op.f("uq_class_freeze_tenant_id_run_id_class_id")
        ),
    )
    op.create_index("ix_class_freeze_time", "class_freeze", ["tenant_id", "asked_at"])
    enable_rls("class_freeze", rights="select, insert, update (state, frozen, left_out, problem, ended_at)")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("class_freeze")


def _reference(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_class_freeze_tenant_id_{column}"),
    )
