"""A stored file may lie within another: at which place, in the archive with which digest."""

import sqlalchemy as sa
from alembic import op

revision = "0170"
down_revision = "0141"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Files that lie by themselves have neither."""
    op.add_column("stored_object", sa.Column("pack_sha256", sa.String()))
    op.add_column("stored_object", sa.Column("pack_offset", sa.BigInteger()))


def downgrade() -> None:
    """Forget where packed files are."""
    op.drop_column("stored_object", "pack_offset")
    op.drop_column("stored_object", "pack_sha256")
