"""A lookup code of which nothing stands any more answers like one that nobody has; who holds the page is told more."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import run_script

revision = "0180"
down_revision = "0171"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The column, the functions, and what is so of the codes of today."""
    op.add_column(
        "lookup_code",
        sa.Column("shown", sa.Boolean(), nullable=False, server_default=sa.true()),
        schema="directory",
    )
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Codes that answered nothing would answer again."""
    raise NotImplementedError("codes of recalled transcripts are not shown again")
