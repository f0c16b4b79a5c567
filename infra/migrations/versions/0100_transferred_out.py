"""What was handed over to another school is in a state of its own (Hà Nội plan, PL1 §2.2)."""

from alembic import op

revision = "0100"
down_revision = "0090"
branch_labels = None
depends_on = None

#: In force from the day after the plan's last: 29/6, or 14/8 for what was frozen later (PL1 §2.1).
_MOVE = """
    update transcript_version v set state = 'transferred_out', effective_on = coalesce(v.effective_on,
        case when v.state = 'accepted' then
            case when v.frozen_at < make_date(extract(year from v.frozen_at)::int, 6, 30)
                then make_date(extract(year from v.frozen_at)::int, 6, 30)
                else make_date(extract(year from v.frozen_at)::int, 8, 15) end end)
    from transcript t
    where t.tenant_id = v.tenant_id and t.id = v.transcript_id and v.frozen_at < t.handed_over_at
        and v.state in ('issued', 'submitted', 'accepted', 'locked')
"""
_BACK = """
    update transcript_version set state = case when effective_on is null then 'issued' else 'locked' end
    where state = 'transferred_out'
"""
_FENCED = ("transcript", "transcript_version")


def upgrade() -> None:
    """Each version frozen before its transcript was handed over, of those that were issued."""
    _unfenced(_MOVE)


def downgrade() -> None:
    """Back to the state that says the same without it."""
    _unfenced(_BACK)


def _unfenced(statement: str) -> None:
    for table in _FENCED:
        op.execute(f"alter table {table} no force row level security")
    op.execute(statement)
    for table in _FENCED:
        op.execute(f"alter table {table} force row level security")
