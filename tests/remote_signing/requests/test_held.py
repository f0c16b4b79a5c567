"""Calls of unknown outcome: a person has the service asked, or gives the documents back; no telephone rings twice.

What was signed, and how often somebody was asked, is counted in the service's own ledger.
"""

import uuid
from datetime import timedelta

import pytest
from litestar import Litestar
from sqlalchemy import update

from backend.core import clock
from backend.core.database import tenant_session
from backend.core.errors import Conflict, Invalid, NotFound
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CredentialStatus
from backend.remote_signing.providers import csc, gateway, port
from backend.remote_signing.requests import flow, held
from backend.remote_signing.requests.models import ProviderCall
from backend.remote_signing.requests.rules import BatchState, CallState, resumption
from backend.remote_signing.requests.schemas import BatchId, HeldView
from backend.tenants.access import service as access
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD
from tests.factories.machine import Machine
from tests.factories.signing_school import PRINCIPAL, SEAL, TEACHER, SigningSchool, changed_settings
from tests.fakes.processes import SigningService
from tests.remote_signing.requests.test_faults import AUTHORIZE, CHECK, SIGN, calls_of, made, signed_twice
from tests.remote_signing.requests.test_suspended import certificate, renew, status_of


async def only_call(school: SigningSchool, batch_id: BatchId) -> ProviderCall:
    [call] = await calls_of(school, batch_id)
    return call


async def quarantined(school: SigningSchool, signing: SigningService) -> BatchId:
    """Two documents for which the service has sent a wrong value."""
    await school.ask(2)
    signing.fault("garbage_signature", path=SIGN)
    batch_id = await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    assert (await only_call(school, batch_id)).state == CallState.QUARANTINED
    return batch_id


async def given_up(school: SigningSchool, signing: SigningService, at: CallState) -> BatchId:
    """Two documents whose call the machine has given up there."""
    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    if at is CallState.WAITING:
        signing.fault("http500", times=1000, path=CHECK)
    if at is CallState.EMBEDDING:
        signing.fault("http500", times=1000, path="/tsa")
    machine = Machine(school.tenant_id)

    async def reached() -> bool:
        return (await only_call(school, batch_id)).state == at

    await machine.until(reached)
    await machine.forget()
    async with tenant_session(school.tenant_id) as session:
        await flow.give_up(session, (await only_call(school, batch_id)).id, "Máy đã thử quá nhiều lần.")
    signing.clear_faults()
    return batch_id


async def seen(school: SigningSchool, role: str) -> list[HeldView]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await held.list_held(session, await school.actor(role))


@pytest.fixture
def browsers(site: Litestar) -> "Browsers":
    return Browsers(site)


class Browsers:
    """People of a signing school in their browsers, just signed in."""

    def __init__(self, site: Litestar) -> None:
        self._site = site

    async def of(self, school: SigningSchool, role: str) -> Browser:
        login, browser = f"{uuid.uuid4().hex}@truong.example", Browser(self._site)
        async with tenant_session(school.tenant_id) as session:
            await access.create_account(session, school.staff[role], login, PASSWORD)
        assert (await browser.sign_in(login, PASSWORD)).status_code == 303
        return browser


async def ask(browser: Browser, call_id: uuid.UUID) -> str:
    """Press the button on the page; what it says then."""
    await browser.get("/ky/giu-lai")
    answer = await browser.post(f"/ky/giu-lai/{call_id}/hoi-lai")
    return (await browser.get("/ky/giu-lai")).text if answer.status_code == 303 else answer.text


async def test_values_that_verify_when_asked_again_go_into_the_documents(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    batch_id = await quarantined(school, signing)
    call = await only_call(school, batch_id)
    before = signing.ledger()
    browser = await browsers.of(school, PRINCIPAL)
    shown = (await browser.get("/ky/giu-lai")).text
    assert "Học sinh số 001" in shown
    assert call.id.hex in shown
    assert "đã ký, đang ghép chữ ký" in await ask(browser, call.id)
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.held, progress.problem) == (BatchState.RUNNING, 0, None)
    await Machine(school.tenant_id).rest()
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.signed, progress.problem) == (BatchState.COMPLETED, 2, None)
    assert await made(school, signing, batch_id) == [4], "two documents, PDF and XML each"
    assert not signed_twice(signing)
    after = signing.ledger()
    assert (after["consents"], after["repeated_authorizations"]) == (
        before["consents"],
        before["repeated_authorizations"],
    )
    assert await seen(school, PRINCIPAL) == []


