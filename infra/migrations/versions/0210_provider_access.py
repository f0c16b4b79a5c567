"""What users of providers of signing services have left us by letting us in there, closed under the school's key."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0210"
down_revision = "0200"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Of what was left only what becomes of it changes, and under which key it is closed."""
    op.create_table(
        "provider_access",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=True),
        sa.Column("given_by", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_values", sa.LargeBinary(), nullable=False),
        sa.Column("given_at", _MOMENT, nullable=False),
        sa.Column("ends_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("key_id", "secret_key"),
        _reference("holder_id", "staff_member"),
        _reference("given_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_provider_access")),
    )
    op.create_index(
        "uq_provider_access_active",
        "provider_access",
        ["tenant_id", "provider", "account", "holder_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
        postgresql_nulls_not_distinct=True,
    )
    moving = "state, key_id, sealed_values, ended_at"
    enable_rls("provider_access", rights=f"select, insert, update ({moving})")


def _reference(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{table}.tenant_id", f"{table}.id"],
        name=op.f(f"fk_provider_access_tenant_id_{column}"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("provider_access")
