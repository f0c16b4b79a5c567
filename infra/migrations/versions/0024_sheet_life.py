"""The life of a mark sheet: who closed it, when and why, and every change after a lock."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; the application may add steps and changes, and alter or remove none."""
    op.add_column("grade_sheet", sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("grade_sheet", sa.Column("open_until", sa.DateTime(timezone=True), nullable=True))
    op.add_column("grade_sheet", sa.Column("remark", sa.String(), nullable=False, server_default=""))
    op.alter_column("grade_sheet", "remark", server_default=None)
    op.add_column(
        "grade_sheet",
        sa.Column("final_pupils", postgresql.ARRAY(sa.Uuid()), nullable=False, server_default="{}"),
    )
    op.alter_column("grade_sheet", "final_pupils", server_default=None)
    op.create_table(
        "sheet_step",
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("deed", sa.String(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("done_by", sa.Uuid(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("open_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("sheet_step", "sheet_id", "grade_sheet"),
        _reference("sheet_step", "done_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_sheet_step")),
    )
    op.create_index("ix_sheet_step_sheet", "sheet_step", ["tenant_id", "sheet_id"])
    enable_rls("sheet_step", rights="select, insert")
    op.create_table(
        "mark_change",
        sa.Column("sheet_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("old_value", sa.String(), nullable=False),
        sa.Column("new_value", sa.String(), nullable=False),
        sa.Column("step_id", sa.Uuid(), nullable=False),
        sa.Column("changed_by", sa.Uuid(), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("mark_change", "sheet_id", "grade_sheet"),
        _reference("mark_change", "student_id", "student"),
        _reference("mark_change", "step_id", "sheet_step"),
        _reference("mark_change", "changed_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_mark_change")),
    )
    op.create_index("ix_mark_change_sheet", "mark_change", ["tenant_id", "sheet_id"])
    enable_rls("mark_change", rights="select, insert")


def downgrade() -> None:
    """Remove them."""
    op.drop_table("mark_change")
    op.drop_table("sheet_step")
    for column in ("final_pupils", "remark", "open_until", "submitted_at"):
        op.drop_column("grade_sheet", column)


def _reference(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
