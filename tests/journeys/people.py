"""People in front of a real browser: each with cookies of their own, and a note of everything that the console said."""

import re
from functools import cache
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from backend.core import templates
from infra.demo.seed import PASSWORD
from tests.journeys.page_check import axe_findings, cut_off, faults_of, kind_of

PICTURES = Path("test-results") / "journeys"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
#: An office screen at a zoom of 200 % (WCAG 2.2, 1.4.4 and 1.4.10).
ZOOMED = {"width": 640, "height": 400}
#: Who has pressed Tab so often has been everywhere on any page.
STOPS = 400
#: Kinds of pages that `look` has found sound in this run: the crawl need not look at them again.
LOOKED_AT: set[str] = set()
#: Chromium reports a page that answers 4xx on its console; the page itself says nothing there.
_STATUS = re.compile(r"Failed to load resource: the server responded with a status of (\d+)")


#: None where another element has the focus; else whether it shows that it has.
_FOCUS = """(one) => {
  if (one !== document.activeElement) return null;
  const style = getComputedStyle(one);
  return (style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== 'none';
}"""


@cache
def in_the_handbook() -> frozenset[str]:
    """Names of the pages that the handbook shows as they look here."""
    texts = (templates.ROOT / "help" / "articles").glob("*.html")
    found = (re.findall(r"picture\(\"([^\"]+)\"", one.read_text(encoding="utf-8")) for one in texts)
    return frozenset(name for names in found for name in names)


class Person:
    """One browser window. Pages are addressed by path; `look` checks and photographs the one that is open."""

    def __init__(self, context: BrowserContext, page: Page, url: str) -> None:
        self.context, self.page, self.url = context, page, url
        #: Whether the person has no mouse: then `press` and `write` go from stop to stop with Tab.
        self.has_no_mouse = False
        self.complaints: list[str] = []
        self.expected_status = 200
        page.set_default_timeout(15_000)
        page.on("console", self._heard)
        page.on("pageerror", lambda problem: self.complaints.append(str(problem)))

    @classmethod
    async def arrive(cls, browser: Browser, url: str, *, scripts: bool = True) -> Self:
        """A stranger; `scripts=False` is a browser without JavaScript."""
        context = await browser.new_context(
            viewport={"width": 1280, "height": 800},
            locale="vi-VN",
            reduced_motion="reduce",
            java_script_enabled=scripts,
        )
        return cls(context, await context.new_page(), url)

    @classmethod
    async def sign_in(cls, browser: Browser, url: str, login: str) -> Self:
        """Somebody of the demo, on their home page."""
        one = await cls.arrive(browser, url)
        await one.begin_to_sign_in(login)
        await expect(one.page.get_by_role("heading", level=1)).to_contain_text("Xin chào")
        return one

    async def begin_to_sign_in(self, login: str, password: str = PASSWORD) -> None:
        """Login and password on the form; a code may be asked for after that."""
        await self.go("/")
        await self.page.get_by_label("Tên đăng nhập").fill(login)
        await self.page.get_by_label("Mật khẩu").fill(password)
        await self.page.get_by_role("button", name="Đăng nhập", exact=True).click()

    async def get_a_security_chip(self) -> None:
        """From now on the browser has an authenticator that verifies the person without asking."""
        devtools = await self.context.new_cdp_session(self.page)
        await devtools.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        await devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})

    async def add_passkey(self, name: str) -> None:
        """Make a passkey on the page for that."""
        await self.get_a_security_chip()
        await self.go("/tai-khoan/khoa")
        await self.page.get_by_label("Tên của khóa").fill(name)
        await self.press("Tạo khóa truy cập")
        await self.sees("Đã thêm khóa truy cập.", name)

    async def go(self, path: str, *, status: int = 200) -> None:
        """Open a page, which must answer with that status."""
        self.expected_status = status
        answer = await self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == status, f"{path}: {answer.status}"

    async def press(self, name: str | re.Pattern[str]) -> None:
        """A button, or a link that looks like one."""
        page = self.page
        target = page.get_by_role("button", name=name).or_(page.get_by_role("link", name=name)).first
        if self.has_no_mouse:
            await self.reach(target)
            await page.keyboard.press("Enter")
        else:
            await target.click()

    async def write(self, field: Locator, text: str) -> None:
        """Type into a field in place of what stands there."""
        if self.has_no_mouse:
            await self.reach(field)
            await self.page.keyboard.press("Control+a")
            await self.page.keyboard.type(text)
        else:
            await field.fill(text)

    async def reach(self, target: Locator) -> None:
        """Go to an element by Tab alone, from where the focus is; it is seen to have the focus."""
        await target.wait_for()
        for _ in range(STOPS):
            seen = await target.evaluate(_FOCUS)
            if seen is not None:
                assert seen, f"{await target.inner_text()} does not show its focus ({self.page.url})"
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"no keyboard leads to {await target.inner_text()} ({self.page.url})")

    async def press_and_agree(self, name: str | re.Pattern[str]) -> None:
        """A button that asks once more, and yes."""
        await self.press(name)
        dialog = self.page.locator("#confirm-dialog")
        await expect(dialog).to_be_visible()
        agree = dialog.locator("[data-answer=yes]")
        if self.has_no_mouse:
            await self.reach(agree)
            await self.page.keyboard.press("Enter")
        else:
            await agree.click()

    async def sees(self, *texts: str) -> None:
        """Each text is somewhere in the main part of the page."""
        for text in texts:
            await expect(self.page.locator("main")).to_contain_text(text)

    async def sees_later(self, path: str, text: str, within: int = 40) -> None:
        """Reload until the text is there: `within` seconds for work that others do meanwhile."""
        shown = ""
        for _ in range(within * 2):
            await self.go(path)
            shown = " ".join((await self.page.locator("main").inner_text()).split())
            if text in shown:
                return
            await self.page.wait_for_timeout(500)
        raise AssertionError(f"{path} never said “{text}”: {shown}")

    async def look(self, name: str) -> None:
        """The open page is sound: structure, axe, three widths, a silent console. Pictures go to PICTURES."""
        await self.page.wait_for_load_state("load")
        found = await faults_of(self.page) + await axe_findings(self.page)
        await self.page.set_viewport_size({"width": ZOOMED["width"], "height": ZOOMED["height"]})
        found += await cut_off(self.page)
        for size in (NARROW, WIDE):
            await self.page.set_viewport_size({"width": size["width"], "height": size["height"]})
            found += await cut_off(self.page)
            # To be looked at, not compared: a PNG of a long page takes the browser twice as long.
            path = PICTURES / f"{name}-{size['width']}.jpg"
            await self.page.screenshot(path=path, full_page=True, quality=75)
        if name in in_the_handbook():
            templates.PICTURES.mkdir(exist_ok=True)
            await self.page.screenshot(path=templates.PICTURES / f"{name}.png")
        assert found == [], f"{name} ({self.page.url}): {found}"
        assert self.complaints == [], f"{name} ({self.page.url})"
        LOOKED_AT.add(kind_of(urlsplit(self.page.url).path))

    def _heard(self, message: ConsoleMessage) -> None:
        answered = _STATUS.search(message.text)
        if answered and int(answered[1]) == self.expected_status:
            return
        if message.type in ("error", "warning"):
            self.complaints.append(message.text)
