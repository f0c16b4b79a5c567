"""What becomes of a certificate by itself: it ends, which is said in time, or its authority revokes it."""

from datetime import timedelta

import pytest

from backend.core import clock
from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.remote_signing.credentials import revocation, service
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import SANDBOX
from backend.remote_signing.requests.rules import BatchState, CallState
from tests.factories.machine import Machine
from tests.factories.signing_school import PRINCIPAL, SEAL, TEACHER, SigningSchool
from tests.fakes.processes import SigningService
from tests.remote_signing.requests.test_faults import calls_of
from tests.remote_signing.requests.test_held import Browsers, browsers

__all__ = ["browsers"]


async def own_certificate(school: SigningSchool, signing: SigningService) -> str:
    """The teacher gets a certificate that no other test signs with; how the service calls it."""
    account = f"rieng-{school.tenant_id.hex}"
    signing.enrol(account, f"Cô {TEACHER}")
    [found] = await gateway.credentials_at(SANDBOX, account)
    async with tenant_session(school.tenant_id) as session:
        by, holder = machine(school.tenant_id), school.staff[TEACHER]
        await service.enrol(session, by, found, provider=SANDBOX, account=account, staff_id=holder)
    return found.credential_id


async def statuses(school: SigningSchool) -> dict[str, int]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        found = [one.status for one in await service.list_credentials(session)]
    return {status: found.count(status) for status in found}


async def test_the_daily_look_rests_what_its_authority_has_revoked(
    school: SigningSchool, signing: SigningService
) -> None:
    reference = await own_certificate(school, signing)
    for expected in ({"active": 3, "replaced": 1}, {"active": 2, "replaced": 1, "suspended": 1}):
        async with tenant_session(school.tenant_id) as session:
            await service.queue_checks(session)
        await Machine(school.tenant_id).rest()
        assert await statuses(school) == expected
        signing.post("/sandbox/revoke", {"credentialID": reference})
    async with tenant_session(school.tenant_id, read_only=True) as session:
        assert school.staff[TEACHER] not in await service.having(session)
        assert school.staff[PRINCIPAL] in await service.having(session)


async def test_an_authority_that_is_silent_has_revoked_nothing(
    school: SigningSchool, signing: SigningService
) -> None:
    async with tenant_session(school.tenant_id) as session:
        await service.queue_checks(session)
    signing.fault("http500", times=1000, path="/ocsp")
    await Machine(school.tenant_id).rest()
    assert await statuses(school) == {"active": 3}


async def test_nothing_is_sent_with_a_certificate_that_was_revoked_before_the_batch(
    school: SigningSchool, signing: SigningService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(revocation, "_answers", {})
    reference = await own_certificate(school, signing)
    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    signing.post("/sandbox/revoke", {"credentialID": reference})
    asked = signing.ledger()["consents"]
    await Machine(school.tenant_id).rest()
    progress = await school.progress(TEACHER, batch_id)
    [call] = await calls_of(school, batch_id)
    assert (call.state, progress.state, progress.signed) == (CallState.FAILED, BatchState.PARTIAL, 0)
    assert "thu hồi nên được tạm dừng" in (progress.problem or "")
    assert signing.ledger()["consents"] == asked
    assert await school.waiting(TEACHER) == 2
    assert (await statuses(school))["suspended"] == 1


@pytest.mark.parametrize(("days", "told"), [(59, "còn 59 ngày"), (6, "còn 6 ngày"), (-1, "đã hết hạn")])
async def test_the_holder_and_who_manages_certificates_are_told_in_time(
    days: int, told: str, school: SigningSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        own = await service.usable(session, school.staff[TEACHER])
    then = own.not_after - timedelta(days=days, hours=1)
    actors = {role: await school.actor(role) for role in (TEACHER, PRINCIPAL, SEAL)}
    with monkeypatch.context() as patch:
        patch.setattr(clock, "now", lambda: then)
        async with tenant_session(school.tenant_id, read_only=True) as session:
            said = {role: await service.warnings_for(session, actor) for role, actor in actors.items()}
    assert [len(said[role]) for role in (TEACHER, PRINCIPAL, SEAL)] == [1, 3, 1]
    assert told in said[TEACHER][0]
    assert f"Cô {TEACHER}" in said[TEACHER][0]
    assert "Con dấu số của trường" in said[SEAL][0]


async def test_what_is_fine_is_not_spoken_of_and_what_rests_is(
    school: SigningSchool, browsers: Browsers
) -> None:
    browser = await browsers.of(school, TEACHER)
    assert "chứng thư số" not in (await browser.get("/")).text.lower()
    actor = await school.actor(TEACHER)
    async with tenant_session(school.tenant_id) as session:
        own = await service.usable(session, school.staff[TEACHER])
        await service.suspend(session, actor, own.id, own.revision, "Mất điện thoại")
    assert "chứng thư số đang tạm dừng" in (await browser.get("/")).text
