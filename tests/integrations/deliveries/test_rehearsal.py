"""Before sending: four levels, the package, what is new in it; and the way to the very field that is wrong."""

import uuid
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import http_client, settings
from backend.core.database import tenant_session
from backend.integrations.deliveries import fixing, rules, service
from backend.integrations.deliveries.fixing import Kind, Spot
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.profiles import catalog, samples
from backend.records.transcripts import service as transcripts
from tests.core.site_fixtures import site
from tests.factories.issued_versions import issue, issue_next, store
from tests.factories.signing_school import changed_settings
from tests.factories.small_school import SmallSchool, open_small_school
from tests.fakes.processes import Province, start_province
from tests.integrations.deliveries.test_troubles import REFUSED, stopped

__all__ = ["site"]

SANDBOX, NINH_BINH = "vn.sandbox.hocba/2", "vn.ninh-binh.hocba/1"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def trial(
    product: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Province]:
    """A place for trials: its records count what came."""
    with start_province(tmp_path_factory.mktemp("trial"), processing=0.05) as running:
        yield running
    await http_client.aclose()


@pytest.fixture
def at_trial(trial: Province) -> Iterator[None]:
    key = trial.endpoint().secrets["api_key"]
    urls = f"{SANDBOX}={trial.url}"
    with changed_settings(
        HOCBA_TRIAL_URLS=urls, HOCBA_PROVINCE_API_KEY=key, HOCBA_PROVINCE_URL="http://127.0.0.1:9"
    ):
        yield
    trial.clear_faults()


async def queued(school: SmallSchool) -> tuple[uuid.UUID, uuid.UUID]:
    """One version and its delivery, which waits."""
    async with school.session() as session:
        await school.open_class(session, "4A", 4)
    [version_id] = await issue(school.tenant_id)
    return version_id, await opened(school, version_id)


async def opened(school: SmallSchool, version_id: uuid.UUID) -> uuid.UUID:
    async with school.session() as session:
        await service.open_deliveries(session, [version_id])
        return (await service.of_version(session, version_id))[0].id


async def row_of(school: SmallSchool, delivery_id: uuid.UUID) -> tuple[object, ...]:
    """All of a delivery, with what was tried of it."""
    async with tenant_session(school.tenant_id) as session:
        tried = "(select count(*) from delivery_attempt where delivery_id = d.id)"
        query = text(f"select d.*, {tried} from delivery d where id = :id")
        return tuple((await session.execute(query, {"id": delivery_id})).one())


async def test_a_trial_says_what_would_happen_and_leaves_nothing(
    site: Litestar, trial: Province, at_trial: None
) -> None:
    school = await open_small_school()
    _, delivery_id = await queued(school)
    before, ledger = await row_of(school, delivery_id), trial.ledger()["messages"]
    browser = await school.browser(site, "clerk")
    shown = (await browser.get(f"/gui/{delivery_id}/chay-thu")).text
    assert shown.count(">Đạt<") == 3
    assert "Chưa có lần gửi nào trước đó" in shown
    assert "/thongDiep/lookupCode" in shown or "lookupCode" in shown
    assert trial.ledger()["messages"] == ledger
    tried = (await browser.post(f"/gui/{delivery_id}/chay-thu")).text
    assert tried.count(">Đạt<") == 4
    assert trial.ledger()["messages"] == ledger + 1
    assert await row_of(school, delivery_id) == before


async def test_what_the_place_for_trials_refuses_is_shown(
    site: Litestar, trial: Province, at_trial: None
) -> None:
    school = await open_small_school()
    _, delivery_id = await queued(school)
    browser = await school.browser(site, "clerk")
    await browser.get(f"/gui/{delivery_id}/chay-thu")
    trial.fault("html_200", times=9)
    shown = (await browser.post(f"/gui/{delivery_id}/chay-thu")).text
    assert shown.count(">Đạt<") == 3
    assert "Cơ quan tiếp nhận trả lời không đọc được" in shown
    assert "Bảo trì" not in shown, "what an Authority answers is not shown to a school"


