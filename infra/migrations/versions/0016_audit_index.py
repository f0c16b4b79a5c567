"""The index on what an event is about goes: row-level security keeps its operator out of any index condition."""

from alembic import op

revision = "0016"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Every deed paid for it, and no look-up used it."""
    op.drop_index("ix_audit_event_about", "audit_event")


def downgrade() -> None:
    """As before."""
    op.create_index("ix_audit_event_about", "audit_event", ["about"], postgresql_using="gin")
