"""What stood where an import has written, so that it can be taken back; purged with the workbook."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls, run_script

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The application may add what was there before, and neither alter nor remove it."""
    op.add_column("import_run", sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "import_change",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("overwritten", postgresql.JSONB(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "run_id"],
            ["import_run.tenant_id", "import_run.id"],
            name=op.f("fk_import_change_tenant_id_run_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_import_change")),
    )
    op.create_index("ix_import_change_run", "import_change", ["tenant_id", "run_id"])
    enable_rls("import_change", rights="select, insert")
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """The purge of before is not put back."""
    raise NotImplementedError("imports that can be taken back have left their traces")
