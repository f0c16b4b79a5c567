"""What is due is found beside a backlog of hundreds of thousands, and so is what is with a worker."""

import sqlalchemy as sa
from alembic import op

revision = "0171"
down_revision = "0170"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """By school, lane and time; and by lane alone what is leased, which is never much."""
    op.create_index(
        "ix_job_due",
        "job",
        ["tenant_id", "lane", "next_at", "id"],
        schema="work",
        postgresql_where=sa.text("state in ('due', 'leased')"),
    )
    op.create_index(
        "ix_job_leased",
        "job",
        ["lane", "tenant_id"],
        schema="work",
        postgresql_where=sa.text("state = 'leased'"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_job_leased", "job", schema="work")
    op.drop_index("ix_job_due", "job", schema="work")
