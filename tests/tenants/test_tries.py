"""Wrong passwords and codes from many networks: the login is locked for a while, and its person can help themselves."""

import asyncio
import contextlib
import itertools
from datetime import UTC, datetime, timedelta

import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock, rate_limit, settings
from backend.core.actor import Browser as Asking
from backend.core.database import public_session, tenant_session
from backend.core.errors import Unauthenticated
from backend.tenants.access import entry, rules
from backend.tenants.access.schemas import CodeWanted, Entered, Tries
from backend.tenants.access.service import REFUSAL_SECONDS
from backend.tenants.access.tries import Locked, count, forget, signing_in
from backend.tenants.factors import service as factors
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school, signed_in
from tests.tenants.people import add_passkey, enrol_app, sign_in_by_key
from tests.tenants.test_recovery import CHOSEN, link_for

NOW = datetime(2026, 5, 30, 8, tzinfo=UTC)
WRONG = "mat-khau-sai-roi"
SAYS = "Đã nhập sai quá nhiều lần nên mật khẩu và mã bị khóa đến"
_networks = (f"198.18.{one}.0/24" for one in itertools.count())


def from_anywhere() -> Asking:
    """A browser in a network that was never seen."""
    return Asking(host="127.0.0.1:8000", network=next(_networks))


async def attack(login: str, times: int) -> list[type[Exception]]:
    """So many wrong passwords at once, each from a network of its own: what each of them was told."""
    tries = [entry.sign_in(login, WRONG, from_anywhere()) for _ in range(times)]
    return [type(one) for one in await asyncio.gather(*tries, return_exceptions=True)]  # type: ignore[misc]


