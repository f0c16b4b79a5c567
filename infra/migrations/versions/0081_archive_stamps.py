"""Time stamps over whole documents, for decades; what was stamped before is kept."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Rows that are written once."""
    op.create_table(
        "archive_stamp",
        sa.Column("request_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document_sha256", sa.String(), nullable=False),
        sa.Column("xml_token", sa.LargeBinary(), nullable=True),
        sa.Column("stamped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "request_id"],
            ["signing_request.tenant_id", "signing_request.id"],
            name=op.f("fk_archive_stamp_tenant_id_request_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_archive_stamp")),
        sa.UniqueConstraint(
            "tenant_id", "request_id", "number", name=op.f("uq_archive_stamp_tenant_id_request_id_number")
        ),
    )
    enable_rls("archive_stamp", rights="select, insert")


def downgrade() -> None:
    """Proof is not thrown away."""
    raise NotImplementedError("documents have been stamped")
