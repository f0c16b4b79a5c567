"""The newest attempts of a school are asked for before every sending."""

from alembic import op

revision = "0141"
down_revision = "0140"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Found by an index."""
    op.create_index("ix_delivery_attempt_started", "delivery_attempt", ["tenant_id", "started_at"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_delivery_attempt_started", "delivery_attempt")
