"""A turn signs the PDF and parts of the XML of a document: one item per hash, one signed form of each at the end."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0080"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What is under way was opened for the PDF alone, and stays so."""
    for name in ("xml_sha256", "signed_xml_sha256"):
        op.add_column("signing_request", sa.Column(name, sa.String(), nullable=True))
    op.add_column(
        "signing_step", sa.Column("signs_pdf", sa.Boolean(), nullable=False, server_default=sa.true())
    )
    op.add_column(
        "signing_step",
        sa.Column("xml_targets", postgresql.JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb")),
    )
    op.add_column("signing_item", sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("signing_item", sa.Column("signature", sa.LargeBinary(), nullable=True))
    for table, column in (
        ("signing_step", "signs_pdf"),
        ("signing_step", "xml_targets"),
        ("signing_item", "part"),
    ):
        op.alter_column(table, column, server_default=None)
    op.drop_constraint(op.f("uq_signing_item_tenant_id_step_id"), "signing_item")
    op.create_unique_constraint(
        op.f("uq_signing_item_tenant_id_step_id_part"), "signing_item", ["tenant_id", "step_id", "part"]
    )
    op.add_column("transcript_version", sa.Column("signed_xml_sha256", sa.String(), nullable=True))
    op.execute("grant update (signed_xml_sha256) on signing_request to hocba_app")
    op.execute("grant update (signature) on signing_item to hocba_app")
    op.execute("grant update (signed_xml_sha256) on transcript_version to hocba_app")


def downgrade() -> None:
    """Signatures that people gave are not thrown away."""
    raise NotImplementedError("signatures over the XML have been given")
