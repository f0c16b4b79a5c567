"""Organisations ask to see a học bạ; the school answers, once the family has."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0184"
down_revision = "0183"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """What was asked stays as it was written; the answer is given once."""
    op.create_table(
        "share_request",
        sa.Column("transcript_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("organisation", sa.String(), nullable=False),
        sa.Column("organisation_code", sa.String(), nullable=False),
        sa.Column("is_known_school", sa.Boolean(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("with_data", sa.Boolean(), nullable=False),
        sa.Column("token_digest", sa.String(), nullable=False),
        sa.Column("asked_at", _MOMENT, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("share_id", sa.Uuid(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("transcript_id", "transcript"),
        _reference("student_id", "student"),
        _reference("decided_by", "staff_member"),
        _reference("share_id", "share"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_share_request")),
    )
    op.create_index("ix_share_request_state", "share_request", ["tenant_id", "state", "asked_at"])
    op.create_index("ix_share_request_transcript", "share_request", ["tenant_id", "transcript_id"])
    answered = "student_id, state, decided_at, decided_by, why, share_id"
    enable_rls("share_request", rights=f"select, insert, update ({answered})")


def downgrade() -> None:
    """Requests that were answered stay provable."""
    raise NotImplementedError("requests that were answered stay")


def _reference(column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_share_request_tenant_id_{column}"),
    )
