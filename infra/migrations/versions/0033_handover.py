"""Invoices, exports of a school's data, and the day on which a school closes."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls, run_script

revision = "0033"
down_revision = "0042"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    """Add what is new; no school closes by itself."""
    op.add_column("school", sa.Column("closes_on", sa.Date(), nullable=True))
    op.add_column("school", sa.Column("successor", sa.String(), nullable=False, server_default=""))
    op.alter_column("school", "successor", server_default=None)
    op.create_table(
        "invoice",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("issued_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("period_from", sa.Date(), nullable=False),
        sa.Column("period_to", sa.Date(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("seat_price", sa.Numeric(precision=14, scale=0), nullable=False),
        sa.Column("vat_percent", sa.Integer(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_invoice")),
        sa.UniqueConstraint("tenant_id", "number", name=op.f("uq_invoice_tenant_id_number")),
    )
    enable_rls("invoice", rights="select, insert")
    op.execute("grant update (paid_on) on invoice to hocba_app")
    op.create_table(
        "school_export",
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("parts", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("cursor", sa.String(), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "asked_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_school_export_tenant_id_asked_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_school_export")),
    )
    enable_rls("school_export", rights="select, insert, update")
    run_script(HERE / "0033_places.sql")
