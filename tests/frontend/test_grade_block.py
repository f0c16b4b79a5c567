"""Blocks of cells in the mark sheet: choose, copy, cut, clear, paste, fill, undo, as in Excel."""

import pytest
from playwright.sync_api import Page, expect

from tests.frontend.marks import PASTE, School, cell, state
from tests.frontend.small_site import served

pytestmark = pytest.mark.needs("chromium")
COPY = """deed => { const data = new DataTransfer();
document.activeElement.dispatchEvent(new ClipboardEvent(deed, {clipboardData: data, bubbles: true, cancelable: true}));
return data.getData('text/plain'); }"""


@pytest.fixture
def school() -> School:
    return School()


def chosen(page: Page) -> int:
    """How many cells are chosen together."""
    return page.locator(".is-chosen").count()


def values(page: Page, column: int) -> list[str]:
    """A column, from top to bottom."""
    return [cell(page, student, column).input_value() for student in "abc"]


def choose(page: Page, start: tuple[str, int], *keys: str) -> None:
    """Go to a cell and stretch from there."""
    cell(page, *start).focus()
    for key in keys:
        page.keyboard.press(f"Shift+{key}")


def test_a_block_is_chosen_by_keys_and_copied(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        choose(page, ("a", 1), "ArrowDown", "ArrowRight")
        assert chosen(page) == 4
        assert page.evaluate(COPY, "copy") == "8\t7,5\n6\t8"
        page.keyboard.press("Escape")
        assert chosen(page) == 0
        assert page.evaluate(COPY, "copy") == ""


def test_a_block_is_chosen_by_mouse(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 2).click()
        cell(page, "c", 3).click(modifiers=["Shift"])
        assert chosen(page) == 6
        cell(page, "a", 1).hover()
        page.mouse.down()
        cell(page, "b", 2).hover()
        page.mouse.up()
        assert chosen(page) == 4


def test_a_block_is_cleared_and_comes_back(page: Page, school: School, complaints: list[str]) -> None:
    with served(school) as base:
        page.goto(base)
        choose(page, ("a", 1), "ArrowDown")
        page.keyboard.press("Delete")
        assert values(page, 1) == ["", "", "10"]
        page.keyboard.press("Control+z")
        assert values(page, 1) == ["8", "6", "10"]
        page.keyboard.press("Control+y")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("a", "1"): "", ("b", "1"): ""}
        assert complaints == []


def test_a_block_that_is_cut_goes_to_the_clipboard(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        choose(page, ("b", 1), "ArrowRight")
        assert page.evaluate(COPY, "cut") == "6\t8"
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("b", "1"): "", ("b", "2"): ""}


def test_filling_down_and_to_the_right(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        choose(page, ("a", 1), "ArrowDown", "ArrowDown")
        page.keyboard.press("Control+d")
        assert values(page, 1) == ["8", "8", "8"]
        cell(page, "a", 4).focus()
        page.keyboard.press("Control+r")
        assert values(page, 4) == ["9", "7,25", "8"]
        cell(page, "b", 4).focus()
        page.keyboard.press("Control+d")
        assert values(page, 4) == ["9", "9", "8"]


def test_one_value_is_pasted_into_the_whole_block(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        choose(page, ("a", 1), "ArrowDown", "ArrowDown")
        page.evaluate(PASTE, "7")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("a", "1"): "7", ("b", "1"): "7", ("c", "1"): "7"}
        assert [len(cells) for cells in school.requests] == [3]


def test_a_block_larger_than_the_sheet_is_said(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "b", 1).focus()
        page.evaluate(PASTE, "1\n2\n3\n\n")
        expect(page.locator("[data-sheet-note]")).to_contain_text("1 ô nằm ngoài sổ không được ghi")
        assert values(page, 1) == ["8", "1", "2"]


def test_a_pasted_block_is_undone_at_once_and_saved_again(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).focus()
        page.evaluate(PASTE, "1\t2\n3.5\t11\n")
        expect(state(page)).to_contain_text("1 ô chưa lưu được")
        page.keyboard.press("Control+z")
        assert values(page, 1) == ["8", "6", "10"]
        assert values(page, 2) == ["7,5", "8", "9"]
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("a", "1"): "8", ("a", "2"): "7,5", ("b", "1"): "6", ("b", "2"): "8"}
        expect(page.locator("[data-sheet-problems]")).to_be_empty()


def test_typed_marks_are_undone_one_by_one(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).focus()
        for mark in ("1", "2"):
            page.keyboard.type(mark)
            page.keyboard.press("Enter")
        assert values(page, 1) == ["1", "2", "10"]
        page.keyboard.press("Control+z")
        assert values(page, 1) == ["1", "6", "10"]
        expect(cell(page, "b", 1)).to_be_focused()
        page.keyboard.press("Control+z")
        assert values(page, 1) == ["8", "6", "10"]
        page.keyboard.press("Control+Shift+z")
        assert values(page, 1) == ["1", "6", "10"]


def test_undoing_leaves_alone_what_others_wrote_since(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill("1")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        school.news = [{"student": "a", "column": "1", "value": "4", "version": 3, "message": "Hà ghi"}]
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect(cell(page, "a", 1)).to_have_value("4")
        page.keyboard.press("Control+z")
        expect(cell(page, "a", 1)).to_have_value("4")


def test_in_a_cell_that_is_edited_keys_are_the_browsers(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 5).focus()
        page.keyboard.press("F2")
        page.keyboard.type(" Khá.")
        page.keyboard.press("Shift+ArrowLeft")
        assert chosen(page) == 0
        page.keyboard.press("Delete")
        expect(cell(page, "a", 5)).to_have_value("Chăm ngoan. Khá")
        page.keyboard.press("Control+a")
        assert chosen(page) == 0


def test_an_absence_is_said_in_words_and_undone_exactly(
    page: Page, school: School, complaints: list[str]
) -> None:
    with served(school) as base:
        page.goto(base)
        mark = cell(page, "a", 1)
        note = page.locator('[data-student="a"][data-column="1"] .mark-note')
        mark.fill("v")
        mark.press("Enter")
        expect(note).to_have_text("chờ bù")
        expect(mark).to_have_value("V")
        expect(mark).to_have_attribute("title", "chờ bù")
        page.keyboard.press("Control+z")
        expect(note).to_have_count(0)
        expect(mark).to_have_value("8")
        assert [(one["value"], one["exact"]) for sent in school.requests for one in sent] == [
            ("v", False),
            ("8", True),
        ]
        mark.fill("9")
        mark.press("Enter")
        expect(page.locator('[data-student="a"][data-column="1"].is-saved')).to_have_count(1)
        assert school.requests[-1][0]["exact"] is False, "what is typed anew is no undoing"
        assert complaints == []


def test_buttons_put_an_absence_into_the_chosen_cells(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        choose(page, ("a", 4), "ArrowDown", "ArrowRight")
        page.get_by_role("button", name="V vắng có lý do").click()
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("a", "4"): "V", ("b", "4"): "V"}, "comments take no absence"
