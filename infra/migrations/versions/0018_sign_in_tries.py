"""A login under attack is locked for a while, from wherever it is tried."""

from pathlib import Path

from infra.migrations.tenancy import run_script

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Count wrong tries; accounts are not disabled by hand any more, which nobody ever did."""
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """What was counted is not put back."""
    raise NotImplementedError("the way in that is gone cannot be restored")
