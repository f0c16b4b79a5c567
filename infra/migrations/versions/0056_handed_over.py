"""Since when the right to manage a học bạ is another school's (Hà Nội plan, PL1 §2.2)."""

import sqlalchemy as sa
from alembic import op

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was frozen before that moment stays here to be read."""
    op.add_column("transcript", sa.Column("handed_over_at", sa.DateTime(timezone=True), nullable=True))
    op.execute("grant update (handed_over_at) on transcript to hocba_app")


def downgrade() -> None:
    """Remove it."""
    op.drop_column("transcript", "handed_over_at")
