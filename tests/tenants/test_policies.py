"""What a school decides about its own safety, and that every request obeys it."""

import asyncio

import asyncpg
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import settings
from backend.core.database import TenantSession, tenant_session
from backend.core.errors import Invalid
from backend.tenants.access import rules as access_rules
from backend.tenants.access import service as access
from backend.tenants.factors.schemas import Factor
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.policies import rules, service
from backend.tenants.policies.schemas import Policies
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school, signed_in
from tests.tenants.people import add_passkey, enrol_app, found

HOST = "127.0.0.1:8000"
PAGE = "/truong/quy-dinh"


@pytest_asyncio.fixture(loop_scope="session")
async def place(product: settings.Settings) -> TestSchool:
    """A school of one's own."""
    return await open_test_school("Trường Quy Định")


async def decide(place: TestSchool, policies: Policies) -> None:
    """The owner decides."""
    async with tenant_session(place.tenant_id) as session:
        owner = await people.actor_of(session, place.staff[Role.OWNER])
        await service.change(session, owner, policies)


async def audited(session: TenantSession) -> list[str]:
    """What the audit says of decisions, the oldest first."""
    query = "select subject_label from audit_event where action = 'schools.policies.change' order by at, id"
    return list(await session.scalars(text(query)))


@pytest.mark.parametrize(
    ("factor", "roles", "policies", "enough"),
    [
        (Factor.PASSWORD, [Role.CLERK], Policies(), True),
        (Factor.PASSWORD, [Role.CLERK], Policies(password_alone=False), False),
        (Factor.RECOVERY_CODE, [Role.CLERK], Policies(password_alone=False), False),
        (Factor.ELSEWHERE, [Role.CLERK], Policies(password_alone=False), True),
        (Factor.ONE_TIME_CODE, [Role.CLERK], Policies(password_alone=False), True),
        (Factor.PASSWORD, [Role.CLERK], Policies(second_factor_roles=frozenset({Role.OWNER})), True),
        (
            Factor.PASSWORD,
            [Role.OWNER, Role.CLERK],
            Policies(second_factor_roles=frozenset({Role.OWNER})),
            False,
        ),
        (Factor.ELSEWHERE, [Role.OWNER], Policies(second_factor_roles=frozenset({Role.OWNER})), False),
        (Factor.PASSKEY, [Role.OWNER], Policies(second_factor_roles=frozenset({Role.OWNER})), True),
    ],
)
def test_what_is_enough(factor: Factor, roles: list[Role], policies: Policies, *, enough: bool) -> None:
    assert access_rules.is_enough(factor, roles, policies) is enough


@pytest.mark.parametrize("minutes", ["", "4", "31", "-5", "6.5", "²5", "1000000"])
def test_a_session_rests_no_longer_than_the_platform_allows(minutes: str) -> None:
    with pytest.raises(Invalid, match="từ 5 đến 30"):
        rules.checked([], password_alone=True, idle_minutes=minutes, trial_password=True)


def test_roles_are_those_there_are() -> None:
    with pytest.raises(Invalid, match="vai trò"):
        rules.checked(["king"], password_alone=True, idle_minutes="30", trial_password=True)


async def test_the_page_keeps_every_decision(site: Litestar, place: TestSchool) -> None:
    owner = await signed_in(site, place, Role.OWNER)
    assert "Chưa đổi lần nào" in (await owner.get(PAGE)).text
    form = {"so_phut": "10", "chi_mat_khau": "1", "thu_nghiem": "1"}
    wrong = await owner.post(PAGE, form | {"so_phut": "99"})
    assert (wrong.status_code, "từ 5 đến 30" in wrong.text) == (422, True)
    assert (await owner.post(PAGE, form)).status_code == 303
    assert (await owner.post(PAGE, form | {"vai": "clerk"})).status_code == 303
    assert (await owner.post(PAGE, form | {"vai": "clerk"})).status_code == 303, "nothing differs"
    shown = (await owner.get(PAGE)).text
    assert "Phiên kết thúc sau 10 phút không thao tác." in shown
    assert "Cần khóa truy cập hoặc ứng dụng tạo mã: Văn thư." in shown
    assert found(owner, "//input[@name='vai'][@checked]/@value") == ["clerk"]
    async with tenant_session(place.tenant_id, read_only=True) as session:
        assert len(await service.history(session)) == len(await audited(session)) == 2
        assert await service.current(session) == Policies(
            second_factor_roles=frozenset({Role.CLERK}), idle_minutes=10
        )
    assert (await (await signed_in(site, place, Role.IT_TEACHER)).get(PAGE)).status_code == 403


