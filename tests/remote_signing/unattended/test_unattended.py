"""A seal that seals by itself: what two people agreed to and no more, stopped at once; counted in the token's records."""

import re
import uuid
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import select

from backend.core import clock, storage
from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.errors import Conflict, Invalid
from backend.remote_signing.credentials import decisions, inspection
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.formats.schemas import CertificateSubject
from backend.remote_signing.mandates import rules
from backend.remote_signing.mandates import service as mandates
from backend.remote_signing.mandates.schemas import Mandate, Terms, Turn
from backend.remote_signing.providers.port import CredentialHandle
from backend.remote_signing.requests import service as requests
from backend.remote_signing.requests.models import ProviderCall, SigningBatch
from backend.remote_signing.requests.rules import CallState
from backend.remote_signing.requests.schemas import BatchId, NewRequest, NewSigner
from backend.tenants.permissions import Role
from tests.core.site_fixtures import open_test_school
from tests.factories.machine import Machine
from tests.factories.signing_school import (
    PRINCIPAL,
    SEAL,
    TEACHER,
    SigningSchool,
    changed_settings,
    new_document,
)
from tests.fakes.processes import SigningService
from tests.fakes.softhsm import PACKAGE, SPY_PACKAGE, SoftHsm, watched_token_in
from tests.remote_signing.credentials.test_pages import Desk
from tests.remote_signing.requests.test_faults import calls_of
from tests.remote_signing.requests.test_held import Browsers, browsers

__all__ = ["browsers"]

pytestmark = pytest.mark.needs(PACKAGE, SPY_PACKAGE)

NAME, TAX_CODE = "Trường Ký Thử", "0100000000"
ACCOUNT, PAGE = f"{TAX_CODE}/con-dau", "/chung-thu/con-dau/tu-dong"
NOON = datetime(2026, 6, 1, 12, 0, tzinfo=clock.VIETNAM)
TERMS = Terms(daily_limit=3, opens=time(7), closes=time(18), last_day=date(2026, 6, 2))


