"""What a provider wants of a signer before it signs: PIN, OTP, consent on its own page."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0074"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is wanted, and since when an answer is on its way; never the answer."""
    op.add_column("provider_call", sa.Column("challenge", JSONB(), nullable=True))
    op.add_column("provider_call", sa.Column("answering_since", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    """Remove both."""
    op.drop_column("provider_call", "answering_since")
    op.drop_column("provider_call", "challenge")
