"""What a signer does not sign: one document with a reason, and the rest of a batch; and what they look at before."""

import uuid

import pytest
from litestar import Litestar

from backend.core import storage
from backend.core.crypto import sha256_hex
from backend.core.database import tenant_session
from backend.core.errors import Conflict, Invalid, NotFound
from backend.remote_signing.requests import declining, service
from backend.remote_signing.requests.rules import BatchState, CallState, checked_reason, noted, told
from backend.remote_signing.requests.schemas import NewRequest, NewSigner, StepId
from tests.factories.machine import Machine
from tests.factories.signing_school import PRINCIPAL, SEAL, TEACHER, SigningSchool, new_document
from tests.fakes.processes import SigningService
from tests.remote_signing.requests.test_faults import calls_of, states_of_steps
from tests.remote_signing.requests.test_held import Browsers, browsers

__all__ = ["browsers"]


async def steps(school: SigningSchool, role: str) -> list[StepId]:
    return [item.step_id for item in (await school.offer(role)).items]


async def decline(
    school: SigningSchool, role: str, step_id: uuid.UUID, reason: str = "Sai điểm Toán"
) -> None:
    actor = await school.actor(role)
    async with tenant_session(school.tenant_id) as session:
        await declining.decline(session, actor, step_id, reason)


async def offer_again(school: SigningSchool, role: str, step_id: uuid.UUID) -> None:
    actor = await school.actor(role)
    async with tenant_session(school.tenant_id) as session:
        await declining.offer_again(session, actor, step_id, "Điểm đúng như sổ")


async def test_one_document_is_refused_with_a_reason_and_nobody_signs_it(
    school: SigningSchool, browsers: Browsers
) -> None:
    await school.ask(3)
    [first, _, _] = await steps(school, TEACHER)
    browser, at = await browsers.of(school, TEACHER), f"/ky/luot/{first}/tu-choi"
    assert "Học sinh số 001" in (await browser.get(at)).text
    assert (await browser.post(at, {"ly_do": ""})).status_code == 422
    assert (await browser.post(at, {"ly_do": "Sai điểm Toán"})).status_code == 303
    assert (await browser.post(at, {"ly_do": "Sai điểm Toán"})).status_code == 409
    assert await school.waiting(TEACHER) == 2
    await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    assert await school.waiting(PRINCIPAL) == 2
    assert await states_of_steps(school, TEACHER) == {"signed", "declined"}
    manager = await browsers.of(school, PRINCIPAL)
    assert "1 hồ sơ bị từ chối ký" in (await manager.get("/")).text
    shown = (await manager.get("/ky/da-tu-choi")).text
    assert "Sai điểm Toán" in shown
    assert "Học sinh số 001" in shown
    answer = await manager.post(f"/ky/luot/{first}/dua-lai", {"ly_do": "Đã đối chiếu"})
    assert answer.status_code == 303
    assert await school.waiting(TEACHER) == 1
    listed = (await browser.get(f"/ky/xem?vai={TEACHER}")).text
    assert "từng bị từ chối ký: Sai điểm Toán" in listed


async def test_a_list_with_a_document_that_was_refused_meanwhile_is_looked_at_again(
    school: SigningSchool,
) -> None:
    await school.ask(2)
    offer = await school.offer(TEACHER)
    await decline(school, TEACHER, offer.items[0].step_id)
    with pytest.raises(Conflict, match="vừa thay đổi so với lúc bạn xem"):
        await school.agree(offer)


async def test_only_its_signer_refuses_and_only_who_settles_offers_again(school: SigningSchool) -> None:
    await school.ask(1)
    [step_id] = await steps(school, TEACHER)
    for stranger in (PRINCIPAL, SEAL):
        with pytest.raises(NotFound):
            await decline(school, stranger, step_id)
    with pytest.raises(Conflict):
        await offer_again(school, TEACHER, step_id)
    await decline(school, TEACHER, step_id)
    with pytest.raises(NotFound):
        await offer_again(school, SEAL, step_id)
    await offer_again(school, TEACHER, step_id)
    assert await school.waiting(TEACHER) == 1


async def test_who_signs_the_same_document_reads_the_reason(school: SigningSchool) -> None:
    """The homeroom teacher has prepared it; the clerk signs none of it and has nothing to settle."""
    await school.ask(1)
    await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    [step_id] = await steps(school, PRINCIPAL)
    await decline(school, PRINCIPAL, step_id)
    seen = {}
    for role in (TEACHER, PRINCIPAL, SEAL):
        actor = await school.actor(role)
        async with tenant_session(school.tenant_id, read_only=True) as session:
            seen[role] = [one.reason for one in await declining.list_declined(session, actor)]
            assert await service.count_declined(session, actor) == len(seen[role])
    assert seen == {TEACHER: ["Sai điểm Toán"], PRINCIPAL: ["Sai điểm Toán"], SEAL: []}


