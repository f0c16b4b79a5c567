"""E-mails of long ago are purged by night."""

from pathlib import Path

from infra.migrations.tenancy import run_script

revision = "0240"
down_revision = "0230"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The purge knows one table more."""
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """The purge of before is not put back."""
    raise NotImplementedError("what was purged does not come back")
