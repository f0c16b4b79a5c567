"""Accounts that are given back, the operator's part in it, and what may still change once it is written."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import run_script

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An invitation keeps what it offers, a delegation the days that it was made for."""
    op.execute("revoke update on invitation from hocba_app")
    op.execute("grant update (withdrawn_at, accepted_at, staff_id) on invitation to hocba_app")
    op.add_column("delegation", sa.Column("ended_on", sa.Date(), nullable=True))
    op.execute("revoke update (ends_on) on delegation from hocba_app")
    op.execute("grant update (ended_on) on delegation to hocba_app")
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Accounts that were given back are not taken away again."""
    raise NotImplementedError("what was given back cannot be undone")
