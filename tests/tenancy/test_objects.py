"""Roles × addresses × objects: who reaches the class, the sheet, the pupil … that an address names (`objects.py`)."""

from collections.abc import Iterator

import pytest
import pytest_asyncio
from litestar import Litestar

from backend.core import settings
from backend.core.database import TenantSession
from tests.tenancy import objects
from tests.tenancy.objects import ADDRESSES
from tests.tenancy.places import Place, asking_place
from tests.tenancy.visitors import Visitor

Cast = dict[str, Visitor]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(product: settings.Settings) -> Place:
    """A school with rows of everything that an address may name, and with people in every relation to them."""
    place = await asking_place()
    await objects.people_it(place)
    return place


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cast(site: Litestar, place: Place) -> Cast:
    return await objects.visitors(site, place)


@pytest.fixture
def nothing_stays(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Every deed is undone when it is done: the next person finds the school as the one before did."""
    with monkeypatch.context() as patch:
        patch.setattr(TenantSession, "commit", TenantSession.rollback)
        yield


@pytest.mark.usefixtures("nothing_stays")
async def test_who_reaches_what_is_what_was_agreed(
    request: pytest.FixtureRequest, place: Place, cast: Cast
) -> None:
    """After a change that was meant: `--agree`, and the difference is looked at in the review."""
    found = {str(address): await objects.who_gets_in(address, place, cast) for address in ADDRESSES}
    if request.config.getoption("--agree"):
        objects.agree(found)
    assert found == objects.agreed()
    assert {address for address, who in found.items() if who == objects.NOBODY} == objects.UNREACHED.keys()


@pytest.mark.usefixtures("nothing_stays")
async def test_nobody_reaches_what_another_school_has(places: tuple[Place, Place], cast: Cast) -> None:
    """Whatever their roles: not only, as in `test_routes.py`, who has all of them."""
    found = {str(one): await objects.who_reaches(one, places[1], cast) for one in ADDRESSES}
    assert {address: who for address, who in found.items() if who} == {}