async def test_only_those_who_send_try(site: Litestar, product: settings.Settings) -> None:
    school = await open_small_school()
    _, delivery_id = await queued(school)
    principal = await school.browser(site, "principal")
    assert (await principal.get(f"/gui/{delivery_id}/chay-thu")).status_code == 403
    other = await (await open_small_school()).browser(site, "clerk")
    assert (await other.get(f"/gui/{delivery_id}/chay-thu")).status_code == 404


async def send_once(school: SmallSchool, delivery_id: uuid.UUID, content: bytes) -> None:
    """As if this had gone out before."""
    sha256 = await store(school.tenant_id, content)
    async with tenant_session(school.tenant_id) as session:
        await session.execute(
            text(
                "insert into delivery_attempt (tenant_id, id, delivery_id, number, started_at, outcome, sent_sha256)"
                " values (:tenant, gen_random_uuid(), :delivery, 1, now(), 'received', :sha256)"
            ),
            {"tenant": school.tenant_id, "delivery": delivery_id, "sha256": sha256},
        )


async def test_what_is_new_since_the_last_sending_is_shown(
    site: Litestar, product: settings.Settings
) -> None:
    school = await open_small_school()
    version_id, delivery_id = await queued(school)
    browser = await school.browser(site, "clerk")
    await send_once(school, delivery_id, b'{"pdfSha256": "cu"}')
    async with tenant_session(school.tenant_id) as session:
        recalled = text("update transcript_version set state = 'recalled' where id = :id")
        await session.execute(recalled, {"id": version_id})
    next_id = await issue_next(school.tenant_id, version_id)
    second = await opened(school, next_id)
    shown = (await browser.get(f"/gui/{second}/chay-thu")).text
    differing = shown[shown.index("Khác với lần gửi trước") : shown.index("Xem cả gói tin")]
    assert "/pdfSha256" in differing
    assert "cu" in differing
    assert "HO_VA_TEN" in differing, "the XML inside is compared field by field"
    assert "Chưa có lần gửi nào" not in shown


async def test_all_of_one_cause_are_tried_at_once(site: Litestar, product: settings.Settings) -> None:
    school = await open_small_school()
    await stopped(school, [{"reason": REFUSED}, {"reason": REFUSED}])
    browser = await school.browser(site, "clerk")
    cause = rules.cause_of(DeliveryState.PARKED, "", REFUSED, None)
    shown = (await browser.get(f"/gui/nguyen-nhan/chay-thu?co_quan={SANDBOX}&nguyen_nhan={cause}")).text
    assert "2 trong 2 học bạ gửi được" in shown
    missing = await browser.get(f"/gui/nguyen-nhan/chay-thu?co_quan={SANDBOX}&nguyen_nhan=error x")
    assert missing.status_code == 404


async def test_what_was_ticked_goes_out_again_and_nothing_else(
    site: Litestar, product: settings.Settings
) -> None:
    school = await open_small_school()
    deliveries = await stopped(school, [{"reason": REFUSED} for _ in range(3)])
    browser = await school.browser(site, "clerk")
    cause = rules.cause_of(DeliveryState.PARKED, "", REFUSED, None)
    await browser.get(f"/gui/nguyen-nhan/xem?co_quan={SANDBOX}&nguyen_nhan={cause}")
    form: dict[str, str | list[str]] = {"co_quan": SANDBOX, "nguyen_nhan": cause, "da_chon": "1"}
    assert (await browser.post("/gui/nguyen-nhan/gui-lai", form)).status_code == 422
    assert (await browser.post("/gui/nguyen-nhan/gui-lai", form | {"chon": "x"})).status_code == 422
    chosen = [str(one) for one in deliveries[:2]]
    async with school.session() as session:
        ids = {one.id: one.message_id for one in await service.deliveries_after(session, None, 50)}
    assert (await browser.post("/gui/nguyen-nhan/gui-lai", form | {"chon": chosen})).status_code == 303
    async with school.session() as session:
        found = {one.id: one for one in await service.deliveries_after(session, None, 50)}
    states = [found[one].state for one in deliveries]  # type: ignore[index]
    assert states == [DeliveryState.UNKNOWN, DeliveryState.UNKNOWN, DeliveryState.PARKED]
    assert {one: delivery.message_id for one, delivery in found.items()} == ids


