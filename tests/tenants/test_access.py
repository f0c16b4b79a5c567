"""Signing in, staying signed in, signing out."""

import re
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import cookies, settings
from backend.core.actor import Browser as Asking
from backend.core.crypto import text_digest
from backend.core.database import public_session, tenant_session
from backend.core.errors import Unauthenticated
from backend.core.rate_limit import TooManyTries
from backend.tenants.access import entry, passwords, service
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, REAL_PASSWORDS, TestSchool, open_test_school, signed_in

WRONG = "Tên đăng nhập hoặc mật khẩu chưa đúng"
HOST = "127.0.0.1:8000"
ELSEWHERE = Asking(host=HOST, network="198.51.100.0/24")


@pytest_asyncio.fixture(loop_scope="session")
async def owner(product: settings.Settings) -> AsyncIterator[asyncpg.Connection]:
    """A connection that may change sessions behind the product's back."""
    connection = await asyncpg.connect(product.database_migrator_url)
    yield connection
    await connection.close()


async def audited(school: TestSchool) -> list[tuple[str, str]]:
    """What the school's audit trail says of signing in, oldest first."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        found = await session.execute(
            text("select action, outcome from audit_event where action like 'access.%' order by at, id")
        )
        return [(row.action, row.outcome) for row in found]


async def test_in_and_out(probe_site: Litestar) -> None:
    school = await open_test_school("Trường Vào Ra")
    browser = Browser(probe_site)
    answer = await browser.sign_in(school.login(Role.CLERK), PASSWORD, tiep="/thu/trang?a=1")
    assert (answer.status_code, answer.headers["location"]) == (303, "/thu/trang?a=1")
    page = await browser.get("/thu/trang")
    assert page.status_code == 200
    left = await browser.post("/dang-xuat")
    assert (left.status_code, left.headers["location"]) == (303, "/dang-nhap")
    assert "Đã đăng xuất." in (await browser.get("/dang-nhap")).text
    assert "Đã đăng xuất." not in (await browser.get("/dang-nhap")).text
    assert (await browser.get("/thu/trang")).status_code == 303
    assert await audited(school) == [("access.session.sign_in", "done"), ("access.session.sign_out", "done")]


@pytest.mark.parametrize(
    ("asked", "to"),
    [
        ("/lớp?tên=Hòa bình", "/l%E1%BB%9Bp?t%C3%AAn=H%C3%B2a%20b%C3%ACnh"),
        ("/l%E1%BB%9Bp?a=1&b=2#c", "/l%E1%BB%9Bp?a=1&b=2#c"),
        ("//[xau.example", "/"),
        ("/\\xau.example", "/"),
    ],
)
async def test_where_to_go_next_fits_into_a_header(
    site: Litestar, school: TestSchool, asked: str, to: str
) -> None:
    answer = await Browser(site).sign_in(school.login(Role.SUBJECT_TEACHER), PASSWORD, tiep=asked)
    assert (answer.status_code, answer.headers["location"]) == (303, to)


async def test_a_stolen_cookie_dies_with_the_session(probe_site: Litestar, school: TestSchool) -> None:
    browser = await signed_in(probe_site, school, Role.CLERK)
    thief = Browser(probe_site)
    thief.http.cookies.set("hocba", browser.cookie("hocba"))
    assert (await thief.get("/thu/trang")).status_code == 200
    await browser.get("/thu/trang")
    await browser.post("/dang-xuat")
    assert (await thief.get("/thu/trang")).status_code == 303


async def test_logins_ignore_case_and_spaces(stranger: Browser, school: TestSchool) -> None:
    answer = await stranger.sign_in(f"  {school.login(Role.CLERK).upper()} ", PASSWORD)
    assert answer.status_code == 303


async def test_a_token_planted_before_is_not_taken_over(probe_site: Litestar, school: TestSchool) -> None:
    """Session fixation: whatever cookie the browser had, signing in makes a new one."""
    planted = "a" * 43
    browser = Browser(probe_site)
    browser.http.cookies.set("hocba", planted, domain="127.0.0.1", path="/")
    assert (await browser.sign_in(school.login(Role.CLERK), PASSWORD)).status_code == 303
    assert browser.cookie("hocba") != planted
    attacker = Browser(probe_site)
    attacker.http.cookies.set("hocba", planted)
    assert (await attacker.get("/thu/trang")).status_code == 303


async def test_signing_in_again_rotates(probe_site: Litestar, school: TestSchool) -> None:
    browser = await signed_in(probe_site, school, Role.CLERK)
    first = browser.cookie("hocba")
    await browser.sign_in(school.login(Role.PRINCIPAL), PASSWORD)
    assert browser.cookie("hocba") != first
    assert await service.find_session(first, HOST) is None


async def test_the_token_itself_is_not_kept(
    probe_site: Litestar, school: TestSchool, owner: asyncpg.Connection
) -> None:
    token = (await signed_in(probe_site, school, Role.CLERK)).cookie("hocba")
    assert len(token) == 43
    kept = await owner.fetch("select token_digest from directory.session")
    assert kept
    assert token not in {row["token_digest"] for row in kept}


@pytest.mark.parametrize(
    ("change", "alive"),
    [
        ("seen_at = now() - interval '29 minutes'", True),
        ("seen_at = now() - interval '31 minutes'", False),
        ("ends_at = now() - interval '1 second'", False),
    ],
)
async def test_sessions_end(
    probe_site: Litestar, school: TestSchool, owner: asyncpg.Connection, change: str, alive: bool
) -> None:
    browser = await signed_in(probe_site, school, Role.CLERK)
    digest = text_digest(browser.cookie("hocba"))
    await owner.execute(f"update directory.session set {change} where token_digest = $1", digest)
    answer = await browser.get("/thu/trang")
    assert answer.status_code == (200 if alive else 303)
    if not alive:
        assert answer.headers["location"] == "/dang-nhap?tiep=/thu/trang&het-han=1"
        assert not browser.cookie("hocba")
        assert "Phiên làm việc đã hết hạn" in (await browser.get(answer.headers["location"])).text


async def test_a_session_lasts_twelve_hours_at_most(
    probe_site: Litestar, school: TestSchool, owner: asyncpg.Connection
) -> None:
    digest = text_digest((await signed_in(probe_site, school, Role.CLERK)).cookie("hocba"))
    row = await owner.fetchrow(
        "select opened_at, ends_at from directory.session where token_digest = $1", digest
    )
    assert abs(row["ends_at"] - row["opened_at"] - timedelta(hours=12)) < timedelta(seconds=5)


async def test_who_left_the_school_is_out(probe_site: Litestar) -> None:
    school = await open_test_school("Trường Thôi Việc")
    browser = await signed_in(probe_site, school, Role.CLERK)
    async with tenant_session(school.tenant_id) as session:
        await session.execute(
            text("delete from staff_member where id = :id"), {"id": school.staff[Role.CLERK]}
        )
    assert (await browser.get("/thu/trang")).status_code == 303


async def test_wrong_password_and_unknown_login_are_alike(site: Litestar) -> None:
    school = await open_test_school("Trường Thử Sai")
    known = await Browser(site).sign_in(school.login(Role.CLERK), "mat-khau-sai-roi")
    unknown = await Browser(site).sign_in("khong-co@truong.example", "mat-khau-sai-roi")
    assert known.status_code == unknown.status_code == 422
    assert WRONG in known.text
    assert _neutral(known.text, school.login(Role.CLERK)) == _neutral(unknown.text, "khong-co@truong.example")
    assert await audited(school) == [("access.session.sign_in_refused", "refused")]


def _neutral(page: str, login: str) -> str:
    """The page without what is different every time."""
    return re.sub(r"[0-9a-f]{32,64}", "", page.replace(login, ""))


@pytest.fixture
def real_passwords(product: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a password costs in the product; other tests have it cheaper."""
    for name, real in zip(("_HASHER", "_NOBODY"), REAL_PASSWORDS, strict=True):
        monkeypatch.setattr(passwords, name, real)


