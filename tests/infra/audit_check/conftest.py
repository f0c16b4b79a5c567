"""Two schools whose audit was chained and sealed twice by a real authority, and hands that may do what they like."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from backend.core import audit, audit_chain, audit_keeper, http_client, settings, storage
from backend.core.actor import machine
from backend.core.audit import Action, Deed
from backend.core.database import TenantId, tenant_session
from backend.core.ids import new_id
from backend.remote_signing.timestamping import service as timestamping
from backend.tenants.schools import service as schools
from infra.audit_check import sources
from infra.audit_check.chains import Event
from infra.audit_check.check import Check, Report
from infra.audit_check.sources import Sources, Store
from infra.audit_check.stamps import anchors, stamped_at
from infra.embedded.stack import EmbeddedStack
from tests.factories.signing_school import profile_of, settings_for
from tests.fakes.processes import SigningService, start_signing_service

#: Events of each school before the first checkpoint, before the second, and after it.
FIRST, SECOND, LATER = 6, 3, 2
#: One more of each in the hands of the owner, outside the chain.
_OUTSIDE = """
    insert into audit_event (tenant_id, id, at, actor_name, action, subject_label, about, outcome, details)
    select tenant_id, gen_random_uuid(), now(), actor_name, action, subject_label, about, outcome, details
    from audit_event where n = 1 and tenant_id = any($1::uuid[])
"""


@pytest.fixture(scope="session")
def authority(
    product: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SigningService]:
    """A time stamping authority as a process of its own."""
    with start_signing_service(tmp_path_factory.mktemp("authority")) as service:
        yield service


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def stamped_there(authority: SigningService) -> AsyncIterator[None]:
    """The product asks that authority, for this test alone: tests of other folders come in between."""
    with settings_for(authority):
        yield
    await http_client.aclose()


@dataclass
class Hands:
    """The owner of the tables, in a transaction that is not committed, and whoever holds the keys of the store."""

    owner: asyncpg.Connection
    schools: tuple[TenantId, TenantId]
    store: Store
    trusted: list[Any]

    async def do(self, statement: str, *values: object) -> None:
        """A statement about the first school, which is $1."""
        await self.owner.execute(statement, self.schools[0], *values)

    async def check(self, later: timedelta = timedelta(), **asked: Any) -> Report:
        """What the checker says now, or `later`."""
        return await Check(
            connection=self.owner,
            keys=await asyncio.to_thread(self.store.listed),
            fetch=self.store.fetch,
            stamped_at=partial(stamped_at, trusted=self.trusted),
            now=datetime.now(UTC) + later,
            schools=self.schools,
            **asked,
        ).run()

    async def events(self) -> list[Event]:
        """The chain of the first school."""
        return [one async for one in sources.events(self.owner, self.schools[:1]) if one.n is not None]

    async def rechain(self, first: int) -> None:
        """Make all hashes right again from one event on, as somebody would who knows how they are made."""
        previous = ""
        for event in await self.events():
            assert event.n is not None
            if event.n >= first:
                await self._link(event, previous)
                [event] = [one for one in await self.events() if one.n == event.n]
            previous = event.digest()
            last = event.n
        await self.do(
            "update directory.audit_head set n = $2, hash = $3 where tenant_id = $1", last, previous
        )

    async def _link(self, event: Event, previous: str) -> None:
        key = "where tenant_id = $1 and id = $2"
        await self.do(f"update audit_event set prev_hash = $3 {key}", event.id, previous)
        [event] = [one for one in await self.events() if one.id == event.id]
        await self.do(f"update audit_event set hash = $3 {key}", event.id, event.digest())

    async def document(self, number: int) -> tuple[str, bytes]:
        """Key and content of a checkpoint's document."""
        sha256 = await self.owner.fetchval(
            "select document_sha256 from directory.audit_checkpoint where number = $1", number
        )
        key = storage.checkpoint_key(number, sha256, "json")
        return key, await asyncio.to_thread(self.store.fetch, key)

    @contextmanager
    def removed(self, key: str) -> Iterator[None]:
        """An object that is not there while the block lasts."""
        content = self.store.fetch(key)
        self.store._client.delete_object(Bucket=self.store._bucket, Key=key)
        try:
            yield
        finally:
            self.store._client.put_object(Bucket=self.store._bucket, Key=key, Body=content)

    @contextmanager
    def stored(self, key: str, content: bytes) -> Iterator[None]:
        """An object, or other content of one, while the block lasts."""
        keys = self.store.listed()
        before = self.store.fetch(key) if key in keys else None
        self.store._client.put_object(Bucket=self.store._bucket, Key=key, Body=content)
        try:
            yield
        finally:
            if before is None:
                self.store._client.delete_object(Bucket=self.store._bucket, Key=key)
            else:
                self.store._client.put_object(Bucket=self.store._bucket, Key=key, Body=before)


async def record(school: TenantId, count: int) -> None:
    """Events one after the other, so that their order is that of their times."""
    for number in range(count):
        async with tenant_session(school) as session:
            pupil = uuid.uuid4()
            deed = Deed(uuid.uuid4(), f"Đỗ Thị Ví Dụ {number}", {"cell": "level", "count": number}, (pupil,))
            await audit.record_many(session, machine(school), Action.MARK_CHANGED, [deed])


async def chain(school: TenantId) -> None:
    async with tenant_session(school) as session:
        await audit_chain.chain(session)


async def seal(dispatcher: asyncpg.Connection, *schools: TenantId) -> None:
    for school in schools:
        await chain(school)
    await audit_keeper.make_checkpoint(dispatcher, timestamping.stamp)


def sources_of(product: settings.Settings, authority: SigningService) -> Sources:
    return Sources(
        database_url=settings.read_auditor(os.environ).database_auditor_url,
        s3_endpoint=product.s3_endpoint,
        s3_access_key=product.s3_access_key,
        s3_secret_key=product.s3_secret_key,
        s3_bucket=product.s3_bucket,
        s3_region=product.s3_region,
        trust_dir=authority.trust_root.parent,
    )


async def quiet_school() -> TenantId:
    """A new school in which nothing was done that the audit knows of."""
    tenant_id = TenantId(new_id())
    await schools.open_school(tenant_id, profile_of(tenant_id, "Trường Yên Lặng"))
    return tenant_id


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def sealed(authority: SigningService, embedded_stack: EmbeddedStack) -> tuple[TenantId, TenantId]:
    """Two schools as described above."""
    pair = await quiet_school(), await quiet_school()
    dispatcher = await asyncpg.connect(embedded_stack.postgres.url("hocba_dispatcher"))
    with settings_for(authority):
        for count in (FIRST, SECOND):
            for school in pair:
                await record(school, count)
            await seal(dispatcher, *pair)
    await dispatcher.close()
    for school in pair:
        await record(school, LATER)
        await chain(school)
    return pair


@pytest_asyncio.fixture(loop_scope="session")
async def hands(
    sealed: tuple[TenantId, TenantId],
    product: settings.Settings,
    authority: SigningService,
    embedded_stack: EmbeddedStack,
) -> AsyncIterator[Hands]:
    owner = await asyncpg.connect(embedded_stack.postgres.url("hocba_migrator"))
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("alter table audit_event no force row level security")
    await owner.execute(_OUTSIDE, sealed)
    store = Store(sources_of(product, authority))
    trusted = anchors(Path(authority.trust_root.parent))
    yield Hands(owner, sealed, store, trusted)
    store.close()
    await transaction.rollback()
    await owner.close()
