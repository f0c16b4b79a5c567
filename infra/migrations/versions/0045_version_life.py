"""Why a transcript version does not stand, what was corrected in the next, and from when on a version is in force."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0045"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of one pupil's year one version stands. What was corrected is written once, with the version."""
    op.add_column("transcript_version", sa.Column("withdrawn_by", sa.Uuid(), nullable=True))
    op.add_column("transcript_version", sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("transcript_version", sa.Column("withdrawn_reason", sa.String(), nullable=True))
    op.add_column("transcript_version", sa.Column("effective_on", sa.Date(), nullable=True))
    op.add_column(
        "transcript_version",
        sa.Column("corrections", postgresql.JSONB(), nullable=False, server_default="[]"),
    )
    op.alter_column("transcript_version", "corrections", server_default=None)
    op.create_foreign_key(
        op.f("fk_transcript_version_tenant_id_withdrawn_by"),
        "transcript_version",
        "staff_member",
        ["tenant_id", "withdrawn_by"],
        ["tenant_id", "id"],
    )
    op.create_index(
        "uq_transcript_version_standing",
        "transcript_version",
        ["tenant_id", "transcript_id", "academic_year_id"],
        unique=True,
        postgresql_where=sa.text("state not in ('cancelled', 'recalled', 'replaced')"),
    )
    op.add_column("delivery", sa.Column("refers_to", sa.String(), nullable=True))
    op.execute(
        "grant update (withdrawn_by, withdrawn_at, withdrawn_reason, effective_on) on transcript_version to hocba_app"
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_column("delivery", "refers_to")
    op.drop_index("uq_transcript_version_standing", "transcript_version")
    for column in ("corrections", "effective_on", "withdrawn_reason", "withdrawn_at", "withdrawn_by"):
        op.drop_column("transcript_version", column)
