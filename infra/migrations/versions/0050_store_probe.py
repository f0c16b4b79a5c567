"""What the probes of the store found: whether it keeps locked files (infra/decisions/0029)."""

from pathlib import Path

from alembic import op

from infra.migrations.tenancy import run_script

revision = "0050"
down_revision = "0046"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the table, who may write it, and the function by which a school reads the newest row."""
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Remove them: the next probe finds the same again."""
    op.execute("drop function directory.newest_store_probe()")
    op.execute("drop table directory.store_probe")
