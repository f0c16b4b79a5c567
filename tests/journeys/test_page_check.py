"""The checks of every page see what they are there to see."""

import pytest
from playwright.async_api import Browser

from tests.journeys import people
from tests.journeys.page_check import axe_findings, cut_off, faults_of, kind_of
from tests.journeys.people import Person

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


async def without_a_mouse(browser: Browser, html: str) -> Person:
    person = await Person.arrive(browser, "")
    person.has_no_mouse = True
    await person.page.set_content(html)
    return person


async def test_who_has_no_mouse_writes_and_presses(chromium: Browser) -> None:
    person = await without_a_mouse(chromium, SOUND)
    await person.write(person.page.get_by_label("Tên"), "An")
    assert await person.page.get_by_label("Tên").input_value() == "An"
    await person.reach(person.page.get_by_role("link", name="Lớp"))


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        ('<button tabindex="-1">', "no keyboard leads to Ghi"),
        ('<button style="outline:none;box-shadow:none">', "does not show its focus"),
    ],
)
async def test_what_no_keyboard_reaches_or_shows_is_seen(
    chromium: Browser, monkeypatch: pytest.MonkeyPatch, bad: str, why: str
) -> None:
    monkeypatch.setattr(people, "STOPS", 10)
    person = await without_a_mouse(chromium, SOUND.replace("<button>", bad))
    with pytest.raises(AssertionError, match=why):
        await person.press("Ghi")


def test_pages_of_one_kind_differ_in_ids_and_question_alone() -> None:
    assert kind_of("/lop/01977a3c-90aa-7e51-8000-000000000001/so-diem?a=1") == "/lop/{id}/so-diem"
    assert kind_of("/huong-dan/nhap-diem") == kind_of("/huong-dan/khoa-so") != kind_of("/huong-dan")
