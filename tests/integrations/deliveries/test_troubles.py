"""What stopped is shown by cause, and all of one cause goes out again under the ids that it had."""

import uuid
from typing import Any

from litestar import Litestar
from sqlalchemy import text

from backend.core import settings
from backend.core.database import TenantSession
from backend.integrations.deliveries import rules, service, troubles
from backend.integrations.deliveries.schemas import DeliveryState
from tests.core.site_fixtures import site
from tests.factories.issued_versions import issue
from tests.factories.small_school import SmallSchool, open_small_school

__all__ = ["site"]

REFUSED = "Cơ quan tiếp nhận từ chối khóa kết nối; người quản trị cần kiểm tra lại khóa của trường."
_STOP = text(
    "update delivery set state = :state, reason = :reason, errors = cast(:errors as jsonb) where id = :id"
)


async def stopped(school: SmallSchool, stops: list[dict[str, Any]]) -> list[uuid.UUID]:
    """One delivery for each stop: state, reason, errors."""
    async with school.session() as session:
        await school.open_class(session, "4A", 4)
    versions = await issue(school.tenant_id, len(stops))
    async with school.session() as session:
        await service.open_deliveries(session, versions)
        found = [(await service.of_version(session, one))[0].id for one in versions]
        for delivery_id, stop in zip(found, stops, strict=True):
            values = {"state": "parked", "reason": None, "errors": "[]", "id": delivery_id}
            await session.execute(_STOP, values | stop)
    return list(found)


async def message_ids(session: TenantSession) -> set[str]:
    return {one.message_id for one in await service.deliveries_after(session, None, 50)}


async def test_many_errors_are_few_causes(site: Litestar, product: settings.Settings) -> None:
    school = await open_small_school()
    missing = '[{"code": "THIEU_TRUONG", "field": "#data", "message": "Thiếu"}]'
    strange = '[{"code": "Z9", "field": "", "message": "Lạ"}]'
    await stopped(
        school,
        [
            *({"reason": REFUSED} for _ in range(3)),
            {"reason": "Không tìm thấy tệp trong kho lưu trữ."},
            *({"state": "rejected", "errors": missing} for _ in range(2)),
            {"state": "rejected", "errors": strange},
        ],
    )
    async with school.session() as session:
        found = [(one.words, one.count, one.parked, one.kind) for one in await troubles.groups(session)]
    assert found[0] == (REFUSED, 3, 3, "ask_human")
    assert sorted(found[1:]) == sorted(
        [
            ("Gói tin thiếu phần bắt buộc của học bạ", 2, 0, "fix_data"),
            ("Không tìm thấy tệp trong kho lưu trữ.", 1, 1, "ask_human"),
            ("Lạ", 1, 0, "ask_human"),
        ]
    )
    shown = (await (await school.browser(site, "clerk")).get("/gui/nguyen-nhan")).text
    assert "Sửa dữ liệu ở trường rồi phát hành bản mới" in shown
    assert "Gửi lại 3 học bạ" in shown


async def test_one_cause_goes_out_again_under_the_same_ids(
    site: Litestar, product: settings.Settings
) -> None:
    school = await open_small_school()
    deliveries = await stopped(school, [{"reason": REFUSED}, {"reason": REFUSED}, {"reason": "Lý do khác"}])
    async with school.session() as session:
        before = await message_ids(session)
    browser = await school.browser(site, "clerk")
    await browser.get("/gui/nguyen-nhan")
    cause = rules.cause_of(DeliveryState.PARKED, "", REFUSED, None)
    form = {"co_quan": "vn.sandbox.hocba/2", "nguyen_nhan": cause}
    assert (await browser.post("/gui/nguyen-nhan/gui-lai", form)).status_code == 303
    async with school.session() as session:
        states = [(await service.get_delivery(session, one))[0].state for one in deliveries]
        assert await message_ids(session) == before
        asked = (
            (
                await session.execute(
                    text("select subject_ids from work.job where kind = :kind"), {"kind": rules.QUERY}
                )
            )
            .scalars()
            .all()
        )
    assert states == [DeliveryState.UNKNOWN, DeliveryState.UNKNOWN, DeliveryState.PARKED]
    assert {one for job in asked for one in job} == set(deliveries[:2])
    assert (await browser.post("/gui/nguyen-nhan/gui-lai", form)).status_code == 409
    assert (await browser.post("/gui/nguyen-nhan/gui-lai", form | {"co_quan": "x"})).status_code == 409


async def test_who_only_reads_sends_nothing_again(site: Litestar, product: settings.Settings) -> None:
    school = await open_small_school()
    await stopped(school, [{"reason": REFUSED}])
    principal = await school.browser(site, "principal")
    shown = (await principal.get("/gui/nguyen-nhan")).text
    assert REFUSED in shown
    assert "Gửi lại 1 học bạ" not in shown
    assert (await principal.post("/gui/nguyen-nhan/gui-lai", {})).status_code == 403
