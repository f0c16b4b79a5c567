"""What of a sheet is published to families."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; a publication is withdrawn, never removed."""
    op.create_table(
        "publication",
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("cells", postgresql.JSONB(), nullable=False),
        sa.Column("published_by", sa.Uuid(), nullable=True),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_by", sa.Uuid(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("sheet_id", "grade_sheet"),
        _reference("published_by", "staff_member"),
        _reference("withdrawn_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_publication")),
    )
    op.create_index(
        "uq_publication_in_force",
        "publication",
        ["tenant_id", "sheet_id", "period"],
        unique=True,
        postgresql_where=sa.text("withdrawn_at is null"),
    )
    enable_rls("publication", rights="select, insert, update (withdrawn_by, withdrawn_at)")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("publication")


def _reference(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_publication_tenant_id_{column}"),
    )
