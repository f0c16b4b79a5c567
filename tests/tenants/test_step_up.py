"""Proving once more who one is: when it is asked for, what counts, what becomes of the session."""

import re
import time
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from backend.core import settings, vault
from backend.core.browsers import device_of
from backend.core.crypto import text_digest
from backend.core.database import account_session, public_session, tenant_session
from backend.tenants.access import service
from backend.tenants.factors.schemas import Factor
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.policies import service as policies
from backend.tenants.policies.schemas import Policies
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school, signed_in
from tests.factories.signing_school import changed_settings
from tests.tenants.people import add_passkey, ask, found

HOST = "127.0.0.1:8000"


async def test_a_stolen_password_opens_nothing_heavy_by_a_passkey_of_its_own(
    site: Litestar, product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An account of two days ago, without any factor: the page says from when on. On its first day it counts."""
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: datetime.now(UTC).timestamp() - 2 * 86_400)
        school = await open_test_school("Trường Hôm Kia")
    young = await open_test_school("Trường Hôm Nay")
    for one, allowed in ((school, False), (young, True)):
        async with tenant_session(one.tenant_id) as session:
            owner = await people.actor_of(session, one.staff[Role.OWNER])
            await policies.change(session, owner, Policies(trial_password=False))
        browser = await signed_in(site, one, Role.OWNER)
        await add_passkey(browser, product, "Khóa")
        heavy = await browser.get("/nhan-su/moi")
        assert heavy.status_code == (200 if allowed else 403)
        assert ("dùng được cho việc hệ trọng" in heavy.text) is not allowed
        assert ("dùng được cho việc hệ trọng" in (await browser.get("/tai-khoan")).text) is not allowed
        assert (await browser.get("/tai-khoan/khoa")).status_code == 200


async def test_a_stolen_password_does_not_sign_by_a_passkey_of_its_own(
    site: Litestar, product: settings.Settings
) -> None:
    school = await open_test_school("Trường Không Thử")
    async with tenant_session(school.tenant_id) as session:
        owner = await people.actor_of(session, school.staff[Role.OWNER])
        await policies.change(session, owner, Policies(trial_password=False))
    browser = await signed_in(site, school, Role.PRINCIPAL)
    for name in ("Thứ nhất", "Thứ hai"):  # the second is added by the proof of the first
        await add_passkey(browser, product, name)
    found_session = await service.find_session(browser.cookie("hocba"), HOST)
    assert found_session is not None
    async with tenant_session(school.tenant_id, read_only=True) as session:
        wanted = await service.wanted(session, found_session.sign_in, signing=True)
    assert (wanted.possible, wanted.waits_until is not None) == (False, True)


def test_a_browser_in_words() -> None:
    edge = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0"
    phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Safari/604.1"
    assert [device_of(agent) for agent in (edge, phone, "curl/8", "")] == [
        "Edge, Windows",
        "Safari, iPhone",
        "",
        "",
    ]


async def test_a_stale_proof_is_renewed_and_the_token_changes(
    site: Litestar, product: settings.Settings
) -> None:
    school = await open_test_school("Trường Xác Minh")
    browser = await signed_in(site, school, Role.CLERK)
    assert (await browser.get("/tai-khoan/khoa")).status_code == 200, "the sign-in itself was a proof"
    await _age(product, browser)
    asked = await browser.get("/tai-khoan/khoa")
    assert (asked.status_code, asked.headers["location"]) == (303, "/xac-minh?tiep=/tai-khoan/khoa&yeu-to=1")
    fragment = await browser.get(
        "/tai-khoan/khoa", HX_Request="true", HX_Current_URL="http://127.0.0.1:8000/tai-khoan"
    )
    assert fragment.status_code == 403
    assert fragment.headers["hx-redirect"] == "/xac-minh?tiep=/tai-khoan&yeu-to=1"
    program = await browser.get("/tai-khoan/khoa", Accept="application/json")
    assert (program.status_code, program.json()["status"]) == (403, 403)
    form = await browser.get(asked.headers["location"])
    assert found(browser, "//input[@name='tiep']/@value") == ["/tai-khoan/khoa"]
    assert form.status_code == 200
    fields = {"tiep": "/tai-khoan/khoa", "yeu_to": "1"}
    wrong = await browser.post("/xac-minh", fields | {"password": "sai-mat-khau"})
    assert (wrong.status_code, "Mật khẩu chưa đúng" in wrong.text) == (422, True)
    nothing = await browser.post("/xac-minh", fields)
    assert (nothing.status_code, "Chưa có khóa truy cập hoặc mã" in nothing.text) == (422, True)
    before = browser.cookie("hocba")
    right = await browser.post("/xac-minh", fields | {"password": PASSWORD})
    assert (right.status_code, right.headers["location"]) == (303, "/tai-khoan/khoa")
    assert browser.cookie("hocba") != before
    assert (await browser.get("/tai-khoan/khoa")).status_code == 200
    await _the_old_token_is_let_in_shortly_and_proves_nothing(site, product, before)


async def _the_old_token_is_let_in_shortly_and_proves_nothing(
    site: Litestar, product: settings.Settings, old: str
) -> None:
    thief = Browser(site)
    thief.http.cookies.set("hocba", old)
    assert (await thief.get("/tai-khoan")).status_code == 200, "a request that was under way"
    assert (await thief.get("/tai-khoan/khoa")).headers["location"].startswith("/xac-minh")
    again = await thief.post("/xac-minh", {"password": PASSWORD, "yeu_to": "1"})
    assert (again.status_code, "tải lại trang" in again.text) == (409, True)
    chosen = {"current": PASSWORD, "chosen": "mat-khau-ke-trom", "again": "mat-khau-ke-trom"}
    assert (await thief.post("/tai-khoan/mat-khau", chosen)).status_code == 409
    assert thief.cookie("hocba") == old
    await _change(product, "rotated_at = now() - interval '11 seconds'", "old_digest", old)
    assert (await thief.get("/tai-khoan")).headers["location"].startswith("/dang-nhap")


async def test_the_token_of_before_has_the_factor_of_before(
    site: Litestar, product: settings.Settings
) -> None:
    school = await open_test_school("Trường Yếu Tố")
    browser = await signed_in(site, school, Role.OWNER)
    password = browser.cookie("hocba")
    key = await add_passkey(browser, product, "Khóa")
    assert await _factor_of(password) == Factor.PASSWORD
    by_key = browser.cookie("hocba")
    await browser.get("/xac-minh")
    proved = {"passkey": key.get(await ask(browser, "/xac-minh/cau-hoi"))}
    assert (await browser.post("/xac-minh", proved)).status_code == 303
    assert await _factor_of(by_key) == await _factor_of(browser.cookie("hocba")) == Factor.PASSKEY


async def _factor_of(token: str) -> str:
    found = await service.find_session(token, HOST)
    assert found is not None
    return found.sign_in.factor


async def test_who_has_a_passkey_proves_with_it_alone(site: Litestar, product: settings.Settings) -> None:
    school = await open_test_school("Trường Khóa")
    browser = await signed_in(site, school, Role.OWNER)
    key = await add_passkey(browser, product, "Khóa")
    await _age(product, browser)
    await browser.get("/xac-minh?tiep=/tai-khoan/khoa&yeu-to=1")
    assert found(browser, "//form[@data-passkey='get']/@data-question") == ["/xac-minh/cau-hoi"]
    by_password = await browser.post("/xac-minh", {"password": PASSWORD, "yeu_to": "1"})
    assert by_password.status_code == 422
    by_key = {"passkey": key.get(await ask(browser, "/xac-minh/cau-hoi")), "tiep": "//xau.example"}
    assert (await browser.post("/xac-minh", by_key)).headers["location"] == "/"
    assert (await browser.get("/tai-khoan/khoa")).status_code == 200
    weak = await signed_in(site, school, Role.OWNER)
    refused = await weak.get("/tai-khoan/khoa")
    assert refused.headers["location"].startswith("/xac-minh"), "a password opens no factors beside a passkey"


async def test_production_does_not_take_a_password_for_a_factor(site: Litestar, tmp_path: Path) -> None:
    school = await open_test_school("Trường Chính Thức")
    browser = await signed_in(site, school, Role.PRINCIPAL)
    await browser.get("/xac-minh")
    with changed_settings(
        HOCBA_ENVIRONMENT="production",
        HOCBA_ROUTE_LIMIT_FACTOR="1",
        HOCBA_S3_OBJECT_LOCK="required",
        HOCBA_EGRESS_TUNNELS="",
        **_OVER_TLS,
    ):
        sign_in = (await service.find_session(browser.cookie("hocba"), HOST)).sign_in  # type: ignore[union-attr]
        async with tenant_session(school.tenant_id, read_only=True) as session:
            assert not (await service.wanted(session, sign_in, signing=True)).possible
            assert (await service.wanted(session, sign_in, for_factors=True)).password


_OVER_TLS = {
    f"HOCBA_{name}": "https://dich-vu.example"
    for name in (
        "PUBLIC_URL",
        "S3_ENDPOINT",
        "SIGNING_URL",
        "TSA_URL",
        "PROVINCE_URL",
        "GOOGLE_ISSUER",
        "ENTRA_ISSUER",
        "OTHER_ISSUERS",
    )
}


async def test_sessions_are_listed_and_ended(site: Litestar) -> None:
    school = await open_test_school("Trường Nhiều Phiên")
    here, there, third = [await signed_in(site, school, Role.CLERK) for _ in range(3)]
    page = await here.get("/tai-khoan")
    assert len(re.findall(r"/tai-khoan/phien/[0-9a-f-]{36}/ket-thuc", page.text)) == 2
    [first, second] = found(here, "//form[contains(@action, '/phien/')]/@action")
    assert (await here.post(first)).status_code == 303
    alive = [(await one.get("/tai-khoan")).status_code == 200 for one in (here, there, third)]
    assert sorted(alive) == [False, True, True]
    assert alive[0]
    await here.get("/tai-khoan")
    assert (await here.post(first)).status_code == 404, "it has ended"
    stranger = await signed_in(site, school, Role.OWNER)
    await stranger.get("/tai-khoan")
    assert (await stranger.post(second)).status_code == 404, "somebody else's that goes on"
    await here.get("/tai-khoan")
    assert found(here, "//form[contains(@action, '/phien/')]/@action") == [second]
    assert (await here.post("/tai-khoan/phien-khac/ket-thuc")).status_code == 303
    alive = [(await one.get("/tai-khoan")).status_code == 200 for one in (here, there, third, stranger)]
    assert alive == [True, False, False, True]


async def test_a_new_password_ends_the_other_sessions(site: Litestar) -> None:
    school = await open_test_school("Trường Đổi Mật Khẩu")
    here, there = [await signed_in(site, school, Role.CLERK) for _ in range(2)]
    await here.get("/tai-khoan/mat-khau")
    chosen = "mat-khau-moi-tinh"
    for fields, says in (
        ({"current": "sai", "chosen": chosen, "again": chosen}, "Mật khẩu chưa đúng"),
        ({"current": PASSWORD, "chosen": chosen, "again": "khac"}, "chưa giống nhau"),
        ({"current": PASSWORD, "chosen": "ngan", "again": "ngan"}, "từ 10 đến 200 ký tự"),
    ):
        refused = await here.post("/tai-khoan/mat-khau", fields)
        assert (refused.status_code, says in refused.text) == (422, True), says
    fields = {"current": PASSWORD, "chosen": chosen, "again": chosen}
    assert (await here.post("/tai-khoan/mat-khau", fields)).status_code == 303
    assert (await here.get("/tai-khoan")).status_code == 200
    assert (await there.get("/tai-khoan")).status_code == 303
    assert (await Browser(site).sign_in(school.login(Role.CLERK), PASSWORD)).status_code == 422
    assert (await Browser(site).sign_in(school.login(Role.CLERK), chosen)).status_code == 303


@pytest.mark.parametrize("host", ["truong-khac.example", "127.0.0.1:8001", "", "x" * 300])
async def test_a_cookie_of_another_host_is_nobodys(site: Litestar, school: TestSchool, host: str) -> None:
    browser = await signed_in(site, school, Role.CLERK)
    thief = Browser(site)
    headers = {"Cookie": f"hocba={browser.cookie('hocba')}", "Host": host}
    answer = await thief.http.get("/tai-khoan", headers=headers)
    assert (answer.status_code, answer.headers["location"][:10]) == (303, "/dang-nhap")
    assert (await browser.get("/tai-khoan")).status_code == 200


@pytest.mark.parametrize("value", ["", "x", "a" * 5_000, "%00", "\u00e0", '"', "a; b=c", "' or true --"])
async def test_a_cookie_that_is_none_is_nobodys(site: Litestar, value: str) -> None:
    headers = httpx.Headers({"Cookie": f"hocba={value}"}, encoding="latin-1")
    answer = await Browser(site).http.get("/tai-khoan", headers=headers)
    assert (answer.status_code, answer.headers["location"][:10]) == (303, "/dang-nhap")


async def test_nobody_speaks_for_an_account_without_the_key(
    site: Litestar, school: TestSchool, product: settings.Settings
) -> None:
    """Whoever can send SQL as the application, and has no key of it, opens no session and learns no factor."""
    browser = await signed_in(site, school, Role.CLERK)
    sign_in = (await service.find_session(browser.cookie("hocba"), HOST)).sign_in  # type: ignore[union-attr]
    forged = f"{sign_in.account_id}.{{pid}}.9999999999.{'0' * 64}"
    async with public_session() as session:
        assert (await session.execute(text("select * from directory.sessions('1 day')"))).all() == []
        assert (await session.execute(text("select * from directory.login()"))).all() == []
        pid = await session.scalar(text("select pg_backend_pid()"))
        value = {"context": forged.format(pid=pid)}
        await session.execute(text("select set_config('app.account', :context, true)"), value)
        with pytest.raises(DBAPIError, match="account context refused"):
            await session.execute(text("select * from directory.login()"))
    async with account_session(sign_in.account_id) as session:
        own = await session.scalar(text("select current_setting('app.account')"))
        await session.execute(text("select set_config('app.ctx', :context, true)"), {"context": own})
        with pytest.raises(DBAPIError, match="tenant context refused"):
            await session.execute(text("select count(*) from student"))


def test_a_sealed_secret_opens_for_its_purpose_and_its_key_alone(product: settings.Settings) -> None:
    sealed = vault.seal(b"bi mat", "thu 1")
    assert vault.unseal(sealed, "thu 1") == b"bi mat"
    assert b"bi mat" not in sealed
    assert vault.seal(b"bi mat", "thu 1") != sealed
    for bad, purpose in (
        (sealed, "thu 2"),
        (sealed[:-1] + b"x", "thu 1"),
        (b"", "thu 1"),
        (b"x" * 60, "thu 1"),
    ):
        with pytest.raises(vault.Unsealable):
            vault.unseal(bad, purpose)
    other = "mot-khoa-khac-dai-hon-ba-muoi-hai-ky-tu"
    with changed_settings(HOCBA_SECRET_KEY=other), pytest.raises(vault.Unsealable):
        vault.unseal(sealed, "thu 1")
    with changed_settings(HOCBA_SECRET_KEY=other, HOCBA_OLD_SECRET_KEY=product.secret_key):
        assert vault.unseal(sealed, "thu 1") == b"bi mat"


async def _age(product: settings.Settings, browser: Browser) -> None:
    """The last proof of the browser's session was six minutes ago."""
    await _change(
        product, "verified_at = now() - interval '6 minutes'", "token_digest", browser.cookie("hocba")
    )


async def _change(product: settings.Settings, change: str, column: str, token: str) -> None:
    connection = await asyncpg.connect(product.database_migrator_url)
    digest = text_digest(token)
    done = await connection.execute(f"update directory.session set {change} where {column} = $1", digest)
    await connection.close()
    assert done == "UPDATE 1"
