"""The register of issued copies."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; a line is never removed, and only the digest of its print is written later."""
    op.create_table(
        "issued_copy",
        sa.Column("register_year", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("transcript_id", sa.Uuid(), nullable=False),
        sa.Column("academic_year", sa.String(), nullable=True),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("issued_by", sa.Uuid(), nullable=True),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("transcript_id", "transcript"),
        _reference("issued_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_issued_copy")),
        sa.UniqueConstraint(
            "tenant_id", "register_year", "number", name=op.f("uq_issued_copy_tenant_id_register_year_number")
        ),
    )
    op.create_index("ix_issued_copy_transcript", "issued_copy", ["tenant_id", "transcript_id"])
    enable_rls("issued_copy", rights="select, insert, update (sha256)")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("issued_copy")


def _reference(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_issued_copy_tenant_id_{column}"),
    )
