"""A person's own account in a real browser: a passkey from its making to signing in with it, codes, sessions."""

import json
import re

import pytest
from playwright.async_api import Browser, expect

from backend.core import clock
from backend.tenants.factors import one_time_codes, rules
from infra.simulators.oidc.people import DOMAIN
from tests.journeys.conftest import Site
from tests.journeys.people import Person

pytestmark = pytest.mark.needs("chromium")


async def test_a_passkey_in_a_browser(chromium: Browser, site: Site) -> None:
    owner = await Person.sign_in(chromium, site.named, site.login("owner"))
    await owner.page.get_by_role("link", name=await _name(owner)).click()
    await owner.sees("Tài khoản của tôi", "Chưa có khóa truy cập nào.", "Phiên này")
    await owner.look("60-account-without-a-factor")
    await owner.go("/tai-khoan/khoa")
    await owner.look("61-new-passkey")
    await owner.add_passkey("Máy tính ở trường")
    await owner.look("62-account-with-a-passkey")
    await owner.press("Đăng xuất")
    await owner.press("Đăng nhập bằng khóa truy cập")
    await owner.sees("Xin chào")
    await owner.go("/xac-minh?tiep=/tai-khoan")
    await owner.look("63-verify-by-passkey")
    await owner.press("Xác minh bằng khóa truy cập")
    await owner.sees("Nơi đang đăng nhập")
    await owner.press_and_agree("Gỡ")
    await owner.sees("Đã gỡ khóa truy cập Máy tính ở trường.")


async def test_codes_in_a_browser(chromium: Browser, site: Site) -> None:
    login = f"gvcn.2a@{site.school.key}.hocba.test"  # whose sessions no other journey opens
    teacher = await Person.sign_in(chromium, site.url, login)
    await teacher.go("/tai-khoan")
    await teacher.press("Bật ứng dụng tạo mã")
    await teacher.page.get_by_text("Không quét được?").click()
    await teacher.look("64-code-app")
    seed = await teacher.page.locator("details code").inner_text()
    await teacher.page.get_by_label("Mã đang hiện trong ứng dụng").fill(code_of(seed))
    await teacher.press(re.compile("^Bật$"))
    await teacher.sees("Đã bật ứng dụng tạo mã.", "Chưa có mã khôi phục")
    await teacher.press("Tạo 10 mã mới")
    await expect(teacher.page.locator(".code-list li")).to_have_count(10)
    await teacher.look("65-recovery-codes")
    recovery = await teacher.page.locator(".code-list code").first.inner_text()
    await teacher.go("/tai-khoan/mat-khau")
    await teacher.look("66-new-password")

    again = await Person.arrive(chromium, site.url)
    await again.begin_to_sign_in(login)
    await again.sees("Nhập mã xác minh")
    await again.look("67-code-after-the-password")
    again.expected_status = 422
    await again.page.get_by_label("Mã xác minh").fill("000000")
    await again.press("Đăng nhập")
    await again.sees("Mã xác minh chưa đúng")
    await again.page.get_by_label("Mã xác minh").fill(recovery)
    await again.press("Đăng nhập")
    await again.sees("Xin chào")
    await again.go("/tai-khoan")
    await again.press("Kết thúc mọi phiên khác")
    await again.sees("Đã kết thúc 1 phiên đăng nhập khác.")
    await again.press_and_agree("Tắt ứng dụng tạo mã")
    await again.sees("Đã tắt ứng dụng tạo mã.")
    await teacher.go("/tai-khoan")
    await teacher.sees("Phiên làm việc đã hết hạn")


async def test_an_account_elsewhere_in_a_browser(chromium: Browser, site: Site) -> None:
    known = json.loads((site.trust.parent / "oidc" / "settings.json").read_text())
    it_teacher = await Person.sign_in(chromium, site.url, site.login("it_teacher"))
    await it_teacher.press("Cách đăng nhập")
    await it_teacher.look("70-no-provider")
    await it_teacher.press("Thêm nơi đăng nhập")
    await it_teacher.look("71-new-provider")
    for label, value in (
        ("Tên hiển thị", "Google của trường"),
        ("Tên miền", DOMAIN),
        ("Mã ứng dụng", known["client_id"]),
        ("Khóa bí mật", known["client_secret"]),
    ):
        await it_teacher.page.get_by_label(label).fill(value)
    await it_teacher.press(re.compile("^Thêm$"))
    await it_teacher.sees("Đã thêm Google của trường.")
    await it_teacher.look("72-providers")
    shown = await it_teacher.page.locator("dd").first.inner_text()
    door = shown.removeprefix(site.url)

    clerk = await Person.sign_in(chromium, site.url, site.login("clerk"))
    await clerk.go("/tai-khoan/lien-ket")
    await clerk.look("73-no-links")
    await clerk.press("Liên kết Google của trường")
    await clerk.page.get_by_role("link", name=re.compile("Tài khoản thử 1")).click()
    await clerk.sees("Liên kết tài khoản này với bạn?", "taikhoan1@")
    await clerk.look("74-confirm-link")
    await clerk.press("Xác nhận liên kết")
    await clerk.sees("Đã liên kết taikhoan1@")
    await clerk.look("75-links")

    again = await Person.arrive(chromium, site.url)
    await again.go(door)
    await again.look("76-door")
    again.expected_status = 403
    await again.press("Đăng nhập bằng Google của trường")
    await again.page.get_by_role("link", name=re.compile("Tài khoản thử 2")).click()
    await again.sees("chưa được liên kết với ai ở trường")
    await again.look("77-not-linked")
    await again.press("Đăng nhập bằng Google của trường")
    await again.page.get_by_role("link", name=re.compile("Tài khoản thử 1")).click()
    await again.sees("Xin chào")


async def test_a_link_for_somebody_who_forgot_the_password(chromium: Browser, site: Site) -> None:
    owner = await Person.sign_in(chromium, site.url, site.login("owner"))
    await owner.press("Đặt lại tài khoản")
    await owner.look("78-resets")
    await owner.page.get_by_role("row").filter(has_text="Văn thư").get_by_role("button").click()
    await owner.page.locator("#confirm-dialog [data-answer=yes]").click()
    await owner.sees("Đường dẫn cho")
    await owner.look("79-reset-link")
    link = await owner.page.locator(".lookup-code").inner_text()
    person = await Person.arrive(chromium, site.url)
    await person.go(link.removeprefix(site.url))
    await person.look("80-new-password-by-link")


async def test_an_address_in_numbers_has_no_passkeys(chromium: Browser, site: Site) -> None:
    stranger = await Person.arrive(chromium, site.url)
    await stranger.get_a_security_chip()
    await stranger.go("/dang-nhap")
    await stranger.press("Đăng nhập bằng khóa truy cập")
    await stranger.sees("Trình duyệt này không dùng được khóa truy cập ở địa chỉ này")


def code_of(seed: str) -> str:
    """What the app shows now."""
    return one_time_codes.code_at(seed, rules.steps_around(clock.now())[0])


async def _name(person: Person) -> str:
    return await person.page.locator(".account-name").inner_text()
