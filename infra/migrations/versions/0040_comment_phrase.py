"""Phrases that teachers put into comments."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table; what every school begins with is data of the product, not rows."""
    op.create_table(
        "comment_phrase",
        sa.Column("owner_id", sa.Uuid(), nullable=True),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("subject_code", sa.String(), nullable=False),
        sa.Column("grade_level", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "owner_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_comment_phrase_tenant_id_owner_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_comment_phrase")),
    )
    op.create_index("ix_comment_phrase_owner", "comment_phrase", ["tenant_id", "owner_id"])
    enable_rls("comment_phrase", rights="select, insert, delete")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("comment_phrase")
