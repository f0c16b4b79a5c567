"""One season in a real browser: from two workbooks to a transcript that anybody can check.

The stack is the real one (`small_stack.py`): servers, both simulators, web, dispatcher, workers. Every page on the way
is checked by `Person.look` and photographed at 1280 and 390 pixels into test-results/journeys/. Who confirms, signs,
seals and checks a transcript does it with the keyboard alone.
"""

import asyncio
import json
import re
import sysconfig
from contextlib import AsyncExitStack
from pathlib import Path

import openpyxl
import pytest
from playwright.async_api import Browser, Locator, expect

from infra.demo.season import hand_in
from infra.demo.seed import PASSWORD
from infra.demo.visitor import Visitor
from tests.journeys.conftest import Site
from tests.journeys.people import Person

pytestmark = pytest.mark.needs("chromium")

CLASS = "1A"
PUPILS = 4
#: In the results workbook of grade 1: where the first pupil's Toán mark stands.
MARK_CELL = "G9"


async def test_a_season_from_the_workbooks_to_the_public_page(
    chromium: Browser, site: Site, tmp_path: Path
) -> None:
    it_teacher = await Person.sign_in(chromium, site.url, site.login("it_teacher"))
    await pupils_come_in(it_teacher, site)
    class_path = await path_of_class(it_teacher)
    await a_bad_row_is_named_and_nothing_is_written(it_teacher, site, class_path, tmp_path)
    await results_come_in(it_teacher, site)

    teacher = await Person.sign_in(chromium, site.url, f"gvcn.{CLASS.lower()}@{site.school.key}.hocba.test")
    principal = await Person.sign_in(chromium, site.named, site.login("principal"))
    await principal.add_passkey("Điện thoại")
    clerk = await Person.sign_in(chromium, site.url, site.login("clerk"))
    await a_cell_is_changed(teacher, class_path)
    await sheets_are_locked(teacher, principal, site, class_path)
    teacher.has_no_mouse = True
    await results_are_confirmed(teacher, class_path)
    await transcripts_are_frozen(principal, class_path)

    for signer in (teacher, principal, clerk):
        signer.has_no_mouse = True
    await all_are_signed(teacher, "homeroom_teacher", "ký")
    await all_are_signed(principal, "principal", "ký")
    await all_are_signed(clerk, "school_seal", "đóng dấu")
    await deliveries_are_accepted(clerk)
    transcript = await path_of_transcript(principal, class_path)
    code = await a_transcript_shows_everything(principal, transcript)
    signed = await pdf_of(principal, tmp_path)
    await the_command_finds_it_valid(site, signed)

    await anybody_checks(chromium, site, code, signed, tmp_path)
    await doors_are_closed(chromium, site, transcript)


async def pupils_come_in(it_teacher: Person, site: Site) -> None:
    await it_teacher.sees("Trường chưa có học sinh")
    await it_teacher.look("01-home-of-the-it-teacher")
    await it_teacher.press("Nhập dữ liệu")
    await it_teacher.sees("Chưa nhập tệp nào")
    await it_teacher.look("02-imports-empty")
    await upload(it_teacher, site.books / site.school.key / "01-danh-sach-hoc-sinh.xlsx")
    await it_teacher.sees("Danh sách học sinh", "Chưa có gì được ghi")
    await expect(stat(it_teacher, "Mới")).to_contain_text("20 học sinh")
    await it_teacher.look("03-preview-of-pupils")
    await it_teacher.press("Ghi vào hệ thống")
    await it_teacher.sees("Đã ghi: 20 mới", "Tệp này đã được ghi toàn bộ.")
    await it_teacher.press("Xem lớp và học sinh")
    await it_teacher.sees("5 lớp, 20 học sinh")
    await it_teacher.look("04-classes")


async def path_of_class(person: Person) -> str:
    """Through the filter by grade to the class."""
    await person.press(re.compile("^Khối 1"))
    await expect(person.page.locator("#tat-ca tbody tr")).to_have_count(1)
    await person.press(CLASS)
    await expect(person.page.locator("tbody tr")).to_have_count(PUPILS)
    await person.look("05-class")
    return person.page.url.removeprefix(person.url)


