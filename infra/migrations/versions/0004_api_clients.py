"""Connections: other systems that read a school's data with a key of their own."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls, run_script

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the school's list of connections, and the keys in the directory."""
    op.create_table(
        "api_client",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_by", sa.Uuid(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f("fk_api_client_tenant_id_created_by"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_api_client")),
    )
    enable_rls("api_client", rights="select, insert, update (ended_at)")
    run_script(Path(__file__).with_name("0004_api_clients.sql"))


def downgrade() -> None:
    """Remove both."""
    for function in (
        "api_clients_seen()",
        "end_api_client(uuid)",
        "find_api_token(text)",
        "add_api_token(text, uuid, text[], timestamptz)",
        "find_api_client(uuid, text)",
        "add_api_client(uuid, text, text, text[], timestamptz)",
    ):
        op.execute(f"set local role hocba_ctx; drop function directory.{function}; reset role")
    op.execute("drop table directory.api_token, directory.api_client")
    op.drop_table("api_client")