async def test_an_error_leads_to_the_very_field(site: Litestar, product: settings.Settings) -> None:
    school = await open_small_school()
    errors = (
        '[{"code": "Z9", "field": "HOC_BA/DU_LIEU_HOC_BA/THONG_TIN/HO_VA_TEN", "message": "Sai tên"},'
        ' {"code": "Z9", "field": "lạ lùng", "message": "Gì đó"}]'
    )
    [delivery_id] = await stopped(school, [{"state": "rejected", "errors": errors}])
    browser = await school.browser(site, "clerk")
    shown = await browser.get(f"/gui/{delivery_id}")
    [address] = browser.page.xpath("//a[.='Sửa tại đây']/@href")  # type: ignore[union-attr]
    assert address.endswith("/sua#f-full_name")
    assert shown.text.count("Sửa tại đây") == 1
    form = (await browser.get(address.partition("#")[0])).text
    elsewhere = {"student_code", "personal_id"}
    assert [one for one in PERSON.values() if one not in elsewhere and f'id="f-{one}"' not in form] == []
    await browser.get(f"/gui/nguyen-nhan/xem?co_quan={SANDBOX}&nguyen_nhan=code Z9")
    assert browser.page.xpath("//a[.='Sửa tại đây']/@href") == [address]  # type: ignore[union-attr]


RECORD = samples.records()["primary"]
PERSON = transcripts.person_fields()


@pytest.mark.parametrize(
    ("profile_id", "field", "wanted"),
    [
        (SANDBOX, "HO_VA_TEN", Spot(Kind.PUPIL, "full_name")),
        (SANDBOX, "HOC_BA/DU_LIEU_HOC_BA/THONG_TIN_HOC_BA/THONG_TIN/NGAY_SINH", Spot(Kind.PUPIL, "date_of_birth")),
        (SANDBOX, "messageId", None),
        (SANDBOX, "", None),
        (SANDBOX, "///", None),
        (NINH_BINH, "HoTen", Spot(Kind.PUPIL, "full_name")),
        (NINH_BINH, "hb:GuiHocBa/hb:HocBa/hb:HocSinh/hb:NgaySinh", Spot(Kind.PUPIL, "date_of_birth")),
        (NINH_BINH, "HocSinh/@ma", Spot(Kind.PUPIL, "student_code")),
        (NINH_BINH, "HocBa/Mon[2]/Diem", Spot(Kind.SUBJECT, "TOAN")),
        (NINH_BINH, "HocBa.Mon[1].Diem", Spot(Kind.SUBJECT, "TOAN")),
        (NINH_BINH, "/HocBa/Mon/1/Diem", Spot(Kind.SUBJECT, "TOAN")),
        (NINH_BINH, "HocBa/Mon[99]/Diem", Spot(Kind.SUBJECT, "")),
        (NINH_BINH, "Diem", Spot(Kind.SUBJECT, "")),
        (NINH_BINH, "KetQua", Spot(Kind.RESULT)),
        (NINH_BINH, "ma", None),
    ],
)  # fmt: skip
def test_a_field_by_its_name_in_the_message(profile_id: str, field: str, wanted: Spot | None) -> None:
    profile = catalog.load(catalog.path_of(profile_id), {}).profile
    assert fixing.spot(field, profile, PERSON, RECORD) == wanted
