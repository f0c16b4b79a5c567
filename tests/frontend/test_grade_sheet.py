"""The mark sheet that saves itself: keyboard, paste from Excel, refusals, conflicts, a lost line, other people."""

import pytest
from playwright.sync_api import Dialog, Page, expect

from tests.frontend.marks import PASTE, School, cell, state
from tests.frontend.small_site import served

pytestmark = pytest.mark.needs("chromium")
LOOK_AGAIN = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
def school() -> School:
    return School()


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


def overtaken(page: Page, school: School, base: str, theirs: str = "4") -> None:
    """A page on which 9 was written over the mark of a colleague that it does not show."""
    page.goto(base)
    school.kept["a", "1"], school.versions["a", "1"] = theirs, 7
    cell(page, "a", 1).fill("9")
    page.keyboard.press("Enter")
    expect(page.locator("[data-sheet-problems]")).to_contain_text("Cô Hà vừa sửa.")


def test_another_teachers_change_is_not_overwritten(page: Page, school: School) -> None:
    with served(school) as base:
        overtaken(page, school, base)
        assert school.kept["a", "1"] == "4"
        cell(page, "a", 1).press("Escape")
        expect(cell(page, "a", 1)).to_have_value("4")
        expect(page.locator("[data-sheet-problems]")).to_be_empty()


def test_a_conflict_is_told_once_and_not_again_by_a_new_page(page: Page, school: School) -> None:
    with served(school) as base:
        overtaken(page, school, base)
        page.reload()
        expect(cell(page, "a", 1)).to_have_value("4")
        expect(state(page)).to_have_text("Điểm tự lưu khi rời ô.")
        assert page.evaluate("Object.keys(localStorage)") == []
        assert len(school.requests) == 1


def test_after_a_conflict_the_same_mark_may_be_written_again(page: Page, school: School) -> None:
    with served(school) as base:
        overtaken(page, school, base)
        cell(page, "a", 1).focus()
        page.keyboard.type("9")
        page.keyboard.press("Tab")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept["a", "1"] == "9"


def test_news_of_a_cell_takes_its_problem_from_the_list(page: Page, school: School) -> None:
    with served(school) as base:
        overtaken(page, school, base, theirs="9")
        school.news = [{"student": "a", "column": "1", "value": "5", "version": 8, "message": "Hà ghi"}]
        page.evaluate(LOOK_AGAIN)
        expect(cell(page, "a", 1)).to_have_value("5")
        expect(page.locator("[data-sheet-problems]")).to_be_empty()


def test_a_closed_sheet_gives_the_mark_back_that_was_saved(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        school.closed = True
        cell(page, "a", 1).fill("9")
        page.keyboard.press("Enter")
        expect(page.locator("[data-sheet-problems]")).to_contain_text("Sổ điểm này đã khóa.")
        cell(page, "a", 1).press("Escape")
        expect(cell(page, "a", 1)).to_have_value("8")


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


@pytest.mark.parametrize(
    ("keys", "exact"), [(("Control+z",), True), (("Escape",), True), (("8", "Enter"), False)]
)
def test_a_mark_put_back_while_its_save_is_on_the_way_is_saved(
    page: Page, school: School, keys: tuple[str, ...], exact: bool
) -> None:
    with served(school) as base:
        page.goto(base)
        school.answering.clear()
        cell(page, "a", 1).focus()
        page.keyboard.type("9")
        page.keyboard.press("Enter")
        expect(page.locator("[data-cell].is-saving")).to_have_count(1)
        cell(page, "a", 1).focus()
        for key in keys:
            page.keyboard.press(key)
        school.answering.set()
        expect(state(page)).to_contain_text("Đã lưu lúc")
        expect(cell(page, "a", 1)).to_have_value("8")
        assert school.kept == {("a", "1"): "8"}
        sent = [(one["value"], one["version"], one["exact"]) for [one] in school.requests]
        assert sent == [("9", 1, False), ("8", 2, exact)]


def test_a_mark_put_back_after_a_lost_answer_is_saved(page: Page, school: School) -> None:
    """Whether the server took the 9 is not known: the 8 goes there, too."""
    school.down = True
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill("9")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Mất kết nối")
        cell(page, "a", 1).fill("8")
        page.keyboard.press("Enter")
        school.down = False
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("a", "1"): "8"}


@pytest.mark.parametrize("mark", ["12", "9"])
def test_a_sheet_is_not_handed_in_before_all_of_it_is_saved(page: Page, school: School, mark: str) -> None:
    """Refused by the server (12), or not there yet (9)."""
    school.down = mark == "9"
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill(mark)
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("1 ô")
        page.get_by_role("button", name="Nộp sổ").click()
        note = page.locator("[data-sheet-note]")
        expect(note).to_have_text("Còn 1 ô chưa lưu; hãy lưu hoặc sửa trước khi nộp.")
        assert page.url.rstrip("/") == base.rstrip("/")
        school.down = False
        cell(page, "a", 1).fill("8,5")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        expect(note).to_be_hidden()
        page.get_by_role("button", name="Nộp sổ").click()
        page.wait_for_url("**/nop")


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


