"""Which school reports through which profile, for the operator of the platform: no parameter, no secret."""

from pathlib import Path

from infra.migrations.tenancy import run_script

revision = "0220"
down_revision = "0210"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The table, its functions, and what is bound today."""
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Who had looked stands in the platform's log."""
    raise NotImplementedError("what the operator was shown stays provable")
