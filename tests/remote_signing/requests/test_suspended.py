"""A certificate that was suspended signs nothing from that moment on; one that was replaced finishes what it began."""

from collections.abc import Awaitable, Callable

import pytest

from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.errors import Conflict
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CredentialStatus, CredentialView
from backend.remote_signing.providers.port import SANDBOX, RemoteCredential
from backend.remote_signing.requests.rules import BatchState, CallState
from backend.remote_signing.requests.schemas import BatchId
from tests.factories.machine import Machine
from tests.factories.signing_school import TEACHER, SigningSchool
from tests.fakes.processes import SigningService
from tests.remote_signing.formats.test_certificates import made, usage
from tests.remote_signing.requests.test_faults import calls_of

CHECK = "/authorizeCheck"
STEPS = [CallState.PREPARING, CallState.SUBMITTING, CallState.WAITING]


async def certificate(school: SigningSchool) -> CredentialView:
    """The one that the homeroom teacher signs with."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await credentials.usable(session, school.staff[TEACHER])


async def status_of(school: SigningSchool, credential: CredentialView) -> CredentialStatus:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return (await credentials.get(session, credential.id)).status


async def suspend(school: SigningSchool) -> None:
    """The homeroom teacher has lost their telephone."""
    teacher, own = await school.actor(TEACHER), await certificate(school)
    async with tenant_session(school.tenant_id) as session:
        await credentials.suspend(session, teacher, own.id, own.revision, "Mất điện thoại")


async def renew(school: SigningSchool) -> None:
    """The homeroom teacher has another certificate."""
    newer = RemoteCredential(
        credential_id="moi",
        certificate=made(usage("digital_signature")),
        chain=(),
        key_algorithms=(),
        key_bits=256,
        usable=True,
        status="",
        max_hashes=1,
    )
    async with tenant_session(school.tenant_id) as session:
        by, holder = machine(school.tenant_id), school.staff[TEACHER]
        await credentials.enrol(session, by, newer, provider=SANDBOX, account="moi", staff_id=holder)


async def suspend_and_renew(school: SigningSchool) -> None:
    """The certificate on the lost telephone, and another one in its place."""
    await suspend(school)
    await renew(school)


async def nothing_was_signed(school: SigningSchool, batch_id: BatchId, signing: SigningService) -> str:
    """The batch's one call ended without a value, its two documents are in the tray; the reason as it is told."""
    [call] = await calls_of(school, batch_id)
    progress = await school.progress(TEACHER, batch_id)
    assert (call.state, progress.state, progress.signed) == (CallState.FAILED, BatchState.PARTIAL, 0)
    assert signing.ledger(call.id.hex)["count"] == 0
    assert await school.waiting(TEACHER) == 2
    return progress.problem or ""


async def batch_at(
    school: SigningSchool, signing: SigningService, at: CallState, machine_: Machine
) -> BatchId:
    """Two documents that were consented to; the one call has come so far."""
    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    if at is CallState.WAITING:
        signing.fault("http500", times=1000, path=CHECK)

    async def reached() -> bool:
        return {call.state for call in await calls_of(school, batch_id)} == {at}

    await machine_.until(reached)
    return batch_id


@pytest.mark.parametrize("at", STEPS)
@pytest.mark.parametrize("stop", [suspend, suspend_and_renew], ids=["suspended", "replaced-then"])
async def test_nothing_is_signed_from_then_on(
    stop: Callable[[SigningSchool], Awaitable[None]],
    at: CallState,
    school: SigningSchool,
    signing: SigningService,
) -> None:
    """Whatever step the batch has reached: what was not signed is in the tray again, and the provider made no value."""
    machine_ = Machine(school.tenant_id)
    batch_id = await batch_at(school, signing, at, machine_)
    await stop(school)
    signing.clear_faults()
    await machine_.rest()
    assert "đang tạm dừng" in await nothing_was_signed(school, batch_id, signing)


@pytest.mark.parametrize("at", STEPS)
async def test_a_replaced_one_finishes_what_was_agreed_to_and_then_retires(
    at: CallState, school: SigningSchool, signing: SigningService
) -> None:
    """Nobody is asked twice; nothing new is consented to with it."""
    machine_, earlier = Machine(school.tenant_id), await certificate(school)
    batch_id = await batch_at(school, signing, at, machine_)
    before = signing.ledger()["consents"]
    async with tenant_session(school.tenant_id) as session:
        await school.equip(signing, session, TEACHER, SANDBOX, account="giao-vien-gia-han")
    newer = await certificate(school)
    assert (newer.id != earlier.id, await status_of(school, earlier)) == (True, CredentialStatus.RETIRING)
    await school.ask(1, "Lớp 4B")
    assert (await school.offer(TEACHER, "Lớp 4B")).certificate_serial == newer.serial
    signing.clear_faults()
    await machine_.rest()
    [call] = await calls_of(school, batch_id)
    progress = await school.progress(TEACHER, batch_id)
    assert (call.state, progress.state, progress.signed) == (CallState.DONE, BatchState.COMPLETED, 2)
    assert signing.ledger(call.id.hex)["count"] == 4
    assert signing.ledger()["consents"] - before <= 1
    assert await status_of(school, earlier) is CredentialStatus.REPLACED


async def test_a_replaced_one_that_is_suspended_does_not_finish(
    school: SigningSchool, signing: SigningService
) -> None:
    machine_, earlier = Machine(school.tenant_id), await certificate(school)
    batch_id = await batch_at(school, signing, CallState.SUBMITTING, machine_)
    await renew(school)
    teacher = await school.actor(TEACHER)
    async with tenant_session(school.tenant_id) as session:
        await credentials.suspend(session, teacher, earlier.id, earlier.revision + 1, "Nghi lộ mã")
    await machine_.rest()
    assert "đang tạm dừng" in await nothing_was_signed(school, batch_id, signing)
    assert await status_of(school, earlier) is CredentialStatus.SUSPENDED


async def test_without_a_certificate_nothing_is_offered(school: SigningSchool) -> None:
    await school.ask(1)
    await suspend(school)
    with pytest.raises(Conflict, match="chưa có chứng thư số"):
        await school.offer(TEACHER)


async def test_one_that_was_suspended_stays_so_beside_another(school: SigningSchool) -> None:
    """And does not come back while the other one signs: of each holder's certificates one signs."""
    own = await certificate(school)
    await suspend_and_renew(school)
    by = await school.actor(TEACHER)
    async with tenant_session(school.tenant_id) as session:
        assert (await credentials.get(session, own.id)).status == "suspended"
        with pytest.raises(Conflict, match="đang dùng chứng thư số"):
            await credentials.resume(session, by, own.id, own.revision + 1)
    async with tenant_session(school.tenant_id) as session:
        [newer] = [
            one
            for one in await credentials.list_credentials(session)
            if one.staff_id == own.staff_id and one.status is CredentialStatus.ACTIVE
        ]
        await credentials.suspend(session, by, newer.id, newer.revision, "Dùng lại cái cũ")
        await credentials.resume(session, by, own.id, own.revision + 1)
    assert (await certificate(school)).id == own.id