async def locks(school: TestSchool) -> int:
    """How often the school's audit says that somebody was locked."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        query = text("select count(*) from audit_event where action = 'access.account.lock'")
        return int(await session.scalar(query) or 0)


def test_the_tenth_in_a_quarter_of_an_hour_locks_and_each_lock_is_longer() -> None:
    tries, lasted = Tries(), []
    now = NOW
    for _ in range(5):
        for number in range(1, rules.MOST_WRONG + 1):
            tries = rules.one_more(tries, now)
            assert (tries.locked_until is None) is (number < rules.MOST_WRONG)
        assert tries.locked_until is not None
        lasted.append((tries.locked_until - now) / timedelta(minutes=1))
        now = tries.locked_until
    assert lasted == [5, 15, 45, 60, 60]


def test_old_tries_do_not_count() -> None:
    tries = Tries(wrong=9, since=NOW - rules.WINDOW - timedelta(seconds=1))
    assert rules.one_more(tries, NOW) == Tries(wrong=1, since=NOW)
    assert (
        rules.one_more(Tries(locks=10**9, wrong=9, since=NOW), NOW).locked_until == NOW + rules.LONGEST_LOCK
    )


async def test_many_networks_are_one_attack(site: Litestar) -> None:
    school = await open_test_school("Trường Bị Dò")
    login = school.login(Role.CLERK)
    said = await attack(login, 14)
    assert (said.count(Unauthenticated), said.count(Locked)) == (9, 5), "ten tries, however many come at once"
    assert await locks(school) == 1
    browser = Browser(site)
    page = await browser.sign_in(login, PASSWORD)
    assert (page.status_code, SAYS in page.text) == (429, True), "the right password neither"
    assert not browser.cookie("hocba")


async def test_right_tries_at_once_do_not_trip_over_each_other(product: settings.Settings) -> None:
    """Each counts itself while another, which was right, forgets what was counted."""
    school = await open_test_school("Trường Vào Cùng Lúc")
    login = school.login(Role.CLERK)
    for _ in range(3):
        tries = [entry.sign_in(login, PASSWORD, from_anywhere()) for _ in range(8)]
        assert {type(one) for one in await asyncio.gather(*tries, return_exceptions=True)} == {Entered}
    subject = signing_in(login)
    await asyncio.gather(*(_counted_and_forgotten(subject) for _ in range(40)))


async def _counted_and_forgotten(subject: str) -> None:
    for _ in range(5):
        with contextlib.suppress(Locked):
            await count(subject)
        async with public_session() as directory:
            await forget(directory, subject)


async def test_a_login_that_nobody_has_is_locked_alike(
    product: settings.Settings, caplog: pytest.LogCaptureFixture
) -> None:
    said = await attack("khong-ai@truong.example", 11)
    assert (said.count(Unauthenticated), said.count(Locked)) == (9, 2)
    assert [one.message for one in caplog.records].count("sign-in locked") == 1
    assert "khong-ai" not in caplog.text


async def test_the_refusal_that_locks_takes_as_long_as_the_others(product: settings.Settings) -> None:
    school = await open_test_school("Trường Đo Giờ")
    for login in (school.login(Role.CLERK), "khong-ai-do@truong.example"):
        await attack(login, 9)
        started = asyncio.get_running_loop().time()
        with pytest.raises(Locked):
            await entry.sign_in(login, WRONG, from_anywhere())
        assert REFUSAL_SECONDS <= asyncio.get_running_loop().time() - started < REFUSAL_SECONDS + 0.3


async def test_a_lock_ends_by_itself(product: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    school = await open_test_school("Trường Hết Khóa")
    login = school.login(Role.CLERK)
    await attack(login, 10)
    later = clock.now() + rules.FIRST_LOCK + timedelta(seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert isinstance(await entry.sign_in(login, PASSWORD, from_anywhere()), Entered)
    assert await attack(login, 9) == [Unauthenticated] * 9, "who came in begins anew"


async def test_a_lock_ends_by_a_reset_and_does_not_hold_a_passkey(
    site: Litestar, product: settings.Settings
) -> None:
    school = await open_test_school("Trường Mở Khóa")
    login, here = school.login(Role.SUBJECT_TEACHER), await signed_in(site, school, Role.SUBJECT_TEACHER)
    key = await add_passkey(here, product, "Máy của tôi")
    await attack(login, 10)
    assert (await sign_in_by_key(Browser(site), key)).status_code == 303
    path = await link_for(await signed_in(site, school, Role.IT_TEACHER), school.staff[Role.SUBJECT_TEACHER])
    person = Browser(site)
    await person.get(path)
    assert (await person.post(path, CHOSEN)).status_code == 303
    assert (await person.sign_in(login, CHOSEN["chosen"])).status_code == 303


async def test_the_right_password_does_not_wipe_out_wrong_codes(
    site: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = await open_test_school("Trường Dò Mã")
    role, login = Role.CLERK, school.login(Role.CLERK)
    here = await signed_in(site, school, role)
    await enrol_app(here)
    monkeypatch.setattr(factors, "TRIES", rate_limit.Limit(name="factor-many", burst=1000, per_seconds=1))
    for _ in range(5):
        half = await entry.sign_in(login, PASSWORD, from_anywhere())
        assert isinstance(half, CodeWanted)
        with pytest.raises((entry.WrongCode, Locked)) as refused:
            await entry.sign_in_with_code(half.ticket, "000000", from_anywhere())
    assert refused.type is Locked
    assert await locks(school) == 1
    await here.get("/xac-minh")
    proved = await here.post("/xac-minh", {"code": "000000"})
    assert (proved.status_code, "Mã xác minh chưa đúng" in proved.text) == (422, True), (
        "a stranger at the sign-in does not lock out who is in"
    )


async def test_who_is_signed_in_guesses_no_longer_either(
    site: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = await open_test_school("Trường Phiên Bị Lấy")
    thief = await signed_in(site, school, Role.CLERK)
    await thief.get("/xac-minh?yeu-to=1")
    answers = [
        await thief.post("/xac-minh", {"password": WRONG, "yeu_to": "1"}) for _ in range(rules.MOST_WRONG)
    ]
    assert [answer.status_code for answer in answers] == [422] * 9 + [429]
    assert SAYS in answers[-1].text
    assert await locks(school) == 1


async def test_people_are_told_what_became_of_their_account(
    site: Litestar, product: settings.Settings
) -> None:
    school = await open_test_school("Trường Báo Tin")
    role = Role.SUBJECT_TEACHER
    first = await signed_in(site, school, role)
    assert "Chưa có thay đổi nào về cách đăng nhập" in (await first.get("/tai-khoan")).text
    assert "Từ lần bạn đăng nhập trước" not in (await first.get("/")).text
    await add_passkey(first, product, "Máy lạ")
    again = await signed_in(site, school, role)
    told = (await again.get("/")).text
    assert "tài khoản có việc mới: Thêm khóa truy cập hoặc ứng dụng tạo mã (" in told
    assert "Thêm khóa truy cập hoặc ứng dụng tạo mã" in (await again.get("/tai-khoan")).text
    once = await signed_in(site, school, role)
    assert "Từ lần bạn đăng nhập trước" not in (await once.get("/")).text, "told once"
