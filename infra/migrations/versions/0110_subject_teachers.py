"""Several people sign side by side, each a part of the document; schools decide whether subject teachers do."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0110"
down_revision = "0151"
branch_labels = None
depends_on = None

_ONE_AT_A_TIME = ["tenant_id", "request_id", "position"]
_SIDE_BY_SIDE = [*_ONE_AT_A_TIME, "part_label"]
_OLD = "uq_signing_step_tenant_id_request_id_position"
_NEW = f"{_OLD}_part_label"


def upgrade() -> None:
    """Turns that there are stay the only ones of their position."""
    op.add_column("signing_step", sa.Column("part_label", sa.String(), nullable=True))
    op.drop_constraint(_OLD, "signing_step")
    op.create_unique_constraint(_NEW, "signing_step", _SIDE_BY_SIDE, postgresql_nulls_not_distinct=True)
    op.create_table(
        "signing_order_decision",
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("teachers_sign", sa.Boolean(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("set_by", sa.Uuid(), nullable=False),
        sa.Column("set_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "set_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_signing_order_decision_tenant_id_set_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signing_order_decision")),
    )
    enable_rls("signing_order_decision", rights="select, insert")


def downgrade() -> None:
    """One signer at each position again."""
    op.drop_table("signing_order_decision")
    op.drop_constraint(_NEW, "signing_step")
    op.create_unique_constraint(_OLD, "signing_step", _ONE_AT_A_TIME)
    op.drop_column("signing_step", "part_label")
