"""The fence of a tenant table, put up in the migration that creates the table."""

from pathlib import Path

import sqlalchemy as sa
from alembic import op

from backend.core import settings
from backend.core.database import context_key

APP = "hocba_app"
DISPATCHER = "hocba_dispatcher"
CONTEXT = "hocba_ctx"


def enable_rls(table: str, *, rights: str = "select, insert, update, delete") -> None:
    """Bind everybody, the owner too, to the rows of the tenant in context; give the application its `rights`."""
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f"create policy tenant on {table} using (tenant_id = (select ctx.tenant()))")
    op.execute(f"grant {rights} on {table} to {APP}")


def run_script(path: Path) -> None:
    """Run the statements of an SQL file that belongs to a migration and, like it, never changes once released."""
    for statement in path.read_text(encoding="utf-8").split("\n--\n"):
        op.execute(sa.text(statement.replace(":", r"\:")))


def prepare_context_key() -> None:
    """Store the key of the tenant context as the two padded keys of RFC 2104, so that SQL needs no HMAC function."""
    key = context_key(settings.get().secret_key).ljust(64, b"\x00")
    inner, outer = (bytes(byte ^ pad for byte in key) for pad in (0x36, 0x5C))
    op.execute(
        sa.text("insert into ctx.key values (:inner_key, :outer_key)").bindparams(
            inner_key=inner, outer_key=outer
        )
    )
