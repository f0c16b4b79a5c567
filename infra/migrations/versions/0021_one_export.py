"""A school has one export that is being packed, also where its owner clicks twice."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """An index says so."""
    op.create_index(
        "uq_school_export_running",
        "school_export",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("state = 'running'"),
    )


def downgrade() -> None:
    """As many as are asked for, as before."""
    op.drop_index("uq_school_export_running", "school_export")
