"""A học bạ goes from school to school: packages out and in, and offers between two schools in the directory."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from infra.migrations.tenancy import enable_rls, run_script

revision = "0055"
down_revision = "0051"
branch_labels = None
depends_on = None

_MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    """What a package says and whom it is about stays as it was written; nothing of it is removed."""
    op.add_column("signing_request", sa.Column("address", sa.String(), nullable=True))
    op.create_table(
        "transfer",
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("to_name", sa.String(), nullable=False),
        sa.Column("to_code", sa.String(), nullable=False),
        sa.Column("version_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("manifest", sa.String(), nullable=False),
        sa.Column("package_sha256", sa.String(), nullable=True),
        sa.Column("signed_sha256", sa.String(), nullable=True),
        sa.Column("drafted_by", sa.Uuid(), nullable=True),
        sa.Column("drafted_at", _MOMENT, nullable=False),
        sa.Column("sealed_at", _MOMENT, nullable=True),
        sa.Column("offered_at", _MOMENT, nullable=True),
        sa.Column("ended_by", sa.Uuid(), nullable=True),
        sa.Column("ended_at", _MOMENT, nullable=True),
        sa.Column("why", sa.String(), nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("transfer", "student_id", "student"),
        _reference("transfer", "drafted_by", "staff_member"),
        _reference("transfer", "ended_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_transfer")),
    )
    op.create_index(
        "uq_transfer_open",
        "transfer",
        ["tenant_id", "student_id"],
        unique=True,
        postgresql_where=sa.text("state not in ('handed_over', 'cancelled')"),
    )
    op.create_index("ix_transfer_student", "transfer", ["tenant_id", "student_id"])
    moving = "state, package_sha256, signed_sha256, sealed_at, offered_at, ended_by, ended_at, why"
    enable_rls("transfer", rights=f"select, insert, update ({moving})")
    op.create_table(
        "received_package",
        sa.Column("student_id", sa.Uuid(), nullable=False),
        sa.Column("offer_id", sa.Uuid(), nullable=True),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("from_name", sa.String(), nullable=False),
        sa.Column("from_code", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("verdict", postgresql.JSONB(), nullable=False),
        sa.Column("earlier_year_ids", postgresql.ARRAY(sa.Uuid()), nullable=False),
        sa.Column("received_by", sa.Uuid(), nullable=True),
        sa.Column("received_at", _MOMENT, nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_at", _MOMENT, nullable=True),
        sa.Column("tenant_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        _reference("received_package", "student_id", "student"),
        _reference("received_package", "received_by", "staff_member"),
        _reference("received_package", "decided_by", "staff_member"),
        sa.PrimaryKeyConstraint("tenant_id", "id", name=op.f("pk_received_package")),
    )
    op.create_index(
        "uq_received_package_accepted",
        "received_package",
        ["tenant_id", "sha256"],
        unique=True,
        postgresql_where=sa.text("state = 'accepted'"),
    )
    op.create_index("ix_received_package_student", "received_package", ["tenant_id", "student_id"])
    decided = "state, earlier_year_ids, decided_by, decided_at"
    enable_rls("received_package", rights=f"select, insert, update ({decided})")
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Offers of before are not taken back."""
    raise NotImplementedError("packages that went to other schools are with them")


def _reference(table: str, column: str, parent: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["tenant_id", column],
        [f"{parent}.tenant_id", f"{parent}.id"],
        name=op.f(f"fk_{table}_tenant_id_{column}"),
    )
