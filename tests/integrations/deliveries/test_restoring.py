"""A delivery that an older database has forgotten, or has not sent as far as it knows: asked about, then sent once."""

import uuid

import msgspec
import pytest

from backend.core.database import TenantId, tenant_session
from backend.core.errors import Conflict
from backend.integrations.deliveries import service
from backend.integrations.deliveries.schemas import DeliveryState, DeliverySummary
from tests.factories.issued_versions import issue
from tests.factories.machine import Machine
from tests.fakes.processes import Province


async def delivery_of(tenant_id: TenantId, version_id: uuid.UUID) -> DeliverySummary | None:
    async with tenant_session(tenant_id, read_only=True) as session:
        return next(iter(await service.of_version(session, version_id)), None)


async def restore(tenant_id: TenantId) -> bool:
    """What `hocba restore-forward` does with the one message of the school."""
    [manifest] = await service.delivery_manifests(tenant_id)
    async with tenant_session(tenant_id) as session:
        return await service.restore_delivery(session, manifest, "Người trực")


async def test_a_message_that_never_arrived_is_asked_about_and_sent_once(
    authority: Province, school: TenantId
) -> None:
    [version_id] = await issue(school)
    machine = Machine(school)

    async def opened() -> bool:
        return await delivery_of(school, version_id) is not None

    await machine.until(opened)
    before = authority.ledger()
    assert await restore(school)
    found = await delivery_of(school, version_id)
    assert found is not None
    assert (found.state, "hỏi cơ quan tiếp nhận trước" in (found.reason or "")) == (
        DeliveryState.UNKNOWN,
        True,
    )
    machine.done.clear()
    await machine.rest()
    after = await delivery_of(school, version_id)
    assert after is not None
    assert (after.id, after.message_id, after.state) == (found.id, found.message_id, DeliveryState.ACCEPTED)
    ledger = authority.ledger()
    assert (ledger["messages"] - before["messages"], ledger["repeats"] - before["repeats"]) == (1, 0)
    assert machine.done.index("deliveries.query") < len(machine.done) - 1
    assert not await restore(school), "it has an answer"


async def test_another_message_about_the_same_is_left_to_a_person(
    authority: Province, school: TenantId
) -> None:
    [version_id] = await issue(school)

    async def opened() -> bool:
        return await delivery_of(school, version_id) is not None

    await Machine(school).until(opened)
    [manifest] = await service.delivery_manifests(school)
    other = msgspec.structs.replace(manifest, message_id=f"{manifest.message_id[:-1]}x")
    with pytest.raises(Conflict, match="mang mã thông điệp khác"):
        async with tenant_session(school) as session:
            await service.restore_delivery(session, other, "Người trực")
    await Machine(school).rest()


async def test_a_message_id_follows_from_what_the_message_says(authority: Province, school: TenantId) -> None:
    [version_id] = await issue(school)
    await Machine(school).rest()
    found = await delivery_of(school, version_id)
    assert found is not None
    async with tenant_session(school) as session:
        await service.open_deliveries(session, [version_id])
    assert await delivery_of(school, version_id) == found
    assert len(await service.delivery_manifests(school)) == 1
