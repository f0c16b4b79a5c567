"""What people decide about a pupil's year where the circulars leave it to them: never changed, only added to."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

TABLE = "year_decision"


def upgrade() -> None:
    """Add the decisions."""
    op.create_table(
        TABLE,
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=False),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("class_id", "school_class"),
        _reference("student_id", "student"),
        _reference("decided_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint(
            "tenant_id",
            "class_id",
            "student_id",
            "kind",
            "slot",
            "revision",
            name=op.f(f"uq_{TABLE}_tenant_id_class_id_student_id_kind_slot_revision"),
        ),
    )
    enable_rls(TABLE, rights="select, insert")


def downgrade() -> None:
    """Remove them."""
    op.drop_table(TABLE)


def _reference(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_{TABLE}_tenant_id_{column}"),
    )
