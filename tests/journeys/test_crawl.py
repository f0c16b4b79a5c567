"""Whatever a person can reach by links: no inline script or style in what is served, no complaint of the browser (S2),
nothing that axe finds, nothing cut off at a zoom of 200 %, and on every page a link to its page of the handbook.
"""

import re
from collections import Counter

import pytest
from playwright.async_api import Browser

from backend.integrations.handbook.schemas import HANDBOOK
from tests.frontend.rules import violations
from tests.journeys.conftest import Site
from tests.journeys.page_check import axe_findings, cut_off, kind_of
from tests.journeys.people import LOOKED_AT, WIDE, ZOOMED, Person

pytestmark = pytest.mark.needs("chromium")

#: Pages of one kind differ in their data alone, so that two of each are enough.
OF_A_KIND = 2
#: Files, and the way out.
NOT_PAGES = re.compile(r"/tep/|/bang-tinh/|/tep-da-dien|/xuat|/static/|/api/|\.csv|\.zip$|/xlsx$|^/dang-xuat")
#: What a served page may not hold, of the rules that templates keep.
FORBIDDEN = {
    "inline script",
    "inline style",
    "style attribute",
    "event attribute",
    "hx-on",
    "evaluated value",
}


async def crawl(person: Person, checked: set[str], *, only_new: bool) -> dict[str, list[str]]:
    """Follow every link from home; address → what is wrong with the page. `checked` are kinds whose looks are known,
    which are opened as well unless `only_new` ones are wanted.
    """
    ahead, seen, kinds = ["/"], {"/"}, Counter[str]()
    wrong: dict[str, list[str]] = {}
    while ahead:
        path = ahead.pop(0)
        kinds[kind_of(path)] += 1
        answer = await person.page.goto(person.url + path)
        assert answer is not None
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        found = [name for name in violations(await answer.text()) if name in FORBIDDEN]
        if answer.status >= 400:
            found.append(f"status {answer.status}")
        if await person.page.locator(f"a[href^='{HANDBOOK}']").count() == 0:
            found.append("no help")
        if kind_of(path) not in checked:
            checked.add(kind_of(path))
            found += await looks_of(person)
        wrong[path] = found + person.complaints
        person.complaints.clear()
        if path.startswith(f"{HANDBOOK}/"):
            continue  # It speaks to everybody: what it leads to is not for each.
        links = await person.page.eval_on_selector_all(
            "a[href^='/']:not([download])", "all => all.map((a) => a.getAttribute('href'))"
        )
        for link in (one.partition("#")[0] for one in links):
            kind = kind_of(link)
            is_known = kinds[kind] >= OF_A_KIND or (only_new and kind in checked)
            if link not in seen and not is_known and not NOT_PAGES.search(link):
                seen.add(link)
                ahead.append(link)
        ahead = [one for one in ahead if kinds[kind_of(one)] < OF_A_KIND]
    return wrong


async def looks_of(person: Person) -> list[str]:
    """What axe finds, what is cut off at a zoom of 200 %, and whether the frame of the page is printed."""
    page = person.page
    found = await axe_findings(page)
    await page.set_viewport_size({"width": ZOOMED["width"], "height": ZOOMED["height"]})
    found += await cut_off(page)
    await page.emulate_media(media="print")
    if await page.locator(".masthead, .open-head .btn").filter(visible=True).count():
        found.append("the frame is printed")
    await page.emulate_media(media="screen")
    await page.set_viewport_size({"width": WIDE["width"], "height": WIDE["height"]})
    return found


async def test_every_page_keeps_the_policy_and_can_be_used_by_everybody(
    chromium: Browser, site: Site
) -> None:
    checked = set(LOOKED_AT)
    wrong: dict[str, list[str]] = {}
    for role in ("principal", "owner", "it_teacher", "clerk", "homeroom_teacher"):
        person = await Person.sign_in(chromium, site.url, site.login(role))
        whole = role in ("principal", "owner")
        pages = await crawl(person, checked, only_new=not whole)
        assert len(pages) >= 6 or not whole, role
        wrong |= {f"{role} {path}": found for path, found in pages.items() if found}
        await person.context.close()
    assert wrong == {}
    assert len(checked) >= 30


async def test_pages_of_requests(chromium: Browser, site: Site) -> None:
    principal = await Person.sign_in(chromium, site.url, site.login("principal"))
    await principal.press("Dữ liệu cá nhân")
    await principal.look("61-requests-empty")
    await principal.press("Danh mục dữ liệu")
    await principal.look("62-register")
