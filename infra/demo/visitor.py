"""A person of the demo in front of the site: reads pages and sends forms, like a browser without a screen."""

import asyncio
import re
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

_TOKEN = re.compile(r'name="csrf[-_]token"[^>]*(?:content|value)="([^"]+)"')
HIDDEN = re.compile(r'<input type="hidden" name="(\w+)" value="([^"]*)"')
_ERROR = re.compile(r"<h1[^>]*>([\s\S]*?)</h1>[\s\S]*?<p[^>]*>([^<]+)")


#: The site closes idle connections after five seconds; we let go of them first.
_LIMITS = httpx.Limits(keepalive_expiry=2.0)


class Refused(Exception):
    """The site answered with an error; the text is the sentence that a person would read."""


class Visitor:
    """One signed-in person. Use as `async with`.

    `is_ours` says whether the site at `base_url` is still the one meant: a stranger who has its port is sent nothing.
    """

    def __init__(self, base_url: str, login: str, password: str, is_ours: Callable[[], bool]) -> None:
        self.login = login
        self._password = password
        self._base_url = base_url
        self._is_ours = is_ours
        self._client = httpx.AsyncClient(base_url=base_url, timeout=120, trust_env=False, limits=_LIMITS)
        self._token = ""

    async def __aenter__(self) -> Self:
        await self.get("/dang-nhap")
        await self.post("/dang-nhap", {"login": self.login, "password": self._password, "tiep": "/"})
        await self.get("/")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    @property
    def cookies(self) -> httpx.Cookies:
        """What the site knows this person by."""
        return self._client.cookies

    async def get(self, path: str) -> str:
        """A page's HTML."""
        answer = self._checked(await self._client.get(path))
        found = _TOKEN.search(answer.text)
        self._token = found.group(1) if found else self._token
        return answer.text

    async def json(self, path: str) -> Any:
        """An answer for programs."""
        return self._checked(await self._client.get(path, headers={"Accept": "application/json"})).json()

    async def bytes(self, path: str) -> bytes:
        """A file."""
        return self._checked(await self._client.get(path)).content

    async def post(self, path: str, fields: dict[str, str] | None = None) -> str:
        """Send a form; returns where the site sends the browser."""
        self._make_sure()
        data = {"csrf_token": self._token} | (fields or {})
        answer = self._checked(await self._client.post(path, data=data))
        return str(answer.headers.get("location", path))

    async def press(self, path: str, button: str) -> str:
        """Send the form of a page that goes to the address `button`, with what is hidden in it; as `post`.

        Raises Refused when the page has no such form.
        """
        page = await self.get(path)
        found = re.search(rf'<form action="{re.escape(button)}"[\s\S]*?</form>', page)
        if found is None:
            raise Refused(f"{path}: không có nút gửi tới {button}")
        return await self.post(button, dict(HIDDEN.findall(found.group())))

    async def upload(self, path: str, file: Path) -> str:
        """Send a workbook; returns where the site sends the browser."""
        content = await asyncio.to_thread(file.read_bytes)
        self._make_sure()
        answer = await self._client.post(
            path, data={"csrf_token": self._token}, files={"tep": (file.name, content)}
        )
        return str(self._checked(answer).headers.get("location", path))

    def _make_sure(self) -> None:
        if not self._is_ours():
            raise Refused(
                f"Trang web ở {self._base_url} không phải do lần chạy này mở nên không có gì được gửi tới đó; "
                "hãy tắt chương trình đang giữ cổng này rồi chạy lại."
            )

    def _checked(self, answer: httpx.Response) -> httpx.Response:
        if answer.status_code >= 400:
            found = _ERROR.search(answer.text)
            said = " ".join(" ".join(found.groups()).split()) if found else answer.text[:200]
            raise Refused(f"{answer.request.url.path}: {answer.status_code} {said}")
        return answer
