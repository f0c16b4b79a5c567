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
    """The first staged marks that are not there yet as they are staged, those that change one before the new ones."""
    query = text(
        "select sheet_id, student_id, kind, slot, coalesce(m.value, '') as old, i.value as new "
        "from incoming i left join mark m using (tenant_id, sheet_id, student_id, kind, slot) "
        "where coalesce(m.value, '') <> i.value order by coalesce(m.value, '') = '', i.id limit :limit"
    )
    return (await session.execute(query, {"limit": limit})).all()


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
