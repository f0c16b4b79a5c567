"""The owner's and the IT teacher's work in a real browser: people and places, the school's data, keys and resets."""

import re
import zipfile
from pathlib import Path

import httpx
import pytest
from playwright.async_api import Browser, expect

from backend.core.audit import Action
from backend.core.audit_words import ACTION_NAMES
from tests.journeys.conftest import Site
from tests.journeys.people import Person

pytestmark = pytest.mark.needs("chromium")

NEWCOMER, MAIL, CHOSEN = "Lường Thị Mới", "van.thu.moi@songtrang.hocba.test", "mot-cau-de-nho-2026"


async def test_the_owner_of_a_school(chromium: Browser, site: Site, tmp_path: Path) -> None:
    owner = await Person.sign_in(chromium, site.url, site.login("owner", site.other_school))
    await seats_are_bought_and_certificates_seen(owner)
    newcomer = await somebody_is_invited_and_comes(owner, chromium, site)
    await who_leaves_is_out(owner, newcomer)
    principal = await Person.sign_in(chromium, site.url, site.login("principal", site.other_school))
    await two_people_take_the_data_away(owner, principal, tmp_path)
    await the_audit_tells_it(owner)


async def seats_are_bought_and_certificates_seen(owner: Person) -> None:
    await owner.press("Chủ trường")
    signers = owner.page.locator("#chung-thu tbody tr")
    await expect(signers.filter(has_text="Còn hạn").first).to_be_visible()
    seats = int(await owner.page.get_by_role("textbox", name="Số chỗ").input_value())
    await owner.look("81-console")
    await owner.page.get_by_role("textbox", name="Số chỗ").fill(str(seats + 1))
    await owner.press_and_agree("Đổi số chỗ")
    await owner.sees(f"Trường có {seats + 1} chỗ từ bây giờ.")


async def somebody_is_invited_and_comes(owner: Person, chromium: Browser, site: Site) -> Person:
    """By a link that the owner hands over; with a password that nobody else knows."""
    await owner.go("/nhan-su")
    await owner.look("82-people")
    await owner.press("Mời người mới")
    await owner.page.get_by_role("textbox", name="Họ và tên").fill(NEWCOMER)
    await owner.page.get_by_role("textbox", name="Địa chỉ thư điện tử").fill(MAIL)
    await owner.page.get_by_role("checkbox", name="Văn thư").check()
    await owner.look("83-invite")
    await owner.press("Tạo lời mời")
    link = await owner.page.get_by_label(f"Liên kết dành cho {NEWCOMER}").input_value()
    await owner.look("84-invitation")
    newcomer = await Person.arrive(chromium, site.url)
    await newcomer.go(link.removeprefix(site.url))
    await newcomer.look("85-offer")
    await newcomer.page.get_by_role("textbox", name="Chọn mật khẩu").fill(CHOSEN)
    await newcomer.page.get_by_role("textbox", name="Nhập lại mật khẩu").fill(CHOSEN)
    await newcomer.press("Tạo tài khoản và nhận lời mời")
    await newcomer.sees("Đã nhận lời mời")
    await newcomer.begin_to_sign_in(MAIL, CHOSEN)
    await newcomer.sees("Xin chào")
    await newcomer.go(link.removeprefix(site.url), status=409)
    return newcomer


async def who_leaves_is_out(owner: Person, newcomer: Person) -> None:
    """At once, in the browser that is open."""
    await owner.go("/nhan-su")
    await owner.press(NEWCOMER)
    await owner.look("86-person")
    await owner.press("Xem việc còn dở rồi cho thôi việc")
    await owner.look("87-leaving")
    await owner.press_and_agree("Cho thôi làm việc")
    await owner.sees(f"{NEWCOMER} đã thôi làm việc", "Đã thôi làm việc")
    await newcomer.page.goto(newcomer.url + "/lop")
    await newcomer.sees("Đăng nhập")
    await newcomer.begin_to_sign_in(MAIL, CHOSEN)
    await expect(newcomer.page.get_by_role("heading", level=1)).not_to_contain_text("Xin chào")


async def two_people_take_the_data_away(owner: Person, principal: Person, folder: Path) -> None:
    """One asks, the other approves, the machine packs, the first fetches."""
    await owner.go("/chu-truong/ban-giao")
    await owner.look("88-data-of-the-school")
    await owner.page.locator("#f-ly-do-xuat").fill("Lưu bản sao cuối năm học")
    await owner.press("Đề nghị xuất dữ liệu")
    await principal.go("/duyet")
    await principal.sees("Lưu bản sao cuối năm học")
    await principal.look("89-approvals")
    await principal.page.locator("main").get_by_role("button", name="Duyệt", exact=True).click()
    await principal.page.locator("#confirm-dialog [data-answer=yes]").click()
    await principal.sees("Đã duyệt")
    await owner.sees_later("/chu-truong/ban-giao", "Sẵn sàng")
    await owner.look("90-data-packed")
    async with owner.page.expect_download() as caught:
        await owner.page.get_by_role("button", name=re.compile("^1-bang.zip")).click()
    packed = folder / "1-bang.zip"
    await (await caught.value).save_as(packed)
    with zipfile.ZipFile(packed) as archive:
        assert NEWCOMER in archive.read("bang/staff_member.csv").decode()


