"""A public log that only grows: what is to enter it, what has, and the signed checkpoints; and each school's openings."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls, run_script

revision = "0182"
down_revision = "0181"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The application adds to the queue of its school; the dispatcher alone numbers, and nobody changes a number."""
    op.create_table(
        "transparency_entry",
        sa.Column("version_id", sa.Uuid(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("statement", sa.String(), nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "version_id"],
            ["transcript_version.tenant_id", "transcript_version.id"],
            name=op.f("fk_transparency_entry_tenant_id_version_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_transparency_entry")),
        sa.UniqueConstraint(
            "tenant_id", "version_id", "event", name=op.f("uq_transparency_entry_tenant_id_version_id_event")
        ),
    )
    enable_rls("transparency_entry", rights="select, insert")
    op.create_table(
        "log_entry",
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("entry", sa.LargeBinary(), nullable=False),
        sa.Column("queued_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "entry", name=op.f("pk_log_entry")),
        schema="work",
    )
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """What was published stays published."""
    raise NotImplementedError("a public log that was signed cannot be taken back")
