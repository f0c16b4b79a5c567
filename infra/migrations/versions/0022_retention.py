"""The nightly purge: two functions that take away what has been kept long enough, and nothing that is younger."""

from pathlib import Path

from alembic import op

from infra.migrations.tenancy import run_script

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The application gets no right to delete; the functions have it, and look at the age themselves."""
    run_script(Path(__file__).with_suffix(".sql"))


def downgrade() -> None:
    """Nothing is purged any more; what is gone is gone."""
    op.execute("drop function directory.purge(text, timestamptz, int)")
    op.execute("drop function directory.purge_school(text, timestamptz, int)")
    op.execute("revoke select, delete on import_run, invitation, data_request, school_export from hocba_ctx")
    op.execute("revoke select, delete on stored_object from hocba_ctx")
    op.execute("revoke delete on directory.school_application from hocba_ctx")
