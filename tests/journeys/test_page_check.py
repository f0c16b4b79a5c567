"""The checks of every page see what they are there to see."""

import pytest
from playwright.async_api import Browser

from tests.journeys.page_check import axe_findings, cut_off, faults_of

pytestmark = pytest.mark.needs("chromium")
SOUND = """<!doctype html><html lang="vi"><head><title>Lớp 1A</title></head><body><main><h1>Lớp 1A</h1>
<form method="post" action="/a"><input type="hidden" name="csrf_token" value="x">
<label for="ten">Tên</label><input id="ten" name="ten"><button>Ghi</button></form>
<a href="/lop">Lớp</a></main></body></html>"""


async def findings(browser: Browser, html: str) -> list[str]:
    page = await browser.new_page(viewport={"width": 390, "height": 600})
    await page.set_content(html)
    found = await faults_of(page) + await cut_off(page) + await axe_findings(page)
    await page.close()
    return found


async def test_a_sound_page_has_no_findings(chromium: Browser) -> None:
    assert await findings(chromium, SOUND) == []


@pytest.mark.parametrize(
    ("good", "bad", "seen"),
    [
        ("<h1>Lớp 1A</h1>", "<h2>Lớp 1A</h2>", "0 h1"),
        ("<h1>Lớp 1A</h1>", "<h1>Lớp</h1><h1>1A</h1>", "2 h1"),
        ("<title>Lớp 1A</title>", "", "no title"),
        ('lang="vi"', 'lang="en"', "language"),
        ('<label for="ten">Tên</label>', "Tên", "no label"),
        ("<main>", '<main id="ten">', "id twice"),
        ('value="x"', 'value=""', "no csrf"),
        ('href="/lop"', 'href="#"', "link to nowhere"),
        ("<button>Ghi</button>", "<button></button>", "no words"),
        ('<a href="/lop">', '<a href="/lop" style="display:block;width:500px">', "wider than 390"),
        ("<button>", '<button style="color:#ccc;background:#fff">', "color-contrast"),
    ],
)
async def test_a_planted_fault_is_seen(chromium: Browser, good: str, bad: str, seen: str) -> None:
    assert good in SOUND
    assert any(seen in one for one in await findings(chromium, SOUND.replace(good, bad)))
