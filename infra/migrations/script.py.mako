"""${message}

The old code still runs while this is applied: add before you use, stop using before you drop. infra/migrations/README.md
says what a downgrade does.
"""

from alembic import op
import sqlalchemy as sa

from infra.migrations.tenancy import enable_rls
${imports if imports else ""}
revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else 'raise NotImplementedError("say why it cannot be undone, or undo it")'}
