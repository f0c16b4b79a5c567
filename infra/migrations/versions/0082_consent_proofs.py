"""Each hash keeps the way from its leaf to the root of the consent that it was signed under."""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What was consented to before has none: its batch is still known."""
    op.add_column("signing_item", sa.Column("leaf_index", sa.Integer(), nullable=True))
    op.add_column("signing_item", sa.Column("leaf_count", sa.Integer(), nullable=True))
    op.add_column("signing_item", sa.Column("proof", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    """Remove them."""
    for name in ("proof", "leaf_count", "leaf_index"):
        op.drop_column("signing_item", name)
