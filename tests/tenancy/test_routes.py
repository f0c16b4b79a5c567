"""Every address of the site that names something, asked by somebody of school A who may do everything there, with ids
of school B. The answer is that to an id which nobody has, nothing is written, nothing is queued, and no line of the log
names B. Ids in other places of a request: test_fields.py.
"""

import uuid
from dataclasses import replace

import pytest
import pytest_asyncio
from sqlalchemy import text

from tests.factories.pki import Pki
from tests.tenancy.addresses import Address, addresses
from tests.tenancy.objects import LEADING_AWAY, UNREACHED
from tests.tenancy.places import Place, belongings
from tests.tenancy.visitors import Visitor, essence, everything, is_alike

pytestmark = pytest.mark.usefixtures("nothing_of_b_moves", "no_log_line_of_b")

Places = tuple[Place, Place]

_TURN = text("update signing_step set signer_id = :who, state = 'ready' returning id")
_SHOWN = text("update token_helper set state = 'pending', certificate = :certificate, chain = '{}'")
ADDRESSES = [one for one in addresses() if one.slots]
every_address = pytest.mark.parametrize("address", ADDRESSES, ids=str)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def own(places: Places, visitor: Visitor) -> Place:
    """School A with what the visitor has for their own account, a turn of theirs, a computer that has shown its code, and
    a colleague who may be sent away."""
    place = places[0]
    others = await belongings(place) | {"staff_member": place.school.staff["music"]}
    async with place.school.session() as session:
        turn = await session.scalar(_TURN, {"who": place.school.staff["principal"]})
        await session.execute(_SHOWN, {"certificate": Pki().person("Dấu thử").der})
    return replace(place, ids=place.ids | others | {"signing_step": turn})


@every_address
async def test_ids_of_another_school_are_ids_that_nobody_has(
    places: Places, visitor: Visitor, address: Address
) -> None:
    b = places[1]
    ids = b.ids_for(address.slots)
    nobody = await visitor.ask(address, address.own(uuid.UUID(int=ids[0].int ^ 1)))
    assert nobody.status_code == 404, "an id that nobody has: say in addresses.py what is sent along"
    for one in ids:
        answer = await visitor.ask(address, address.own(one))
        assert is_alike(answer, nobody), (one, essence(answer), essence(nobody))
        said = everything(answer)
        assert [sign for sign in b.signs if sign != str(one) and sign in said] == [], one


@every_address
async def test_ones_own_ids_are_answered(
    places: Places, visitor: Visitor, own: Place, address: Address
) -> None:
    """The control: without it, a site that answers 404 to everything would pass."""
    nobody = essence(await visitor.ask(address, address.own(uuid.uuid4())))
    is_empty_handed = address.method != "GET" or str(address) in UNREACHED | LEADING_AWAY
    first, *others = address.slots
    typed = {slot: own.ids_for([slot])[0] for slot in others}
    for one in own.ids_for([first]):
        answer = await visitor.ask(address, address.own(one, typed))
        assert answer.status_code < 500, one
        said = everything(answer)
        assert [sign for sign in places[1].signs if sign in said] == []
        if essence(answer) != nobody and (is_empty_handed or answer.status_code == 200):
            return
    raise AssertionError("no id of school A: add one in places.py")
