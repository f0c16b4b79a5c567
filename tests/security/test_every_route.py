"""Every address, asked by a stranger and by somebody who may do everything: the same protections on each answer."""

import re
import uuid

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.routes import HTTPRoute
from sqlalchemy import text

from backend.core.database import tenant_session
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in
from tests.core.test_headers import ALWAYS

#: Headers that an answer may have besides; each is here by name.
ALSO = {
    *("content-type", "content-length", "x-request-id", "set-cookie", "location", "allow", "retry-after"),
    *(
        "hx-redirect",
        "hx-retarget",
        "hx-reswap",
        "clear-site-data",
        "www-authenticate",
        "content-disposition",
    ),
    *("repr-digest", "etag", "last-modified"),
}
#: Signing out would end the session of the one who asks.
_LAST = "/dang-xuat"


def requests_of(site: Litestar) -> list[tuple[str, str]]:
    """(method, path) of every handler, ids made up."""
    found = []
    for route in site.routes:
        if isinstance(route, HTTPRoute):
            path = re.sub(r"\{\w+:uuid\}", str(uuid.UUID(int=7)), route.path)
            path = re.sub(r"\{[^}]*\}", "khong-co", path)
            methods = {one for handler in route.route_handlers for one in handler.http_methods}
            found += [(method, path) for method in sorted(methods | {"HEAD"})]
    return sorted(found, key=lambda one: (one[1] == _LAST, one))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_school(product: object) -> TestSchool:
    """A school whose principal has every role."""
    school = await open_test_school("Trường Mọi Lối")
    async with tenant_session(school.tenant_id) as session:
        for role in Role:
            statement = "insert into staff_role values (:tenant, :staff, :role) on conflict do nothing"
            values = {"tenant": school.tenant_id, "staff": school.staff[Role.PRINCIPAL], "role": role.value}
            await session.execute(text(statement), values)
    return school


#: What is nobody's: files of the site, and the public log, which other tests of the run have written into.
KEPT_BY_BROWSERS = ("/static/", "/minh-bach/")


def what_is_wrong(answer: httpx.Response) -> list[str]:
    """Protections that an answer lacks, and headers that nobody decided on."""
    expected = dict(ALWAYS)
    if answer.request.url.path.startswith(KEPT_BY_BROWSERS) and answer.status_code == 200:
        del expected["cache-control"]
    wrong = [name for name, value in expected.items() if answer.headers.get(name) != value]
    wrong += sorted(set(answer.headers) - set(ALWAYS) - ALSO)
    for cookie in answer.headers.get_list("set-cookie"):
        flags = {part.strip().lower() for part in cookie.split(";")[1:]}
        wrong += [f"cookie without {flag}" for flag in {"httponly", "samesite=lax", "path=/"} - flags]
    if answer.status_code >= 500:
        wrong.append(f"status {answer.status_code}")
    return wrong


@pytest.mark.parametrize("known", [False, True], ids=["a stranger", "everybody in one"])
async def test_every_answer_is_protected(site: Litestar, own_school: TestSchool, known: bool) -> None:
    browser = await signed_in(site, own_school, Role.PRINCIPAL) if known else Browser(site)
    await browser.get("/tra-cuu")
    token = {"X-CSRF-Token": browser.csrf_token}
    asked = requests_of(site)
    assert len(asked) > 80
    wrong: dict[str, list[str]] = {}
    for method, path in asked:
        if found := what_is_wrong(await browser.http.request(method, path, headers=token)):
            wrong[f"{method} {path}"] = found
    assert wrong == {}


def test_a_lost_header_is_noticed() -> None:
    request = httpx.Request("GET", "http://127.0.0.1/lop")
    kept = {name: value for name, value in ALWAYS.items() if name != "x-frame-options"}
    answer = httpx.Response(200, headers=kept | {"x-powered-by": "x", "set-cookie": "a=b"}, request=request)
    assert what_is_wrong(answer)[:2] == ["x-frame-options", "x-powered-by"]
    assert {one for one in what_is_wrong(answer) if "cookie" in one} == {
        "cookie without httponly",
        "cookie without samesite=lax",
        "cookie without path=/",
    }
