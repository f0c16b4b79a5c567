"""Which turns each call at a provider was about, also where it came to nothing."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0111"
down_revision = "0110"
branch_labels = None
depends_on = None

#: Of earlier calls only what was not given back is known.
_KNOWN = (
    "insert into signing_attempt (tenant_id, id, step_id, call_id) "
    "select tenant_id, gen_random_uuid(), step_id, call_id from signing_item group by tenant_id, step_id, call_id"
)


def upgrade() -> None:
    """Written at the consent, never changed."""
    op.create_table(
        "signing_attempt",
        sa.Column("step_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "step_id"],
            ["signing_step.tenant_id", "signing_step.id"],
            name=op.f("fk_signing_attempt_tenant_id_step_id"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "call_id"],
            ["provider_call.tenant_id", "provider_call.id"],
            name=op.f("fk_signing_attempt_tenant_id_call_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_signing_attempt")),
        sa.UniqueConstraint(
            "tenant_id", "step_id", "call_id", name=op.f("uq_signing_attempt_tenant_id_step_id_call_id")
        ),
    )
    op.create_index(op.f("ix_signing_attempt_call_id"), "signing_attempt", ["call_id"])
    op.execute("alter table signing_item no force row level security")
    op.execute(_KNOWN)
    op.execute("alter table signing_item force row level security")
    enable_rls("signing_attempt", rights="select, insert")


def downgrade() -> None:
    """Remove it."""
    op.drop_table("signing_attempt")