def test_what_was_not_saved_outlives_a_closed_page(page: Page, school: School) -> None:
    school.down = True
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill("9")
        cell(page, "b", 1).fill("4")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Mất kết nối: 2 ô")
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto("about:blank")
        school.down = False
        page.goto(base)
        expect(page.locator("[data-sheet-note]")).to_have_text("Đã lấy lại 2 ô mà lần trước chưa kịp lưu.")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("a", "1"): "9", ("b", "1"): "4"}
        assert page.evaluate("Object.keys(localStorage)") == []


def test_what_was_kept_of_an_undone_mark_is_put_back_as_it_was(page: Page, school: School) -> None:
    """A 7 in place of V is a make-up, unless undoing brings it back."""
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill("V")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        school.down = True
        cell(page, "a", 1).focus()
        page.keyboard.press("Control+z")
        expect(state(page)).to_contain_text("Mất kết nối: 1 ô")
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto("about:blank")
        school.down = False
        page.goto(base)
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert [(one["value"], one["exact"]) for one in school.requests[-1]] == [("8", True)]


def test_what_was_kept_does_not_overwrite_what_others_wrote_meanwhile(page: Page, school: School) -> None:
    school.down = True
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill("9")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Mất kết nối")
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto("about:blank")
        school.down = False
        school.kept["a", "1"], school.versions["a", "1"] = "4", 7
        page.goto(base)
        expect(page.locator("[data-sheet-problems]")).to_contain_text("Cô Hà vừa sửa.")
        assert school.kept["a", "1"] == "4"


def test_what_was_kept_for_a_week_is_dropped_whosever_it_is(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        for person in ("p", "q"):
            draft = [f"hocba-draft:{person}:/o", '{"at": 0, "cells": [["a|1", "9", 1]]}']
            page.evaluate("([key, draft]) => localStorage.setItem(key, draft)", draft)
        page.reload()
        expect(cell(page, "a", 1)).to_have_value("8")
        assert page.evaluate("Object.keys(localStorage)") == []
        assert school.requests == []


def test_signing_out_drops_what_was_not_saved(page: Page, school: School) -> None:
    school.down = True
    with served(school) as base:
        page.goto(base)
        cell(page, "a", 1).fill("9")
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Mất kết nối")
        page.evaluate("localStorage.setItem('hocba-draft:q:/o', '{\"at\": 0, \"cells\": []}')")
        dialog = page.locator("#confirm-dialog")
        page.locator("[data-forget-drafts] button").click()
        expect(dialog).to_contain_text("Còn 1 ô chưa lưu trên máy này")
        dialog.get_by_role("button", name="Quay lại").click()
        assert len(page.evaluate("Object.keys(localStorage)")) == 2
        page.locator("[data-forget-drafts] button").click()
        dialog.get_by_role("button", name="Đồng ý").click()
        page.wait_for_url("**/dang-xuat")
        assert page.evaluate("Object.keys(localStorage)") == ["hocba-draft:q:/o"], "somebody else's"


def test_what_others_write_appears(page: Page, school: School) -> None:
    with served(school) as base:
        page.goto(base)
        cell(page, "b", 2).fill("5")
        news = {"version": 2, "message": "Hà ghi lúc 10:05"}
        school.news = [
            {"student": "a", "column": "1", "value": "4"} | news,
            {"student": "b", "column": "2", "value": "6"} | news,
        ]
        page.evaluate(LOOK_AGAIN)
        expect(cell(page, "a", 1)).to_have_value("4")
        expect(cell(page, "a", 1)).to_have_attribute("title", "Hà ghi lúc 10:05")
        expect(cell(page, "b", 2)).to_have_value("5")
        page.evaluate(LOOK_AGAIN)
        expect(page.locator("[data-read-at]")).to_have_attribute("data-read-at", "2")
        assert school.asked == ["0", "1"]


def test_a_sheet_that_is_closed_meanwhile_says_so(page: Page, school: School) -> None:
    school.closed = True
    with served(school) as base:
        page.goto(base)
        page.evaluate(LOOK_AGAIN)
        expect(page.locator("[data-sheet-note]")).to_contain_text("Sổ vừa được đóng")
        expect(cell(page, "a", 1)).not_to_be_editable()


@pytest.mark.parametrize("width", [390], indirect=True)
def test_a_long_caption_is_read_whole_on_a_phone(page: Page, width: int, school: School) -> None:
    school.caption = "Hoạt động trải nghiệm, hướng nghiệp, học kì I"
    with served(school) as base:
        page.goto(base)
        caption = page.locator(".caption-words").bounding_box()
        frame = page.locator(".table-frame").bounding_box()
        assert caption is not None
        assert frame is not None
        assert caption["x"] >= frame["x"]
        assert caption["x"] + caption["width"] <= frame["x"] + frame["width"] <= width
