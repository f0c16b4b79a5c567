"""What other systems have done: the answer to each deed, under the key that the client chose."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0150"
down_revision = "0130"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Written once; a connection's answers go when they are older than any retry."""
    op.create_table(
        "api_answer",
        sa.Column("client_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("request_sha256", sa.String(), nullable=False),
        sa.Column("answer", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "client_id"],
            ["api_client.tenant_id", "api_client.id"],
            name=op.f("fk_api_answer_tenant_id_client_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_answer")),
        sa.UniqueConstraint(
            "tenant_id", "client_id", "key", name=op.f("uq_api_answer_tenant_id_client_id_key")
        ),
    )
    enable_rls("api_answer", rights="select, insert, delete")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("api_answer")
