"""Wrong passwords and codes from many networks: the login is locked for a while, and its person can help themselves."""

import asyncio
import contextlib
import itertools
from datetime import timedelta

import asyncpg
import msgspec
import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock, rate_limit, settings
from backend.core.actor import Browser as Asking
from backend.core.crypto import text_digest
from backend.core.database import public_session, tenant_session
from backend.core.errors import Unauthenticated
from backend.tenants.access import entry, queries
from backend.tenants.access.entry import REFUSAL_SECONDS
from backend.tenants.access.schemas import CodeWanted, Entered
from backend.tenants.access.tries import Locked, count, forget, signing_in
from backend.tenants.factors import service as factors
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school, signed_in
from tests.tenants.people import add_passkey, enrol_app, sign_in_by_key
from tests.tenants.test_recovery import CHOSEN, link_for

#: So many wrong tries within a quarter of an hour lock.
MOST_WRONG = 10
WRONG = "mat-khau-sai-roi"
NEWS = "Tài khoản có việc mới"
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


async def refusals(school: TestSchool) -> int:
    """How often the school's audit says that a sign-in was refused."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        query = text("select count(*) from audit_event where action = 'access.session.sign_in_refused'")
        return int(await session.scalar(query) or 0)


async def pass_by(owner_of_tables: asyncpg.Connection, subject: str, minutes: float) -> None:
    """So much time goes by for what is counted of a subject."""
    await owner_of_tables.execute(
        "update directory.sign_in_tries set since = since - $2::interval, told_at = told_at - $2::interval, "
        "locked_until = locked_until - $2::interval where subject_digest = $1",
        subject,
        timedelta(minutes=minutes),
    )


async def test_the_tenth_in_a_quarter_of_an_hour_locks_and_each_lock_is_longer(
    product: settings.Settings, owner_of_tables: asyncpg.Connection
) -> None:
    subject, lasted = signing_in("moi-lan-mot-lau@truong.example"), []
    for _ in range(5):
        assert [await count(subject) for _ in range(MOST_WRONG - 1)] == [None] * (MOST_WRONG - 1)
        until = await count(subject)
        assert until is not None
        lasted.append(round((until - clock.now()) / timedelta(minutes=1)))
        with pytest.raises(Locked):
            await count(subject)
        await pass_by(owner_of_tables, subject, 60)
    assert lasted == [5, 15, 45, 60, 60]


async def test_old_tries_do_not_count(
    product: settings.Settings, owner_of_tables: asyncpg.Connection
) -> None:
    subject = signing_in("lau-roi@truong.example")
    for _ in range(2):
        assert [await count(subject) for _ in range(MOST_WRONG - 1)] == [None] * (MOST_WRONG - 1)
        await pass_by(owner_of_tables, subject, 16)


async def test_what_is_counted_is_found_by_nobody_without_the_key(
    product: settings.Settings, owner_of_tables: asyncpg.Connection
) -> None:
    """Whoever may call the functions and knows a login locks nobody and lifts no lock."""
    login = "biet-ten@truong.example"
    await attack(login, 10)
    async with public_session() as directory:
        for guess in (f"sign-in {login} ", f"sign-in {login}"):
            await queries.forget_tries(directory, text_digest(guess))
    with pytest.raises(Locked):
        await entry.sign_in(login, WRONG, from_anywhere())


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


async def test_strangers_do_not_lock_out_a_browser_that_is_known(site: Litestar) -> None:
    school, other = await open_test_school("Trường Có Máy Quen"), await open_test_school("Trường Khác")
    role, login = Role.PRINCIPAL, school.login(Role.PRINCIPAL)
    known = await signed_in(site, school, role)
    cookie = known.cookie("hocba-known")
    strange = await signed_in(site, other, role)
    await attack(login, 10)
    assert (await known.sign_in(login, PASSWORD)).status_code == 303
    assert known.cookie("hocba-known") == cookie, "the same browser"
    assert (await strange.sign_in(login, PASSWORD)).status_code == 429, "known to another account"
    forged = Browser(site)
    number, _, seal = cookie.partition(".")
    for worthless in (f"{number}x.{seal}", f"{number}.", f".{seal}"):
        forged.http.cookies.set("hocba-known", worthless, domain="127.0.0.1")
        assert (await forged.sign_in(login, PASSWORD)).status_code == 429
    asking = Asking(host="127.0.0.1:8000", network="198.19.0.0/24", known=cookie)
    for wrong in range(MOST_WRONG):
        network = f"198.19.{wrong}.0/24"
        with pytest.raises((Unauthenticated, Locked)) as refused:
            await entry.sign_in(login, WRONG, msgspec.structs.replace(asking, network=network))
    assert refused.type is Locked, "it guesses no more often than strangers do"


async def test_a_new_password_makes_known_browsers_strangers(site: Litestar) -> None:
    school = await open_test_school("Trường Đổi Mật Khẩu")
    role, login = Role.SUBJECT_TEACHER, school.login(Role.SUBJECT_TEACHER)
    known = await signed_in(site, school, role)
    path = await link_for(await signed_in(site, school, Role.IT_TEACHER), school.staff[role])
    person = Browser(site)
    await person.get(path)
    assert (await person.post(path, CHOSEN)).status_code == 303
    await attack(login, 10)
    assert (await known.sign_in(login, CHOSEN["chosen"])).status_code == 429


async def test_tries_that_a_lock_refuses_are_written_down_once_a_minute(
    product: settings.Settings, owner_of_tables: asyncpg.Connection
) -> None:
    school = await open_test_school("Trường Vẫn Bị Dò")
    login = school.login(Role.CLERK)
    await attack(login, 10)
    before = await refusals(school)
    for after in (1, 2):
        for password in (WRONG, PASSWORD):
            with pytest.raises(Locked):
                await entry.sign_in(login, password, from_anywhere())
        assert await refusals(school) == before + after
        await pass_by(owner_of_tables, signing_in(login), 1.1)


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


async def test_a_lock_ends_by_itself(product: settings.Settings, owner_of_tables: asyncpg.Connection) -> None:
    school = await open_test_school("Trường Hết Khóa")
    login = school.login(Role.CLERK)
    await attack(login, 10)
    await pass_by(owner_of_tables, signing_in(login), 5.1)
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
    answers = [await thief.post("/xac-minh", {"password": WRONG, "yeu_to": "1"}) for _ in range(MOST_WRONG)]
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
    assert NEWS not in (await first.get("/")).text
    await add_passkey(first, product, "Máy lạ")
    for _ in range(12):
        assert (await first.post("/tai-khoan/ma-khoi-phuc")).status_code == 200
        await first.get("/tai-khoan")
    for _ in range(2):
        again = await signed_in(site, school, role)
        told = (await again.get("/")).text
        assert f"{NEWS}: Tạo mã khôi phục (" in told, "the newest first"
        assert "; Thêm khóa truy cập hoặc ứng dụng tạo mã (" in told, "however much came after it"
    assert "Thêm khóa truy cập hoặc ứng dụng tạo mã" in (await again.get("/tai-khoan")).text


async def test_news_are_told_until_their_person_has_seen_them(
    site: Litestar, product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    school, now = await open_test_school("Trường Xem Tin"), clock.now
    role = Role.SUBJECT_TEACHER
    thief = await signed_in(site, school, role)
    key = await add_passkey(thief, product, "Máy lạ")
    page = (await thief.get("/tai-khoan")).text
    assert ("Tôi đã xem</" in page, "Việc trong 24 giờ qua được nhắc" in page) == (False, True)
    assert (await thief.post("/tai-khoan/da-xem")).status_code == 303
    victim = await signed_in(site, school, role)
    assert NEWS in (await victim.get("/")).text, "nobody hides on the same day what they have done"
    monkeypatch.setattr(clock, "now", lambda: now() + timedelta(hours=25))
    alone = await signed_in(site, school, role)
    assert "Tôi đã xem</" in (await alone.get("/tai-khoan")).text
    asked = await alone.post("/tai-khoan/da-xem")
    assert asked.headers["location"].startswith("/xac-minh"), "the password alone does not say so"
    await sign_in_by_key(alone, key)
    assert NEWS in (await alone.get("/")).text
    await alone.get("/tai-khoan")
    assert (await alone.post("/tai-khoan/da-xem")).headers["location"] == "/tai-khoan"
    assert "Tôi đã xem</" not in (await alone.get("/tai-khoan")).text
    assert NEWS not in (await (await signed_in(site, school, role)).get("/")).text


async def test_old_news_are_not_told(
    site: Litestar, product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    school, now = await open_test_school("Trường Tin Cũ"), clock.now
    await add_passkey(await signed_in(site, school, Role.CLERK), product, "Máy cũ")
    for days, told in ((6, True), (8, False)):
        with monkeypatch.context() as later:
            later.setattr(clock, "now", lambda days=days: now() + timedelta(days=days))
            browser = await signed_in(site, school, Role.CLERK)
            assert (NEWS in (await browser.get("/")).text) is told
