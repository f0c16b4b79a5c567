"""Passkeys, one-time codes and recovery codes: made, used, refused, lost. Through the pages, as a browser would."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock, settings
from backend.core.database import tenant_session
from backend.tenants.factors import one_time_codes, rules
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school, signed_in
from tests.tenants.authenticator import Authenticator
from tests.tenants.people import (
    add_passkey,
    ask,
    enrol_app,
    found,
    new_authenticator,
    sign_in_by_key,
)

WRONG_KEY = "Khóa truy cập này không xác minh được"
OTHER_DEED = "Lần xác minh này thuộc về một việc khác"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def people(product: settings.Settings) -> AsyncIterator[TestSchool]:
    """A school whose people get factors: each test takes a role of its own."""
    yield await open_test_school("Trường Khóa Truy Cập")


async def deeds(school: TestSchool, role: Role) -> list[tuple[str, str, str | None]]:
    """What the audit says that somebody did to their own factors: action, outcome, factor."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        found = await session.execute(
            text(
                "select action, outcome, details->>'factor' as factor from audit_event "
                "where subject_id = :id order by at, id"
            ),
            {"id": school.staff[role]},
        )
        return [(row.action, row.outcome, row.factor) for row in found]


async def test_a_passkey_from_its_making_to_its_end(
    site: Litestar, people: TestSchool, product: settings.Settings
) -> None:
    browser = await signed_in(site, people, Role.PRINCIPAL)
    key = await add_passkey(browser, product, "Điện thoại của tôi")
    assert "Điện thoại của tôi" in (await browser.get("/tai-khoan")).text
    elsewhere = Browser(site)
    assert (await sign_in_by_key(elsewhere, key)).status_code == 303
    shown = (await elsewhere.get("/tai-khoan")).text
    assert "khóa truy cập" in shown
    assert "mật khẩu" in shown
    [remove] = found(elsewhere, "//form[contains(@action, '/go')]/@action")
    gone = await elsewhere.post(remove)
    assert (gone.status_code, gone.headers["location"]) == (303, "/tai-khoan")
    refused = await sign_in_by_key(Browser(site), key)
    assert refused.status_code == 422
    assert WRONG_KEY in refused.text
    assert [deed for deed in await deeds(people, Role.PRINCIPAL) if "factor" in deed[0]] == [
        ("access.factor.add", "done", "passkey"),
        ("access.factor.remove", "done", "passkey"),
    ]


async def test_answers_of_the_wrong_key_are_refused(
    site: Litestar, people: TestSchool, product: settings.Settings
) -> None:
    browser = await signed_in(site, people, Role.CLERK)
    key = await add_passkey(browser, product, "Máy ở văn phòng")
    question = await ask(browser, "/dang-nhap/khoa/cau-hoi")
    bent = {
        "another site": Authenticator(origin="https://hocba.xau.example"),
        "nobody verified": Authenticator(origin=key.origin, verifies=False),
        "another key": Authenticator(origin=key.origin),
    }
    for name, fake in bent.items():
        fake.credential_id, fake.user_handle = key.credential_id, key.user_handle
        fake.key = fake.key if name == "another key" else key.key
        fake.counter = 50
        refused = await sign_in_by_key(Browser(site), fake)
        assert refused.status_code == 422, name
        assert WRONG_KEY in refused.text, name
    unknown = Authenticator(origin=key.origin, user_handle=key.user_handle)
    assert WRONG_KEY in (await sign_in_by_key(Browser(site), unknown)).text
    answer = key.get(question)
    assert (await browser.post("/dang-nhap/khoa", {"passkey": answer})).status_code == 303
    await browser.get("/dang-nhap")
    again = await browser.post("/dang-nhap/khoa", {"passkey": answer})
    assert (again.status_code, OTHER_DEED in again.text) == (422, True), "an answer is taken once"


async def test_a_copied_key_is_noticed_by_its_counter(
    site: Litestar, people: TestSchool, product: settings.Settings
) -> None:
    key = await add_passkey(await signed_in(site, people, Role.OWNER), product, "Khóa")
    for _ in range(2):
        assert (await sign_in_by_key(Browser(site), key)).status_code == 303
    key.counter -= 1
    refused = await sign_in_by_key(Browser(site), key)
    assert (refused.status_code, WRONG_KEY in refused.text) == (422, True)
    assert (await deeds(people, Role.OWNER))[-1] == ("access.session.sign_in_refused", "refused", "passkey")


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{",
        "[]",
        "null",
        '{"id": 1}',
        '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {}}',
        '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": "e30", '
        '"authenticatorData": "YQ", "signature": "YQ"}}',
        '{"id": "YQ", "rawId": "YQ", "type": "public-key", "response": {"clientDataJSON": '
        '"eyJ0eXBlIjogMSwgImNoYWxsZW5nZSI6IDEsICJvcmlnaW4iOiAxfQ", "authenticatorData": "YQ", "signature": "YQ"}}',
        "[" * 10_000,
        "x" * 30_000,
        '{"id": "\\u0000", "rawId": "\\ud800", "type": "public-key", "response": {"clientDataJSON": "\\u0000"}}',
    ],
)
async def test_what_is_no_answer_is_refused_in_words(stranger: Browser, answer: str) -> None:
    await stranger.get("/dang-nhap")
    refused = await stranger.post("/dang-nhap/khoa", {"passkey": answer})
    assert refused.status_code == 422
    assert WRONG_KEY in refused.text


