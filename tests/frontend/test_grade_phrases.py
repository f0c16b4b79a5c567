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
