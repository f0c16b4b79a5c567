"""Schools that want to be opened, and the operator of the platform who decides."""

from pathlib import Path

from infra.migrations.tenancy import run_script

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    """Add what is new."""
    run_script(HERE / "0007_openings.sql")
