"""Every table × every way to reach another school's row, as the application's own role inside school A's transaction.

Each attack stands beside its positive control: the same statement on A's own row does what it says.
"""

import io
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import ForeignKeyConstraint, Table, delete, func, insert, select, text, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DBAPIError

from backend.core.database import TenantSession, driver_connection, tenant_session
from tests.tenancy.rows import TABLES, Row, Tenant, digests, named

every_table = pytest.mark.parametrize("table", TABLES, ids=named)
Pair = tuple[Tenant, Tenant]

#: SQLSTATE of a refusal, of a duplicate, of a reference that does not hold.
REFUSED, DUPLICATE, NO_PARENT = "42501", "23505", "23503"


class _Undo(Exception):
    pass


@asynccontextmanager
async def undone(tenant: Tenant) -> AsyncIterator[TenantSession]:
    """A transaction of a school whose writes do not stay."""
    try:
        async with tenant_session(tenant.tenant_id) as session:
            yield session
            raise _Undo
    except _Undo:
        pass


async def outcome(tenant: Tenant, statement: Any) -> int | str:
    """Number of rows that a statement touches, or the SQLSTATE that it fails with."""
    try:
        async with undone(tenant) as session:
            return int((await session.execute(statement)).rowcount)  # type: ignore[attr-defined]
    except DBAPIError as error:
        return str(getattr(error.orig, "sqlstate", ""))


async def fingerprint(tenant: Tenant) -> dict[str, str]:
    """A digest of all rows of a school, table by table, as the school itself sees them."""
    async with tenant_session(tenant.tenant_id, read_only=True) as session:
        return await digests(session)


@pytest_asyncio.fixture(scope="module", loop_scope="session", autouse=True)
async def nothing_of_b_moves(pair: Pair) -> AsyncIterator[None]:
    """Whatever is done as A, B's rows are after the last attack what they were before the first."""
    before = await fingerprint(pair[1])
    yield
    after = await fingerprint(pair[1])
    assert {table for table in after if after[table] != before[table]} == set()


def where(table: Table, key: Row) -> Any:
    return [table.columns[name] == value for name, value in key.items()]


async def updatable(session: TenantSession, table: Table) -> list[str]:
    """Columns that the application may update at all."""
    may = "select has_column_privilege(:table, :column, 'update')"
    return [
        column.name
        for column in table.columns
        if await session.scalar(text(may), {"table": named(table), "column": column.name})
    ]


@every_table
async def test_read(pair: Pair, table: Table) -> None:
    a, b = pair
    async with undone(a) as session:
        for tenant, seen in ((a, 1), (b, 0)):
            found = (await session.execute(select(table).where(*where(table, tenant.key(table))))).all()
            assert len(found) == seen
            count = select(func.count()).where(table.columns.tenant_id == tenant.tenant_id)
            assert bool(await session.scalar(count)) is bool(seen)
        everything = "\n".join(await session.scalars(text(f"select t::text from {named(table)} t")))
    assert str(a.tenant_id) in everything
    assert str(b.tenant_id) not in everything
    assert b.token not in everything


@every_table
async def test_count(pair: Pair, table: Table) -> None:
    """Counting one's own rows touches no other school's, so that its time does not tell how many these are."""
    async with undone(pair[0]) as session:
        await session.execute(text("set local enable_seqscan = off"))
        explain = f"explain (analyze, format json) select count(*) from {named(table)}"
        [plan] = await session.scalar(text(explain)) or []
    nodes = list(_nodes(plan["Plan"]))
    assert [node for node in nodes if node["Node Type"] == "Seq Scan"] == []
    assert sum(node.get("Rows Removed by Filter", 0) for node in nodes) == 0


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)


@every_table
async def test_copy_out(pair: Pair, table: Table) -> None:
    a, b = pair
    out = io.BytesIO()
    async with undone(a) as session:
        connection = await driver_connection(session)
        await connection.copy_from_table(table.name, schema_name=table.schema or "public", output=out)
    assert str(a.tenant_id).encode() in out.getvalue()
    assert str(b.tenant_id).encode() not in out.getvalue()


