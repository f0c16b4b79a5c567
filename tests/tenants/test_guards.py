"""Every handler says who may call it, and that is who may."""

import re
from typing import Any

import pytest
from litestar import Litestar, get
from litestar.routes import HTTPRoute
from sqlalchemy import text

from backend.app import ROUTES, create_app
from backend.core import settings
from backend.core.database import tenant_session
from backend.tenants.guards import OPTION, Access, public, requires
from backend.tenants.permissions import ROLE_PERMISSIONS, Permission, Role
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in


def handlers(app: Litestar) -> list[tuple[str, str, Any]]:
    """Every (path, method, handler) of the site, without the answers to OPTIONS that Litestar adds."""
    return [
        (route.path, method, handler)
        for route in app.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        for method in sorted(handler.http_methods)
        if method != "OPTIONS"
    ]


def test_every_handler_carries_its_mark(site: Litestar) -> None:
    found = handlers(site)
    assert len(found) > 5
    assert [path for path, _, handler in found if not isinstance(handler.opt.get(OPTION), Access)] == []


@get("/khong-dau")
async def unmarked() -> str:
    """Nobody said who may call this."""
    return ""


@get("/hai-dau", guards=[public(), requires()])
async def marked_twice() -> str:
    """Two answers to one question."""
    return ""


@pytest.mark.parametrize("handler", [unmarked, marked_twice])
def test_the_site_does_not_start_otherwise(product: settings.Settings, handler: Any) -> None:
    with pytest.raises(ValueError, match=re.compile("-dau.* carries [02] of requires")):
        create_app([*ROUTES, handler])


async def test_what_is_not_public_asks_for_sign_in(site: Litestar) -> None:
    """Each closed address, with each of its methods, from a browser in which nobody is signed in."""
    closed = [
        (path, method) for path, method, handler in handlers(site) if handler.opt[OPTION].any_of is not None
    ]
    assert closed
    for path, method in closed:
        real = re.sub(r"\{[^}]*uuid\}", "01977a3c-90aa-7e51-8000-000000000000", path)
        real = re.sub(r"\{[^}]*\}", "1", real)
        browser = Browser(site)
        await browser.get("/dang-nhap")
        token = {"X-CSRF-Token": browser.csrf_token}
        program = await browser.http.request(method, real, headers=token | {"Accept": "application/json"})
        assert program.status_code == 401, (method, path)
        answer = await browser.http.request(method, real, headers=token)
        if path.startswith("/api/"):
            assert answer.headers["www-authenticate"] == "Bearer"
            continue
        assert (answer.status_code, answer.headers["location"][:10]) == (303, "/dang-nhap"), (method, path)


@pytest.mark.parametrize("role", Role)
async def test_a_permission_opens_to_its_roles_alone(
    probe_site: Litestar, school: TestSchool, role: Role
) -> None:
    browser = await signed_in(probe_site, school, role)
    allowed = Permission.TRANSCRIPT_FREEZE in ROLE_PERMISSIONS[role]
    assert (await browser.get("/thu/chot")).status_code == (200 if allowed else 403)


async def test_a_role_taken_away_counts_at_once(probe_site: Litestar) -> None:
    school = await open_test_school("Trường Đổi Vai")
    browser = await signed_in(probe_site, school, Role.PRINCIPAL)
    assert (await browser.get("/thu/chot")).status_code == 200
    async with tenant_session(school.tenant_id) as session:
        await session.execute(text("delete from staff_role where role = 'principal'"))
    assert (await browser.get("/thu/chot")).status_code == 403