@pytest.mark.usefixtures("real_passwords")
async def test_refusals_take_the_same_time(product: settings.Settings, school: TestSchool) -> None:
    async def seconds(login: str, network: str) -> float:
        started = time.perf_counter()
        with pytest.raises(Unauthenticated):
            await entry.sign_in(login, "mat-khau-sai-roi", Asking(host=HOST, network=network))
        return time.perf_counter() - started

    known = [await seconds(school.login(Role.CLERK), f"192.0.2.{n}/32") for n in range(4)]
    unknown = [await seconds(f"khong-co-{n}@truong.example", "192.0.2.0/24") for n in range(4)]
    assert min(known + unknown) >= entry.REFUSAL_SECONDS
    assert abs(min(known) - min(unknown)) < 0.05


@pytest.mark.usefixtures("real_passwords")
async def test_nobodys_hash_fits_no_password() -> None:
    assert not await passwords.matches(None, "không ai dùng mật khẩu này")
    assert await passwords.matches(await passwords.hashed("đúng rồi đấy"), "đúng rồi đấy")
    assert not await passwords.matches("not a hash", "đúng rồi đấy")


@pytest.mark.usefixtures("real_passwords")
async def test_a_password_costs_what_owasp_advises_and_nobodys_as_much() -> None:
    costs = "$argon2id$v=19$m=19456,t=2,p=1$"
    assert (await passwords.hashed("đúng rồi đấy")).startswith(costs)
    assert passwords._NOBODY.startswith(costs)
    assert len(passwords._NOBODY) == len(await passwords.hashed("đúng rồi đấy"))


