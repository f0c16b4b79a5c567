"""Somebody who asks the site many things, and answers that can be compared."""

import io
import re
import zipfile
from dataclasses import dataclass

import asyncpg
import httpx
from litestar import Litestar

from backend.core import cookies, rate_limit, settings
from backend.core.database import account_session
from backend.tenants.access import service as access
from backend.tenants.factors.schemas import Factor
from tests.core.browser import Browser
from tests.factories.small_school import PASSWORD, SmallSchool
from tests.tenancy.addresses import Address, Ask

#: What is new in each answer: tokens of forms, questions to a passkey, codes, ids made for it, hours and minutes.
_NEW = re.compile(
    r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?\+\d\d:\d\d|"  # the instant of what is shown
    r'(?<=name="csrf-token" content=")[^"]*|(?<=name="csrf_token" value=")[^"]*|\b\d\d:\d\d(?::\d\d)?\b'
    r"|\b\d{4}-\d\d-\d\dT[\d:.]+|\bTAM-[0-9A-F]{6}\b"
    r'|(?<="challenge": ")[^"]*|(?<=<li><code>)[^<]*'
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b[0-9a-f]{32}\b"
    r"|\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){2}[0-9a-f]\b"  # what was typed, quoted with its first 20 characters
)
#: Headers that are new in each answer, or follow from its length.
_NEW_HEADERS = {"x-request-id", "set-cookie", "content-length", "date", "ratelimit"}


@dataclass
class Visitor:
    """A browser that signs in again when an attack has signed it out, and proves who it is where that is asked.

    Without a login it stays outside. `key` is what it shows as another system. Who never proves anything has no `proves`.
    """

    login: str
    password: str
    browser: Browser
    key: str = ""
    proves: bool = True

    @classmethod
    async def of(cls, site: Litestar, school: SmallSchool, who: str, key: str = "") -> "Visitor":
        """Somebody of the school, signed in; may be asked for once per person."""
        browser = await school.browser(site, who)
        await browser.get("/")
        return cls(f"{who}@{school.tenant_id.hex}.example", PASSWORD, browser, key)

    async def ask(self, address: Address, ask: Ask) -> httpx.Response:
        """The answer to one request."""
        answer = await self._send(address, ask)
        if answer.status_code == 429:
            await forget_limits()
            answer = await self._send(address, ask)
        if self.login and address.path != "/dang-xuat" and _is_outside(answer):
            await self._sign_in()
            answer = await self._send(address, ask)
        if self.proves and is_asked_for_a_proof(answer):
            await self._prove()
            answer = await self._send(address, ask)
        return answer

    async def _send(self, address: Address, ask: Ask) -> httpx.Response:
        headers = dict(ask.headers)
        if address.is_for_systems and self.key:
            headers["Authorization"] = f"Bearer {self.key}"
        options: dict[str, object] = {"params": ask.query, "headers": headers}
        if address.method != "GET":
            headers["X-CSRF-Token"] = self.browser.csrf_token
            if address.encoding == "application/json" and ask.body:
                options["json"] = ask.body
            else:
                options |= {"data": ask.body, "files": ask.files or None}
        return await self.browser.http.request(address.method, ask.path, **options)  # type: ignore[arg-type]

    async def _sign_in(self) -> None:
        await forget_limits()
        answer = await self.browser.sign_in(self.login, self.password)
        assert answer.status_code == 303, answer.text
        await self.browser.get("/")

    async def _prove(self) -> None:
        """The session says that a passkey has just been shown: what is behind the step is to be attacked as well."""
        [cookie] = [one for one in self.browser.http.cookies.jar if one.name == cookies.name_of("session")]
        found = await access.find_session(cookie.value or "", self.browser.http.base_url.netloc.decode())
        assert found is not None
        async with account_session(found.sign_in.account_id) as directory:
            cookie.value = await access.note_proof(directory, found.sign_in, Factor.PASSKEY)
        await self.browser.get("/")


def is_sent_away(answer: httpx.Response) -> bool:
    """Whether nobody signed in, or no system with a key, is told to come as somebody."""
    return (answer.status_code == 401 and "www-authenticate" in answer.headers) or _leads_to(
        answer, "/dang-nhap?tiep="
    )


def is_asked_for_a_proof(answer: httpx.Response) -> bool:
    """Whether somebody is to prove once more who they are."""
    return _leads_to(answer, "/xac-minh?")


def _is_outside(answer: httpx.Response) -> bool:
    """Whether the session has ended: sent to the form, or with a token that belongs to no session."""
    is_old = answer.status_code == 400 and "Biểu mẫu này đã cũ" in answer.text
    return _leads_to(answer, "/dang-nhap?tiep=") or is_old


def _leads_to(answer: httpx.Response, place: str) -> bool:
    """Whether the browser, or htmx, is sent there."""
    where = answer.headers.get("location") or answer.headers.get("hx-redirect") or ""
    return where.startswith(place)


async def forget_limits() -> None:
    """Nobody has tried anything yet, and no login is locked: attacks come faster than people."""
    owner = await asyncpg.connect(settings.get().database_migrator_url)
    await owner.execute("delete from directory.sign_in_tries")
    await owner.close()
    client = rate_limit._client()
    keys = [key async for key in client.scan_iter("limit:*")]
    if keys:
        await client.delete(*keys)
    rate_limit._ahead.clear()


_DIGEST_OF_AUDIT = re.compile(r'(?<="nhat-ky\.json": ")[0-9a-f]{64}')


def is_alike(one: httpx.Response, other: httpx.Response) -> bool:
    """Whether two answers have one essence: of their lines only those are looked into that are not the same."""
    lines, others = _text(one).split("\n"), _text(other).split("\n")
    if len(lines) == len(others) and _frame(one) == _frame(other):
        pairs = zip(lines, others, strict=True)
        if all(a == b or _NEW.sub("*", a) == _NEW.sub("*", b) for a, b in pairs):
            return True
    return essence(one) == essence(other)


def essence(answer: httpx.Response) -> tuple[int, str, tuple[tuple[str, str], ...]]:
    """Status, body and headers without what is new in each answer."""
    status, headers = _frame(answer)
    return status, _NEW.sub("*", _text(answer)), headers


def _frame(answer: httpx.Response) -> tuple[int, tuple[tuple[str, str], ...]]:
    kept = {name: _NEW.sub("*", value) for name, value in answer.headers.items() if name not in _NEW_HEADERS}
    names = dict.fromkeys(answer.headers, "") | kept
    return answer.status_code, tuple(names.items())


def _text(answer: httpx.Response) -> str:
    """What an answer says; of a workbook or a pack its parts, but for the one that says when it was made, and the digest
    of the rows of the audit, which have ids and times of their own."""
    if not answer.content.startswith(b"PK"):
        return answer.text
    with zipfile.ZipFile(io.BytesIO(answer.content)) as parts:
        said = "\n".join(
            parts.read(name).decode("utf-8", "replace")
            for name in parts.namelist()
            if name != "docProps/core.xml"
        )
    return _DIGEST_OF_AUDIT.sub("*", said)


def everything(answer: httpx.Response) -> str:
    """Body and headers, to be searched."""
    return "\n".join([answer.text, *(f"{name}: {value}" for name, value in answer.headers.items())])
