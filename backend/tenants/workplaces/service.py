"""One account, several schools, one at a time: the owner of a chain, a teacher of two schools."""

import uuid

from backend.core import audit
from backend.core.actor import Actor, SignIn
from backend.core.audit import Action
from backend.core.database import tenant_session
from backend.core.errors import Conflict, NotFound
from backend.tenants.access import service as access
from backend.tenants.access.schemas import Place
from backend.tenants.people import service as people
from backend.tenants.people.schemas import Workplace


async def workplaces(sign_in: SignIn) -> list[Workplace]:
    """The schools of the account that is signed in, by name."""
    found = [await _at(place) for place in await access.places_of(sign_in.account_id)]
    return sorted(found, key=lambda one: one.school_name)


async def change(actor: Actor, sign_in: SignIn, tenant_id: uuid.UUID) -> str:
    """Go on in another school of the account; returns the session's new token.

    Raises NotFound for any other school, Conflict for the school where the person is already and where only the
    session's school believes how its holder signed in, or where the session has another token by now.
    """
    if tenant_id == actor.tenant_id:
        raise Conflict("Bạn đang làm việc ở trường này rồi; xin bấm “Làm việc tiếp”.")
    places = {place.tenant_id: place for place in await access.places_of(sign_in.account_id)}
    if tenant_id not in places:
        raise NotFound("Tài khoản này không làm việc ở trường vừa chọn.")
    moved = await access.move(sign_in, tenant_id)
    async with tenant_session(tenant_id) as session:
        there = await people.actor_of(session, places[tenant_id].staff_id)
        await audit.record(session, there, Action.PLACE_CHANGED, there.staff_id, there.name)
    return moved


async def _at(place: Place) -> Workplace:
    async with tenant_session(place.tenant_id, read_only=True) as session:
        return await people.workplace_of(session, place.staff_id)
