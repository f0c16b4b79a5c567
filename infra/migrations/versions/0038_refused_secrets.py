"""A school reads that somebody tries wrong secrets for one of its connections."""

from pathlib import Path

from infra.migrations.tenancy import run_script

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One function counts a wrong secret, and says once an hour that it is to be written down."""
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """What was counted is not put back."""
    raise NotImplementedError("what was counted is not known any more")
