"""Departments (tổ chuyên môn) and their members."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add both tables; a school begins without departments."""
    op.create_table(
        "department",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("head_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "head_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_department_tenant_id_head_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_department")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_department_tenant_id_name")),
    )
    enable_rls("department")
    op.create_table(
        "department_member",
        sa.Column("department_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "department_id"],
            ["department.tenant_id", "department.id"],
            name=op.f("fk_department_member_tenant_id_department_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_department_member_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_department_member")),
        sa.UniqueConstraint("tenant_id", "staff_id", name=op.f("uq_department_member_tenant_id_staff_id")),
    )
    enable_rls("department_member")


def downgrade() -> None:
    """Remove them."""
    op.drop_table("department_member")
    op.drop_table("department")
