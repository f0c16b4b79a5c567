"""The principal's task in a real browser: 200 documents, one consent, watched to the end without a reload."""

import asyncio
import os
import re
import sys

import pytest
from playwright.async_api import Browser, expect

from infra.assets.build import ROOT
from infra.demo.seed import PASSWORD
from tests.journeys.conftest import Site
from tests.journeys.people import Person
from tests.journeys.two_hundred import COUNT, LOGIN

pytestmark = pytest.mark.needs("chromium")
#: The service that signs all of them is asked in calls of 50, and two cores may be shared with others.
PATIENCE = 180_000


async def test_one_consent_signs_two_hundred_documents(chromium: Browser, site: Site) -> None:
    await documents_wait(site)
    principal = await Person.sign_in(chromium, site.url, LOGIN)
    page = principal.page
    await principal.go("/ky")
    await principal.sees(f"{COUNT} học bạ chờ ký", "Lớp 1A")
    await principal.look("91-two-hundred-tray")
    await principal.press(f"Xem và ký {COUNT} học bạ")
    await principal.sees("Mã danh sách", "Không có hồ sơ nào khác thường", "Học sinh số 200")
    await principal.look("92-two-hundred-consent")
    await page.get_by_label("Mật khẩu").fill(PASSWORD)
    await principal.press(f"Xác nhận ký {COUNT} học bạ")
    await expect(page).to_have_url(re.compile(r"/ky/lo/"))
    await page.evaluate("window.watched = true")
    bar = page.locator("main progress")
    await expect(bar).to_have_attribute("max", str(COUNT))
    await expect(bar).to_have_attribute("value", str(COUNT), timeout=PATIENCE)
    await principal.sees("Đã ký xong")
    assert await page.evaluate("window.watched"), "the page was loaded anew"
    await principal.look("93-two-hundred-signed")
    await page.get_by_text("Xem các hồ sơ của lô và lịch sử từng chữ ký").click()
    await page.locator("#ho-so tbody tr").first.get_by_role("link").click()
    await principal.sees("2. Lần ký thứ 1: đã ký", "Dấu thời gian")
    await principal.look("94-history-of-a-signature")
    await principal.go("/ky")
    await principal.sees("Không có hồ sơ nào chờ bạn ký", f"{COUNT} / {COUNT}")


async def documents_wait(site: Site) -> None:
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.journeys.two_hundred"),
        cwd=ROOT,
        env=dict(os.environ) | site.environment,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await child.communicate()
    assert child.returncode == 0, said.decode()
