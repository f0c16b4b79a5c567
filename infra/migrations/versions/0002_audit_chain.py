"""The audit becomes a chain per school: its columns, its heads, its checkpoints, and the role that checks it."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import run_script

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

HERE = Path(__file__).parent


def upgrade() -> None:
    """Add the columns and indexes, then the functions and rights."""
    op.add_column("audit_event", sa.Column("about", sa.ARRAY(sa.Uuid()), nullable=False, server_default="{}"))
    op.alter_column("audit_event", "about", server_default=None)
    op.add_column("audit_event", sa.Column("n", sa.BigInteger(), nullable=True))
    op.add_column("audit_event", sa.Column("prev_hash", sa.String(), nullable=True))
    op.add_column("audit_event", sa.Column("hash", sa.String(), nullable=True))
    op.add_column("audit_event", sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True))
    op.create_unique_constraint(op.f("uq_audit_event_tenant_id_n"), "audit_event", ["tenant_id", "n"])
    keys = ["tenant_id", "at", "id"]
    op.create_index("ix_audit_event_outside", "audit_event", keys, postgresql_where=sa.text("n is null"))
    op.create_index("ix_audit_event_time", "audit_event", keys)
    op.create_index("ix_audit_event_person", "audit_event", ["tenant_id", "actor_id", "at"])
    op.create_index("ix_audit_event_about", "audit_event", ["about"], postgresql_using="gin")
    run_script(HERE / "0002_audit_chain.sql")
