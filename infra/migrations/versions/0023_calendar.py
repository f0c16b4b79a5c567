"""The calendar of a school year: its terms, and by when each step of the season is done."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the calendars; no year has one by itself."""
    op.create_table(
        "year_calendar",
        sa.Column("academic_year_id", sa.Uuid(), nullable=False),
        sa.Column("term_1_ends_on", sa.Date(), nullable=False),
        sa.Column("term_2_starts_on", sa.Date(), nullable=False),
        sa.Column("locked_by", sa.Date(), nullable=True),
        sa.Column("confirmed_by", sa.Date(), nullable=True),
        sa.Column("frozen_by", sa.Date(), nullable=True),
        sa.Column("issued_by", sa.Date(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "academic_year_id"],
            ["academic_year.tenant_id", "academic_year.id"],
            name=op.f("fk_year_calendar_tenant_id_academic_year_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_year_calendar")),
        sa.UniqueConstraint(
            "tenant_id", "academic_year_id", name=op.f("uq_year_calendar_tenant_id_academic_year_id")
        ),
    )
    enable_rls("year_calendar", rights="select, insert, update")
