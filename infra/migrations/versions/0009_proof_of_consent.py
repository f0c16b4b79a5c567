"""What a signer proved themselves with stands beside their consent."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

#: Consents of before were given by whoever was signed in.
SIGNED_IN = "session"


def upgrade() -> None:
    """Widen the batches. The application may add these values, like all of a consent, and not change them."""
    op.add_column(
        "signing_batch", sa.Column("proved_by", sa.String(), nullable=False, server_default=SIGNED_IN)
    )
    op.alter_column("signing_batch", "proved_by", server_default=None)
    op.add_column("signing_batch", sa.Column("proved_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "signing_batch", sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=True)
    )


def downgrade() -> None:
    """Evidence is not thrown away."""
    raise NotImplementedError("what signers proved cannot be undone")
