"""An account joins a school by its own word: the function asks for whom the transaction speaks."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

_JOIN = """
create or replace function directory.join_school(account uuid, staff uuid) returns boolean
  language sql security definer set search_path = pg_catalog, pg_temp as $$
  delete from directory.former_place f where f.account_id = account and f.tenant_id = ctx.tenant(){spoken_for};
  with joined as (
    insert into directory.place (account_id, tenant_id, staff_id)
    select a.id, ctx.tenant(), staff from directory.account a where a.id = account{spoken_for}
    on conflict do nothing returning 1
  ) select exists (select from joined)
$$
"""


def upgrade() -> None:
    """Whoever works at another school cannot be given a place here by somebody else."""
    _replace(" and account = ctx.account()")


def downgrade() -> None:
    """Any account, as before."""
    _replace("")


def _replace(spoken_for: str) -> None:
    op.execute("set local role hocba_ctx")
    op.execute(_JOIN.format(spoken_for=spoken_for))
    op.execute("reset role")
