"""People come and go: invitations, seats, and a date on which somebody left."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls, run_script

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    """Add what is new."""
    op.add_column("staff_member", sa.Column("left_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "subscription",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("plan", sa.String(), nullable=False),
        sa.Column("seats", sa.Integer(), nullable=False),
        sa.Column("seat_price", sa.Numeric(precision=14, scale=0), nullable=False),
        sa.Column("since", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_subscription")),
    )
    enable_rls("subscription", rights="select, insert, update")
    op.create_table(
        "invitation",
        sa.Column("email", sa.String(), nullable=False),
        sa.Column("full_name", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("roles", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("invited_by", sa.Uuid(), nullable=True),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("staff_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "invited_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_invitation_tenant_id_invited_by"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_invitation_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_invitation")),
    )
    enable_rls("invitation", rights="select, insert, update")
    run_script(HERE / "0003_people.sql")
