"""SQL of marks that are compared and taken over by the thousand: they come into a temporary table first."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from backend.core.database import TenantSession, driver_connection

#: What a staged mark holds, in the order of its values.
MARK_COLUMNS = (
    "tenant_id",
    "id",
    "sheet_id",
    "student_id",
    "kind",
    "slot",
    "value",
    "changed_by",
    "changed_at",
)


async def stage_marks(session: TenantSession, rows: list[tuple[Any, ...]]) -> None:
    """Put marks into a temporary table by COPY: PostgreSQL refuses COPY into a table with row-level security."""
    await session.execute(text("drop table if exists pg_temp.incoming"))
    await session.execute(
        text(
            "create temporary table incoming (tenant_id uuid, id uuid, sheet_id uuid, student_id uuid, kind text, "
            "slot text, value text, changed_by uuid, changed_at timestamptz) on commit drop"
        )
    )
    connection = await driver_connection(session)
    await connection.copy_records_to_table("incoming", records=rows, columns=MARK_COLUMNS)
    await session.execute(text("analyze incoming"))


async def keep_made_up(session: TenantSession) -> None:
    """Staged marks of pupils who were excused are make-ups, and a made-up mark stays one (`rules.settled`)."""
    await session.execute(
        text(
            "update incoming i set value = i.value || 'b' from mark m where m.tenant_id = i.tenant_id "
            "and m.sheet_id = i.sheet_id and m.student_id = i.student_id and m.kind = i.kind and m.slot = i.slot "
            "and i.kind in ('regular', 'topic', 'midterm', 'final', 'test') and (m.value = 'V' or m.value like '%b') "
            "and i.value not in ('', 'V') and i.value not like '%b' and i.value not like '%k'"
        )
    )


async def keep_missed(session: TenantSession) -> None:
    """A staged 0 or Chưa đạt says what is there already of somebody who stayed away."""
    await session.execute(
        text(
            "update incoming i set value = m.value from mark m where m.tenant_id = i.tenant_id "
            "and m.sheet_id = i.sheet_id and m.student_id = i.student_id and m.kind = i.kind and m.slot = i.slot "
            "and i.kind in ('regular', 'topic', 'midterm', 'final') and m.value = i.value || 'k'"
        )
    )


async def compare_staged(session: TenantSession) -> tuple[int, int, int, str]:
    """How many staged marks are new, would change a mark, and say what is there already; a digest of what is there."""
    row = await session.execute(
        text(
            "select count(*) filter (where m.id is null and i.value <> '') as new, "
            "count(*) filter (where m.id is not null and m.value <> i.value) as changed, "
            "count(*) filter (where m.value = i.value or (m.id is null and i.value = '')) as unchanged, "
            "coalesce(sum(hashtextextended(concat_ws(':', sheet_id, student_id, kind, slot, m.revision), 0)), 0)::text "
            "as basis from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot)"
        )
    )
    new, changed, unchanged, basis = row.one()
    return new, changed, unchanged, basis


async def staged_differences(session: TenantSession, limit: int) -> Sequence[Any]:
    """The first staged marks that change one, and the first that are new, in this order."""
    query = text(
        "select sheet_id, student_id, kind, slot, old, new from ("
        "select sheet_id, student_id, kind, slot, coalesce(m.value, '') as old, i.value as new, i.id, "
        "row_number() over (partition by coalesce(m.value, '') = '' order by i.id) as at "
        "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
        "where coalesce(m.value, '') <> i.value) as found where at <= :limit order by old = '', id"
    )
    return (await session.execute(query, {"limit": limit})).all()


async def overwritten_by_staged(session: TenantSession) -> Sequence[Any]:
    """What stands where staged marks will change something, and the revision that each cell will have then."""
    query = text(
        "select sheet_id, student_id, kind, slot, coalesce(m.value, '') as old, coalesce(m.revision, 0) + 1 as revision "
        "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
        "where coalesce(m.value, '') <> i.value"
    )
    return (await session.execute(query)).all()


async def trace_staged(session: TenantSession) -> None:
    """Keep old and new of the staged marks that will change in reopened sheets."""
    await session.execute(
        text(
            "insert into mark_change (tenant_id, id, sheet_id, student_id, kind, slot, old_value, new_value, step_id, "
            "changed_by, changed_at) "
            "select tenant_id, i.id, sheet_id, student_id, kind, slot, coalesce(m.value, ''), i.value, "
            "(select s.id from sheet_step s where s.tenant_id = i.tenant_id and s.sheet_id = i.sheet_id "
            "and s.deed = 'reopen' order by s.id desc limit 1), i.changed_by, i.changed_at "
            "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
            "where coalesce(m.value, '') <> i.value and exists (select from grade_sheet g "
            "where g.tenant_id = i.tenant_id and g.id = i.sheet_id and g.state = 'reopened')"
        )
    )


async def trace_carried(session: TenantSession) -> None:
    """Keep old and new of the staged marks that a pupil brings into sheets that were locked, under that step."""
    await session.execute(
        text(
            "insert into mark_change (tenant_id, id, sheet_id, student_id, kind, slot, old_value, new_value, step_id, "
            "changed_by, changed_at) "
            "select tenant_id, i.id, sheet_id, student_id, kind, slot, coalesce(m.value, ''), i.value, "
            "(select s.id from sheet_step s where s.tenant_id = i.tenant_id and s.sheet_id = i.sheet_id "
            "and s.deed = 'carry' order by s.id desc limit 1), i.changed_by, i.changed_at "
            "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
            "where coalesce(m.value, '') <> i.value and exists (select from grade_sheet g "
            "where g.tenant_id = i.tenant_id and g.id = i.sheet_id and g.state in ('locked', 'reopened'))"
        )
    )


async def write_staged(session: TenantSession) -> None:
    """Take the staged marks over; what is unchanged keeps its revision."""
    await session.execute(
        text(
            "insert into mark (tenant_id, id, sheet_id, student_id, kind, slot, value, revision, changed_by, changed_at) "
            "select tenant_id, id, sheet_id, student_id, kind, slot, value, 1, changed_by, changed_at from incoming "
            "where value <> '' or exists (select from mark m where m.tenant_id = incoming.tenant_id and "
            "m.sheet_id = incoming.sheet_id and m.student_id = incoming.student_id and m.kind = incoming.kind "
            "and m.slot = incoming.slot) "
            "on conflict (tenant_id, sheet_id, student_id, kind, slot) do update set value = excluded.value, "
            "revision = mark.revision + 1, changed_by = excluded.changed_by, changed_at = excluded.changed_at "
            "where mark.value <> excluded.value"
        )
    )


_PUT_BACK = (
    "unnest(cast(:sheets as uuid[]), cast(:students as uuid[]), cast(:kinds as text[]), cast(:slots as text[]), "
    "cast(:olds as text[]), cast(:revisions as int[])) as b(sheet_id, student_id, kind, slot, old, revision)"
)


async def gone_on(session: TenantSession, cells: dict[str, Any], limit: int) -> Sequence[Any]:
    """The first of these cells (columns by name) that are not at their revision any more, with the pupil's name."""
    query = text(
        f"select b.sheet_id, b.kind, b.slot, s.full_name as pupil, count(*) over () as cells from {_PUT_BACK} "
        "left join mark m on m.tenant_id = :tenant and m.sheet_id = b.sheet_id and m.student_id = b.student_id "
        "and m.kind = b.kind and m.slot = b.slot "
        "left join student s on s.tenant_id = :tenant and s.id = b.student_id "
        "where m.revision is distinct from b.revision order by s.name_key, b.kind, b.slot limit :limit"
    )
    found = await session.execute(query, {**cells, "tenant": session.tenant_id, "limit": limit})
    return found.all()


