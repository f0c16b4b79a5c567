"""Computers at a school that sign with the seal's USB token."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls

revision = "0070"
down_revision = "0074"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """What a computer said of itself when it showed its code is written once."""
    op.create_table(
        "token_helper",
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("machine", sa.String(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("key_id", sa.String(), nullable=False),
        sa.Column("certificate", sa.LargeBinary(), nullable=False),
        sa.Column("chain", postgresql.ARRAY(sa.LargeBinary()), nullable=False),
        sa.Column("code_sha256", sa.String(), nullable=False),
        sa.Column("offered_by", sa.Uuid(), nullable=True),
        sa.Column("offered_at", _MOMENT, nullable=False),
        sa.Column("code_ends_at", _MOMENT, nullable=False),
        sa.Column("paired_at", _MOMENT, nullable=True),
        sa.Column("credential_id", sa.Uuid(), nullable=True),
        sa.Column("last_seen_at", _MOMENT, nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("offered_by", "staff_member"),
        _reference("credential_id", "credential"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_token_helper")),
    )
    op.create_index(
        "uq_token_helper_active",
        "token_helper",
        ["tenant_id"],
        unique=True,
        postgresql_where=sa.text("state = 'active'"),
    )
    shown = "machine, public_key, key_id, certificate, chain, code_sha256, paired_at"
    enable_rls(
        "token_helper",
        rights=f"select, insert, update (state, {shown}, credential_id, last_seen_at, ended_at)",
    )


def downgrade() -> None:
    """The seal's certificate stays; whoever holds its token has to be paired again."""
    op.drop_table("token_helper")


def _reference(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_token_helper_tenant_id_{column}"),
    )