async def test_a_question_is_for_the_one_who_asked(
    site: Litestar, people: TestSchool, product: settings.Settings
) -> None:
    """A question of the sign-in page does not verify a session, nor one session's question another."""
    first = await signed_in(site, people, Role.HOMEROOM_TEACHER)
    key = await add_passkey(first, product, "Khóa")
    second = Browser(site)
    await sign_in_by_key(second, key)
    await second.get("/xac-minh")
    await first.get("/xac-minh")
    for question in (
        await ask(first, "/dang-nhap/khoa/cau-hoi"),
        await ask(second, "/xac-minh/cau-hoi"),
        await ask(first, "/xac-minh/cau-hoi", statement="0" * 64),
    ):
        refused = await first.post("/xac-minh", {"passkey": key.get(question)})
        assert refused.status_code == 422
        assert OTHER_DEED in refused.text
    right = await first.post(
        "/xac-minh", {"passkey": key.get(await ask(first, "/xac-minh/cau-hoi")), "tiep": "/lop"}
    )
    assert (right.status_code, right.headers["location"]) == (303, "/lop")


async def test_a_code_app_from_its_making_to_its_end(site: Litestar, people: TestSchool) -> None:
    role = Role.SUBJECT_TEACHER
    seed, first = await enrol_app(await signed_in(site, people, role))
    browser = Browser(site)
    asked = await browser.sign_in(people.login(role), PASSWORD, tiep="/lop")
    assert (asked.status_code, "Nhập mã xác minh" in asked.text) == (200, True)
    assert not browser.cookie("hocba")
    used = await _send_code(browser, first)
    assert (used.status_code, "đã được dùng" in used.text) == (422, True), "it took the app into use"
    wrong = await _send_code(browser, "000000")
    assert (wrong.status_code, "Mã xác minh chưa đúng" in wrong.text) == (422, True)
    next_step = rules.steps_around(clock.now())[0] + 1
    right = await _send_code(browser, f" {one_time_codes.code_at(seed, next_step)} ")
    assert (right.status_code, right.headers["location"]) == (303, "/lop")
    await browser.get("/tai-khoan")
    assert (await browser.post("/tai-khoan/ung-dung/tat")).headers["location"] == "/tai-khoan"
    assert (await Browser(site).sign_in(people.login(role), PASSWORD)).status_code == 303
    assert [deed for deed in await deeds(people, role) if "factor." in deed[0]] == [
        ("access.factor.add", "done", "one_time_code"),
        ("access.factor.remove", "done", "one_time_code"),
    ]


async def test_recovery_codes_replace_a_lost_telephone_once_each(
    site: Litestar, people: TestSchool, product: settings.Settings
) -> None:
    role = Role.IT_TEACHER
    browser = await signed_in(site, people, role)
    seed, _ = await enrol_app(browser)
    kept = await kept_seeds(product)
    assert kept
    assert all(seed.encode() not in sealed for sealed in kept)
    await browser.post("/tai-khoan/ma-khoi-phuc")
    codes = found(browser, "//ul[@class='code-list']//code/text()")
    assert len(set(codes)) == rules.RECOVERY_CODES
    entered = []
    for code in (codes[0].lower(), codes[0], codes[1]):
        browser = Browser(site)
        await browser.sign_in(people.login(role), PASSWORD)
        entered.append((await _send_code(browser, code)).status_code)
    assert entered == [303, 422, 303]
    assert "Còn 8 mã chưa dùng." in (await browser.get("/tai-khoan")).text
    assert (await browser.post("/tai-khoan/ung-dung/tat")).headers["location"] == "/tai-khoan"
    await enrol_app(browser)
    await add_passkey(browser, product, "Máy mới")
    assert "ký được từ" in (await browser.get("/tai-khoan")).text, (
        "who was let in by a code signs a day later, whatever else they show meanwhile"
    )


async def kept_seeds(product: settings.Settings) -> list[bytes]:
    """Everybody's seeds as they lie in the database."""
    connection = await asyncpg.connect(product.database_migrator_url)
    rows = await connection.fetch("select sealed_seed from directory.totp")
    await connection.close()
    return [row["sealed_seed"] for row in rows]


def test_a_clock_may_be_off_by_half_a_minute() -> None:
    assert rules.steps_around(datetime(2026, 1, 1, tzinfo=UTC)) == [58907520, 58907519, 58907521]


async def test_a_half_sign_in_ends(stranger: Browser) -> None:
    await stranger.get("/dang-nhap")
    late = await stranger.post("/dang-nhap/ma", {"ticket": "a" * 43, "code": "123456"})
    assert (late.status_code, "Lần đăng nhập này đã hết hạn" in late.text) == (422, True)


async def test_a_new_passkey_needs_a_name_and_its_own_question(
    site: Litestar, people: TestSchool, product: settings.Settings
) -> None:
    browser = await signed_in(site, people, Role.PRINCIPAL)
    key = new_authenticator(product)
    await browser.get("/tai-khoan/khoa")
    for name, question in (
        ("", await ask(browser, "/tai-khoan/khoa/cau-hoi")),
        ("x" * 61, await ask(browser, "/tai-khoan/khoa/cau-hoi")),
        ("Khóa", json.dumps(json.loads(await ask(browser, "/tai-khoan/khoa/cau-hoi")) | {"challenge": "YQ"})),
    ):
        refused = await browser.post("/tai-khoan/khoa", {"passkey": key.create(question), "name": name})
        assert refused.status_code == 422
    assert "Chưa có khóa truy cập nào." in (await browser.get("/tai-khoan")).text


async def _send_code(browser: Browser, code: str) -> httpx.Response:
    [ticket], [tiep] = (found(browser, f"//input[@name='{name}']/@value") for name in ("ticket", "tiep"))
    return await browser.post("/dang-nhap/ma", {"ticket": ticket, "code": code, "tiep": tiep})
