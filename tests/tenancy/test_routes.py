"""Every address of the site, asked by somebody of school A who may do everything there, with ids of school B in every
place where an id may stand. The answer is that to an id which nobody has, nothing is written, nothing is queued, and no
line of the log names B.
"""

import logging
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio
from litestar import Litestar

from backend.app import ROUTES, create_app
from backend.core import logs
from tests.tenancy.addresses import Address, addresses
from tests.tenancy.places import Place, belongings
from tests.tenancy.visitors import Visitor, essence, everything

Places = tuple[Place, Place]

ADDRESSES = addresses(create_app(ROUTES))
every_address = pytest.mark.parametrize("address", ADDRESSES, ids=str)
every_path_with_an_id = pytest.mark.parametrize("address", [one for one in ADDRESSES if one.slots], ids=str)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visitor(site: Litestar, places: Places) -> Visitor:
    """The principal of school A, to whom every other role was given as well."""
    return await Visitor.of(site, places[0].school, "principal", places[0].key)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own(places: Places, visitor: Visitor) -> Place:
    """School A with what the visitor has for their own account."""
    return replace(places[0], ids=places[0].ids | await belongings(places[0]))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def b_before(places: Places, visitor: Visitor) -> dict[str, str]:
    return await places[1].fingerprint()


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def nothing_of_b_moves(places: Places, b_before: dict[str, str]) -> AsyncIterator[None]:
    yield
    a, b = places
    assert await b.fingerprint() == b_before
    assert await a.refers_to(b.all_ids) == []


@pytest.fixture(autouse=True)
def no_log_line_of_b(places: Places, caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG, "backend")
    yield
    lines = [logs.JsonFormatter().format(record) for record in caplog.get_records("call")]
    assert [line for line in lines if any(sign in line for sign in places[1].signs)] == []


def test_the_site_has_such_addresses() -> None:
    assert len([one for one in ADDRESSES if one.slots]) >= 15
    places = {place for one in ADDRESSES for place, _ in one.asks(uuid.uuid4())}
    assert {"path", "text in the path", "body", "headers of htmx", "query vai", "query nhom"} <= places


@every_address
async def test_ids_of_another_school_are_ids_that_nobody_has(
    places: Places, visitor: Visitor, address: Address
) -> None:
    b = places[1]
    ids = b.ids_for(address.slots)
    nobody = uuid.UUID(int=ids[0].int ^ 1)  # next to B's: lists that go on after an id go on alike
    for _, ask in address.asks(nobody):
        await visitor.ask(address, ask)  # a first look is recorded, and may be seen in the second
    expected = {place: essence(await visitor.ask(address, ask)) for place, ask in address.asks(nobody)}
    if address.slots:
        assert expected["path"][0] == 404, "an id that nobody has: say in addresses.py what is sent along"
    for one in ids:
        for place, ask in address.asks(one):
            if place != "path" and one is not ids[0]:
                continue  # one is as good as another where any text may stand
            answer = await visitor.ask(address, ask)
            assert essence(answer) == expected[place], f"{place}: {one}"
            told = [sign for sign in b.signs if sign != str(one) and sign in everything(answer)]
            assert told == [], f"{place}: {one}"


@every_path_with_an_id
async def test_ones_own_ids_are_answered(
    places: Places, visitor: Visitor, own: Place, address: Address
) -> None:
    """The control: without it, a site that answers 404 to everything would pass."""
    nobody = essence(await visitor.ask(address, address.own(uuid.uuid4())))
    for one in own.ids_for(address.slots):
        answer = await visitor.ask(address, address.own(one))
        assert answer.status_code < 500, one
        assert [sign for sign in places[1].signs if sign in everything(answer)] == []
        if essence(answer) != nobody and (address.method != "GET" or answer.status_code == 200):
            return
    raise AssertionError("no id of school A: add one in places.py")
