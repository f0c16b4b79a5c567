"""SQL of exports: the rows of every table that the school has, as PostgreSQL itself writes CSV."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from sqlalchemy import func, select, text, update
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession, driver_connection
from backend.core.storage import StoredObject
from backend.records.handover.models import SchoolExport
from backend.records.handover.schemas import ZIP_TYPE, StoredFile, Table

#: Every table of schools, so that one that is added later is exported without anybody remembering it.
_TABLES = text("""
    select c.relname as name, array_agg(a.attname::text order by a.attnum) as columns
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and c.relrowsecurity
      and has_table_privilege(c.oid, 'select')
    group by c.relname having 'tenant_id' = any(array_agg(a.attname)) order by c.relname
""")


async def moment(session: TenantSession) -> datetime:
    """When this transaction began."""
    began: datetime = (await session.execute(select(func.now()))).scalar_one()
    return began


async def tables(session: TenantSession) -> list[Table]:
    """All tables with rows of schools, with all their columns."""
    return [Table(name=row.name, columns=tuple(row.columns)) for row in await session.execute(_TABLES)]


async def write_csv(session: TenantSession, table: Table, path: Path) -> None:
    """The school's rows of a table into a file, with a line of column names."""
    driver = await driver_connection(session)
    await driver.copy_from_table(
        table.name, schema_name="public", columns=table.columns, output=path, format="csv", header=True
    )


async def files_after(session: TenantSession, cursor: str, limit: int) -> list[StoredFile]:
    """Files of the school behind a digest, in the order of digests; earlier exports are not exported."""
    query = (
        select(StoredObject.sha256, StoredObject.size, StoredObject.content_type)
        .where(
            StoredObject.tenant_id == session.tenant_id,
            StoredObject.sha256 > cursor,
            StoredObject.content_type != ZIP_TYPE,
        )
        .order_by(StoredObject.sha256)
        .limit(limit)
    )
    return [
        StoredFile(sha256=row.sha256, size=row.size, content_type=row.content_type)
        for row in await session.execute(query)
    ]


async def insert_export(session: TenantSession, values: dict[str, object]) -> bool:
    """Add one; whether no other was being packed, of a school that asks twice at the same time, too."""
    query = insert(SchoolExport).values(tenant_id=session.tenant_id, **values).on_conflict_do_nothing()
    return bool((await session.execute(query.returning(SchoolExport.id))).first())


async def exports(session: TenantSession) -> Sequence[SchoolExport]:
    """All exports, the newest first."""
    query = (
        select(SchoolExport)
        .where(SchoolExport.tenant_id == session.tenant_id)
        .order_by(SchoolExport.asked_at.desc(), SchoolExport.id.desc())
        .execution_options(populate_existing=True)
    )
    return (await session.scalars(query)).all()


async def find(session: TenantSession, export_id: uuid.UUID) -> SchoolExport | None:
    """One export, as it is now."""
    key = (session.tenant_id, export_id)
    return await session.get(SchoolExport, key, populate_existing=True)


async def change(session: TenantSession, export_id: uuid.UUID, **values: object) -> None:
    """Write how far an export has come."""
    mine = (SchoolExport.tenant_id == session.tenant_id, SchoolExport.id == export_id)
    await session.execute(update(SchoolExport).where(*mine).values(values))