async def a_bad_row_is_named_and_nothing_is_written(
    it_teacher: Person, site: Site, class_path: str, folder: Path
) -> None:
    book = openpyxl.load_workbook(site.books / site.school.key / "ket-qua-khoi-1.xlsx")
    book.worksheets[0][MARK_CELL] = 11
    book.save(folder / "ket-qua-sai.xlsx")
    await upload(it_teacher, folder / "ket-qua-sai.xlsx")
    await it_teacher.sees("chưa có gì được ghi")
    row = it_teacher.page.locator("tbody tr")
    await expect(row).to_have_count(1)
    await expect(row).to_contain_text(re.compile(r"9\b"))
    await expect(row).to_contain_text(re.compile(r"Toán"))
    await expect(row).to_contain_text("11")
    await expect(it_teacher.page.get_by_role("button", name="Ghi vào hệ thống")).to_have_count(0)
    await it_teacher.look("06-preview-with-a-bad-row")
    await it_teacher.go(f"{class_path}/so-diem")
    assert set(await filled_cells(it_teacher)) == {"0"}


async def results_come_in(it_teacher: Person, site: Site) -> None:
    for name in ("ket-qua-khoi-1.xlsx", "nhan-xet-khoi-1.xlsx"):
        await upload(it_teacher, site.books / site.school.key / name)
        await it_teacher.press("Ghi vào hệ thống")
        await it_teacher.sees("Tệp này đã được ghi toàn bộ.")
    await it_teacher.go("/nhap")
    await expect(it_teacher.page.locator("tbody tr")).to_have_count(4)
    await it_teacher.look("07-imports")


async def a_cell_is_changed(teacher: Person, class_path: str) -> None:
    """Saved by itself and there after a reload; an impossible mark is refused beside its cell, and waits to be mended."""
    page = teacher.page
    await teacher.sees("sổ điểm chưa nộp")
    await teacher.look("08-home-of-the-homeroom-teacher")
    await teacher.go(f"{class_path}/so-diem")
    await teacher.press("Toán")
    cell = page.get_by_label(re.compile(", KTĐK$")).first
    changed = "7" if await cell.input_value() != "7" else "8"
    await cell.fill(changed)
    await cell.press("Enter")
    await expect(page.get_by_role("status").filter(has_text="Đã lưu lúc")).to_be_visible()
    await teacher.look("09-sheet-saved")
    await page.reload()
    await expect(cell).to_have_value(changed)
    await cell.fill("11")
    await cell.press("Enter")
    await expect(page.locator(".marks-problems")).to_contain_text("phải là số nguyên từ 0 đến 10")
    await expect(cell).to_have_attribute("aria-invalid", "true")
    await teacher.look("10-sheet-with-an-impossible-mark")
    await page.reload()
    await expect(cell).to_have_value("11")
    await cell.fill(changed)
    await cell.press("Enter")
    await expect(page.locator(".marks-problems")).to_be_empty()


async def sheets_are_locked(teacher: Person, principal: Person, site: Site, class_path: str) -> None:
    """The homeroom teacher hands in her own sheets, the other teachers theirs; the principal locks them all."""
    await teacher.go(f"{class_path}/so-diem")
    await teacher.look("11-sheets")
    await teacher.press_and_agree(re.compile(r"^Nộp \d+ sổ của tôi"))
    await teacher.sees("Đã nộp")
    await expect(teacher.page.locator("#so-cua-toi")).not_to_contain_text("Đang mở")
    await expect(teacher.page.locator("#cac-so")).to_contain_text("Đang mở")
    await principal.go(f"{class_path}/ket-qua")
    await principal.look("12-no-results-yet")
    async with AsyncExitStack() as exits:

        async def signed_in(login: str) -> Visitor:
            return await exits.enter_async_context(Visitor(site.url, login, PASSWORD, lambda: True))

        await hand_in(site.school, {CLASS: class_path.removeprefix("/lop/")}, signed_in)
    await principal.go(f"{class_path}/so-diem")
    await principal.press_and_agree(re.compile(r"^Khóa \d+ sổ"))
    await principal.sees("Tất cả sổ của lớp đã khóa")
    await principal.press("Toán")
    await principal.sees("Sổ điểm này đã khóa nên điểm không thay đổi")
    await expect(principal.page.locator("main input[type=text]")).to_have_count(0)
    await principal.look("13-sheet-locked")