@pytest.fixture(scope="module")
def hsm(signing: SigningService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    folder = tmp_path_factory.mktemp("hsm")
    with watched_token_in(folder) as token:
        declared = folder / "providers.toml"
        declared.write_text(token.declaration())
        with changed_settings(HOCBA_SIGNING_PROVIDERS=str(declared)):
            yield token


@pytest.fixture(scope="module")
def key(hsm: SoftHsm, signing: SigningService) -> CredentialHandle:
    return hsm.certified(CertificateSubject(name=NAME, tax_code=TAX_CODE), signing.certify)


@pytest_asyncio.fixture(loop_scope="session")
async def sealing(school: SigningSchool, key: CredentialHandle) -> SigningSchool:
    """Its seal is the key in the token."""
    fingerprint = inspection.read(key.certificate).fingerprint
    facts = {"holder": "", "provider": "hsm", "account": ACCOUNT, "sha256": fingerprint}
    async with tenant_session(school.tenant_id) as session:
        await decisions.take_over_seal(session, machine(school.tenant_id), facts)
    return school


async def give(school: SigningSchool, **changed: str) -> Mandate:
    """What the approval of a second person does."""
    keeper = await school.actor(SEAL)
    async with tenant_session(school.tenant_id) as session:
        seal = await credentials.usable(session, None)
        facts = {"sha256": seal.fingerprint, "daily_limit": "100", "opens": "00:00", "closes": "23:59:59"}
        last_day = (clock.today() + timedelta(days=30)).isoformat()
        await mandates.give(session, keeper, facts | {"last_day": last_day} | changed)
    return (await known(school))[0]


async def known(school: SigningSchool) -> list[Mandate]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await mandates.history(session)


async def sealed(school: SigningSchool) -> list[int]:
    """How many documents each batch has that rested on a mandate, oldest first."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return [one.count for one in await requests.batches_under_mandates(session)][::-1]


async def signed_by_people(school: SigningSchool, count: int, group: str = "Lớp 4A") -> None:
    """New documents up to the principal's signature; what follows by itself is done, too, as far as it is due."""
    await school.ask(count, group)
    await people_sign(school)


async def people_sign(school: SigningSchool) -> None:
    """Whatever waits, by everybody but the seal."""
    for role in (TEACHER, PRINCIPAL):
        batch_id = await school.consent(role)
        work = Machine(school.tenant_id, hurry=False)

        async def signed(role: str = role, batch_id: BatchId = batch_id) -> bool:
            return (await school.progress(role, batch_id)).state == "completed"

        await work.until(signed)


async def settle(school: SigningSchool) -> None:
    """Until nothing is due any more."""
    work = Machine(school.tenant_id, hurry=False)

    async def still() -> bool:
        return await work.round() == 0 and all(job["next_at"] > clock.now() for job in await work.left())

    await work.until(still)


async def test_what_everybody_else_has_signed_is_sealed_without_a_person(
    sealing: SigningSchool, hsm: SoftHsm, browsers: Browsers
) -> None:
    await signed_by_people(sealing, 2)
    assert await sealing.waiting(SEAL) == 2
    await give(sealing)
    before = hsm.records.signed()
    await settle(sealing)
    assert (await sealing.waiting(SEAL), await sealed(sealing)) == (0, [2]), "what waited already"
    await signed_by_people(sealing, 3, "Lớp 4B")
    await settle(sealing)
    assert (await sealing.waiting(SEAL), await sealed(sealing)) == (0, [2, 3]), "what came later"
    made = hsm.records.signed() - before
    assert (made.total(), set(made.values())) == (10, {1}), "page and XML of five documents, each once"
    keeper = await browsers.of(sealing, SEAL)
    [newest, _] = re.findall(r'href="(/ky/lo/[^"]+)"', (await keeper.get("/ky")).text)
    [turn, *_] = re.findall(r'href="(/ky/luot/[^"]+)"', (await keeper.get(newest)).text)
    shown = (await keeper.get(turn)).text
    assert ("Con dấu tự đóng lúc" in shown, "mandate" in shown) == (True, False), "nobody proved who they are"


async def test_above_the_days_count_it_waits_for_the_next_day(
    sealing: SigningSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await give(sealing, daily_limit="2")
    await signed_by_people(sealing, 3)
    await settle(sealing)
    assert (await sealed(sealing), await sealing.waiting(SEAL)) == ([2], 1)
    tomorrow = clock.now() + timedelta(days=1)
    work = Machine(sealing.tenant_id)

    async def the_rest() -> bool:
        return await sealed(sealing) == [2, 1]

    with monkeypatch.context() as later:
        later.setattr(clock, "now", lambda: tomorrow)
        await work.until(the_rest)
    await signed_by_people(sealing, 1, "Lớp 4B")
    await settle(sealing)
    assert (await sealed(sealing), await sealing.waiting(SEAL)) == ([2, 1], 1)


@pytest.mark.parametrize("at", [CallState.PREPARING, CallState.SUBMITTING])
async def test_stopping_stops_even_what_is_under_way(
    at: CallState, sealing: SigningSchool, hsm: SoftHsm
) -> None:
    mandate = await give(sealing)
    await signed_by_people(sealing, 2)
    before = hsm.records.signed()
    work = Machine(sealing.tenant_id, hurry=False)

    async def reached() -> bool:
        return bool(await sealed(sealing)) and [one.state for one in await calls_of_mandate(sealing)] == [at]

    await work.until(reached)
    async with tenant_session(sealing.tenant_id) as session:
        await mandates.end(session, await sealing.actor(SEAL), mandate.id, "Nghi có người lạ")
    await settle(sealing)
    assert (hsm.records.signed() - before).total() == 0
    assert await sealing.waiting(SEAL) == 2
    [call] = await calls_of_mandate(sealing)
    assert (call.state, "đã được dừng" in (call.problem or "")) == (CallState.FAILED, True)


async def calls_of_mandate(school: SigningSchool) -> list[ProviderCall]:
    """Of the one batch that rested on a mandate."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        [batch_id] = await session.scalars(
            select(SigningBatch.id).where(SigningBatch.mandate_id.is_not(None))
        )
    return list(await calls_of(school, BatchId(batch_id)))


async def test_what_is_not_signed_by_others_or_has_a_note_waits_for_the_keeper(
    sealing: SigningSchool,
) -> None:
    await give(sealing)
    for note, roles in ((None, (SEAL,)), ("Sửa điểm Toán", (TEACHER, PRINCIPAL, SEAL))):
        (pdf, xml) = new_document()
        files = storage.file_of(pdf, "application/pdf"), storage.file_of(xml, "application/xml")
        for data in (pdf, xml):
            await storage.put(sealing.tenant_id, data)
        async with tenant_session(sealing.tenant_id) as session:
            await storage.register(session, *files)
            request = NewRequest(
                subject_id=uuid.uuid4(),
                label="Học sinh riêng",
                group="Lớp 5A",
                sort_key="1",
                note=note,
                document_sha256=files[0].sha256,
                xml_sha256=None,
                signers=tuple(
                    NewSigner(role=role, staff_id=None if role == SEAL else sealing.staff[role], name=role)
                    for role in roles
                ),
            )
            await requests.open_requests(session, [request])
    await people_sign(sealing)
    await settle(sealing)
    assert (await sealed(sealing), await sealing.waiting(SEAL)) == ([], 2)


async def test_a_seal_that_was_suspended_ends_it(sealing: SigningSchool) -> None:
    await give(sealing)
    async with tenant_session(sealing.tenant_id) as session:
        seal = await credentials.usable(session, None)
        await credentials.suspend(session, await sealing.actor(SEAL), seal.id, seal.revision, "Kiểm tra")
    await signed_by_people(sealing, 1)
    await settle(sealing)
    [mandate] = await known(sealing)
    assert (mandate.ended_at is not None, "không còn là chứng thư đang dùng" in mandate.ended_reason) == (
        True,
        True,
    )
    assert (await sealed(sealing), await sealing.waiting(SEAL)) == ([], 1)


async def test_a_seal_that_asks_a_person_cannot(school: SigningSchool) -> None:
    with pytest.raises(Conflict, match="HSM hoặc KMS"):
        await give(school)


async def test_two_people_one_page_and_the_switch(
    site: Litestar, hsm: SoftHsm, signing: SigningService
) -> None:
    desk = Desk(site, await open_test_school("Trường Tự Đóng Dấu"))
    subject = CertificateSubject(name="Trường Tự Đóng Dấu", tax_code="0100000000")
    fingerprint = inspection.read(hsm.certified(subject, signing.certify).certificate).fingerprint
    facts = {"holder": "", "provider": "hsm", "account": ACCOUNT, "sha256": fingerprint}
    async with tenant_session(desk.school.tenant_id) as session:
        await decisions.take_over_seal(session, machine(desk.school.tenant_id), facts)
    clerk = await desk.browser(Role.CLERK)
    assert "Đang tắt" in (await clerk.get(PAGE)).text
    typed = {"so_luong": "0", "tu_gio": "07:00", "den_gio": "18:00", "ly_do": "Mùa học bạ"}
    typed["den_ngay"] = (clock.today() + timedelta(days=10)).isoformat()
    wrong = await clerk.post(PAGE, typed)
    assert (wrong.status_code, "Số tài liệu mỗi ngày" in wrong.text) == (422, True)
    assert (await clerk.post(PAGE, typed | {"so_luong": "200"})).status_code == 303
    assert "Đang tắt" in (await clerk.get(PAGE)).text, "one person is not enough"
    assert (await desk.approve(Role.PRINCIPAL)).status_code == 303
    shown = (await clerk.get(PAGE)).text
    assert ("Đang bật" in shown, "200 tài liệu" in shown) == (True, True)
    assert f'value="{typed["den_ngay"]}"' in shown, "what holds is where a change begins"
    async with tenant_session(desk.school.tenant_id, read_only=True) as session:
        [mandate] = await mandates.history(session)
    it, [seal] = await desk.browser(Role.IT_TEACHER), await desk.held(None)
    resting = await it.post(
        f"/chung-thu/so/{seal.id}/tam-dung", {"lan": str(seal.revision), "ly_do": "Kiểm tra"}
    )
    assert resting.status_code == 303
    shown = (await clerk.get(PAGE)).text
    assert ("Đang bật" in shown, "không còn là chứng thư đang dùng" in shown) == (False, True)
    teacher = await desk.browser(Role.HOMEROOM_TEACHER)
    assert (await teacher.post(f"{PAGE}/{mandate.id}/dung", {"ly_do": "x"})).status_code == 403
    stopped = await it.post(f"{PAGE}/{mandate.id}/dung", {"ly_do": "Nghi lộ khóa"})
    assert stopped.status_code == 303
    after = (await clerk.get(PAGE)).text
    assert ("Đang tắt" in after, "Nghi lộ khóa" in after) == (True, True)


@pytest.mark.parametrize(
    ("moment", "sealed_today", "turn"),
    [
        (NOON, 0, Turn(most=3)),
        (NOON, 2, Turn(most=1)),
        (NOON, 3, Turn(wait=19 * 3600)),
        (NOON.replace(hour=5), 0, Turn(wait=2 * 3600)),
        (NOON.replace(hour=7), 0, Turn(most=3)),
        (NOON.replace(hour=18), 0, Turn(wait=13 * 3600)),
        (NOON.replace(day=2, hour=18), 0, Turn()),
        (NOON.replace(day=3), 0, Turn()),
    ],
)
def test_what_the_limits_allow_at_a_moment(moment: datetime, sealed_today: int, turn: Turn) -> None:
    assert rules.turn(TERMS, moment, sealed_today) == turn


@pytest.mark.parametrize(
    ("field", "value", "told"),
    [
        ("so_luong", "x", "Số tài liệu"),
        ("so_luong", "5001", "từ 1 đến"),
        ("tu_gio", "25:00", "Từ giờ"),
        ("den_gio", "07:00", "Đến giờ"),
        ("den_ngay", "", "Đến hết ngày"),
        ("den_ngay", "2026-05-31", "từ hôm nay"),
        ("den_ngay", "2026-12-31", "nhiều nhất"),
    ],
)
def test_limits_that_cannot_be_are_named(field: str, value: str, told: str) -> None:
    typed = {"so_luong": "10", "tu_gio": "07:00", "den_gio": "18:00", "den_ngay": "2026-06-10"}
    assert rules.checked_terms(typed, NOON.date()).daily_limit == 10
    with pytest.raises(Invalid, match=told):
        rules.checked_terms(typed | {field: value}, NOON.date())
