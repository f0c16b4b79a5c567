"""Upload, preview and take at the screen; no transaction is open while a workbook is read or the store is asked."""

import io
import re
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import openpyxl
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock, database, settings, storage
from backend.integrations.imports.limited import sandbox
from tests.core.browser import Browser
from tests.factories.small_school import SmallSchool, open_small_school

HEADER = ["Mã lớp", "Mã học sinh", "Họ tên", "Ngày sinh", "Giới tính", "Số định danh cá nhân"]


@pytest_asyncio.fixture(loop_scope="session")
async def school(product: settings.Settings) -> SmallSchool:
    school = await open_small_school()
    async with school.session() as session:
        await school.open_class(session, "1A", 1)
    return school


@pytest_asyncio.fixture(loop_scope="session")
async def browser(site: Litestar, school: SmallSchool) -> Browser:
    browser = await school.browser(site, "it")
    await browser.get("/nhap")
    return browser


@pytest.fixture
def open_meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many connections were in use each time that a workbook was parsed or the store was asked."""
    seen: list[int] = []

    def watched(call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def asked(*args: Any) -> Any:
            seen.append(database.engine().pool.checkedout())  # type: ignore[attr-defined]
            return await call(*args)

        return asked

    for module, name in ((sandbox, "parse_async"), (storage, "put"), (storage, "get")):
        monkeypatch.setattr(module, name, watched(getattr(module, name)))
    return seen


def line(code: str, name: str, number: str) -> list[str]:
    return ["1A", code, name, "05/09/2018", "Nữ", number]


def register(lines: Sequence[list[str]]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in (HEADER, *lines):
        book.worksheets[0].append(row)
    book.save(out)
    return out.getvalue()


async def upload(browser: Browser, *pupils: str | list[str]) -> str:
    """The address of the preview; a name alone is that of the first pupil."""
    lines = [line("9900000001", one, "000318000001") if isinstance(one, str) else one for one in pupils]
    files = {"tep": ("danh-sach.xlsx", register(lines))}
    answer = await browser.http.post("/nhap", data={"csrf_token": browser.csrf_token}, files=files)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


async def test_no_transaction_waits_for_a_workbook_or_the_store(
    browser: Browser, open_meanwhile: list[int]
) -> None:
    preview = await upload(browser, "Lò Thị An")
    assert open_meanwhile == [0, 0, 0]
    assert (await browser.post(f"{preview}/ghi")).status_code == 303
    assert open_meanwhile == [0, 0, 0, 0]


async def test_the_preview_shows_what_will_change_and_a_second_click_shows_the_page(browser: Browser) -> None:
    first = await upload(browser, "Lò Thị An")
    shown = (await browser.get(first)).text
    assert "Những chỗ sẽ đổi" in shown
    assert "Học sinh mới" in shown
    for _ in range(2):
        answer = await browser.post(f"{first}/ghi")
        assert (answer.status_code, answer.headers["location"]) == (303, first)
    assert "Tệp này đã được ghi toàn bộ." in (await browser.get(first)).text
    second = await upload(browser, "Lò Thị Ánh")
    cells = [cell.text_content() for cell in await table(browser, second)]
    assert cells == ["Lò Thị Ánh", "Họ và tên", "Lò Thị An", "Lò Thị Ánh"]


async def table(browser: Browser, address: str) -> list[Any]:
    await browser.get(address)
    assert browser.page is not None
    return list(browser.page.xpath("//tbody/tr/*"))


async def test_an_older_preview_is_refused_in_words(browser: Browser) -> None:
    older, newer = await upload(browser, "Lò Thị An"), await upload(browser, "Lò Thị Ánh")
    assert (await browser.post(f"{newer}/ghi")).status_code == 303
    answer = await browser.post(f"{older}/ghi", Accept="text/html")
    assert answer.status_code == 409
    assert "<h1>Chưa làm được việc này</h1>" in answer.text
    assert "Dữ liệu của trường đã thay đổi sau lúc xem trước tệp “danh-sach.xlsx”" in answer.text


async def test_an_import_is_taken_back_until_something_came_after_it(browser: Browser) -> None:
    first = await upload(browser, "Lò Thị An")
    await browser.post(f"{first}/ghi")
    assert "Hoàn tác lần nhập này" in (await browser.get(first)).text
    second = await upload(browser, "Lò Thị Ánh")
    await browser.post(f"{second}/ghi")
    shown = (await browser.get(first)).text
    assert "Mục “Họ và tên” của Lò Thị Ánh đã được sửa sau lúc nhập." in shown
    assert "Hoàn tác lần nhập này" not in shown
    assert (await browser.post(f"{first}/hoan-tac", Accept="text/html")).status_code == 409
    assert (await browser.post(f"{second}/hoan-tac")).status_code == 303
    assert (await browser.post(f"{first}/hoan-tac")).status_code == 303
    shown = (await browser.get(first)).text
    assert "Lần nhập này đã được hoàn tác lúc" in shown
    assert f"{first}/ghi" not in shown


async def test_the_preview_is_shown_by_kinds(browser: Browser) -> None:
    await browser.post(f"{await upload(browser, 'Lò Thị An')}/ghi")
    lines = [
        line("9900000001", "Lò Thị Ánh", "000318000001"),
        line("9900000002", "Vàng A Páo", "000318000002"),
    ]
    second = await upload(browser, *lines)
    kinds = {"": 2, "?loai=changed": 1, "?loai=new": 1, "?loai=moved": 0}
    assert {kind: len(await table(browser, second + kind)) // 4 for kind in kinds} == kinds
    shown = (await browser.get(f"{second}?loai=new")).text
    assert shown.count('aria-current="page">Mới') == 1
    assert (await browser.get(f"{second}?loai=khac")).status_code == 422


async def test_workbooks_are_taken_away_and_recorded(browser: Browser, school: SmallSchool) -> None:
    run = await upload(browser, "Lò Thị An")
    await browser.post(f"{run}/ghi")
    page = (await browser.get("/nhap")).text
    [forms] = set(re.findall(r"/lop/[0-9a-f-]+/bang-tinh", page))
    assert "Danh sách học sinh theo mẫu CSDL ngành" in (await browser.get(forms)).text
    addresses = (f"{run}/tep-da-dien", f"{forms}/hoc-sinh-csdl", f"{forms}/hoc-sinh-csdl?trong=true")
    answers = [await browser.http.get(address) for address in addresses]
    assert [answer.headers["content-disposition"].rpartition("''")[2] for answer in answers] == [
        "danh-sach.xlsx",
        "hoc-sinh-csdl-1A.xlsx",
        "hoc-sinh-csdl-1A-trong.xlsx",
    ]
    numbers = [b"000318000001" in unpacked(answer.content) for answer in answers]
    assert numbers == [True, True, False], "an empty one has names and codes alone"
    assert (await browser.http.get(f"{forms}/diem")).status_code == 404
    async with school.session(read_only=True) as session:
        found = await session.scalars(
            text(
                "select cardinality(about) from audit_event where action in "
                "('imports.run.download', 'imports.workbook.download', 'imports.workbook.blank') order by id"
            )
        )
        assert found.all() == [2, 2, 2], "the class and its pupil, each time"


async def test_pupils_personal_data_ask_for_a_proof_first(
    browser: Browser, school: SmallSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await upload(browser, "Lò Thị An")
    await browser.post(f"{run}/ghi")
    [forms] = set(re.findall(r"/lop/[0-9a-f-]+/bang-tinh", (await browser.get("/nhap")).text))
    later = clock.now() + timedelta(minutes=6)
    monkeypatch.setattr(clock, "now", lambda: later)
    for address, back in (
        (f"{run}/tep-da-dien", run),
        (f"{forms}/hoc-sinh-csdl", forms),
        (f"{forms}/hoc-sinh-csdl?trong=true", forms),
    ):
        answer = await browser.http.get(address)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/xac-minh?tiep={back}")
        await browser.get(back)
        assert browser.page is not None
        [link, *_] = browser.page.xpath(
            "//a[starts-with(@href, $address)]", address=address.partition("?")[0]
        )
        assert "download" not in link.attrib, "a browser would save the question as a file"
    async with school.session(read_only=True) as session:
        taken = (
            "select count(*) from audit_event where action like 'imports.%download' or action like '%.blank'"
        )
        assert await session.scalar(text(taken)) == 0


def unpacked(workbook: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(workbook)) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())