async def results_are_confirmed(teacher: Person, class_path: str) -> None:
    await teacher.sees_later(f"{class_path}/ket-qua", "Chờ xác nhận")
    await expect(teacher.page.locator("tbody tr")).to_have_count(PUPILS)
    await teacher.look("14-results")
    await teacher.press("Vì sao")
    await expect(teacher.page.locator("#phan-1 li").first).to_contain_text("TT27 Đ.")
    await teacher.go(f"{class_path}/ket-qua")
    await teacher.press_and_agree("Xác nhận kết quả")
    await teacher.sees(f"Đã xác nhận kết quả của {PUPILS} học sinh.")
    await teacher.go(f"{class_path}/hoc-ba")
    await expect(teacher.page.get_by_role("button", name="Chốt")).to_have_count(0)


async def transcripts_are_frozen(principal: Person, class_path: str) -> None:
    await principal.go("/")
    await principal.sees(f"Học bạ lớp {CLASS} chờ chốt")
    await principal.look("15-home-of-the-principal")
    await principal.press("Xem và chốt")
    await principal.sees("Lớp chưa có học bạ nào")
    await principal.look("16-ready-to-freeze")
    await principal.press_and_agree(f"Chốt {PUPILS} học bạ")
    await principal.sees(f"Đã chốt {PUPILS} học bạ.")
    await principal.sees_later(f"{class_path}/hoc-ba", "Đang ký")
    await principal.look("17-transcripts-being-signed")


async def all_are_signed(signer: Person, role: str, deed: str) -> None:
    """One consent for all, then progress that moves by itself until the end."""
    await signer.sees_later("/ky", f"{PUPILS} học bạ chờ {deed}")
    await signer.look(f"20-{role}-tray")
    await signer.press(f"Xem và {deed} {PUPILS} học bạ")
    await signer.sees("Mã danh sách")
    await expect(signer.page.locator("#danh-sach tbody tr")).to_have_count(PUPILS)
    await signer.look(f"21-{role}-consent")
    if role != "principal":  # who signs with a passkey: the browser asks for it by itself
        await signer.write(signer.page.get_by_label("Mật khẩu"), PASSWORD)
    await signer.press(f"Xác nhận {deed} {PUPILS} học bạ")
    await signer.page.wait_for_url(re.compile("/ky/lo/"))
    await signer.page.evaluate("window.sameDocument = true")
    await expect(signer.page.locator(".work-done")).to_be_visible(timeout=60_000)
    await expect(signer.page.locator(".work-figures")).to_contain_text(f"{PUPILS} / {PUPILS}")
    assert await signer.page.evaluate("window.sameDocument"), "the progress came by a reload"
    await signer.look(f"22-{role}-signed")


async def deliveries_are_accepted(clerk: Person) -> None:
    await clerk.sees_later("/gui", f"Được chấp nhận {PUPILS}")
    await expect(clerk.page.locator("tbody tr")).to_have_count(PUPILS)
    await clerk.look("30-deliveries")
    await clerk.page.locator("tbody th a").first.click()
    await clerk.sees("Số biên nhận", "Đã tiếp nhận")
    await clerk.look("31-delivery")


async def path_of_transcript(principal: Person, class_path: str) -> str:
    await principal.sees_later(f"{class_path}/hoc-ba", f"Đã phát hành {PUPILS} trên {PUPILS} học bạ")
    await principal.look("32-transcripts-issued")
    await principal.page.locator("tbody th a").first.click()
    await principal.page.wait_for_url(re.compile("/hoc-ba/[0-9a-f-]{36}$"))
    return principal.page.url.removeprefix(principal.url)


async def a_transcript_shows_everything(principal: Person, path: str) -> str:
    """What it says, three signatures, its history. Returns its lookup code."""
    await principal.go(path)
    signatures = principal.page.locator("#chu-ky .is-signed")
    await expect(signatures).to_have_count(3)
    for place, role in enumerate(("Giáo viên chủ nhiệm", "Hiệu trưởng", "Con dấu số nhà trường")):
        await expect(signatures.nth(place)).to_contain_text(role)
    deeds = await principal.page.locator("#lich-su .history-title").all_inner_texts()
    signed = ["Đóng dấu", "Ký số", "Ký số"]
    issued = deeds.index("Phát hành")
    assert deeds[issued + 1 :] == [*signed, "Đưa đi ký", "Kết xuất PDF và XML", "Chốt số liệu"]
    # How far the province is by now is its own affair.
    assert set(deeds[:issued]) <= {"Sở đã tiếp nhận", "Sở chấp nhận"}
    await expect(
        principal.page.locator("#noi-dung").get_by_role("row", name=re.compile("^Toán"))
    ).to_be_visible()
    await principal.look("33-transcript")
    return await principal.page.locator("#tra-cuu .lookup-code").inner_text()


