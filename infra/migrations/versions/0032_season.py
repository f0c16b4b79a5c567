"""Last days for handing in and for the report, and reminders that people send to people."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Two more days of a calendar; no reminder is there yet."""
    op.add_column("year_calendar", sa.Column("submitted_by", sa.Date(), nullable=True))
    op.add_column("year_calendar", sa.Column("reported_by", sa.Date(), nullable=True))
    op.create_table(
        "season_nudge",
        sa.Column("academic_year_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("stage", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("sent_by", sa.Uuid(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "academic_year_id"],
            ["academic_year.tenant_id", "academic_year.id"],
            name=op.f("fk_season_nudge_tenant_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_season_nudge_tenant_id_staff_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "sent_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_season_nudge_tenant_id_sent_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_season_nudge")),
    )
    op.create_index("ix_season_nudge_staff", "season_nudge", ["tenant_id", "staff_id", "sent_at"])
    enable_rls("season_nudge", rights="select, insert")


def downgrade() -> None:
    """Remove them."""
    op.drop_table("season_nudge")
    op.drop_column("year_calendar", "reported_by")
    op.drop_column("year_calendar", "submitted_by")
