"""Giving an account back: who may, what the link does, what it ends, and that nobody gains a signature by it."""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from litestar import Litestar
from sqlalchemy import text

from backend import cli
from backend.core import clock, settings
from backend.core.database import account_session, public_session, tenant_session
from backend.tenants.account import rules
from backend.tenants.federation import queries as federation
from backend.tenants.federation.schemas import Outsider
from backend.tenants.permissions import ROLE_NAMES, Role
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, let_go, open_test_school, signed_in
from tests.tenants.people import add_passkey, enrol_app, found, sign_in_by_key

CHOSEN = {"chosen": "mat-khau-moi-tinh", "again": "mat-khau-moi-tinh"}
USED = "Đường dẫn này đã được dùng hoặc đã quá 24 giờ"


def test_who_may_reset_whom() -> None:
    assert rules.may_reset({Role.IT_TEACHER}, {Role.HOMEROOM_TEACHER, Role.SUBJECT_TEACHER})
    for more in (Role.PRINCIPAL, Role.DEPUTY_PRINCIPAL, Role.CLERK, Role.OWNER):
        assert not rules.may_reset({Role.IT_TEACHER}, {Role.SUBJECT_TEACHER, more})
    assert rules.may_reset({Role.OWNER}, {Role.OWNER, Role.PRINCIPAL})


def test_a_schools_link_is_for_an_account_of_that_school_alone() -> None:
    one, other = uuid.uuid4(), uuid.uuid4()
    assert rules.may_use(one, [one])
    assert not rules.may_use(one, [one, other])
    assert rules.may_use(None, [one, other])


async def link_for(browser: Browser, staff_id: object) -> str:
    """Issue a link; its path."""
    await browser.get("/cai-dat/dat-lai")
    shown = await browser.post(f"/cai-dat/dat-lai/{staff_id}")
    assert shown.status_code == 200, shown.text
    [link] = found(browser, "//p[@class='lookup-code']/text()")
    return "/dat-lai/" + link.rpartition("/")[2]


async def test_a_link_ends_everything_and_is_good_once(site: Litestar, product: settings.Settings) -> None:
    school = await open_test_school("Trường Quên Mật Khẩu")
    login = school.login(Role.PRINCIPAL)
    lost = await signed_in(site, school, Role.PRINCIPAL)
    key = await add_passkey(lost, product, "Máy bị mất")
    owner = await signed_in(site, school, Role.OWNER)
    path = await link_for(owner, school.staff[Role.PRINCIPAL])
    outsider = Outsider(issuer="https://noi-khac.example", subject=login, label="Kẻ giữ máy")
    async with account_session(await account_of(login)) as directory:
        await federation.link(directory, outsider, clock.now())
    assert (await lost.get("/tai-khoan")).status_code == 200, "the link alone ends nothing"
    person = Browser(site)
    assert (await person.get(path)).status_code == 200
    for bad, says in (
        ({"chosen": "ngan", "again": "ngan"}, "từ 10 đến 200 ký tự"),
        (CHOSEN | {"again": "khac"}, "chưa giống nhau"),
    ):
        refused = await person.post(path, bad)
        assert (refused.status_code, says in refused.text) == (422, True)
    assert (await person.post(path, CHOSEN)).headers["location"] == "/dang-nhap"
    assert (await lost.get("/tai-khoan")).status_code == 303
    assert (await sign_in_by_key(Browser(site), key)).status_code == 422
    async with public_session() as directory:
        assert await federation.account_of(directory, outsider) is None, (
            "an account elsewhere opens it no more"
        )
    assert (await Browser(site).sign_in(login, PASSWORD)).status_code == 422
    await person.get(path)
    again = await person.post(path, CHOSEN)
    assert (again.status_code, USED in again.text) == (422, True)
    assert (await person.sign_in(login, CHOSEN["chosen"])).status_code == 303
    await add_passkey(person, product, "Máy mới")
    assert "ký được từ" in (await person.get("/tai-khoan")).text
    assert [deed for deed in await deeds(school.tenant_id) if "account" in deed[0]] == [
        ("access.account.reset_link", "Cô Chủ trường"),
        ("access.account.reset", "Cô Hiệu trưởng"),
    ]


