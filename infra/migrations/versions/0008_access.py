"""Passkeys, one-time codes, recovery codes, tickets, and sessions that say how their holder proved who they are."""

from pathlib import Path

from infra.migrations.tenancy import run_script

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Widen the directory."""
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Factors that people rely on are not thrown away."""
    raise NotImplementedError("the factors of accounts cannot be undone")
