"""The style guide in a real browser, under the product's content security policy."""

import gzip
from pathlib import Path

import pytest
from playwright.sync_api import Page, Response

from tests.frontend.conftest import AXE
from tests.frontend.small_site import Answer, render, served
from tests.frontend.small_site import page as answer

pytestmark = pytest.mark.needs("chromium")
PICTURES = Path("test-results") / "styleguide"
both_widths = pytest.mark.parametrize("width", [1280, 390], indirect=True)
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
MOST_BYTES = 200_000
MOST_REQUESTS = 15


def site(method: str, path: str, body: bytes) -> Answer:
    """The style guide at /, a fault at /loi."""
    if path == "/loi":
        return answer(render("errors/page.html", status=409, message="Lớp 4C vừa được chốt số liệu."))
    return answer(render("styleguide/page.html"))


@both_widths
def test_the_style_guide_is_shown_without_a_complaint(page: Page, width: int, complaints: list[str]) -> None:
    with served(site) as base:
        page.goto(base)
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{width}.png", full_page=True)
        assert complaints == []
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.evaluate("document.fonts.ready.then(() => 1)")
        assert page.evaluate("document.fonts.check('16px \"Be Vietnam Pro\"', 'Nguyễn')")
        assert (
            page.evaluate("getComputedStyle(document.querySelector('.btn-seal')).backgroundColor")
            == "rgb(140, 28, 46)"
        )


def test_icons_are_drawn_from_the_sprite(page: Page) -> None:
    with served(site) as base:
        page.goto(base)
        empty = page.evaluate(
            "[...document.querySelectorAll('svg.icon use')]"
            ".filter(u => u.checkVisibility() && !u.getBBox().width).map(u => u.getAttribute('href'))"
        )
        assert empty == []


@both_widths
@pytest.mark.parametrize("path", ["/", "/loi"])
def test_axe_finds_nothing(page: Page, path: str) -> None:
    with served(site) as base:
        page.goto(base + path)
        page.evaluate(AXE.read_text(encoding="utf-8"))
        found = page.evaluate(
            f"axe.run(document, {{runOnly: {RULES}}})"
            ".then(r => r.violations.map(v => [v.id, v.nodes.slice(0, 3).map(n => n.html.slice(0, 160))]))"
        )
        assert found == []


@both_widths
def test_double_zoom_needs_no_sideways_scrolling(page: Page, width: int) -> None:
    with served(site) as base:
        page.set_viewport_size({"width": max(width // 2, 320), "height": 500})
        page.goto(base)
        assert page.evaluate("document.documentElement.scrollWidth") <= max(width // 2, 320)


def test_the_first_load_is_small(page: Page) -> None:
    loaded: list[Response] = []
    page.on("response", lambda response: loaded.append(response))
    with served(site) as base:
        page.goto(base, wait_until="networkidle")
        sizes = [len(gzip.compress(response.body())) for response in loaded]
    assert len(sizes) <= MOST_REQUESTS
    assert sum(sizes) <= MOST_BYTES


def test_the_skip_link_comes_first_and_leads_to_the_content(page: Page) -> None:
    with served(site) as base:
        page.goto(base)
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip-link"
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.id") == "main"


@pytest.mark.parametrize("width", [390], indirect=True)
def test_the_menu_of_a_telephone_opens_with_the_keyboard_and_closes(page: Page) -> None:
    with served(site) as base:
        page.goto(base)
        assert page.locator("#menu").is_hidden()
        page.get_by_role("button", name="Mục lục").press("Enter")
        assert page.get_by_role("link", name="Khay ký của tôi").is_visible()
        page.keyboard.press("Escape")
        assert page.locator("#menu").is_hidden()


@both_widths
def test_no_cell_is_narrower_than_its_words(page: Page, width: int) -> None:
    """A cell that keeps to its words in a table has a card's width where the table becomes cards."""
    with served(site) as base:
        page.goto(base)
        cells = page.locator(".table-stack tbody td.tight")
        assert cells.count() >= 1
        assert (
            cells.evaluate_all("found => found.filter(one => one.scrollWidth > one.clientWidth + 1).length")
            == 0
        )


def test_printing_keeps_the_trial_mark_and_drops_the_frame(page: Page) -> None:
    with served(site) as base:
        page.goto(base)
        page.emulate_media(media="print")
        assert page.locator(".masthead").is_hidden()
        assert page.locator(".trial-strip").is_visible()
