"""A certificate that was suspended or replaced signs nothing from that moment on."""

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


async def certificate(school: SigningSchool) -> CredentialView:
    """The one that the homeroom teacher signs with."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await credentials.usable(session, school.staff[TEACHER])


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


@pytest.mark.parametrize("at", [CallState.PREPARING, CallState.SUBMITTING, CallState.WAITING])
@pytest.mark.parametrize(
    ("stop", "told"),
    [(suspend, "đang tạm dừng"), (renew, "đã được thay"), (suspend_and_renew, "đang tạm dừng")],
    ids=["suspended", "replaced", "both"],
)
async def test_nothing_is_signed_from_then_on(
    stop: Callable[[SigningSchool], Awaitable[None]],
    told: str,
    at: CallState,
    school: SigningSchool,
    signing: SigningService,
) -> None:
    """Whatever step the batch has reached: what was not signed is in the tray again, and the provider made no value."""
    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    machine_ = Machine(school.tenant_id)
    if at is CallState.WAITING:
        signing.fault("http500", times=1000, path=CHECK)

    async def reached() -> bool:
        return {call.state for call in await calls_of(school, batch_id)} == {at}

    await machine_.until(reached)
    await stop(school)
    signing.clear_faults()
    await machine_.rest()
    assert told in await nothing_was_signed(school, batch_id, signing)


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
