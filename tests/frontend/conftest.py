"""One Chromium for the browser tests of this folder, and a page that remembers what its console said."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from infra.assets.build import ROOT, build

CHROMIUM = Path("/usr/bin/chromium")
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture(scope="session", autouse=True)
def built_assets() -> None:
    """The assets of the sources as they are now."""
    build()


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's browser, without a window. No longer than a module: its loop would be in the way of asyncio tests."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def width(request: pytest.FixtureRequest) -> int:
    """Width of the window in CSS pixels: an office screen unless the test asks for another."""
    chosen: int = getattr(request, "param", 1280)
    return chosen


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complained of: console errors and warnings, exceptions, refused requests."""
    return []


@pytest.fixture
def page(chromium: Browser, width: int, complaints: list[str]) -> Iterator[Page]:
    """A fresh page of that width; whatever goes wrong in it lands in `complaints`."""
    context = chromium.new_context(
        viewport={"width": width, "height": 844}, locale="vi-VN", reduced_motion="reduce"
    )
    opened = context.new_page()
    opened.set_default_timeout(8000)
    opened.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
    opened.on("pageerror", lambda problem: complaints.append(str(problem)))
    yield opened
    context.close()
