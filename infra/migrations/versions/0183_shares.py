"""Links by which somebody outside reads a học bạ, the consent behind each, and who used it."""

import sqlalchemy as sa
from alembic import op

from infra.migrations.tenancy import enable_rls

revision = "0183"
down_revision = "0182"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """What was agreed stays as it was written, and so does who used it."""
    op.create_table(
        "share",
        sa.Column("transcript_id", sa.Uuid(), nullable=False),
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("with_data", sa.Boolean(), nullable=False),
        sa.Column("pin_digest", sa.String(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=True),
        sa.Column("made_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.Column("consented_by", sa.String(), nullable=False),
        sa.Column("relation", sa.String(), nullable=False),
        sa.Column("means", sa.String(), nullable=False),
        sa.Column("consented_on", sa.Date(), nullable=False),
        sa.Column("child_agrees", sa.Boolean(), nullable=False),
        sa.Column("wrong_pins", sa.Integer(), nullable=False),
        sa.Column("revoked_at", _MOMENT, nullable=True),
        sa.Column("revoked_by", sa.Uuid(), nullable=True),
        sa.Column("revoked_by_family", sa.Boolean(), nullable=False),
        sa.Column("revoked_why", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("share", "transcript_id", "transcript"),
        _reference("share", "student_id", "student"),
        _reference("share", "made_by", "staff_member"),
        _reference("share", "revoked_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_share")),
    )
    op.create_index("ix_share_transcript", "share", ["tenant_id", "transcript_id"])
    changing = "student_id, wrong_pins, revoked_at, revoked_by, revoked_by_family, revoked_why"
    enable_rls("share", rights=f"select, insert, update ({changing})")
    op.create_table(
        "share_visit",
        sa.Column("share_id", sa.Uuid(), nullable=False),
        sa.Column("at", _MOMENT, nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("network", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("share_visit", "share_id", "share"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_share_visit")),
    )
    op.create_index("ix_share_visit_share", "share_visit", ["tenant_id", "share_id", "at"])
    enable_rls("share_visit", rights="select, insert")


def downgrade() -> None:
    """Consents that must be provable are not thrown away."""
    raise NotImplementedError("consents that were given stay")


def _reference(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
