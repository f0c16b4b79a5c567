"""The operator who brings an older database forward stands in the platform's log (infra/decisions/0029)."""

from pathlib import Path

from alembic import op

from infra.migrations.tenancy import run_script

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One function of the operator's role: writes who restores, answers which schools this database knows."""
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Remove it."""
    op.execute("drop function directory.begin_restoring(text, boolean)")