async def test_a_role_that_needs_a_factor_of_its_own(
    site: Litestar, place: TestSchool, product: settings.Settings
) -> None:
    """From the next page on: nothing but one's own account until there is one."""
    clerk = await signed_in(site, place, Role.CLERK)
    teacher = await signed_in(site, place, Role.SUBJECT_TEACHER)
    await decide(place, Policies(second_factor_roles=frozenset({Role.CLERK})))
    refused = await clerk.get("/lop")
    assert (refused.status_code, refused.headers["location"]) == (303, "/tai-khoan")
    assert "cần nhiều hơn mật khẩu" in (await clerk.get("/tai-khoan")).text
    assert (await teacher.get("/lop")).status_code == 200
    assert [(await clerk.get(path)).status_code for path in ("/", "/tai-khoan")] == [200, 200]
    await add_passkey(clerk, product, "Khóa")
    assert (await clerk.get("/lop")).status_code == 200


async def test_whoever_has_a_factor_is_asked_to_show_it(
    site: Litestar, place: TestSchool, product: settings.Settings
) -> None:
    clerk = await signed_in(site, place, Role.CLERK)
    await add_passkey(clerk, product, "Khóa")
    again = await signed_in(site, place, Role.CLERK)
    await decide(place, Policies(password_alone=False))
    asked = await again.get("/lop")
    assert (asked.status_code, asked.headers["location"].partition("?")[0]) == (303, "/xac-minh")


async def test_a_password_with_a_code_is_more_than_a_password(site: Litestar, place: TestSchool) -> None:
    await decide(place, Policies(password_alone=False))
    clerk = await signed_in(site, place, Role.CLERK)
    assert (await clerk.get("/lop")).headers["location"] == "/tai-khoan"
    await enrol_app(clerk)
    assert (await clerk.get("/lop")).status_code == 200


@pytest.mark.parametrize(("minutes", "lives"), [(6, True), (8, False)])
async def test_a_session_rests_as_long_as_its_school_says(
    site: Litestar,
    place: TestSchool,
    school: TestSchool,
    owner_of_tables: asyncpg.Connection,
    minutes: int,
    *,
    lives: bool,
) -> None:
    here, elsewhere = await signed_in(site, place, Role.CLERK), await signed_in(site, school, Role.CLERK)
    await decide(place, Policies(idle_minutes=7))
    await owner_of_tables.execute(
        "update directory.session set seen_at = now() - make_interval(mins => $1) where tenant_id = any($2)",
        minutes,
        [place.tenant_id, school.tenant_id],
    )
    assert (await access.find_session(here.cookie("hocba"), HOST) is not None) is lives
    assert await access.find_session(elsewhere.cookie("hocba"), HOST) is not None, "other schools rest longer"


async def test_a_trial_may_be_as_strict_as_the_real_thing(site: Litestar, place: TestSchool) -> None:
    """A password proves nothing any more; the owner takes that back with a factor of their own."""
    owner = await signed_in(site, place, Role.OWNER)
    await owner.get(PAGE)
    form = {"so_phut": "30", "chi_mat_khau": "1"}
    assert (await owner.post(PAGE, form)).headers["location"] == PAGE
    asked = await owner.post(PAGE, form | {"thu_nghiem": "1"})
    assert asked.headers["location"].startswith("/xac-minh")
    await owner.get("/xac-minh")
    assert not found(owner, "//input[@type='password']")
    refused = await owner.post("/xac-minh", {"password": PASSWORD})
    assert refused.status_code == 422
    await enrol_app(owner)
    await owner.get(PAGE)
    assert (await owner.post(PAGE, form | {"thu_nghiem": "1"})).headers["location"] == PAGE


async def test_of_two_decisions_at_once_the_second_sees_the_first(place: TestSchool) -> None:
    """Whoever decides later decides upon what holds then, and theirs is the newest."""
    strict = Policies(idle_minutes=5)
    async with tenant_session(place.tenant_id) as session:
        owner = await people.actor_of(session, place.staff[Role.OWNER])
        await service.change(session, owner, strict)
        later = asyncio.create_task(decide(place, Policies(idle_minutes=5, password_alone=False)))
        done, _ = await asyncio.wait([later], timeout=0.5)
        assert not done, "it waits for the first"
    await later
    async with tenant_session(place.tenant_id, read_only=True) as session:
        *_, newest = await audited(session)
    assert newest == "Không cho đăng nhập chỉ bằng mật khẩu.", "not the minutes, too"
