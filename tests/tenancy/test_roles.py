"""Roles × addresses inside one school: a role is refused just where none of its permissions is asked for."""

import re
import uuid

import pytest
import pytest_asyncio
from litestar import Litestar

from backend.app import ROUTES, create_app
from backend.core import settings
from backend.tenants.permissions import ROLE_PERMISSIONS, Role
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school
from tests.core.site_fixtures import signed_in as browser_of
from tests.tenancy.access import ANYBODY, KEY, SIGNED_IN, agreed, found
from tests.tenancy.addresses import addresses
from tests.tenancy.visitors import Visitor, forget_limits

ADDRESSES = addresses(create_app(ROUTES))
#: What a person is told who lacks the permission, and a browser where a key is asked for; said by the guards alone.
_SAID = re.compile("không có quyền làm việc vừa chọn|cần mã truy cập còn hiệu lực")


def test_who_may_call_what_is_what_was_agreed() -> None:
    """After a change that was meant: `python -m tests.tenancy.access`, and the difference is looked at in the review."""
    assert found() == agreed()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own_school(product: settings.Settings) -> TestSchool:
    """Some addresses change a school for good: one that nobody else's tests need."""
    return await open_test_school("Trường Vai Trò")


@pytest_asyncio.fixture(loop_scope="session")
async def visitor(request: pytest.FixtureRequest, site: Litestar, own_school: TestSchool) -> Visitor:
    """The person of the school in that role."""
    await forget_limits()
    browser = await browser_of(site, own_school, request.param)
    await browser.get("/")
    return Visitor(own_school.login(request.param), PASSWORD, browser)


@pytest.mark.parametrize("visitor", list(Role), indirect=True)
async def test_a_role_does_what_it_may_and_nothing_else(
    request: pytest.FixtureRequest, visitor: Visitor
) -> None:
    role = Role(request.node.callspec.params["visitor"])
    wrong = []
    for address in ADDRESSES:
        who = agreed().get(str(address), "")
        answer = await visitor.ask(address, address.own(uuid.uuid4()))
        refused = answer.status_code == (401 if who.startswith(KEY) else 403) and _SAID.search(answer.text)
        if bool(refused) is _may(role, who):
            wrong.append(f"{address}: {answer.status_code}")
    assert wrong == []


async def test_a_stranger_gets_public_pages_alone(stranger: Browser) -> None:
    await stranger.get("/tra-cuu")
    nobody = Visitor("", "", stranger)
    for address in ADDRESSES:
        answer = await nobody.ask(address, address.own(uuid.uuid4()))
        is_sent_away = answer.status_code == 401 or answer.headers.get("location", "").startswith(
            "/dang-nhap"
        )
        assert is_sent_away is (agreed()[str(address)] != ANYBODY), f"{address}: {answer.status_code}"


def _may(role: Role, who: str) -> bool:
    return who in (ANYBODY, SIGNED_IN) or bool({*who.split(" | ")} & ROLE_PERMISSIONS[role])