async def pdf_of(principal: Person, folder: Path) -> Path:
    async with principal.page.expect_download() as caught:
        await principal.press("Tải tệp PDF")
    download = await caught.value
    target = folder / download.suggested_filename
    await download.save_as(target)
    assert target.read_bytes().startswith(b"%PDF-")
    return target


async def the_command_finds_it_valid(site: Site, signed: Path) -> None:
    """`hocba verify`, offline, in a process of its own."""
    command = [str(Path(sysconfig.get_path("scripts")) / "hocba"), "verify", str(signed)]
    child = await asyncio.create_subprocess_exec(
        *command, "--trust", str(site.trust), "--json", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await child.communicate()
    report = json.loads(output)
    assert (child.returncode, report["verdict"], len(report["signatures"])) == (0, "valid", 3)


async def anybody_checks(chromium: Browser, site: Site, code: str, signed: Path, folder: Path) -> None:
    """A telephone without JavaScript and without a session."""
    visitor = await Person.arrive(chromium, site.url, scripts=False)
    visitor.has_no_mouse = True
    await visitor.go("/tra-cuu")
    typed = " ".join(code[at : at + 4] for at in range(0, 32, 4))
    await visitor.write(visitor.page.get_by_label("Mã tra cứu"), typed)
    await visitor.press("Kiểm tra")
    await visitor.page.wait_for_url(f"{site.url}/tra-cuu/{code}")
    await visitor.sees(
        "Học bạ hợp lệ",
        "Toàn bộ tệp còn nguyên",
        "3 chữ ký, đều xác minh được",
        "có hiệu lực từ khi được chốt",
    )
    await visitor.sees("không hiện thông tin cá nhân của học sinh")

    altered = bytearray(signed.read_bytes())
    altered[altered.index(b"%", 5) + 1] ^= 0x01
    (folder / "sua.pdf").write_bytes(altered)
    for file, answer in ((signed, "Học bạ hợp lệ"), (folder / "sua.pdf", "Học bạ không hợp lệ")):
        await visitor.go("/tra-cuu")
        await visitor.page.get_by_label("Hoặc tệp học bạ (PDF hoặc XML)").set_input_files(file)
        await visitor.press("Kiểm tra")
        await expect(visitor.page.locator(".verdict-headline")).to_have_text(answer)
    await visitor.sees("Tệp đã bị thay đổi sau khi ký")

    said = set()
    for wrong in ("0" * 32, "khong-phai-ma"):
        await visitor.go(f"/tra-cuu/{wrong}", status=404)
        said.add(await visitor.page.locator(".notice").inner_text())
        await expect(visitor.page.get_by_label("Mã tra cứu")).to_have_value(wrong)
    assert len(said) == 1
    await its_pages_are_sound(chromium, site, code)


async def its_pages_are_sound(chromium: Browser, site: Site, code: str) -> None:
    visitor = await Person.arrive(chromium, site.url)
    for name, path, status in (
        ("40-check", "/tra-cuu", 200),
        ("41-check-valid", f"/tra-cuu/{code}", 200),
        ("42-check-unknown", f"/tra-cuu/{'0' * 32}", 404),
        ("43-sign-in", "/dang-nhap", 200),
        ("44-unknown-address", "/khong-co", 404),
    ):
        await visitor.go(path, status=status)
        await visitor.look(name)


async def doors_are_closed(chromium: Browser, site: Site, transcript: str) -> None:
    """Another school's principal learns nothing, the owner may not read transcripts."""
    stranger = await Person.sign_in(chromium, site.url, site.login("principal", site.other_school))
    await stranger.go(transcript, status=404)
    await stranger.sees("Không tìm thấy học bạ này.")
    await stranger.go(f"{transcript}/tep/pdf", status=404)
    await stranger.go(transcript, status=404)
    await stranger.look("50-transcript-of-another-school")
    owner = await Person.sign_in(chromium, site.url, site.login("owner"))
    await owner.go(transcript, status=403)
    await owner.look("51-not-for-the-owner")


async def upload(person: Person, file: Path) -> None:
    await person.go("/nhap")
    await person.page.get_by_label("Tệp Excel").set_input_files(file)
    await person.press("Tải lên và xem trước")
    await person.sees(file.name)


def stat(person: Person, label: str) -> Locator:
    return person.page.locator(".stat").filter(has_text=label).first


async def filled_cells(person: Person) -> list[str]:
    return await person.page.locator("#cac-so tbody tr td:nth-child(4)").all_inner_texts()
