"""Tasks that do what a test tells them to, and their jobs in the real table."""

import uuid
from collections.abc import Awaitable, Callable

from sqlalchemy import delete, select

from backend.core import jobs, outbox
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.core.events import Event
from backend.core.ids import new_id
from backend.core.jobs import Work
from backend.core.outbox import OutboxEvent
from backend.tenants.schools import service as schools
from tests.factories.machine import Machine, dispatcher_connection
from tests.factories.signing_school import profile_of

KIND = "test.probe"
#: Takes up to four subjects in one job.
TOGETHER = "test.probes"
#: What the probe does; set by each test.
deed: Callable[[Work], Awaitable[None]]
told: list[tuple[uuid.UUID, str]] = []


async def hear(session: TenantSession, subject_id: uuid.UUID, reason: str) -> None:
    told.append((subject_id, reason))


async def probe(work: Work) -> None:
    await deed(work)


class Done(Event, frozen=True):
    """What a probe announces."""


def does(run: Callable[[Work], Awaitable[None]]) -> None:
    global deed
    deed = run


async def open_tenant() -> TenantId:
    tenant_id = TenantId(new_id())
    await schools.open_school(tenant_id, profile_of(tenant_id, "Trường Việc Nền"))
    return tenant_id


async def add(tenant_id: TenantId, count: int = 1) -> None:
    async with tenant_session(tenant_id) as session:
        await jobs.enqueue(session, KIND, *(uuid.uuid4() for _ in range(count)))


async def lease(tenant_id: TenantId) -> tuple[uuid.UUID, int]:
    """Job and fence, as a message names them."""
    [job] = await Machine(tenant_id).lease()
    return job["id"], job["fence"]


async def begin(tenant_id: TenantId) -> Work:
    work = await jobs.begin(tenant_id, *await lease(tenant_id))
    assert work is not None
    return work


async def expire(tenant_id: TenantId) -> None:
    """All leases of the school have run out."""
    async with dispatcher_connection() as connection:
        sql = "update work.job set lease_until = now() - interval '1 s' where tenant_id = $1 and state = 'leased'"
        await connection.execute(sql, tenant_id)


async def announced(tenant_id: TenantId) -> int:
    async with tenant_session(tenant_id, read_only=True) as session:
        return len((await session.scalars(select(OutboxEvent.id).where(OutboxEvent.name == "Done"))).all())


async def announce(work: Work) -> None:
    async with work.finish() as session:
        await outbox.emit_all(session, [Done(subject_id) for subject_id in work.subject_ids])


async def add_together(tenant_id: TenantId, count: int) -> list[uuid.UUID]:
    """A school's probes of several subjects, and nothing else; the subjects."""
    subjects = [uuid.uuid4() for _ in range(count)]
    async with tenant_session(tenant_id) as session:
        await session.execute(delete(jobs.Job))
        await jobs.enqueue(session, TOGETHER, *subjects)
    return subjects
