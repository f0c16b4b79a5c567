"""What a school bound is closed under the school's own key, as its accounts at signing services are."""

import sqlalchemy as sa
from alembic import op

revision = "0130"
down_revision = "0100"
branch_labels = None
depends_on = None

_KEY = "fk_authority_binding_tenant_id_key_id"


def upgrade() -> None:
    """Without a key it is closed under the product's, until the school's next key closes it."""
    op.add_column("authority_binding", sa.Column("key_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(
        _KEY, "authority_binding", "secret_key", ["tenant_id", "key_id"], ["tenant_id", "id"]
    )
    op.execute("grant update (key_id, secrets) on authority_binding to hocba_app")


def downgrade() -> None:
    """Only while nothing is closed under a school's key: nobody else opens it."""
    op.execute("revoke update (key_id, secrets) on authority_binding from hocba_app")
    op.drop_constraint(_KEY, "authority_binding", type_="foreignkey")
    op.drop_column("authority_binding", "key_id")
