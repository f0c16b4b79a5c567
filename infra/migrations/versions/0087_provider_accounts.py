"""Schools' own accounts at providers of signing services, closed under a key of each school."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Keys are never changed; of an account only what becomes of it, and under which key it is closed."""
    op.create_table(
        "secret_key",
        sa.Column("sealed_key", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_secret_key")),
    )
    enable_rls("secret_key", rights="select, insert")
    op.create_table(
        "provider_account",
        sa.Column("provider", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=False),
        sa.Column("sealed_values", sa.LargeBinary(), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("added_at", _MOMENT, nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("key_id", "secret_key"),
        _reference("added_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_provider_account")),
    )
    op.create_index(
        "uq_provider_account_active",
        "provider_account",
        ["tenant_id", "provider"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    moving = "state, key_id, sealed_values, decided_at"
    enable_rls("provider_account", rights=f"select, insert, update ({moving})")


def _reference(column: str, table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{table}.tenant_id", f"{table}.id"],
        name=op.f(f"fk_provider_account_tenant_id_{column}"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("provider_account")
    op.drop_table("secret_key")