async def the_audit_tells_it(owner: Person) -> None:
    await owner.press("Nhật ký")
    told = (
        *(Action.SEATS_CHANGED, Action.INVITATION_SENT, Action.STAFF_LEFT),
        *(Action.EXPORT_ASKED, Action.EXPORT_DOWNLOADED),
    )
    await owner.sees(*(ACTION_NAMES[action] for action in told))
    await owner.look("91-audit")


async def test_the_it_teacher_of_a_school(chromium: Browser, site: Site) -> None:
    it_teacher = await Person.sign_in(chromium, site.url, site.login("it_teacher", site.other_school))
    await an_account_is_given_back(it_teacher, chromium, site)
    await a_certificate_rests_and_comes_back(it_teacher, site)
    await another_system_reads_until_it_is_cut_off(it_teacher)


async def a_certificate_rests_and_comes_back(it_teacher: Person, site: Site) -> None:
    """A telephone is lost, and found; the provider is asked what it has before anything is taken over."""
    person = next(one for one in site.other_school.staff if one.homeroom_of)
    await it_teacher.press("Chứng thư số")
    await it_teacher.look("93-certificates")
    await it_teacher.press(person.full_name)
    await it_teacher.page.get_by_label("Tài khoản tại nhà cung cấp").fill(person.email)
    await it_teacher.press("Tìm chứng thư")
    await it_teacher.sees("Tài khoản này có 1 chứng thư", "Mã băm SHA-256")
    await it_teacher.look("94-certificates-of-a-person")
    await it_teacher.page.locator("main tbody a").first.click()
    await it_teacher.page.locator("#f-ly-do-tam-dung").fill("Mất điện thoại")
    await it_teacher.press("Tạm dừng chứng thư")
    await it_teacher.sees("Đã tạm dừng chứng thư số")
    await it_teacher.page.locator("main tbody a").first.click()
    await it_teacher.look("95-certificate-suspended")
    await it_teacher.press("Dùng lại chứng thư")
    await it_teacher.sees("dùng lại được từ bây giờ")


async def an_account_is_given_back(it_teacher: Person, chromium: Browser, site: Site) -> None:
    last = site.other_school.classes[-1].code
    person = next(one for one in site.other_school.staff if one.homeroom_of == last)
    await it_teacher.press("Đặt lại tài khoản")
    row = it_teacher.page.get_by_role("row").filter(has_text=person.full_name)
    await it_teacher.look("92-resets-of-the-it-teacher")
    await row.get_by_role("button").click()
    await it_teacher.page.locator("#confirm-dialog [data-answer=yes]").click()
    await it_teacher.sees(f"Đường dẫn cho {person.full_name}")
    link = await it_teacher.page.locator(".lookup-code").inner_text()
    teacher = await Person.arrive(chromium, site.url)
    await teacher.go(link.removeprefix(site.url))
    await teacher.page.get_by_role("textbox", name=re.compile("^Mật khẩu mới")).fill(CHOSEN)
    await teacher.page.get_by_role("textbox", name="Nhập lại mật khẩu mới").fill(CHOSEN)
    await teacher.press("Đặt mật khẩu")
    await teacher.begin_to_sign_in(person.email, CHOSEN)
    await teacher.sees("Xin chào")


async def another_system_reads_until_it_is_cut_off(it_teacher: Person) -> None:
    await it_teacher.press(re.compile("^Kết nối$"))
    await it_teacher.page.get_by_label("Tên hệ thống sẽ dùng").fill("Phần mềm tuyển sinh")
    await it_teacher.page.get_by_label("Danh sách lớp").check()
    await it_teacher.press("Tạo kết nối")
    await it_teacher.sees("Mã chỉ hiện lần này")
    await it_teacher.look("60-connection-made")
    [key] = re.findall(r"hocba_[\w-]{43}", await it_teacher.page.content())
    assert await status_with(it_teacher, key) == 200
    await it_teacher.press_and_agree("Ngắt kết nối Phần mềm tuyển sinh")
    await it_teacher.sees("Đã ngắt")
    assert await status_with(it_teacher, key) == 401


async def status_with(person: Person, key: str) -> int:
    """What another system is answered."""
    async with httpx.AsyncClient(trust_env=False) as system:
        address = f"{person.url}/api/v1/classes"
        return (await system.get(address, headers={"Authorization": f"Bearer {key}"})).status_code
