"""Why somebody would not sign, what a document in a tray is called, and what its signers should know of it."""

import sqlalchemy as sa
from alembic import op

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None

#: All that was ever put into a tray under another name than a transcript.
_TRANSFERS = (
    "update signing_request set noun = 'phiếu chuyển học bạ' where group_label = 'Phiếu chuyển học bạ'"
)


def upgrade() -> None:
    """Documents that are in trays get their names."""
    op.add_column("signing_request", sa.Column("noun", sa.String(), nullable=False, server_default="học bạ"))
    op.alter_column("signing_request", "noun", server_default=None)
    op.execute("alter table signing_request no force row level security")
    op.execute(_TRANSFERS)
    op.execute("alter table signing_request force row level security")
    op.add_column("signing_request", sa.Column("note", sa.String(), nullable=True))
    op.add_column("signing_step", sa.Column("declined_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("signing_step", sa.Column("declined_reason", sa.String(), nullable=True))


def downgrade() -> None:
    """Remove them."""
    op.drop_column("signing_step", "declined_reason")
    op.drop_column("signing_step", "declined_at")
    op.drop_column("signing_request", "note")
    op.drop_column("signing_request", "noun")
