"""What a school decides about its own safety; the directory knows how long a session of it may rest."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls, run_script

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    """Add the decisions; the application may add one, and change none."""
    op.create_table(
        "school_policy",
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("second_factor_roles", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("password_alone", sa.Boolean(), nullable=False),
        sa.Column("idle_minutes", sa.Integer(), nullable=False),
        sa.Column("trial_password", sa.Boolean(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "set_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_school_policy_tenant_id_set_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_school_policy")),
    )
    op.create_index("ix_school_policy_time", "school_policy", ["tenant_id", "set_at"])
    enable_rls("school_policy", rights="select, insert")
    run_script(HERE / "0020_policies.sql")
