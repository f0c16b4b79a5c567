"""Cells as the sheet sends them: each has its own answer, and only the bad ones are not saved."""

import re
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import httpx
import pytest
from litestar import Litestar

from backend.core.ids import new_id
from backend.records.gradebook import mark_rows
from backend.records.gradebook.editing import UNSEEN
from backend.records.gradebook.schemas import MAX_CELLS
from tests.core.browser import Browser
from tests.records.gradebook.conftest import LEVEL, ClassBook

#: Beyond what the database can say, in its own time zone.
TOO_LATE = "9999-12-31T23:59:59-12:00"
AN, BINH = "Lò Thị An", "Cầm Văn Bình"


def cell(student: object, value: str) -> dict[str, Any]:
    return {"student": str(student), "column": "level:", "value": value, "version": 0}


async def save(browser: Browser, address: str, cells: list[dict[str, Any]]) -> httpx.Response:
    headers = {"X-CSRF-Token": browser.csrf_token, "Accept": "application/json"}
    return await browser.http.post(address, json={"cells": cells}, headers=headers)


async def teacher(site: Litestar, book: ClassBook) -> Browser:
    browser = await book.school.browser(site, "homeroom")
    await browser.get("/lop")
    return browser


async def test_bad_cells_are_told_and_the_good_ones_saved(site: Litestar, book: ClassBook) -> None:
    cells = [
        cell(book.pupils[AN], "T"),
        cell(new_id(), "T"),
        cell(book.pupils[BINH], "x" * 20_000),
        cell(book.pupils[BINH], "H"),
    ]
    answer = await save(await teacher(site, book), f"/so-diem/{book.sheets['TOAN']}/o", cells)
    assert answer.status_code == 200
    told = answer.json()["cells"]
    assert [one["state"] for one in told] == ["saved", "invalid", "invalid", "saved"]
    assert told[1]["message"] == "Không tìm thấy học sinh này trong lớp."
    assert "quá giới hạn" in told[2]["message"]
    assert "version" not in told[1]
    assert (await book.value("TOAN", AN, LEVEL), await book.value("TOAN", BINH, LEVEL)) == ("T", "H")


async def test_a_conflict_tells_what_is_stored(site: Litestar, book: ClassBook) -> None:
    browser, address = await teacher(site, book), f"/so-diem/{book.sheets['TOAN']}/o"
    await save(browser, address, [cell(book.pupils[AN], "T")])
    [told] = (await save(browser, address, [cell(book.pupils[AN], "H")])).json()["cells"]
    assert (told["state"], told["value"], told["version"]) == ("conflict", "T", 1)
    assert "người khác vừa ghi “T”" in told["message"]
    await browser.post(f"/so-diem/{book.sheets['TOAN']}/nop")
    [told] = (await save(browser, address, [cell(book.pupils[AN], "H") | {"version": 1}])).json()["cells"]
    assert (told["state"], told.keys()) == ("conflict", {"student", "column", "state", "message"})


async def test_a_sheet_that_nobody_has_is_not_found(site: Litestar, book: ClassBook) -> None:
    answer = await save(await teacher(site, book), f"/so-diem/{new_id()}/o", [cell(book.pupils[AN], "T")])
    assert answer.status_code == 404


async def test_too_many_cells_at_once(site: Litestar, book: ClassBook) -> None:
    cells = [cell(book.pupils[AN], "T")] * (MAX_CELLS + 1)
    answer = await save(await teacher(site, book), f"/so-diem/{book.sheets['TOAN']}/o", cells)
    assert answer.status_code == 422
    assert answer.json()["detail"] == (
        "Một lần lưu được nhiều nhất 2400 ô, lần này có 2401 ô; hãy dán hoặc lưu ít ô hơn mỗi lần."
    )
    assert await book.value("TOAN", AN, LEVEL) is None


async def test_a_whole_sheet_is_saved_well_before_its_transaction_ends(
    site: Litestar, book: ClassBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The most cells that may come: sheet and pupils are read once for all of them."""
    asked: list[object] = []
    monkeypatch.setattr(mark_rows, "written_about", _counted(mark_rows.written_about, asked))
    cells = [cell(book.pupils[AN], "T")] * MAX_CELLS
    answer = await save(await teacher(site, book), f"/so-diem/{book.sheets['TOAN']}/o", cells)
    states = [one["state"] for one in answer.json()["cells"]]
    assert (states[0], set(states[1:]), len(asked)) == ("saved", {"conflict"}, 1)


async def news(browser: Browser, address: str, since: str) -> dict[str, Any]:
    """What was written into the sheet since then."""
    answer = await browser.http.get(address, params={"sau": since}, headers={"Accept": "application/json"})
    assert answer.status_code == 200
    told: dict[str, Any] = answer.json()
    return told


async def test_a_page_that_is_open_learns_what_others_wrote(site: Litestar, book: ClassBook) -> None:
    browser, address = await teacher(site, book), f"/so-diem/{book.sheets['TOAN']}/o"
    page = await browser.get(f"/so-diem/{book.sheets['TOAN']}")
    [read_at] = re.findall(r'data-read-at="([^"]+)"', page.text)
    await save(browser, address, [cell(book.pupils[AN], "H")])
    told = await news(browser, address, read_at)
    [one] = told["cells"]
    assert (one["student"], one["column"], one["value"], one["version"]) == (
        str(book.pupils[AN]),
        "level:",
        "H",
        1,
    )
    writer = book.actors["homeroom"].name
    assert re.fullmatch(rf"{writer} ghi lúc \d\d/\d\d/\d{{4}} \d\d:\d\d", one["message"])
    assert told["open"]
    later = (datetime.fromisoformat(told["now"]) + UNSEEN).isoformat()
    assert (await news(browser, address, later))["cells"] == []
    await browser.post(f"/so-diem/{book.sheets['TOAN']}/nop")
    assert not (await news(browser, address, later))["open"]


@pytest.mark.parametrize("since", ["hôm qua", "", "2026-01-01T00:00:00", "0001-01-01T00:00:00Z", TOO_LATE])
async def test_an_instant_that_is_none_is_refused(site: Litestar, book: ClassBook, since: str) -> None:
    browser = await teacher(site, book)
    address = f"/so-diem/{book.sheets['TOAN']}/o"
    answer = await browser.http.get(address, params={"sau": since}, headers={"Accept": "application/json"})
    assert answer.status_code == 422


def _counted(call: Callable[..., Awaitable[Any]], asked: list[object]) -> Callable[..., Awaitable[Any]]:
    async def counting(*args: Any) -> Any:
        asked.append(args)
        return await call(*args)

    return counting
