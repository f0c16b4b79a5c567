"""A recall that an Authority has returned may be asked for again: it is the message that is sent once, not the action."""

from alembic import op

revision = "0058"
down_revision = "0057"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The id of a message follows from version, Authority and action, so that nothing else is opened twice either."""
    op.drop_constraint("uq_delivery_tenant_id_version_id_authority_action", "delivery", type_="unique")
    op.create_unique_constraint("uq_delivery_tenant_id_message_id", "delivery", ["tenant_id", "message_id"])
    op.create_index("ix_delivery_version", "delivery", ["tenant_id", "version_id"])


def downgrade() -> None:
    """Fails where something was recalled twice."""
    op.drop_index("ix_delivery_version", "delivery")
    op.drop_constraint("uq_delivery_tenant_id_message_id", "delivery", type_="unique")
    op.create_unique_constraint(
        "uq_delivery_tenant_id_version_id_authority_action",
        "delivery",
        ["tenant_id", "version_id", "authority", "action"],
    )
