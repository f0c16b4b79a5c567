"""What a school bound: through which profile it reports to its Authority."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls

revision = "0090"
down_revision = "0082"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """One is open; those that ended stay, and what was bound is never rewritten."""
    op.create_table(
        "authority_binding",
        sa.Column("profile", sa.String(), nullable=False),
        sa.Column("parameters", postgresql.JSONB(), nullable=False),
        sa.Column("secrets", sa.LargeBinary(), nullable=False),
        sa.Column("bound_by", sa.Uuid(), nullable=True),
        sa.Column("bound_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("tried_at", _MOMENT, nullable=True),
        sa.Column("trial", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "bound_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_authority_binding_tenant_id_bound_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_authority_binding")),
    )
    op.create_index(
        "uq_authority_binding_open",
        "authority_binding",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    enable_rls("authority_binding", rights="select, insert, update (ended_at, tried_at, trial)")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("authority_binding")
