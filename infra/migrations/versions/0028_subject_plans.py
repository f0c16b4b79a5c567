"""Subject plans of a school, and who takes which elective."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables; a school begins with the programme's own plan."""
    op.create_table(
        "subject_plan",
        sa.Column("academic_year_id", sa.Uuid(), nullable=False),
        sa.Column("grade_level", sa.Integer(), nullable=False),
        sa.Column("subject_code", sa.String(), nullable=False),
        sa.Column("taught", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(), nullable=True),
        sa.Column("lessons_per_year", sa.Integer(), nullable=False),
        sa.Column("assessed_by", sa.String(), nullable=True),
        sa.Column("counts", sa.Boolean(), nullable=False),
        sa.Column("topics", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "academic_year_id"],
            ["academic_year.tenant_id", "academic_year.id"],
            name=op.f("fk_subject_plan_tenant_id_academic_year_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_subject_plan")),
        sa.UniqueConstraint(
            "tenant_id",
            "academic_year_id",
            "grade_level",
            "subject_code",
            name=op.f("uq_subject_plan_place"),
        ),
    )
    enable_rls("subject_plan", rights="select, insert, update")
    op.create_table(
        "elective_choice",
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=True),
        sa.Column("electives", sa.ARRAY(sa.String()), nullable=False),
        sa.Column("topics", sa.ARRAY(sa.String()), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "class_id"],
            ["school_class.tenant_id", "school_class.id"],
            name=op.f("fk_elective_choice_tenant_id_class_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "student_id"],
            ["student.tenant_id", "student.id"],
            name=op.f("fk_elective_choice_tenant_id_student_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_elective_choice")),
    )
    op.create_index(
        "uq_elective_choice_whose",
        "elective_choice",
        ["tenant_id", "class_id", "student_id"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    enable_rls("elective_choice")


def downgrade() -> None:
    """Remove them."""
    op.drop_table("elective_choice")
    op.drop_table("subject_plan")
