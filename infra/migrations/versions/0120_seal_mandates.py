"""A seal that seals within limits without a person: what two people agreed to, and which batches rest on it."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0120"
down_revision = "0111"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """What was agreed to never changes; it can only end."""
    op.create_table(
        "seal_mandate",
        sa.Column("credential_id", sa.Uuid(), nullable=False),
        sa.Column("keeper_id", sa.Uuid(), nullable=False),
        sa.Column("daily_limit", sa.Integer(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=False),
        sa.Column("closes", sa.Time(), nullable=False),
        sa.Column("last_day", sa.Date(), nullable=False),
        sa.Column("given_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_reason", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("seal_mandate", "credential_id", "credential"),
        _reference("seal_mandate", "keeper_id", "staff_member"),
        _reference("seal_mandate", "ended_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_seal_mandate")),
    )
    op.create_index(
        "uq_seal_mandate_live",
        "seal_mandate",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("ended_at is null"),
    )
    ending = "ended_at, ended_by, ended_reason"
    enable_rls("seal_mandate", rights=f"select, insert, update ({ending})")
    op.add_column("signing_batch", sa.Column("mandate_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        op.f("fk_signing_batch_tenant_id_mandate_id"),
        "signing_batch",
        "seal_mandate",
        ["tenant_id", "mandate_id"],
        ["tenant_id", "id"],
    )


def _reference(table: str, column: str, other: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{other}.tenant_id", f"{other}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_column("signing_batch", "mandate_id")
    op.drop_table("seal_mandate")
