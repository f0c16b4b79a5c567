"""What was said about oddities in sheets: never changed, only added to."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

TABLE = "finding_word"


def upgrade() -> None:
    """Add the words."""
    op.create_table(
        TABLE,
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=True),
        sa.Column("finding", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("said_by", sa.Uuid(), nullable=False),
        sa.Column("said_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("sheet_id", "grade_sheet"),
        _reference("student_id", "student"),
        _reference("said_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{TABLE}")),
        sa.UniqueConstraint(
            "tenant_id", "sheet_id", "finding", name=op.f(f"uq_{TABLE}_tenant_id_sheet_id_finding")
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
