"""What a school says of itself, who signs in the principal's place, and its years."""

import uuid
from datetime import date, timedelta

import msgspec
import pytest
from sqlalchemy import text

from backend.core import clock, settings
from backend.core.actor import Actor, StaffId
from backend.core.database import tenant_session
from backend.core.errors import Conflict, NotFound
from backend.records.roster import service as roster
from backend.tenants.delegations import rules, service
from backend.tenants.delegations.schemas import Delegation, DelegationId
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, open_test_school

PROFILE = {
    "ten": "Trường Tiểu học Tư thục Hoa Sen",
    "ma_so_thue": "0101234567-001",
    "xa_phuong": "Phường Hoa Sen",
    "dia_chi": "Số 1, đường Hoa Sen",
    "dien_thoai": "024 3456 7890",
    "cap_hoc": "primary",
}


async def actor(school: TestSchool, role: Role) -> Actor:
    """The person in that role."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await people.actor_of(session, school.staff[role])


async def test_the_profile_is_changed_with_old_and_new(owner: Browser, place: TestSchool) -> None:
    assert "Do cơ quan quản lý cấp" in (await owner.get("/truong")).text
    assert (await owner.post("/truong", PROFILE)).status_code == 303
    assert "Số 1, đường Hoa Sen" in (await owner.get("/truong")).text
    assert "Hoa Sen" in (await owner.get("/nhan-su")).text, "the name stands on every page"
    async with tenant_session(place.tenant_id, read_only=True) as session:
        profile = await schools.get_school(session)
        details = await session.scalar(
            text("select details from audit_event where action = 'schools.school.change' order by id desc")
        )
    assert (profile.phone, profile.code) == ("02434567890", place.tenant_id.hex[:8])
    assert (details["old_ward"], details["new_ward"]) == ("Phường Thử Nghiệm", "Phường Hoa Sen")
    assert "old_province" not in details


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"ten": "  "}, "đang trống"),
        ({"ten": "Trường ☃"}, "không in được"),
        ({"ma_so_thue": "12345"}, "Mã số thuế"),
        ({"ma_so_thue": "０１０１２３４５６７"}, "Mã số thuế"),
        ({"dien_thoai": "+1 555"}, "điện thoại"),
        ({"cap_hoc": ""}, "cấp học"),
        ({"cap_hoc": "university"}, "cấp học"),
    ],
)
async def test_a_profile_that_cannot_be(owner: Browser, changed: dict[str, str], said: str) -> None:
    await owner.get("/truong")
    answer = await owner.post("/truong", PROFILE | changed)
    assert (answer.status_code, said in answer.text) == (422, True)


async def test_a_deputy_signs_for_a_time(owner: Browser, place: TestSchool) -> None:
    deputy, today = place.staff[Role.DEPUTY_PRINCIPAL], clock.today()
    asker = await actor(place, Role.OWNER)
    async with tenant_session(place.tenant_id) as session:
        await people.change_staff(
            session, asker, deputy, "Cô Phó Hiệu", "PHÓ HIỆU TRƯỞNG", [Role.DEPUTY_PRINCIPAL]
        )
    await owner.get("/truong/ky-thay")
    form = {
        "nguoi": str(deputy),
        "tu_ngay": today.isoformat(),
        "den_ngay": f"{today + timedelta(days=20):%d/%m/%Y}",
        "so_quyet_dinh": "15/QĐ-THHS",
    }
    for changed, status, said in (
        ({"nguoi": ""}, 422, "Chưa chọn người ký thay"),
        ({"nguoi": str(place.staff[Role.CLERK])}, 409, "không giữ vai trò Phó hiệu trưởng"),
        ({"tu_ngay": "31/02/2026"}, 422, "chưa phải là một ngày"),
        ({"tu_ngay": "99999999999-01-01"}, 422, "chưa phải là một ngày"),
        ({"den_ngay": "01/01/2020"}, 422, "đứng trước"),
        ({"den_ngay": f"{today + timedelta(days=500):%d/%m/%Y}"}, 422, "không dài quá"),
        ({"so_quyet_dinh": " "}, 422, "Chưa ghi số quyết định"),
        ({}, 303, ""),
        ({}, 409, "đã được phân công ký thay"),
    ):
        answer = await owner.post("/truong/ky-thay", form | changed)
        assert (answer.status_code, said in answer.text) == (status, True), changed
    shown = (await owner.get("/truong/ky-thay")).text
    assert "do Cô Phó Hiệu ký, chức danh in: KT. HIỆU TRƯỞNG, PHÓ HIỆU TRƯỞNG" in shown
    async with tenant_session(place.tenant_id) as session:
        assert [head.staff_id for head in await service.head_signers(session)] == [
            deputy,
            place.staff[Role.PRINCIPAL],
        ]
        [made] = await service.list_delegations(session)
        await service.end(session, asker, made.id)
        assert (await service.head_signer(session)).staff_id == place.staff[Role.PRINCIPAL]
        [ended] = await service.list_delegations(session)
        assert (ended.ends_on, ended.ended_on) == (made.ends_on, today), "what was decided stays"
        with pytest.raises(Conflict, match="đã hết"):
            await service.end(session, asker, made.id)
        with pytest.raises(NotFound):
            await service.end(session, asker, deputy)


def delegation(first: date, last: date) -> Delegation:
    """Somebody signs on these days."""
    some = uuid.UUID(int=1)
    return Delegation(
        id=DelegationId(some),
        staff_id=StaffId(some),
        name="Cô Phó",
        title="",
        starts_on=first,
        ends_on=last,
        decision_number="1",
    )


@pytest.mark.parametrize(
    ("first", "last", "free"),
    [
        (date(2026, 5, 1), date(2026, 5, 9), True),
        (date(2026, 5, 1), date(2026, 5, 10), False),
        (date(2026, 5, 12), date(2026, 5, 13), False),
        (date(2026, 5, 1), date(2026, 6, 1), False),
        (date(2026, 5, 20), date(2026, 5, 25), False),
        (date(2026, 5, 21), date(2026, 5, 25), True),
    ],
)
def test_one_head_signer_a_day(first: date, last: date, free: bool) -> None:
    others = [delegation(date(2026, 5, 10), date(2026, 5, 20))]
    if free:
        rules.require_free(first, last, others)
    else:
        with pytest.raises(Conflict):
            rules.require_free(first, last, others)


def test_the_last_day_counts() -> None:
    one = delegation(date(2026, 5, 10), date(2026, 5, 20))
    found = [bool(rules.signers(date(2026, 5, day), [one], [])) for day in (9, 10, 20, 21)]
    assert found == [False, True, True, False]


def test_a_day_on_which_it_was_ended_does_not_count() -> None:
    one = msgspec.structs.replace(
        delegation(date(2026, 5, 10), date(2026, 5, 20)), ended_on=date(2026, 5, 15)
    )
    found = [bool(rules.signers(date(2026, 5, day), [one], [])) for day in (10, 14, 15, 20)]
    assert found == [True, True, False, False]
    rules.require_free(date(2026, 5, 15), date(2026, 5, 25), [one])


@pytest.mark.parametrize("why", ["left", "another role"])
async def test_a_deputy_out_of_office_signs_nothing_new(why: str, product: settings.Settings) -> None:
    school, today = await open_test_school("Trường Phó Nghỉ"), clock.today()
    asker, deputy = await actor(school, Role.PRINCIPAL), school.staff[Role.DEPUTY_PRINCIPAL]
    owner = await actor(school, Role.OWNER)
    async with tenant_session(school.tenant_id) as session:
        days = (f"{today:%d/%m/%Y}", f"{today + timedelta(days=9):%d/%m/%Y}")
        await service.delegate(session, asker, deputy, *days, "1/QĐ")
        assert (await service.head_signer(session)).staff_id == deputy
        if why == "left":
            await people.leave(session, owner, deputy)
        else:
            await people.change_staff(session, owner, deputy, "Cô Phó", "", [Role.SUBJECT_TEACHER])
        first, *others = await service.head_signers(session)
    assert first.staff_id == school.staff[Role.PRINCIPAL]
    assert [one.staff_id for one in others] == [deputy], "documents that name them still find them"


async def test_years_are_opened_once(owner: Browser, place: TestSchool) -> None:
    await owner.get("/truong/nam-hoc")
    for first, last, status, said in (
        ("2026-09-05", "2026-12-31", 422, "phải kết thúc trong năm 2027"),
        ("2026-01-05", "2027-05-31", 422, "từ tháng 7"),
        ("", "2027-05-31", 422, "Ngày khai giảng"),
        ("2026-09-05", "31/05/2027", 303, ""),
        ("2026-08-25", "2027-05-30", 409, "đã mở năm học 2026-2027"),
    ):
        answer = await owner.post("/truong/nam-hoc", {"tu_ngay": first, "den_ngay": last})
        assert (answer.status_code, said in answer.text) == (status, True), (first, last)
    async with tenant_session(place.tenant_id, read_only=True) as session:
        assert [year.name for year in await roster.list_years(session)] == ["2026-2027"]
