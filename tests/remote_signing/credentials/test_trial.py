"""A holder tries their certificate: one fixed digest, verified, counted in the signing service's own ledger."""

import asyncio
import re
from pathlib import Path

import pytest

from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.errors import Conflict, Forbidden
from backend.remote_signing.credentials import service, trial
from backend.remote_signing.credentials.schemas import CredentialView
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import SANDBOX
from tests.core.browser import Browser
from tests.factories.declared import Declared, declared
from tests.factories.signing_school import PRINCIPAL, SEAL, TEACHER, SigningSchool, open_signing_school
from tests.fakes.processes import SigningService
from tests.remote_signing.requests.test_held import Browsers, browsers

__all__ = ["browsers"]
_TICKET = re.compile(r'name="phieu" value="([0-9a-f]+)"')


async def own(school: SigningSchool, role: str = TEACHER) -> CredentialView:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await service.usable(session, school.staff[role])


async def tried(browser: Browser, certificate: CredentialView) -> str:
    """Press the button, confirm on the telephone, look at the result."""
    at = f"/chung-thu/so/{certificate.id}"
    assert "Thử ký" in (await browser.get(at)).text
    answer = (await browser.post(f"{at}/thu-ky")).text
    for _ in range(40):
        ticket = _TICKET.search(answer)
        if ticket is None:
            return answer
        await asyncio.sleep(0.1)
        answer = (await browser.post(f"{at}/thu-ky/ket-qua", {"phieu": ticket.group(1)})).text
    raise AssertionError(answer)


async def test_a_harmless_signature_says_that_it_works(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    browser, certificate = await browsers.of(school, TEACHER), await own(school)
    before = signing.ledger()
    assert "khớp với chứng thư số: ký được" in await tried(browser, certificate)
    after = signing.ledger()
    assert (after["count"] - before["count"], after["consents"] - before["consents"]) == (1, 1)
    shown = (await browser.get(f"/chung-thu/so/{certificate.id}")).text
    assert "Thử ký bằng chứng thư số" in shown
    assert "ký được" in shown


@pytest.mark.parametrize(
    ("fault", "told"),
    [("reject", "từ chối"), ("foreign_signature", "không khớp"), ("expire", "quá thời hạn")],
)
async def test_what_is_wrong_is_said(
    fault: str, told: str, school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    browser, certificate = await browsers.of(school, TEACHER), await own(school)
    signing.fault(fault)
    answer = await tried(browser, certificate)
    assert told in answer.lower()
    assert "ký được." not in answer


async def test_a_provider_that_asks_the_holder_here_is_asked_whether_it_has_the_key(
    signing: SigningService, browsers: Browsers, tmp_path: Path
) -> None:
    """Consent on its own page begins with a link of ours, which says nothing of the provider."""
    page_of_its_own = Declared("trang_rieng", "csc_v2", {}, {"authorization": "oauth2code"})
    with declared(signing, tmp_path, page_of_its_own):
        school = await open_signing_school(signing, provider="trang_rieng", auth="oauth2code")
        browser, certificate = await browsers.of(school, TEACHER), await own(school)
        assert "Kết nối được" in await tried(browser, certificate)
        signing.fault("http500", times=1000, path="/csc/")
        assert "Kết nối được" not in await tried(browser, certificate)
        signing.clear_faults()


async def test_only_its_holder_tries_it_and_only_while_it_signs(
    school: SigningSchool, browsers: Browsers
) -> None:
    certificate, principal = await own(school), await school.actor(PRINCIPAL)
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(Forbidden):
            await trial.begin(session, principal, certificate.id)
    teacher = await school.actor(TEACHER)
    async with tenant_session(school.tenant_id) as session:
        await service.suspend(session, teacher, certificate.id, certificate.revision, "Mất máy")
        with pytest.raises(Conflict, match="đang tạm dừng"):
            await trial.begin(session, teacher, certificate.id)
    browser = await browsers.of(school, TEACHER)
    assert "thu-ky" not in (await browser.get(f"/chung-thu/so/{certificate.id}")).text


async def test_a_ticket_is_good_for_its_holder_and_certificate_alone(school: SigningSchool) -> None:
    teacher, principal = await school.actor(TEACHER), await school.actor(PRINCIPAL)
    mine, theirs = await own(school), await own(school, PRINCIPAL)
    async with tenant_session(school.tenant_id) as session:
        begun = await trial.begin(session, teacher, mine.id)
        result = await trial.record(session, teacher, begun, await trial.ask(begun))
        again = await trial.resume(session, teacher, mine.id, result.ticket)
        assert again.transaction_id == begun.transaction_id
        for actor, certificate, ticket in (
            (principal, theirs, result.ticket),
            (teacher, mine, "00"),
            (teacher, mine, "khong-phai-so"),
        ):
            with pytest.raises(Conflict, match="quá lâu hoặc không do"):
                await trial.resume(session, actor, certificate.id, ticket)


async def test_a_ticket_of_the_clerks_own_certificate_is_none_of_the_seal(
    school: SigningSchool, signing: SigningService
) -> None:
    account, clerk = f"rieng-{school.tenant_id.hex}", await school.actor(SEAL)
    signing.enrol(account, f"Cô {SEAL}")
    [found] = await gateway.credentials_at(SANDBOX, account)
    async with tenant_session(school.tenant_id) as session:
        by, holder = machine(school.tenant_id), school.staff[SEAL]
        mine = await service.enrol(session, by, found, provider=SANDBOX, account=account, staff_id=holder)
        seal = await service.usable(session, None)
    async with tenant_session(school.tenant_id) as session:
        begun = await trial.begin(session, clerk, mine)
        result = await trial.record(session, clerk, begun, await trial.ask(begun))
        with pytest.raises(Conflict, match="quá lâu hoặc không do"):
            await trial.resume(session, clerk, seal.id, result.ticket)
