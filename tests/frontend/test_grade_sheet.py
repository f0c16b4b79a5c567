"""The mark sheet that saves itself: keyboard, paste from Excel, refusals, conflicts, a lost line."""

import json
from typing import Any

import pytest
from playwright.sync_api import Dialog, Locator, Page, expect

from tests.frontend.small_site import CONTEXT, Answer, environment, served
from tests.frontend.small_site import page as answer

pytestmark = pytest.mark.needs("chromium")
SHELL = """{% extends "layouts/base.html" %}
{% from "components/mark_cell.html" import mark_cell %}
{% from "components/mark_sheet.html" import mark_sheet %}
{% block scripts %}<script src="{{ asset("grade_sheet.js") }}" defer></script>{% endblock %}
{% block content %}<h1>x</h1>
{% call mark_sheet("so", caption, ["tx1", "tx2", "gk", "ck", "nx"], "/o") %}
{% for key, marks in rows %}<tr><th scope="row">{{ key }}</th>
{% for mark in marks %}{{ mark_cell(key, loop.index, mark, 1, key ~ loop.index) }}{% endfor %}
{{ mark_cell(key, 5, "Chăm ngoan.", 1, key ~ "5", kind="text") }}</tr>
{% endfor %}
{% endcall %}{% endblock %}"""
ROWS = [("a", ["8", "7,5", "9", ""]), ("b", ["6", "8", "", "7,25"]), ("c", ["10", "9", "8", "8"])]
PASTE = """text => { const data = new DataTransfer(); data.setData('text/plain', text);
return document.activeElement.dispatchEvent(
  new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true})); }"""


