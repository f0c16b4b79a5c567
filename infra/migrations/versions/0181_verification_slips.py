"""Answers of the public check that somebody wanted on paper, and addresses that lead to one thing of one school."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls, run_script

revision = "0181"
down_revision = "0180"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A slip is written once and stays as it is."""
    op.create_table(
        "verification_slip",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answer", postgresql.JSONB(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "version_id"],
            ["transcript_version.tenant_id", "transcript_version.id"],
            name=op.f("fk_verification_slip_tenant_id_version_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_verification_slip")),
        sa.UniqueConstraint("tenant_id", "reference", name=op.f("uq_verification_slip_tenant_id_reference")),
    )
    enable_rls("verification_slip", rights="select, insert")
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Slips that people hold would lead nowhere."""
    raise NotImplementedError("slips that were handed out lead somewhere")