async def trace_put_back(session: TenantSession, cells: dict[str, Any]) -> None:
    """Keep old and new of the cells that will be put back in reopened sheets."""
    await session.execute(
        text(
            "insert into mark_change (tenant_id, id, sheet_id, student_id, kind, slot, old_value, new_value, step_id, "
            "changed_by, changed_at) "
            "select m.tenant_id, gen_random_uuid(), m.sheet_id, m.student_id, m.kind, m.slot, m.value, b.old, "
            "(select s.id from sheet_step s where s.tenant_id = m.tenant_id and s.sheet_id = m.sheet_id "
            f"and s.deed = 'reopen' order by s.id desc limit 1), :changed_by, :changed_at from {_PUT_BACK} "
            "join mark m on m.tenant_id = :tenant and m.sheet_id = b.sheet_id and m.student_id = b.student_id "
            "and m.kind = b.kind and m.slot = b.slot "
            "where exists (select from grade_sheet g "
            "where g.tenant_id = m.tenant_id and g.id = m.sheet_id and g.state = 'reopened')"
        ),
        {**cells, "tenant": session.tenant_id},
    )


async def put_back(session: TenantSession, cells: dict[str, Any]) -> int:
    """Give these cells their old values where they are at their revision; counts them."""
    done = await session.execute(
        text(
            "update mark m set value = b.old, revision = m.revision + 1, changed_by = :changed_by, "
            f"changed_at = :changed_at from {_PUT_BACK} "
            "where m.tenant_id = :tenant and m.sheet_id = b.sheet_id and m.student_id = b.student_id "
            "and m.kind = b.kind and m.slot = b.slot and m.revision = b.revision returning 1"
        ),
        {**cells, "tenant": session.tenant_id},
    )
    return len(done.all())
