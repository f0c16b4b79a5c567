"""What a school says of itself, and who signs in the principal's place."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add what is new; schools that are open have said nothing yet."""
    op.add_column("school", sa.Column("address", sa.String(), nullable=False, server_default=""))
    op.add_column("school", sa.Column("phone", sa.String(), nullable=False, server_default=""))
    op.alter_column("school", "address", server_default=None)
    op.alter_column("school", "phone", server_default=None)
    op.create_table(
        "delegation",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("decision_number", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_delegation_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_delegation")),
    )
    enable_rls("delegation", rights="select, insert")
    op.execute("grant update (ends_on) on delegation to hocba_app")
