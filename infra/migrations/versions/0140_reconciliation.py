"""Reconciliation: runs against an Authority's list, and what differed."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0140"
down_revision = "0120"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)
_COUNTS = ("matched", "extra", "missing", "content", "state")


def upgrade() -> None:
    """A run ends once; what it found is never rewritten."""
    op.create_table(
        "reconciliation",
        sa.Column("authority", sa.String(), nullable=False),
        sa.Column("started_at", _MOMENT, nullable=False),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("outcome", sa.String(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in _COUNTS),
        sa.Column("pages", sa.ARRAY(sa.String()), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_reconciliation")),
    )
    op.create_index("ix_reconciliation_started", "reconciliation", ["tenant_id", "started_at"])
    columns = ", ".join(("ended_at", "outcome", *_COUNTS, "pages"))
    enable_rls("reconciliation", rights=f"select, insert, update ({columns})")
    op.create_table(
        "reconciliation_finding",
        sa.Column("reconciliation_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("delivery_id", sa.Uuid(), nullable=True),
        sa.Column("ours", sa.String(), nullable=False),
        sa.Column("theirs", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "reconciliation_id"],
            ["reconciliation.tenant_id", "reconciliation.id"],
            name=op.f("fk_reconciliation_finding_tenant_id_reconciliation_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "delivery_id"],
            ["delivery.tenant_id", "delivery.id"],
            name=op.f("fk_reconciliation_finding_tenant_id_delivery_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_reconciliation_finding")),
    )
    op.create_index(
        "ix_reconciliation_finding_run", "reconciliation_finding", ["tenant_id", "reconciliation_id"]
    )
    enable_rls("reconciliation_finding", rights="select, insert")


def downgrade() -> None:
    """Remove them."""
    op.drop_table("reconciliation_finding")
    op.drop_table("reconciliation")
