"""Cells as the sheet sends them: each has its own answer, and only the bad ones are not saved."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest
from litestar import Litestar

from backend.core.ids import new_id
from backend.records.gradebook.schemas import MAX_CELLS
from backend.records.roster import service as roster
from tests.core.browser import Browser
from tests.records.gradebook.conftest import LEVEL, ClassBook

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
    assert (await book.value("TOAN", AN, LEVEL), await book.value("TOAN", BINH, LEVEL)) == ("T", "H")


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
    monkeypatch.setattr(roster, "members_of", _counted(roster.members_of, asked))
    cells = [cell(book.pupils[AN], "T")] * MAX_CELLS
    answer = await save(await teacher(site, book), f"/so-diem/{book.sheets['TOAN']}/o", cells)
    states = [one["state"] for one in answer.json()["cells"]]
    assert (states[0], set(states[1:]), len(asked)) == ("saved", {"conflict"}, 1)


def _counted(call: Callable[..., Awaitable[Any]], asked: list[object]) -> Callable[..., Awaitable[Any]]:
    async def counting(*args: Any) -> Any:
        asked.append(args)
        return await call(*args)

    return counting
