"""How people want to be told, and every e-mail to them."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0190"
down_revision = "0184"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Nobody has chosen anything, and nothing was sent."""
    op.create_table(
        "notice_setting",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("rhythm", sa.String(), nullable=False),
        sa.Column("hour", sa.Integer(), nullable=False),
        sa.Column("quiet_from", sa.Integer(), nullable=False),
        sa.Column("quiet_until", sa.Integer(), nullable=False),
        sa.Column("urgent", sa.Boolean(), nullable=False),
        sa.Column("changed_at", _MOMENT, nullable=False),
        *_key("notice_setting"),
        sa.UniqueConstraint("tenant_id", "staff_id", name=op.f("uq_notice_setting_tenant_id_staff_id")),
    )
    op.create_table(
        "notice_mail",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("slot", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("problem", sa.String(), nullable=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("tried_at", _MOMENT, nullable=True),
        *_key("notice_mail"),
        sa.UniqueConstraint(
            "tenant_id", "staff_id", "slot", name=op.f("uq_notice_mail_tenant_id_staff_id_slot")
        ),
    )
    op.create_index("ix_notice_mail_created", "notice_mail", ["tenant_id", "created_at"])
    for table in ("notice_setting", "notice_mail"):
        enable_rls(table, rights="select, insert, update")


def _key(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "staff_id"],
            ["staff_member.tenant_id", "staff_member.id"],
            name=op.f(f"fk_{table}_tenant_id_staff_id"),
        ),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f(f"pk_{table}")),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("notice_mail")
    op.drop_table("notice_setting")