async def test_the_sixth_try_waits(stranger: Browser, site: Litestar) -> None:
    school = await open_test_school("Trường Khóa Tạm")
    login = school.login(Role.CLERK)
    for _ in range(5):
        assert (await stranger.sign_in(login, "mat-khau-sai-roi")).status_code == 422
    locked = await stranger.sign_in(login, PASSWORD)
    assert locked.status_code == 429
    assert "Đã thử quá nhiều lần; xin chờ" in locked.text
    elsewhere = await Browser(site).sign_in(login, PASSWORD)
    assert elsewhere.status_code == 303, "another network is not locked out"


async def test_an_unknown_login_locks_alike(product: settings.Settings) -> None:
    for _ in range(5):
        with pytest.raises(Unauthenticated):
            await entry.sign_in("la@truong.example", "x" * 12, ELSEWHERE)
    with pytest.raises(TooManyTries):
        await entry.sign_in("LA@truong.example ", "x" * 12, ELSEWHERE)


@pytest.mark.parametrize(
    "target",
    [
        "https://xau.example/",
        "//xau.example/",
        "/\\xau.example",
        "\\\\xau.example",
        "/\t/xau.example",
        "/%0d%0aSet-Cookie:x",
        "javascript:alert(1)",
        "xau.example",
        "/\r\nLocation: https://xau.example",
        "",
        "///xau.example",
    ],
)
async def test_redirects_stay_here(stranger: Browser, school: TestSchool, target: str) -> None:
    answer = await stranger.sign_in(school.login(Role.CLERK), PASSWORD, tiep=target)
    assert answer.status_code == 303
    place = answer.headers["location"]
    assert place == "/" or (place == target and place.startswith("/%0d%0a"))
    assert "xau" not in place
    shown = await stranger.http.get("/dang-nhap", params={"tiep": target})
    assert 'value="https://' not in shown.text


async def test_where_to_go_after_signing_in(probe_site: Litestar) -> None:
    browser = Browser(probe_site)
    assert (await browser.get("/thu/so?so=1&b=%2F")).headers[
        "location"
    ] == "/dang-nhap?tiep=/thu/so%3Fso%3D1%26b%3D%252F"
    fragment = await browser.get(
        "/thu/manh", HX_Request="true", HX_Current_URL="https://xau.example/thu/trang?x=1"
    )
    assert fragment.status_code == 401
    assert fragment.headers["hx-redirect"] == "/dang-nhap?tiep=/thu/trang%3Fx%3D1"
    program = await browser.get("/thu/trang", Accept="application/json")
    assert (program.status_code, program.json()["title"]) == (401, "Unauthorized")


async def test_cookies_in_development(probe_site: Litestar, school: TestSchool) -> None:
    browser = Browser(probe_site)
    form = (await browser.get("/dang-nhap")).headers["set-cookie"]
    session = (await browser.sign_in(school.login(Role.CLERK), PASSWORD)).headers["set-cookie"]
    for name, cookie in (("hocba-form", form), ("hocba", session)):
        assert cookie.startswith(f"{name}=")
        assert {"HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        assert "Domain" not in cookie


def test_cookies_over_https(product: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOCBA_PUBLIC_URL", "https://hocba.example")
    settings.get.cache_clear()
    try:
        header = cookies.write("session", "t").to_encoded_header()[1].decode()
    finally:
        monkeypatch.undo()
        settings.get.cache_clear()
    assert set(header.split("; ")) == {"__Host-hocba=t", "HttpOnly", "Path=/", "SameSite=lax", "Secure"}


async def test_the_application_cannot_read_the_directory(product: settings.Settings) -> None:
    for table in ("account", "session", "place", "sign_in_tries"):
        with pytest.raises(Exception, match="permission denied"):
            async with public_session() as session:
                await session.execute(text(f"select * from directory.{table}"))
