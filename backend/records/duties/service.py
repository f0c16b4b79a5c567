"""Teaching duties: who leads which class, who teaches what there, and giving that to somebody else.

Rights follow at once: whose sheet it is, is asked of the duty at every request (`gradebook`).
"""

import uuid
from collections.abc import Collection, Mapping, Sequence

from backend.core import audit
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action, Deed
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid
from backend.records.duties import queries, rules
from backend.records.duties.schemas import Duty, Holder, Move
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.tenants.people import service as people
from backend.tenants.people.schemas import Staff


async def list_duties(session: TenantSession) -> list[Duty]:
    """Every duty of the newest year, class by class."""
    classes = await roster.list_classes_of_newest_year(session)
    working = {one.id for one in await people.list_staff(session)}
    known = await plans.all_plans(session)
    return rules.duties(classes, await roster.list_assignments(session), working, known)


async def duties_of_class(session: TenantSession, class_id: uuid.UUID) -> list[Duty]:
    """Duties of one class of any year. Raises NotFound."""
    found = await roster.get_class(session, class_id)
    working = {one.id for one in await people.list_staff(session)}
    known = await plans.all_plans(session)
    return rules.duties([found], await roster.list_assignments(session, class_id), working, known)


async def duties_of(session: TenantSession, staff_id: StaffId) -> list[Duty]:
    """What a person leads and teaches in the newest year."""
    return [duty for duty in await list_duties(session) if duty.teacher_id == staff_id]


async def list_holders(session: TenantSession) -> list[Holder]:
    """Everybody who could hold a duty, with what they lead and teach."""
    return rules.holders(await list_duties(session), await people.list_staff(session))


async def takers(session: TenantSession) -> list[Staff]:
    """Who could be given a subject or a class."""
    return [one for one in await people.list_staff(session) if rules.could_teach(one)]


async def change_class(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, typed: Mapping[str, str]
) -> int:
    """Give duties of a class to whom a form says (`rules.moves`); returns how many went to another.

    Raises NotFound, Invalid, Conflict for somebody who may not hold a duty and where somebody else was faster.
    """
    return await _move(session, actor, rules.moves(await duties_of_class(session, class_id), typed))


async def hand_over(
    session: TenantSession, actor: Actor, staff_id: StaffId, keys: Collection[str], to: str
) -> int:
    """Give these duties of a person to another; returns how many.

    Raises Invalid where nothing or nobody is chosen, NotFound, Conflict like `change_class`.
    """
    taker = rules.chosen(to)
    chosen = [duty for duty in await duties_of(session, staff_id) if duty.key in keys]
    if taker is None or not chosen:
        raise Invalid("Chưa chọn việc cần bàn giao hoặc người nhận; xin chọn cả hai.")
    return await _move(session, actor, [Move(duty=duty, old=staff_id, new=taker) for duty in chosen])


async def _move(session: TenantSession, actor: Actor, moves: Sequence[Move]) -> int:
    names = await people.names(session)
    deeds = []
    for one in moves:
        if one.new is not None:
            rules.require_able(await people.get_staff(session, one.new), one.duty)
        if not await queries.move(session, one):
            raise Conflict(
                f"“{one.duty.label}” vừa được người khác phân công lại; xin xem phân công mới rồi làm lại."
            )
        told: dict[str, str | int | None] = {
            "old_teacher": names[one.old] if one.old else None,
            "new_teacher": names[one.new] if one.new else None,
        }
        about = tuple(person for person in (one.old, one.new) if person)
        deeds.append(Deed(one.duty.class_id, one.duty.label, told, about))
    await audit.record_many(session, actor, Action.DUTY_CHANGED, deeds)
    return len(deeds)
