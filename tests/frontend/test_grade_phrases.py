"""Phrases for comments: opened, narrowed and chosen with the keyboard alone."""

import pytest
from playwright.sync_api import Page, expect

from tests.frontend.marks import School, cell, state
from tests.frontend.small_site import served

pytestmark = pytest.mark.needs("chromium")


def test_a_phrase_is_put_into_a_comment_by_keys_and_undone(page: Page, complaints: list[str]) -> None:
    school = School()
    with served(school) as base:
        page.goto(base)
        comment = cell(page, "a", 5)
        comment.focus()
        page.keyboard.press("/")
        picker = page.get_by_role("dialog", name="Câu mẫu nhận xét")
        expect(picker).to_be_visible()
        page.keyboard.type("tien bo")
        expect(picker.get_by_role("button", name="có tiến bộ")).to_be_visible()
        expect(picker.get_by_role("button", name="học đều")).to_be_hidden()
        page.keyboard.press("Enter")
        expect(picker).to_be_hidden()
        expect(comment).to_be_focused()
        expect(comment).to_have_value("a có tiến bộ.")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("a", "5"): "a có tiến bộ."}
        page.keyboard.press("Control+z")
        expect(comment).to_have_value("Chăm ngoan.")
        cell(page, "b", 1).focus()
        page.keyboard.press("/")
        expect(picker).to_be_hidden()
        expect(cell(page, "b", 1)).to_have_value("/")
        assert complaints == []


@pytest.mark.parametrize(("column", "comment"), [(5, "b học đều."), (2, "Chăm ngoan. b học đều.")])
def test_the_button_is_for_the_pupil_in_whose_line_somebody_was(
    page: Page, column: int, comment: str
) -> None:
    school = School()
    with served(school) as base:
        page.goto(base)
        cell(page, "b", column).focus()
        page.get_by_role("button", name="câu mẫu nhận xét").focus()
        page.keyboard.press("Enter")
        page.keyboard.type("hoc deu")
        page.keyboard.press("Enter")
        expect(cell(page, "b", 5)).to_be_focused()
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("b", "5"): comment}


def test_the_button_begins_with_the_first_pupil_where_nobody_was_in_a_line(page: Page) -> None:
    school = School()
    with served(school) as base:
        page.goto(base)
        page.get_by_role("button", name="câu mẫu nhận xét").click()
        page.keyboard.press("Enter")
        expect(state(page)).to_contain_text("Đã lưu lúc")
        assert school.kept == {("a", "5"): "Chăm ngoan. a học đều."}