@asynccontextmanager
async def audit_refuses(owner_of_tables: asyncpg.Connection, action: str) -> AsyncIterator[None]:
    """Meanwhile no row about that deed gets into any school's audit."""
    check = f"check (action <> '{action}') not valid"
    await owner_of_tables.execute(f"alter table audit_event add constraint refuses {check}")
    yield
    await owner_of_tables.execute("alter table audit_event drop constraint refuses")


async def test_no_reset_without_a_row_in_the_audit(
    site: Litestar, owner_of_tables: asyncpg.Connection
) -> None:
    school = await open_test_school("Trường Mất Điện")
    login = school.login(Role.SUBJECT_TEACHER)
    path = await link_for(await signed_in(site, school, Role.OWNER), school.staff[Role.SUBJECT_TEACHER])
    person = Browser(site)
    await person.get(path)
    async with audit_refuses(owner_of_tables, "access.account.reset"):
        assert (await person.post(path, CHOSEN)).status_code == 500
    assert (await person.sign_in(login, CHOSEN["chosen"])).status_code == 422
    assert (await person.sign_in(login, PASSWORD)).status_code == 303


async def test_no_recovery_code_opens_anything_without_a_row_in_the_audit(
    site: Litestar, owner_of_tables: asyncpg.Connection
) -> None:
    school = await open_test_school("Trường Mất Điện Lần Hai")
    login = school.login(Role.CLERK)
    person = await signed_in(site, school, Role.CLERK)
    await enrol_app(person)
    shown = await person.post("/tai-khoan/ma-khoi-phuc")
    codes = re.findall(r"<code[^>]*>([\w-]{16,})</code>", shown.text)
    other = Browser(site)
    await other.sign_in(login, PASSWORD)
    [ticket] = found(other, "//input[@name='ticket']/@value")
    await person.get("/xac-minh?yeu-to=1")
    token = person.cookie("hocba")
    async with audit_refuses(owner_of_tables, "access.factor.recovery_code_used"):
        assert (await other.post("/dang-nhap/ma", {"ticket": ticket, "code": codes[0]})).status_code == 500
        assert (await person.post("/xac-minh", {"code": codes[1], "yeu_to": "1"})).status_code == 500
    assert not other.cookie("hocba")
    assert person.cookie("hocba") == token
    sessions = "select factor from directory.session where account_id = $1"
    account = await account_of(login)
    assert [row["factor"] for row in await owner_of_tables.fetch(sessions, account)] == ["one_time_code"]


async def account_of(login: str) -> uuid.UUID:
    """The account of a login."""
    async with public_session() as directory:
        found = await directory.scalar(
            text("select account_id from directory.find_login(:login)"), {"login": login}
        )
    assert isinstance(found, uuid.UUID)
    return found


async def deeds(tenant_id: uuid.UUID) -> list[tuple[str, str]]:
    """The audit of a school: action and who."""
    async with tenant_session(tenant_id, read_only=True) as session:
        found = await session.execute(text("select action, actor_name from audit_event order by at, id"))
        return [(row.action, row.actor_name) for row in found]


async def test_nobody_resets_who_may_more_or_themselves_or_a_stranger(site: Litestar) -> None:
    school, other = await open_test_school("Trường A"), await open_test_school("Trường B")
    it_teacher = await signed_in(site, school, Role.IT_TEACHER)
    page = (await it_teacher.get("/cai-dat/dat-lai")).text
    assert "Cô Giáo viên bộ môn" in page
    for more in (Role.OWNER, Role.PRINCIPAL, Role.CLERK):
        assert f"Cô {ROLE_NAMES[more]}" not in page
    for staff_id, status in (
        (school.staff[Role.OWNER], 403),
        (school.staff[Role.PRINCIPAL], 403),
        (school.staff[Role.CLERK], 403),
        (school.staff[Role.IT_TEACHER], 403),
        (other.staff[Role.PRINCIPAL], 404),
    ):
        assert (await it_teacher.post(f"/cai-dat/dat-lai/{staff_id}")).status_code == status
    clerk = await signed_in(site, school, Role.CLERK)
    assert (await clerk.get("/cai-dat/dat-lai")).status_code == 403