async def test_values_that_still_do_not_verify_stay_with_the_person(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    batch_id = await quarantined(school, signing)
    call = await only_call(school, batch_id)
    signing.fault("foreign_signature", path=SIGN)
    assert "không khớp" in await ask(await browsers.of(school, PRINCIPAL), call.id)
    assert (await only_call(school, batch_id)).state == CallState.QUARANTINED
    assert await school.waiting(TEACHER) == 0


async def test_a_call_that_may_have_arrived_is_not_given_back_when_we_are_let_in_no_more(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    """Accepted, cut off, and then our own secret is refused: in the tray again it would ring a second time."""
    await school.ask(2)
    before = signing.ledger()["consents"]
    signing.fault("cut_after_accept", times=1, path=AUTHORIZE)
    batch_id = await school.consent(TEACHER)
    work = Machine(school.tenant_id)

    async def cut_off() -> bool:
        return (await only_call(school, batch_id)).problem is not None

    await work.until(cut_off)
    signing.forget_tokens()
    with changed_settings(HOCBA_SIGNING_CLIENT_SECRET="sai"):
        await work.rest()
    call = await only_call(school, batch_id)
    assert (call.state, await school.waiting(TEACHER)) == (CallState.UNKNOWN, 0)
    await ask(await browsers.of(school, TEACHER), call.id)
    await Machine(school.tenant_id).rest()
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.signed) == (BatchState.COMPLETED, 2)
    assert (signing.ledger()["consents"] - before, signed_twice(signing)) == (1, [])


async def changed(school: SigningSchool, batch_id: BatchId, **values: object) -> None:
    """The row of the only call says something else."""
    async with tenant_session(school.tenant_id) as session:
        await session.execute(update(ProviderCall).where(ProviderCall.batch_id == batch_id).values(values))


async def waits(school: SigningSchool, batch_id: BatchId) -> None:
    """The machine works until the only call waits for its signer."""

    async def waiting() -> bool:
        return (await only_call(school, batch_id)).state == CallState.WAITING

    await Machine(school.tenant_id).until(waiting)


async def test_a_service_that_knows_nothing_of_what_it_accepted_leaves_it_to_a_person(
    school: SigningSchool, signing: SigningService
) -> None:
    """Its question may be on the telephone still: in the tray again the documents would be signed a second time."""
    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    await waits(school, batch_id)
    await changed(school, batch_id, provider_reference="khong-con")
    await Machine(school.tenant_id).rest()
    assert (await only_call(school, batch_id)).state == CallState.UNKNOWN
    assert (await school.waiting(TEACHER), len(await seen(school, TEACHER))) == (0, 1)


async def test_a_service_that_never_says_is_not_waited_for_for_ever(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    await school.ask(2)
    signing.fault("http500", times=1000, path=CHECK)
    batch_id = await school.consent(TEACHER)
    await waits(school, batch_id)
    call = await only_call(school, batch_id)
    assert call.submitted_at is not None
    await changed(school, batch_id, submitted_at=call.submitted_at - timedelta(hours=3))
    await Machine(school.tenant_id).rest()
    call = await only_call(school, batch_id)
    assert (call.state, await school.waiting(TEACHER)) == (CallState.UNKNOWN, 0)
    assert "quá lâu" in (call.problem or "")
    signing.clear_faults()
    assert "đã ký, đang ghép chữ ký" in await ask(await browsers.of(school, TEACHER), call.id)
    await Machine(school.tenant_id).rest()
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED
    assert await made(school, signing, batch_id) == [4], "two documents, PDF and XML each"


@pytest.mark.parametrize("at", [CallState.SUBMITTING, CallState.WAITING])
async def test_a_call_that_was_given_up_is_found_at_the_service(
    at: CallState, school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    """By the service's name of it, or, where it never answered, under our id, which makes no second transaction."""
    batch_id = await given_up(school, signing, at)
    call = await only_call(school, batch_id)
    assert call.state == CallState.UNKNOWN
    await ask(await browsers.of(school, TEACHER), call.id)
    await Machine(school.tenant_id).rest()
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED
    assert await made(school, signing, batch_id) == [4], "two documents, PDF and XML each"
    assert not signed_twice(signing)


async def test_a_certificate_that_was_replaced_waits_for_what_is_held(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    """What the person has confirmed is not lost because another certificate came meanwhile."""
    batch_id, earlier = await given_up(school, signing, CallState.WAITING), await certificate(school)
    await renew(school)
    machine = Machine(school.tenant_id)
    for _ in range(3):
        await machine.round()
    assert await status_of(school, earlier) is CredentialStatus.RETIRING
    call = await only_call(school, batch_id)
    assert "đã ký, đang ghép chữ ký" in await ask(await browsers.of(school, PRINCIPAL), call.id)
    await machine.rest()
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED
    assert await status_of(school, earlier) is CredentialStatus.REPLACED
    assert not signed_twice(signing)


async def test_values_that_are_here_are_embedded_without_a_question(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    batch_id = await given_up(school, signing, CallState.EMBEDDING)
    call = await only_call(school, batch_id)
    browser = await browsers.of(school, PRINCIPAL)
    signing.fault("http500", times=1000, path="/csc/")
    await ask(browser, call.id)
    await Machine(school.tenant_id).rest()
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED
    assert await made(school, signing, batch_id) == [4], "two documents, PDF and XML each"


async def test_what_was_declined_meanwhile_is_in_the_tray(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    signing.fault("reject")
    batch_id = await given_up(school, signing, CallState.WAITING)
    call = await only_call(school, batch_id)
    said = await ask(await browsers.of(school, PRINCIPAL), call.id)
    assert "chưa ký; hồ sơ đã về khay ký" in said
    assert (await only_call(school, batch_id)).state == CallState.DECLINED
    assert await school.waiting(TEACHER) == 2
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.PARTIAL


async def test_after_wrong_values_a_no_is_not_believed_without_a_person(school: SigningSchool) -> None:
    """The service had said that it was signed."""
    await school.ask(1)
    batch_id = await school.consent(TEACHER)
    call_id = (await only_call(school, batch_id)).id
    by = await school.actor(PRINCIPAL)
    async with tenant_session(school.tenant_id) as session:
        await flow.end_call(session, call_id, CallState.QUARANTINED, "Giá trị sai.")
        said = await held.record_answer(
            session, by, call_id, port.Expired(provider_tx="", reason="Đã hết hạn.")
        )
    assert "Đã hết hạn." in said
    assert (await only_call(school, batch_id)).state == CallState.QUARANTINED
    assert await school.waiting(TEACHER) == 0


async def test_a_silent_service_changes_nothing(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    batch_id = await quarantined(school, signing)
    call = await only_call(school, batch_id)
    browser = await browsers.of(school, PRINCIPAL)
    signing.fault("http500", times=1000, path="/csc/")
    assert "Dịch vụ ký số" in await ask(browser, call.id)
    assert (await only_call(school, batch_id)).state == CallState.QUARANTINED


async def test_a_suspended_certificate_is_not_asked_about(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    batch_id = await quarantined(school, signing)
    call = await only_call(school, batch_id)
    async with tenant_session(school.tenant_id) as session:
        own = await credentials.usable(session, school.staff[TEACHER])
        await credentials.suspend(session, await school.actor(TEACHER), own.id, own.revision, "Mất máy")
    asked = signing.ledger()["tokens"]
    assert "đang tạm dừng" in await ask(await browsers.of(school, PRINCIPAL), call.id)
    assert (await only_call(school, batch_id)).state == CallState.QUARANTINED
    assert signing.ledger()["tokens"] == asked


async def test_documents_go_back_with_a_reason_and_are_signed_by_a_new_consent(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    batch_id = await quarantined(school, signing)
    call = await only_call(school, batch_id)
    browser = await browsers.of(school, PRINCIPAL)
    await browser.get("/ky/giu-lai")
    assert (await browser.post(f"/ky/giu-lai/{call.id}/tra-lai", {"ly_do": " "})).status_code == 422
    reason = {"ly_do": "Nhà cung cấp báo chưa ký"}
    assert (await browser.post(f"/ky/giu-lai/{call.id}/tra-lai", reason)).status_code == 303
    assert (await browser.post(f"/ky/giu-lai/{call.id}/tra-lai", reason)).status_code == 409
    assert "Nhà cung cấp báo chưa ký" in ((await school.progress(TEACHER, batch_id)).problem or "")
    assert await school.waiting(TEACHER) == 2
    before = signing.ledger()["consents"]
    await Machine(school.tenant_id).rest()
    assert signing.ledger()["consents"] == before, "somebody was asked without a consent"
    again = await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    assert (await school.progress(TEACHER, again)).state == BatchState.COMPLETED
    signing.look_away()


async def test_only_the_signer_and_the_management_see_it(
    school: SigningSchool, signing: SigningService
) -> None:
    batch_id = await quarantined(school, signing)
    call_id = (await only_call(school, batch_id)).id
    assert [len(await seen(school, role)) for role in (TEACHER, PRINCIPAL, SEAL)] == [1, 1, 0]
    clerk = await school.actor(SEAL)
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(NotFound):
            await held.call_to_ask(session, clerk, call_id)
        with pytest.raises(NotFound):
            await held.give_back(session, clerk, call_id, "Không phải việc của tôi")


class TestBlindProvider:
    """A service that cannot be asked about a transaction by our id."""

    @pytest.fixture(autouse=True)
    def blind(self, monkeypatch: pytest.MonkeyPatch, signing: SigningService) -> None:
        provider = csc.CscProvider(csc.CAPABILITIES)
        assert provider.capabilities.repeat is port.Repeat.BLIND
        monkeypatch.setattr(gateway, "provider", lambda name: provider)

    async def test_nothing_goes_back_while_the_telephone_may_still_ask(
        self, school: SigningSchool, signing: SigningService, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await school.ask(2)
        batch_id = await school.consent(TEACHER)
        signing.fault("cut_after_accept", path=AUTHORIZE)
        await Machine(school.tenant_id).rest()
        [one] = await seen(school, PRINCIPAL)
        assert (one.call.state, one.asks) == (CallState.UNKNOWN, False)
        by = await school.actor(PRINCIPAL)
        async with tenant_session(school.tenant_id) as session:
            with pytest.raises(Conflict, match=one.call.transaction_id):
                await held.call_to_ask(session, by, one.call.id)
            with pytest.raises(Invalid):
                await held.give_back(session, by, one.call.id, "")
            with pytest.raises(Conflict, match="có thể còn trên điện thoại"):
                await held.give_back(session, by, one.call.id, "Đã gọi nhà cung cấp")
        later = clock.now() + timedelta(
            seconds=csc.CAPABILITIES.authorization_ttl + csc.CAPABILITIES.settle + 1
        )
        with monkeypatch.context() as patch:
            patch.setattr(clock, "now", lambda: later)
            async with tenant_session(school.tenant_id) as session:
                await held.give_back(session, by, one.call.id, "Đã gọi nhà cung cấp")
        assert await school.waiting(TEACHER) == 2
        assert await made(school, signing, batch_id) == [0]


@pytest.mark.parametrize(
    ("repeat", "how"),
    [(port.Repeat.IDEMPOTENT, "submit"), (port.Repeat.QUERYABLE, "find"), (port.Repeat.BLIND, None)],
)
def test_only_an_idempotent_service_gets_the_same_request_again(repeat: port.Repeat, how: str | None) -> None:
    assert resumption(has_values=False, reference=None, repeat=repeat) == how
    assert resumption(has_values=False, reference="x", repeat=repeat) == "poll"
    assert resumption(has_values=True, reference=None, repeat=repeat) == "embed"


async def test_a_service_that_knows_of_none_leaves_it_to_a_person(school: SigningSchool) -> None:
    await school.ask(1)
    batch_id = await school.consent(TEACHER)
    call_id, by = (await only_call(school, batch_id)).id, await school.actor(PRINCIPAL)
    async with tenant_session(school.tenant_id) as session:
        await flow.end_call(session, call_id, CallState.UNKNOWN, "Không rõ.")
        assert "không có lần ký nào" in await held.record_answer(session, by, call_id, None)
    assert (await only_call(school, batch_id)).state == CallState.UNKNOWN