class School:
    """A server that keeps marks: refuses above 10, notices an old version, can be taken down."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], str] = {}
        self.requests: list[list[dict[str, Any]]] = []
        self.versions: dict[tuple[str, str], int] = {}
        self.down = False
        self.caption = "Toán 8A"

    def __call__(self, method: str, path: str, body: bytes) -> Answer:
        if method != "POST":
            return answer(
                environment().from_string(SHELL).render(CONTEXT | {"rows": ROWS, "caption": self.caption})
            )
        if self.down:
            return answer("", 503)
        cells: list[dict[str, Any]] = json.loads(body)["cells"]
        self.requests.append(cells)
        return 200, "application/json", json.dumps({"cells": [self.judge(cell) for cell in cells]}).encode()

    def judge(self, cell: dict[str, Any]) -> dict[str, Any]:
        """The answer for one cell."""
        key = (cell["student"], cell["column"])
        said = {"student": key[0], "column": key[1]}
        version = self.versions.get(key, 1)
        if cell["version"] != version:
            return said | {
                "state": "conflict",
                "value": self.kept[key],
                "version": version,
                "message": "Cô Hà vừa sửa.",
            }
        if cell["column"] == "5":
            self.kept[key], self.versions[key] = " ".join(cell["value"].split()), version + 1
            return said | {"state": "saved", "value": self.kept[key], "version": version + 1}
        if cell["value"] and float(cell["value"].replace(",", ".")) > 10:
            named = f"{key[0]}, cột tx{key[1]}: điểm lớn hơn 10." if key[0] == "c" else "Điểm lớn hơn 10."
            return said | {"state": "invalid", "message": named}
        self.kept[key], self.versions[key] = cell["value"].replace(".", ","), version + 1
        return said | {"state": "saved", "value": self.kept[key], "version": version + 1}


@pytest.fixture
def school() -> School:
    return School()


def cell(page: Page, student: str, column: int) -> Locator:
    return page.locator(f'[data-student="{student}"][data-column="{column}"] .mark-input')


def state(page: Page) -> Locator:
    return page.locator("[data-sheet-state]")


def test_keys_move_and_each_cell_saves_itself(page: Page, school: School, complaints: list[str]) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 4).focus()
        page.keyboard.type("8.5")
        page.keyboard.press("Enter")
        expect(cell(page, "b", 4)).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(cell(page, "b", 3)).to_be_focused()
        page.keyboard.type("9")
        page.keyboard.press("ArrowDown")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        expect(cell(page, "a", 4)).to_have_value("8,5")
        assert school.kept == {("a", "4"): "8,5", ("b", "3"): "9"}
        assert complaints == []


def test_a_block_from_excel_goes_in_one_request(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).focus()
        page.evaluate(PASTE, "1\t2\r\n3\t11\r\n5\t6\r\n")
        expect(state(page)).to_contain_text("1 ô chưa lưu được")
        assert [len(cells) for cells in school.requests] == [6]
        assert school.kept == {
            ("a", "1"): "1",
            ("a", "2"): "2",
            ("b", "1"): "3",
            ("c", "1"): "5",
            ("c", "2"): "6",
        }
        expect(page.locator("[data-sheet-problems]")).to_contain_text("Điểm lớn hơn 10.")


def test_a_refused_mark_is_marked_and_escape_brings_the_old_one_back(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill("12")
        page.keyboard.press("Enter")
        expect(cell(page, "a", 1)).to_have_attribute("aria-invalid", "true")
        expect(page.locator("[data-sheet-problems]")).to_contain_text("Điểm lớn hơn 10.")
        cell(page, "a", 1).focus()
        page.keyboard.press("Escape")
        expect(cell(page, "a", 1)).to_have_value("8")
        expect(page.locator("[data-sheet-problems]")).to_be_empty()
        assert school.kept == {}


def test_a_complaint_names_the_pupil_once(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        for student in ("a", "c"):
            cell(page, student, 1).fill("12")
            page.keyboard.press("Enter")
        buttons = page.locator("[data-sheet-problems] button")
        expect(buttons).to_have_text(["a1: Điểm lớn hơn 10.", "c, cột tx1: điểm lớn hơn 10."])


def test_a_comment_is_written_on_several_lines(page: Page, school: School, complaints: list[str]) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 5).focus()
        low = cell(page, "a", 5).evaluate("field => field.clientHeight")
        page.keyboard.type("Học đều.")
        page.keyboard.press("Alt+Enter")
        page.keyboard.type("Cần mạnh dạn hơn.")
        page.keyboard.press("Alt+Enter")
        page.keyboard.type("Đọc tốt.")
        expect(cell(page, "a", 5)).to_have_value("Học đều.\nCần mạnh dạn hơn.\nĐọc tốt.")
        assert cell(page, "a", 5).evaluate("field => field.clientHeight") > low
        page.keyboard.press("Enter")
        expect(cell(page, "b", 5)).to_be_focused()
        expect(cell(page, "a", 5)).to_have_value("Học đều. Cần mạnh dạn hơn. Đọc tốt.")
        assert school.kept == {("a", "5"): "Học đều. Cần mạnh dạn hơn. Đọc tốt."}
        assert complaints == []


def test_arrows_leave_a_comment_that_is_selected_and_stay_in_one_that_is_edited(
    page: Page, school: School
) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 5).focus()
        page.keyboard.press("ArrowDown")
        expect(cell(page, "b", 5)).to_be_focused()
        page.keyboard.press("F2")
        page.keyboard.type(" Lễ phép.")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowDown")
        expect(cell(page, "b", 5)).to_be_focused()
        page.keyboard.press("ArrowDown")
        expect(cell(page, "c", 5)).to_be_focused()
        page.keyboard.press("ArrowLeft")
        expect(cell(page, "c", 4)).to_be_focused()
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("b", "5"): "Chăm ngoan. Lễ phép."}


def test_comments_with_line_breaks_come_from_excel_cell_by_cell(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 4).focus()
        page.evaluate(PASTE, '7\t"Đọc ""diễn cảm"".\nViết sạch."\r\n8\tHọc "đều".\r\n')
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {
            ("a", "4"): "7",
            ("a", "5"): 'Đọc "diễn cảm". Viết sạch.',
            ("b", "4"): "8",
            ("b", "5"): 'Học "đều".',
        }


def test_lines_pasted_into_a_comment_that_is_edited_stay_in_it(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 5).focus()
        page.keyboard.press("F2")
        assert page.evaluate(PASTE, "một\nhai"), "the browser is kept from pasting"
        assert school.kept == {}


def test_another_teachers_change_is_not_overwritten(page: Page, school: School) -> None:
    school.kept["a", "1"], school.versions["a", "1"] = "4", 7
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill("9")
        page.keyboard.press("Enter")
        expect(page.locator("[data-sheet-problems]")).to_contain_text("Cô Hà vừa sửa.")
        assert school.kept["a", "1"] == "4"


def test_a_lost_line_keeps_the_marks_and_sends_them_once_it_is_back(page: Page, school: School) -> None:
    school.down = True
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill("9")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Mất kết nối")
        assert school.kept == {}
        school.down = False
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("a", "1"): "9"}


def test_leaving_with_unsaved_marks_is_asked(page: Page, school: School) -> None:
    school.down = True
    asked: list[str] = []

    def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        dialog.accept()

    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).press("End")
        cell(page, "a", 1).fill("9")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Mất kết nối")
        page.on("dialog", leave)
        page.goto(base + "/khac")
    assert asked == ["beforeunload"]


@pytest.mark.parametrize("width", [390], indirect=True)
def test_a_long_caption_is_read_whole_on_a_phone(page: Page, width: int, school: School) -> None:
    school.caption = "Hoạt động trải nghiệm, hướng nghiệp, học kì 1"
    with served(school) as base:
        page.goto(base)
        caption = page.locator(".caption-words").bounding_box()
        frame = page.locator(".table-frame").bounding_box()
        assert caption is not None
        assert frame is not None
        assert caption["x"] >= frame["x"]
        assert caption["x"] + caption["width"] <= frame["x"] + frame["width"] <= width
