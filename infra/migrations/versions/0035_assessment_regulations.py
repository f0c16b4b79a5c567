"""What a school decides about assessment, and by which rules and readings each result was made."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


#: Results of before were made by the first edition of each circular, and what was confirmed stays by it. A year in
#: primary says that nobody has decided anything: else its result, computed again, would be taken for another and lose
#: its confirmation.
_OF_BEFORE = """
    update year_result set
        rule_set = case input ->> 'circular' when '27/2020' then 'TT27/2020-1' else 'TT22/2021-1' end,
        settled_at = confirmed_at,
        input = input || case input ->> 'circular' when '27/2020'
            then jsonb_build_object('supplement', null, 'principal', null) else '{}' end
"""
_AS_BEFORE = """
    update year_result set input = input - 'supplement' - 'principal' where input ->> 'circular' = '27/2020'
"""


def upgrade() -> None:
    """Add the decisions, which the application changes never, and what a result keeps of them."""
    op.create_table(
        "assessment_regulation",
        sa.Column("academic_year_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("policy", postgresql.JSONB(), nullable=False),
        sa.Column("ground", sa.String(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "academic_year_id"],
            ["academic_year.tenant_id", "academic_year.id"],
            name=op.f("fk_assessment_regulation_tenant_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "set_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_assessment_regulation_tenant_id_set_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_assessment_regulation")),
        sa.UniqueConstraint(
            "tenant_id",
            "academic_year_id",
            "revision",
            name=op.f("uq_assessment_regulation_tenant_id_academic_year_id_revision"),
        ),
    )
    enable_rls("assessment_regulation", rights="select, insert")
    op.add_column("year_result", sa.Column("rule_set", sa.String(), nullable=False, server_default=""))
    op.alter_column("year_result", "rule_set", server_default=None)
    op.add_column("year_result", sa.Column("policy", postgresql.JSONB(), nullable=False, server_default="{}"))
    op.alter_column("year_result", "policy", server_default=None)
    op.add_column("year_result", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    _change_results(_OF_BEFORE)


def downgrade() -> None:
    """Remove them."""
    _change_results(_AS_BEFORE)
    for column in ("settled_at", "policy", "rule_set"):
        op.drop_column("year_result", column)
    op.drop_table("assessment_regulation")


def _change_results(statement: str) -> None:
    op.execute("alter table year_result no force row level security")
    op.execute(statement)
    op.execute("alter table year_result force row level security")
