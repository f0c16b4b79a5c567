"""The history of a signature: the request, an attempt that failed, one that signed, time stamps, the archive."""

import re

from backend.core.database import tenant_session
from backend.remote_signing.requests import turns
from tests.factories.machine import Machine
from tests.factories.signing_school import PRINCIPAL, SEAL, TEACHER, SigningSchool
from tests.fakes.processes import SigningService
from tests.remote_signing.archiving.test_stamping import night
from tests.remote_signing.requests.test_faults import calls_of
from tests.remote_signing.requests.test_held import Browsers, browsers

__all__ = ["browsers"]


async def test_every_attempt_stays_with_its_transaction_and_what_came_of_it(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    await school.ask(1)
    machine = Machine(school.tenant_id)
    signing.fault("reject")
    refused = await school.consent(TEACHER)
    await machine.rest()
    signing.clear_faults()
    signed = await school.consent(TEACHER)
    await machine.rest()
    [first], [second] = [await calls_of(school, one) for one in (refused, signed)]

    teacher = await browsers.of(school, TEACHER)
    batch = (await teacher.get(f"/ky/lo/{refused}")).text
    [address] = re.findall(r'href="(/ky/luot/[0-9a-f-]{36}/lich-su)"', batch)
    shown = (await teacher.get(address)).text
    for call, state in ((first, "người ký từ chối ở dịch vụ ký số"), (second, "đã ký")):
        assert call.id.hex in shown
        assert call.provider_reference
        assert call.provider_reference in shown
        assert f": {state}" in shown
    assert signing.ledger(second.id.hex)["count"] == 2
    assert re.search(r"Dấu thời gian</dt><dd>[^<]* · [^<]+</dd>", shown)
    assert "3. Chữ ký trên phần “thongtinhocba” của tệp XML" in shown
    assert "Chưa đủ chữ ký của mọi người" in shown

    for role in (PRINCIPAL, SEAL):
        await school.consent(role)
        await machine.rest()
    await night(school)
    principal = await browsers.of(school, PRINCIPAL)
    whole = (await principal.get(address)).text
    assert "Dấu thời gian lưu trữ lần 1" in whole
    clerk = await browsers.of(school, SEAL)
    assert (await clerk.get(address)).status_code == 404


async def test_a_turn_that_nobody_has_taken_has_no_attempt(school: SigningSchool) -> None:
    await school.ask(1)
    [item] = (await school.offer(TEACHER)).items
    async with tenant_session(school.tenant_id, read_only=True) as session:
        found = await turns.history_of_turn(session, await school.actor(TEACHER), item.step_id)
    assert (found.attempts, found.parts, found.signed_at) == ((), (), None)
