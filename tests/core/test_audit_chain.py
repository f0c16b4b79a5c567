"""The audit as a chain: every event once, without a gap, and nobody waits for anybody."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import fields
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.core import audit, audit_chain
from backend.core.actor import machine
from backend.core.audit import Action, Deed
from backend.core.database import TenantId, tenant_session
from backend.core.ids import new_id
from infra.audit_check.chains import Event
from infra.embedded.stack import EmbeddedStack
from tests.core.site_fixtures import TestSchool
from tests.factories.small_school import open_small_school

_ROWS = text("select n, prev_hash, hash, subject_label from audit_event order by n")


@pytest_asyncio.fixture(loop_scope="session")
async def tenant_id(school: TestSchool) -> TenantId:
    """A school whose chain has taken in whatever was recorded when it was opened."""
    tenant_id = (await open_small_school()).tenant_id
    await chain(tenant_id)
    return tenant_id


async def record(tenant_id: TenantId, *labels: str) -> None:
    async with tenant_session(tenant_id) as session:
        deeds = [Deed(new_id(), label) for label in labels]
        await audit.record_many(session, machine(tenant_id), Action.MARK_CHANGED, deeds)


async def chain(tenant_id: TenantId) -> int:
    async with tenant_session(tenant_id) as session:
        return await audit_chain.chain(session)


async def rows(tenant_id: TenantId) -> list[Any]:
    async with tenant_session(tenant_id, read_only=True) as session:
        return list(await session.execute(_ROWS))


async def test_events_enter_the_chain_once_and_without_a_gap(tenant_id: TenantId) -> None:
    await asyncio.gather(*(record(tenant_id, f"{number}a", f"{number}b") for number in range(20)))
    joined = await asyncio.gather(*(chain(tenant_id) for _ in range(4)))
    await record(tenant_id, "later")
    assert (sum(joined), await chain(tenant_id), await chain(tenant_id)) == (40, 1, 0)
    found = await rows(tenant_id)
    assert [row.n for row in found] == [*range(1, len(found) + 1)]
    assert [row.prev_hash for row in found] == ["0" * 64, *(row.hash for row in found[:-1])]
    assert len({row.hash for row in found}) == len(found) >= 41
    assert found[-1].subject_label == "later"


async def test_a_hash_is_over_everything_that_its_event_says(tenant_id: TenantId) -> None:
    """As whoever checks the audit computes it, who shares nothing with the chain."""
    await record(tenant_id, "whole")
    await chain(tenant_id)
    columns = ", ".join("details::text" if one.name == "details" else one.name for one in fields(Event))
    async with tenant_session(tenant_id, read_only=True) as session:
        found = await session.execute(text(f"select {columns} from audit_event order by n"))
        events = [Event(**row._mapping) for row in found]
    assert [one.digest() for one in events] == [one.hash for one in events]
    assert len(events) >= 2


async def test_a_long_transaction_keeps_neither_writers_nor_the_chain_waiting(tenant_id: TenantId) -> None:
    async with asyncio.timeout(5), tenant_session(tenant_id) as session:
        await audit.record(session, machine(tenant_id), Action.MARK_CHANGED, None, "slow")
        await record(tenant_id, "fast")
        assert await chain(tenant_id) == 1
        await record(tenant_id, "fast, too")
    assert await chain(tenant_id) == 2
    assert [row.subject_label for row in (await rows(tenant_id))[-3:]] == ["fast", "slow", "fast, too"]


@pytest.mark.parametrize(
    "statement",
    [
        "update audit_event set subject_label = ''",
        "update audit_event set n = null",
        "delete from audit_event",
        "truncate audit_event",
        "insert into audit_event (tenant_id, id, at, actor_name, action, subject_label, about, outcome, details, n, hash)"
        " select tenant_id, gen_random_uuid(), at, '', '', '', '{}', '', '{}', 99, '' from audit_event",
        "select * from directory.audit_head",
        "update directory.audit_head set n = 0",
        "insert into directory.audit_checkpoint values (1, now(), '', '')",
        "delete from directory.audit_checkpoint",
    ],
)
async def test_the_application_cannot_touch_what_was_written(tenant_id: TenantId, statement: str) -> None:
    await record(tenant_id, "written")
    await chain(tenant_id)
    with pytest.raises(DBAPIError, match="permission denied"):
        async with tenant_session(tenant_id) as session:
            await session.execute(text(statement))


@pytest_asyncio.fixture(loop_scope="session")
async def auditor(school: TestSchool, embedded_stack: EmbeddedStack) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(embedded_stack.postgres.url("hocba_auditor"))
    yield connection
    await connection.close()


async def test_the_auditor_reads_all_schools_and_nothing_else(
    auditor: asyncpg.Connection, tenant_id: TenantId, school: TestSchool
) -> None:
    await record(tenant_id, "here")
    await record(school.tenant_id, "there")
    seen = await auditor.fetch("select distinct tenant_id from audit_event")
    assert {tenant_id, school.tenant_id} <= {row["tenant_id"] for row in seen}
    for statement in (
        "select * from student",
        "select * from directory.account",
        "update audit_event set outcome = ''",
        "delete from directory.audit_checkpoint",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await auditor.execute(statement)
