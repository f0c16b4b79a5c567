"""The providers that a school lets its people sign in with, and the accounts elsewhere that are linked."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls, run_script

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """A table behind the fence, two before it."""
    op.create_table(
        "identity_provider",
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("issuer", sa.String(), nullable=False),
        sa.Column("restriction", sa.String(), nullable=False),
        sa.Column("client_id", sa.String(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_identity_provider")),
    )
    enable_rls("identity_provider", rights="select, insert, delete")
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Links that people rely on are not thrown away."""
    raise NotImplementedError("the links of accounts cannot be undone")