async def test_a_refused_document_can_be_taken_back(school: SigningSchool) -> None:
    [subject_id] = await school.ask(1)
    [step_id] = await steps(school, TEACHER)
    await decline(school, TEACHER, step_id)
    manager = await school.actor(PRINCIPAL)
    async with tenant_session(school.tenant_id) as session:
        await service.cancel(session, manager, [subject_id])
    assert await states_of_steps(school, TEACHER) == {"cancelled"}
    with pytest.raises(Conflict):
        await offer_again(school, PRINCIPAL, step_id)


async def test_what_a_signer_opens_is_what_they_consent_to(school: SigningSchool, browsers: Browsers) -> None:
    await school.ask(4)
    offer = await school.offer(TEACHER)
    browser = await browsers.of(school, TEACHER)
    listed = (await browser.get(f"/ky/xem?vai={TEACHER}")).text
    samples = [item for item in offer.items if f'"/ky/luot/{item.step_id}/tep"' in listed]
    assert [item.label[-3:] for item in samples] == ["001", "003", "004"]
    file = await browser.get(f"/ky/luot/{samples[0].step_id}/tep")
    assert sha256_hex(file.content) == samples[0].document_sha256
    clerk = await browsers.of(school, SEAL)
    assert (await clerk.get(f"/ky/luot/{samples[0].step_id}/tep")).status_code == 404


async def test_a_batch_is_stopped_before_it_is_sent(
    school: SigningSchool, signing: SigningService, browsers: Browsers
) -> None:
    await school.ask(2)
    batch_id = await school.consent(TEACHER)
    other = await browsers.of(school, PRINCIPAL)
    await other.get("/ky")
    assert (await other.post(f"/ky/lo/{batch_id}/dung")).status_code == 404
    browser = await browsers.of(school, TEACHER)
    await browser.get(f"/ky/lo/{batch_id}")
    asked = signing.ledger()["consents"]
    assert (await browser.post(f"/ky/lo/{batch_id}/dung")).status_code == 303
    await Machine(school.tenant_id).rest()
    progress = await school.progress(TEACHER, batch_id)
    assert (progress.state, progress.problem) == (BatchState.PARTIAL, "Người ký đã dừng lô ký.")
    assert await school.waiting(TEACHER) == 2
    assert signing.ledger()["consents"] == asked


async def test_what_was_sent_is_not_stopped(school: SigningSchool) -> None:
    await school.ask(1)
    batch_id = await school.consent(TEACHER)

    async def sent() -> bool:
        [call] = await calls_of(school, batch_id)
        return call.state != CallState.PREPARING

    await Machine(school.tenant_id).until(sent)
    actor = await school.actor(TEACHER)
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(Conflict, match="đã gửi hết"):
            await declining.stop_batch(session, actor, batch_id)


async def test_the_tray_says_what_it_holds(school: SigningSchool, site: Litestar, browsers: Browsers) -> None:
    """Transcripts are transcripts, and packages are packages, on the page as on the telephone."""
    await school.ask(2)
    pdf, _ = new_document()
    await storage.put(school.tenant_id, pdf)
    async with tenant_session(school.tenant_id) as session:
        file = storage.file_of(pdf, "application/pdf")
        await storage.register(session, file)
        package = NewRequest(
            subject_id=uuid.uuid4(),
            label="Học sinh chuyển đi",
            group="Phiếu chuyển",
            sort_key="z",
            document_sha256=file.sha256,
            signers=(NewSigner(role=TEACHER, staff_id=school.staff[TEACHER], name="Cô"),),
            noun="phiếu chuyển học bạ",
            note="Chuyển đi tỉnh khác",
        )
        await service.open_requests(session, [package])
    browser = await browsers.of(school, TEACHER)
    assert "2 học bạ và 1 phiếu chuyển học bạ chờ ký" in (await browser.get("/ky")).text
    listed = (await browser.get(f"/ky/xem?vai={TEACHER}")).text
    assert "Xác nhận ký 2 học bạ và 1 phiếu chuyển học bạ" in listed
    assert "Học sinh chuyển đi: Chuyển đi tỉnh khác" in listed


def test_words() -> None:
    assert told({"học bạ": 1200, "phiếu chuyển học bạ": 1}) == "1.200 học bạ và 1 phiếu chuyển học bạ"
    assert noted(None, None) is None
    assert noted("Phiên bản 2", "Sai tên") == "Phiên bản 2; từng bị từ chối ký: Sai tên"
    with pytest.raises(Invalid):
        checked_reason("  ")