@every_table
async def test_write_a_row_of_another_school(pair: Pair, table: Table) -> None:
    a, b = pair
    assert await outcome(a, insert(table).values(b.new_row(table))) == REFUSED
    assert await outcome(a, insert(table).values(a.new_row(table) | {"tenant_id": b.tenant_id})) == REFUSED
    assert await outcome(a, insert(table).values(a.new_row(table))) in (1, DUPLICATE)


@every_table
async def test_overwrite_a_hidden_key(pair: Pair, table: Table) -> None:
    a, b = pair
    row = b.new_row(table) | b.key(table)
    keys = [column.name for column in table.primary_key]
    for statement in (
        upsert(table).values(row).on_conflict_do_nothing(),
        upsert(table).values(row).on_conflict_do_update(index_elements=keys, set_={keys[-1]: row[keys[-1]]}),
    ):
        assert await outcome(a, statement) == REFUSED


@every_table
async def test_change(pair: Pair, table: Table) -> None:
    a, b = pair
    async with undone(a) as session:
        columns = await updatable(session, table)
    for tenant, reached in ((b, 0), (a, 1)):
        for column in columns or ["tenant_id"]:
            same = {column: tenant.rows[named(table)][column]}
            change = update(table).where(*where(table, tenant.key(table))).values(same)
            assert await outcome(a, change) == (reached if columns else REFUSED), column
    everybody = {
        columns[0] if columns else "tenant_id": a.rows[named(table)][columns[0] if columns else "tenant_id"]
    }
    touched = await outcome(a, update(table).values(everybody))
    async with undone(a) as session:
        assert touched in (await session.scalar(select(func.count()).select_from(table)), REFUSED, DUPLICATE)


@every_table
async def test_give_a_row_away(pair: Pair, table: Table) -> None:
    a, b = pair
    move = update(table).where(*where(table, a.key(table))).values(tenant_id=b.tenant_id)
    assert await outcome(a, move) == REFUSED


@every_table
async def test_remove(pair: Pair, table: Table) -> None:
    a, b = pair
    async with undone(a) as session:
        may = await session.scalar(text("select has_table_privilege(:t, 'delete')"), {"t": named(table)})
    mine = await outcome(a, delete(table).where(*where(table, a.key(table))))
    theirs = await outcome(a, delete(table).where(*where(table, b.key(table))))
    assert (
        (mine in (1, NO_PARENT), theirs == 0) == (True, True) if may else (mine, theirs) == (REFUSED, REFUSED)
    )
    assert await outcome(a, text(f"truncate {named(table)} cascade")) == REFUSED


@every_table
async def test_refer_to_a_row_of_another_school(pair: Pair, table: Table) -> None:
    a, b = pair
    keys = [one for one in table.constraints if isinstance(one, ForeignKeyConstraint)]
    for key in keys:
        [column] = [one for one in key.column_keys if one != "tenant_id"]
        theirs = b.rows[named(table)]
        stolen = a.new_row(table) | {column: theirs[column] or theirs["id"]}  # a pupil beside a pupil
        refused = await outcome(a, insert(table).values(stolen))
        if refused == DUPLICATE:  # each parent has one child: point A's own child at B's parent
            own = update(table).where(*where(table, a.key(table)))
            assert await outcome(a, own.values({column: stolen[column]})) in (NO_PARENT, REFUSED), column
        else:
            assert refused == NO_PARENT, column


@every_table
async def test_a_code_of_another_school_is_free(pair: Pair, table: Table) -> None:
    """No unique key tells whether somebody else has the same value."""
    a, b = pair
    mine, theirs = a.new_row(table), b.rows[named(table)]
    columns = [c for c in table.columns if not c.foreign_keys and c.name in mine and c.name != "tenant_id"]
    same = mine | {column.name: theirs[column.name] for column in columns}
    assert await outcome(a, insert(table).values(mine)) == await outcome(a, insert(table).values(same))


async def test_b_is_attacked_as_well_as_a(pair: Pair) -> None:
    """The other direction, once: nothing here depends on who was there first."""
    a, b = pair
    for table in TABLES:
        async with undone(b) as session:
            rows = (await session.scalars(select(table.columns.tenant_id))).all()
            assert set(rows) == {b.tenant_id}, named(table)
        assert await outcome(b, insert(table).values(a.new_row(table))) == REFUSED, named(table)
        lost = await outcome(b, delete(table).where(*where(table, a.key(table))))
        assert lost in (0, REFUSED), named(table)
    assert a.token != b.token
