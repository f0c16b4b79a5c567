"""Who does not want to be told of their first day any more."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0230"
down_revision = "0220"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has hidden anything."""
    op.create_table(
        "hidden_tour",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("hidden_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_hidden_tour_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_hidden_tour")),
        sa.UniqueConstraint("tenant_id", "staff_id", name=op.f("uq_hidden_tour_tenant_id_staff_id")),
    )
    enable_rls("hidden_tour", rights="select, insert, delete")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("hidden_tour")
