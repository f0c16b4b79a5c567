"""A session's old token comes by no proof; a role says since when a person has it."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import run_script

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Sessions that were rotated seconds before have no old factor: their old tokens are let go."""
    op.execute("update directory.session set old_digest = null, rotated_at = null")
    run_script(Path(__file__).with_suffix(".sql"))
    # Roles of before count as long held: nobody wrote down when they were given.
    op.add_column(
        "staff_role",
        sa.Column(
            "given_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("timestamptz '2026-01-01'"),
        ),
    )
    op.alter_column("staff_role", "given_at", server_default=sa.func.now())
