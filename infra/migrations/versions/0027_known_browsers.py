"""Tries are counted by the database itself, and what became of an account is told until its person has seen it."""

from pathlib import Path

from infra.migrations.tenancy import run_script

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """One function counts a try; an account remembers what its person has seen."""
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """What was counted and seen is not put back."""
    raise NotImplementedError("tries that were counted under other digests cannot be restored")
