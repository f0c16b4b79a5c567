"""Schools, people and accounts on the real database."""

import pytest

from backend.core import settings
from backend.core.actor import StaffId, machine
from backend.core.database import TenantId, tenant_session
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.tenants.access import service as access
from backend.tenants.people import service as people
from backend.tenants.permissions import ROLE_PERMISSIONS, Role
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import SchoolLevel, SchoolProfile
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school

PROFILE = SchoolProfile(
    name="Trường THCS và THPT Thử Nghiệm",
    code="01000A01",
    tax_code="0100000000",
    province_code="01",
    province="Hà Nội",
    ward="Phường Thử",
    levels=(SchoolLevel.LOWER_SECONDARY, SchoolLevel.UPPER_SECONDARY),
)


async def test_a_school_is_opened_once(product: settings.Settings) -> None:
    tenant = TenantId(new_id())
    await schools.open_school(tenant, PROFILE)
    async with tenant_session(tenant, read_only=True) as session:
        assert await schools.get_school(session) == PROFILE
    with pytest.raises(Conflict, match="Đơn vị này đã có trường"):
        await schools.open_school(tenant, PROFILE)


async def test_a_tenant_without_school(product: settings.Settings) -> None:
    async with tenant_session(new_id(), read_only=True) as session:
        with pytest.raises(NotFound):
            await schools.get_school(session)


async def test_staff_and_their_actor(school: TestSchool) -> None:
    async with tenant_session(school.tenant_id) as session:
        asker = machine(school.tenant_id)
        roles = [Role.SUBJECT_TEACHER, "homeroom_teacher"]
        staff_id = await people.add_staff(
            session, asker, " Trần Thị Bé ", " Be.Tran@X.vn ", "GIÁO VIÊN", roles
        )
        staff = await people.get_staff(session, staff_id)
        actor = await people.actor_of(session, staff_id)
        teachers = await people.list_staff(session, Role.HOMEROOM_TEACHER)
    assert (staff.full_name, staff.email, staff.title) == ("Trần Thị Bé", "be.tran@x.vn", "GIÁO VIÊN")
    assert staff.role_label == "Giáo viên chủ nhiệm, Giáo viên bộ môn"
    assert staff in teachers
    assert actor.staff_id == staff_id
    assert actor.tenant_id == school.tenant_id
    assert (
        actor.permissions == ROLE_PERMISSIONS[Role.SUBJECT_TEACHER] | ROLE_PERMISSIONS[Role.HOMEROOM_TEACHER]
    )


@pytest.mark.parametrize(
    ("name", "email", "roles", "error", "sentence"),
    [
        ("  ", "a@x.vn", [], Invalid, "Chưa có họ tên"),
        ("An", "không phải", [], Invalid, "Địa chỉ thư của An chưa đúng"),
        ("An", "an@x.vn", ["boss"], Invalid, "Vai trò của An"),
        ("An", "{clerk}", [], Conflict, "đã thuộc về Cô Văn thư"),
    ],
)
async def test_staff_refused_in_words(
    school: TestSchool, name: str, email: str, roles: list[str], error: type[Exception], sentence: str
) -> None:
    address = email.format(clerk=school.login(Role.CLERK).upper())
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(error, match=sentence):
            await people.add_staff(session, machine(school.tenant_id), name, address, "", roles)


async def test_schools_do_not_see_each_other(school: TestSchool) -> None:
    other = await open_test_school("Trường Bên Cạnh")
    async with tenant_session(school.tenant_id, read_only=True) as session:
        assert {staff.id for staff in await people.list_staff(session)}.isdisjoint(other.staff.values())
        with pytest.raises(NotFound):
            await people.get_staff(session, other.staff[Role.CLERK])
        with pytest.raises(NotFound):
            await people.actor_of(session, StaffId(new_id()))


async def test_no_account_for_a_stranger(school: TestSchool) -> None:
    other = await open_test_school("Trường Khác Nữa")
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(NotFound):
            await access.create_account(session, other.staff[Role.CLERK], "la@x.vn", PASSWORD)


async def test_short_passwords_and_taken_logins(school: TestSchool) -> None:
    clerk = school.staff[Role.CLERK]
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(Invalid, match="từ 10 đến 200 ký tự"):
            await access.create_account(session, clerk, "moi@x.vn", "123456789")
        with pytest.raises(Conflict, match="đã có người dùng"):
            await access.create_account(session, clerk, school.login(Role.PRINCIPAL).upper(), PASSWORD)
        assert (await people.get_staff(session, clerk)).id == clerk, "the transaction goes on"
