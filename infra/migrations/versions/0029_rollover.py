"""A school year that is rolled over into the next, and where each pupil goes."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables."""
    op.create_table(
        "year_rollover",
        sa.Column("academic_year_id", sa.Uuid(), nullable=False),
        sa.Column("applied_by", sa.Uuid(), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened", sa.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "academic_year_id"],
            ["academic_year.tenant_id", "academic_year.id"],
            name=op.f("fk_year_rollover_tenant_id_academic_year_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "applied_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_year_rollover_tenant_id_applied_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_year_rollover")),
        sa.UniqueConstraint(
            "tenant_id", "academic_year_id", name=op.f("uq_year_rollover_tenant_id_academic_year_id")
        ),
    )
    enable_rls("year_rollover", rights="select, insert, update")
    op.create_table(
        "rollover_move",
        sa.Column("rollover_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("class_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "rollover_id"],
            ["year_rollover.tenant_id", "year_rollover.id"],
            name=op.f("fk_rollover_move_tenant_id_rollover_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "student_id"],
            ["student.tenant_id", "student.id"],
            name=op.f("fk_rollover_move_tenant_id_student_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "class_id"],
            ["school_class.tenant_id", "school_class.id"],
            name=op.f("fk_rollover_move_tenant_id_class_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_rollover_move")),
        sa.UniqueConstraint(
            "tenant_id",
            "rollover_id",
            "student_id",
            name=op.f("uq_rollover_move_tenant_id_rollover_id_student_id"),
        ),
    )
    enable_rls("rollover_move", rights="select, insert, update")


def downgrade() -> None:
    """Remove them."""
    op.drop_table("rollover_move")
    op.drop_table("year_rollover")
