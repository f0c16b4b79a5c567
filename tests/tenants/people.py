"""What people do with their factors on the pages, as steps for tests."""

from urllib.parse import urlsplit

import httpx

from backend.core import clock, settings
from backend.tenants.factors import one_time_codes, rules
from tests.core.browser import Browser
from tests.tenants.authenticator import Authenticator


def new_authenticator(product: settings.Settings) -> Authenticator:
    """A key for the site under test: an address in numbers has none, so it is `localhost`."""
    return Authenticator(origin=f"http://localhost:{urlsplit(product.public_url).port}")


async def ask(browser: Browser, path: str, **form: str) -> str:
    """A question for a passkey, as the script of the page asks for it."""
    headers = {"X-CSRF-Token": browser.csrf_token, "Accept": "application/json"}
    answer = await browser.http.post(path, data=form, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.text


async def add_passkey(browser: Browser, product: settings.Settings, name: str) -> Authenticator:
    """Make a passkey for whoever is signed in."""
    key = new_authenticator(product)
    assert (await browser.get("/tai-khoan/khoa")).status_code == 200
    answer = key.create(await ask(browser, "/tai-khoan/khoa/cau-hoi"))
    kept = await browser.post("/tai-khoan/khoa", {"passkey": answer, "name": name})
    assert (kept.status_code, kept.headers.get("location")) == (303, "/tai-khoan"), kept.text
    await browser.get("/tai-khoan")
    return key


async def sign_in_by_key(browser: Browser, key: Authenticator) -> httpx.Response:
    """Sign in with a passkey and nothing else."""
    await browser.get("/dang-nhap")
    return await browser.post(
        "/dang-nhap/khoa", {"passkey": key.get(await ask(browser, "/dang-nhap/khoa/cau-hoi"))}
    )


def found(browser: Browser, path: str) -> list[str]:
    """What an XPath finds on the last page, as texts."""
    assert browser.page is not None
    return [str(one) for one in browser.page.xpath(path)]


def code_of(seed: str) -> str:
    """What the app shows now."""
    return one_time_codes.code_at(seed, rules.steps_around(clock.now())[0])


async def enrol_app(browser: Browser) -> tuple[str, str]:
    """Set up a code app for whoever is signed in; returns its seed, and the code that took it into use."""
    await browser.get("/tai-khoan")
    started = await browser.post("/tai-khoan/ung-dung/bat-dau")
    assert started.headers["location"] == "/tai-khoan/ung-dung", started.text
    await browser.get("/tai-khoan/ung-dung")
    [seed] = found(browser, "//details//code/text()")
    code = code_of(seed)
    confirmed = await browser.post("/tai-khoan/ung-dung", {"code": code})
    assert (confirmed.status_code, confirmed.headers.get("location")) == (303, "/tai-khoan"), confirmed.text
    await browser.get("/tai-khoan")
    return seed, code
