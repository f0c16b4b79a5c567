"""Roles × addresses inside one school: a role is refused just where none of its permissions is asked for."""

import uuid
from datetime import timedelta

import pytest
import pytest_asyncio
from litestar import Litestar

from backend.core import settings
from backend.tenants.access import rules
from backend.tenants.api_clients.schemas import Scope
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school
from tests.core.site_fixtures import signed_in as browser_of
from tests.factories.small_school import open_small_school
from tests.tenancy.access import (
    ANYBODY,
    SIGNED_IN,
    agreed,
    found,
    permissions_agreed,
    proof_is_agreed,
    who_is_agreed,
)
from tests.tenancy.addresses import addresses
from tests.tenancy.places import Place, grant_all
from tests.tenancy.visitors import Visitor, forget_limits, is_asked_for_a_proof, is_sent_away

Pair = tuple[Place, Place]
ADDRESSES = addresses()
#: What a person is told who lacks the permission; said by the guard alone.
_REFUSED = "không có quyền làm việc vừa chọn"


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
        who = who_is_agreed(address)
        answer = await visitor.ask(address, address.own(uuid.uuid4()))
        refused = answer.status_code == 403 and _REFUSED in answer.text
        if address.is_for_systems:  # a person's session is no key
            refused = is_sent_away(answer)
        if refused is _may(role, who):
            wrong.append(f"{address}: {answer.status_code}")
    assert wrong == []


@pytest.mark.parametrize("scope", list(Scope))
async def test_a_key_opens_what_its_scope_names_and_nothing_else(
    places: Pair, stranger: Browser, scope: Scope
) -> None:
    system = Visitor("", "", stranger, await places[0].new_key(scope))
    for address in (one for one in ADDRESSES if one.is_for_systems):
        answer = await system.ask(address, address.own(uuid.uuid4()))
        assert (answer.status_code == 403) is (who_is_agreed(address) != scope), f"{address}: {answer.text}"


async def test_a_key_opens_its_own_school_alone(places: Pair, stranger: Browser) -> None:
    """Whichever was asked for first."""
    [classes] = [one for one in ADDRESSES if str(one) == "GET /api/v1/classes"]
    keys = [await place.new_key(Scope.CLASSES_READ) for place in places]
    for which in (0, 1, 0):
        own, other = places[which], places[1 - which]
        answer = await Visitor("", "", stranger, keys[which]).ask(classes, classes.own(uuid.uuid4()))
        assert answer.status_code == 200
        shown = [str(place.ids["school_class"]) in answer.text for place in (own, other)]
        assert shown == [True, False]


async def test_a_proof_of_long_ago_opens_nothing_that_asks_for_one(
    site: Litestar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody gets behind it, whatever else they may; and where none is asked for, none is."""
    monkeypatch.setattr(rules, "PROOF_LASTS", timedelta(0))
    place = await open_small_school("Trường không ai chứng minh")
    async with place.session() as session:
        await grant_all(session, place.staff["it"])
    visitor = await Visitor.of(site, place, "it")
    visitor.proves = False
    asked = [one for one in ADDRESSES if is_asked_for_a_proof(await visitor.ask(one, one.own(uuid.uuid4())))]
    assert [str(one) for one in asked] == [str(one) for one in ADDRESSES if proof_is_agreed(one)]
    assert len(asked) >= 15


async def test_a_stranger_gets_public_pages_alone(stranger: Browser) -> None:
    await stranger.get("/tra-cuu")
    nobody = Visitor("", "", stranger)
    for address in ADDRESSES:
        answer = await nobody.ask(address, address.own(uuid.uuid4()))
        assert is_sent_away(answer) is (who_is_agreed(address) != ANYBODY), f"{address}: {answer.status_code}"


def _may(role: Role, who: str) -> bool:
    return who in (ANYBODY, SIGNED_IN) or bool({*who.split(" | ")} & permissions_agreed(role))