async def test_an_account_of_two_schools_is_not_one_schools_to_reset(
    site: Litestar, product: settings.Settings
) -> None:
    school, other = await open_test_school("Trường A"), await open_test_school("Trường B")
    account = await account_of(school.login(Role.CLERK))
    await let_work_at(product, account, other.tenant_id, other.staff[Role.CLERK])
    owner = await signed_in(site, school, Role.OWNER)
    await owner.get("/cai-dat/dat-lai")
    refused = await owner.post(f"/cai-dat/dat-lai/{school.staff[Role.CLERK]}")
    assert (refused.status_code, "dùng chung với trường khác" in refused.text) == (409, True)


async def test_a_schools_link_ends_when_its_person_joins_another(
    site: Litestar, product: settings.Settings
) -> None:
    school, other = await open_test_school("Trường A"), await open_test_school("Trường B")
    owner = await signed_in(site, school, Role.OWNER)
    path = await link_for(owner, school.staff[Role.CLERK])
    login = school.login(Role.CLERK)
    await let_work_at(product, await account_of(login), other.tenant_id, other.staff[Role.CLERK])
    person = Browser(site)
    await person.get(path)
    refused = await person.post(path, CHOSEN)
    assert (refused.status_code, "đã làm việc ở trường khác" in refused.text) == (422, True)
    assert (await person.sign_in(login, PASSWORD)).status_code == 303


async def let_work_at(product: settings.Settings, account: object, tenant: object, staff: object) -> None:
    connection = await asyncpg.connect(product.database_migrator_url)
    await connection.execute("insert into directory.place values ($1, $2, $3)", account, tenant, staff)
    await connection.close()


async def test_a_link_lasts_a_day(site: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    school = await open_test_school("Trường Đường Dẫn Cũ")
    owner = await signed_in(site, school, Role.OWNER)
    path = await link_for(owner, school.staff[Role.CLERK])
    late = clock.now() + timedelta(hours=24, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: late)
    person = Browser(site)
    await person.get(path)
    refused = await person.post(path, CHOSEN)
    assert (refused.status_code, USED in refused.text) == (422, True)


async def test_the_operator_helps_the_last_owner(
    site: Litestar,
    product: settings.Settings,
    capsys: pytest.CaptureFixture[str],
    owner_of_tables: asyncpg.Connection,
) -> None:
    school = await open_test_school("Trường Một Chủ")
    login = school.login(Role.OWNER)
    await let_go()
    assert await asyncio.to_thread(cli.main, ["reset-link", "--operator", "van-hanh-7", login.upper()]) == 0
    [path] = re.findall(r"/dat-lai/\S+", capsys.readouterr().out)
    person = Browser(site)
    await person.get(path)
    assert (await person.post(path, CHOSEN)).status_code == 303
    assert (await person.sign_in(login, CHOSEN["chosen"])).status_code == 303
    assert ("access.account.reset_link", "Đơn vị vận hành") in await deeds(school.tenant_id)
    await let_go()
    assert await asyncio.to_thread(cli.main, ["reset-link", "khong-co@truong.example"]) == 1
    assert "Không có tài khoản nào" in capsys.readouterr().err
    recorded = await owner_of_tables.fetch(
        "select operator, subject_id, details from directory.platform_event "
        "where action = 'access.account.reset_link' order by at desc limit 2"
    )
    assert [json.loads(row["details"])["login"] for row in recorded] == ["khong-co@truong.example", login]
    assert (recorded[1]["operator"], recorded[1]["subject_id"]) == ("van-hanh-7", await account_of(login))
