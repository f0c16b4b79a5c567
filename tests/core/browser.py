"""A browser for tests of pages: keeps cookies, sends the form's token back, checks every page it is given."""

import itertools
import re
from collections.abc import Mapping
from typing import Any

import httpx
from litestar import Litestar
from lxml import html

from backend.core.templates import LANGUAGES

_NETWORK = itertools.count(1)
_LABELLED = "//input[not(@type='hidden' or @type='submit')] | //select | //textarea"


class Browser:
    """One person's browser, in a network of its own. `page` is the last page it was given."""

    def __init__(self, app: Litestar) -> None:
        number = next(_NETWORK)
        transport = httpx.ASGITransport(
            app,  # type: ignore[arg-type]
            raise_app_exceptions=False,
            client=(f"10.{number >> 8 & 255}.{number & 255}.1", 50_000),
        )
        self.http = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8000")
        self.page: html.HtmlElement | None = None

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """Fetch a page. Header names are written with underscores."""
        return self._seen(await self.http.get(path, headers=_headers(headers)))

    async def post(
        self, path: str, form: Mapping[str, str | list[str]] | None = None, **headers: str
    ) -> httpx.Response:
        """Send a form of the last page, with its token unless `form` or the headers have one."""
        fields = {**({} if "X_CSRF_Token" in headers else {"csrf_token": self.csrf_token}), **(form or {})}
        return self._seen(await self.http.post(path, data=fields, headers=_headers(headers)))

    async def sign_in(self, login: str, password: str, tiep: str = "/") -> httpx.Response:
        """Go to the form, fill it, send it."""
        await self.get("/dang-nhap")
        return await self.post("/dang-nhap", {"login": login, "password": password, "tiep": tiep})

    @property
    def csrf_token(self) -> str:
        """The token of the last page; empty before the first."""
        found = self.page.xpath("//meta[@name='csrf-token']/@content") if self.page is not None else []
        return str(found[0]) if found else ""

    def cookie(self, name: str) -> str:
        """The value of a cookie, empty when there is none."""
        return self.http.cookies.get(name) or ""

    def _seen(self, answer: httpx.Response) -> httpx.Response:
        is_html = answer.headers.get("content-type", "").startswith("text/html")
        if is_html and "<!doctype html>" in answer.text[:200]:
            self.page = html.document_fromstring(answer.text)
            check_page(self.page)
        return answer


def check_page(page: html.HtmlElement) -> None:
    """What every page owes its readers: language, title, one h1, unique ids, labels, tokens in forms."""
    assert page.xpath("string(/html/@lang)") in LANGUAGES
    assert page.xpath("string(//title)").strip(), "the page has no title"
    assert len(page.xpath("//h1")) == 1, f"{len(page.xpath('//h1'))} h1"
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids)), f"ids used twice: {sorted({i for i in ids if ids.count(i) > 1})}"
    for control in page.xpath(_LABELLED):
        named = page.xpath("//label[@for=$id]", id=control.get("id", "")) or control.get("aria-label")
        assert named, f"no label for {control.get('name')}"
    for form in page.xpath("//form[@method='post']"):
        assert form.xpath(".//input[@name='csrf_token']/@value"), (
            f"no token in the form to {form.get('action')}"
        )
    assert not re.search(r"Traceback|jinja2|sqlalchemy", html.tostring(page, encoding="unicode"))


def _headers(named: Mapping[str, Any]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in named.items()}
