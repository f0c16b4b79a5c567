"""A certificate that was suspended signs nothing from that moment on; one that was replaced goes on with its batch."""

import pytest

from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.errors import Conflict
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CredentialView
from backend.remote_signing.providers.port import SANDBOX, RemoteCredential
from backend.remote_signing.requests.rules import BatchState, CallState
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


@pytest.mark.parametrize("at", [CallState.PREPARING, CallState.SUBMITTING, CallState.WAITING])
async def test_nothing_is_signed_from_then_on(
    at: CallState, school: SigningSchool, signing: SigningService
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
    await suspend(school)
    signing.clear_faults()
    await machine_.rest()
    [call] = await calls_of(school, batch_id)
    progress = await school.progress(TEACHER, batch_id)
    assert (call.state, progress.state, progress.signed) == (CallState.FAILED, BatchState.PARTIAL, 0)
    assert "đang tạm dừng" in (progress.problem or "")
    assert signing.ledger(call.id.hex)["count"] == 0
    assert await school.waiting(TEACHER) == 2
    with pytest.raises(Conflict, match="chưa có chứng thư số"):
        await school.offer(TEACHER)


async def test_a_replaced_one_signs_what_was_agreed_to_with_it(school: SigningSchool) -> None:
    await school.ask(1)
    batch_id, own = await school.consent(TEACHER), await certificate(school)
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
    await Machine(school.tenant_id).rest()
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED
    async with tenant_session(school.tenant_id, read_only=True) as session:
        assert (await credentials.get(session, own.id)).status == "replaced"
