"""The keeper: chains every school, one checkpoint an hour; what fails in one round is done in the next."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial

import asyncpg
import pytest
import pytest_asyncio

from backend.core import audit_chain, audit_keeper, clock, leading, settings, storage
from backend.core.database import TenantId, tenant_session
from backend.core.errors import Unavailable
from backend.remote_signing.timestamping import service as timestamping
from infra.audit_check.check import Check
from infra.audit_check.sources import Store
from infra.audit_check.stamps import anchors, stamped_at
from infra.embedded.postgres import SUPERUSER
from infra.embedded.stack import EmbeddedStack
from tests.factories.signing_school import changed_settings
from tests.fakes.processes import SigningService
from tests.infra.audit_check.conftest import quiet_school, record, sources_of

_NUMBERS = "select number from directory.audit_checkpoint order by number"


@pytest.fixture
def store(product: settings.Settings, authority: SigningService) -> Store:
    return Store(sources_of(product, authority))


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(
    sealed: tuple[TenantId, TenantId], embedded_stack: EmbeddedStack, store: Store
) -> AsyncIterator[asyncpg.Connection]:
    """Its rows are rolled back, and what it stored is removed."""
    before = store.listed()
    connection = await asyncpg.connect(embedded_stack.postgres.url("hocba_dispatcher"))
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()
    for key in store.listed() - before:
        store._client.delete_object(Bucket=store._bucket, Key=key)
    store.close()


async def numbers(connection: asyncpg.Connection) -> list[int]:
    return [row["number"] for row in await connection.fetch(_NUMBERS)]


async def outside(tenant_id: TenantId, connection: asyncpg.Connection) -> int:
    """Events of the school that its chain does not have: what was recorded, less what its head counts."""
    head = "select n from directory.audit_head where tenant_id = $1"
    return 3 - int(await connection.fetchval(head, tenant_id) or 0)


async def test_a_school_is_told_of_the_newest(sealed: tuple[TenantId, TenantId], store: Store) -> None:
    async with tenant_session(sealed[0], read_only=True) as session:
        newest = await audit_chain.newest(session)
    assert newest.number == 2
    assert not newest.is_late
    assert storage.checkpoint_key(2, newest.document_sha256, "json") in store.listed()
    store.close()


async def test_a_checkpoint_an_hour(
    dispatcher: asyncpg.Connection, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = await quiet_school()
    await record(tenant_id, 3)
    await audit_keeper.keep_once(dispatcher, timestamping.stamp)
    assert await outside(tenant_id, dispatcher) == 0
    assert await numbers(dispatcher) == [1, 2]

    later = datetime.now(UTC) + audit_chain.INTERVAL
    monkeypatch.setattr(clock, "now", lambda: later)
    await audit_keeper.keep_once(dispatcher, timestamping.stamp)
    await audit_keeper.keep_once(dispatcher, timestamping.stamp)
    assert await numbers(dispatcher) == [1, 2, 3]
    [key] = [key for key in store.listed() if key.startswith("audit/00000003-") and key.endswith(".json")]
    said = json.loads(store.fetch(key))
    assert str(tenant_id) in {head[0] for head in said["heads"]}
    assert {*said} == {"kind", "number", "made_at", "previous", "merkle_root", "heads"}


async def test_an_authority_that_is_away_stops_no_chain(
    dispatcher: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant_id = await quiet_school()
    await record(tenant_id, 3)
    later = datetime.now(UTC) + audit_chain.INTERVAL
    monkeypatch.setattr(clock, "now", lambda: later)
    with changed_settings(HOCBA_TSA_URL="http://127.0.0.1:1/tsa"):
        with pytest.raises(Unavailable, match="Máy chủ dấu thời gian"):
            await timestamping.stamp(b"anything")
        await audit_keeper.keep_once(dispatcher, timestamping.stamp)
    assert await outside(tenant_id, dispatcher) == 0
    assert await numbers(dispatcher) == [1, 2]
    await audit_keeper.keep_once(dispatcher, timestamping.stamp)
    assert await numbers(dispatcher) == [1, 2, 3]


async def test_a_crash_before_the_row_leaves_nothing_wrong(
    dispatcher: asyncpg.Connection, store: Store, authority: SigningService, embedded_stack: EmbeddedStack
) -> None:
    point = dispatcher.transaction()
    await point.start()
    await audit_keeper.make_checkpoint(dispatcher, timestamping.stamp)
    await point.rollback()
    await audit_keeper.make_checkpoint(dispatcher, timestamping.stamp)
    assert len([key for key in store.listed() if key.startswith("audit/00000003-")]) == 4
    trusted = anchors(authority.trust_root.parent)
    auditor = await asyncpg.connect(embedded_stack.postgres.url("hocba_auditor"))
    async with auditor.transaction():
        report = await Check(
            connection=auditor,
            keys=store.listed(),
            fetch=store.fetch,
            stamped_at=partial(stamped_at, trusted=trusted),
            now=datetime.now(UTC) + timedelta(minutes=1),
            schools=[],
        ).run()
    await auditor.close()
    assert report.findings == []


async def test_one_of_several_keepers_works_and_another_takes_over(
    sealed: tuple[TenantId, TenantId], embedded_stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_keeper, "ROUND_SECONDS", 0.02)
    monkeypatch.setattr(leading, "RECOVER_SECONDS", 0.02)
    tenant_id, stop = await quiet_school(), asyncio.Event()
    url = embedded_stack.postgres.url("hocba_dispatcher")
    admin = await asyncpg.connect(embedded_stack.postgres.url(SUPERUSER, embedded_stack.postgres.database))
    keepers = [asyncio.create_task(audit_keeper.keep(url, timestamping.stamp, stop)) for _ in range(3)]
    async with asyncio.timeout(60):
        await record(tenant_id, 3)
        first = await keeper_after(admin, 3, tenant_id)
        await admin.execute("select pg_terminate_backend($1)", first)
        await record(tenant_id, 3)
        assert await keeper_after(admin, 6, tenant_id) != first
        stop.set()
        await asyncio.gather(*keepers)
    await admin.close()


async def keeper_after(admin: asyncpg.Connection, count: int, tenant_id: TenantId) -> int:
    """The one connection that keeps the audit, as soon as so many events of the school are in its chain."""
    head = "select n from directory.audit_head where tenant_id = $1"
    while await admin.fetchval(head, tenant_id) != count:
        await asyncio.sleep(0.02)
    locks = "select pid from pg_locks where locktype = 'advisory' and objid = $1 and granted"
    [row] = await admin.fetch(locks, audit_keeper.LOCK)
    keeper: int = row["pid"]
    return keeper
