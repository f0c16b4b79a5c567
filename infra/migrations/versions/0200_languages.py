"""Which language a class or a pupil learns as Ngoại ngữ 1 or 2."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0200"
down_revision = "0190"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Nobody has said anything: Ngoại ngữ 1 is English."""
    op.create_table(
        "language_choice",
        sa.Column("class_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=True),
        sa.Column("subject_code", sa.String(), nullable=False),
        sa.Column("language", sa.String(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "class_id"],
            ["school_class.tenant_id", "school_class.id"],
            name=op.f("fk_language_choice_tenant_id_class_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "student_id"],
            ["student.tenant_id", "student.id"],
            name=op.f("fk_language_choice_tenant_id_student_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_language_choice")),
    )
    op.create_index(
        "uq_language_choice_whose",
        "language_choice",
        ["tenant_id", "class_id", "student_id", "subject_code"],
        unique=True,
        postgresql_nulls_not_distinct=True,
    )
    enable_rls("language_choice", rights="select, insert, delete")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("language_choice")
