"""Since when a provider call of unknown outcome waits for a person."""

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Before that moment and the service's own time nobody gives its documents back."""
    op.add_column("provider_call", sa.Column("held_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Remove it."""
    op.drop_column("provider_call", "held_at")
