"""Since when a học bạ is on its way to another school: what lies in a package is not recalled meanwhile."""

import sqlalchemy as sa
from alembic import op

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Empty where no package is open."""
    op.add_column("transcript", sa.Column("leaving_since", sa.DateTime(timezone=True), nullable=True))
    op.execute("grant update (leaving_since) on transcript to hocba_app")


def downgrade() -> None:
    """Remove it."""
    op.drop_column("transcript", "leaving_since")
