"""How a school reads what the circulars of assessment leave open, year by year."""

import uuid
from collections.abc import Mapping

import msgspec

from backend.core import audit, clock, outbox
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.records.regulations import queries, rules
from backend.records.regulations.events import RegulationsChanged
from backend.records.regulations.schemas import SAFE, Policy, Regulation, RegulationVersion
from backend.records.roster import service as roster
from backend.records.roster.schemas import YearSummary


async def current(session: TenantSession, year_id: uuid.UUID) -> Regulation:
    """What holds in a school year."""
    newest = await queries.versions(session, year_id, limit=1)
    if not newest:
        return Regulation(policy=SAFE, revision=0)
    return Regulation(policy=msgspec.convert(newest[0].policy, Policy), revision=newest[0].revision)


async def history(session: TenantSession, year_id: uuid.UUID) -> list[RegulationVersion]:
    """All decisions about a school year, the newest first."""
    found = await queries.versions(session, year_id)
    held = [*(msgspec.convert(one.policy, Policy) for one in found), SAFE]
    return [
        RegulationVersion(
            set_at=row.set_at,
            set_by=StaffId(row.set_by),
            ground=row.ground,
            changes=rules.changes(old, new),
        )
        for row, new, old in zip(found, held, held[1:], strict=False)
    ]


def readings(policy: Policy) -> tuple[str, ...]:
    """What a policy reads otherwise than the safe one, in sentences."""
    return rules.changes(SAFE, policy)


async def year_of(session: TenantSession, year_id: uuid.UUID) -> YearSummary:
    """A school year of this school. Raises NotFound."""
    found = [year for year in await roster.list_years(session) if year.id == year_id]
    if not found:
        raise NotFound("Không tìm thấy năm học này.")
    return found[0]


async def change(
    session: TenantSession,
    actor: Actor,
    year_id: uuid.UUID,
    typed: Mapping[str, str],
    ground: str,
    *,
    seen: int,
) -> int:
    """Decide for a school year; counts the classes whose results are computed again. `seen`: the revision on the page.

    Results that a homeroom teacher has confirmed, and those in a frozen transcript, stay as they are. Raises NotFound,
    Invalid, and Conflict where nothing would change or somebody else was faster.
    """
    year = await year_of(session, year_id)
    if actor.staff_id is None:
        raise Forbidden("Chỉ người của trường đặt được quy định đánh giá.")
    held = await current(session, year_id)
    overtaken = Conflict("Người khác vừa đổi quy định của năm học này; hãy tải lại trang rồi xem lại.")
    if held.revision != seen:
        raise overtaken
    new = rules.checked(held.policy, typed)
    told = rules.changes(held.policy, new)
    if not told:
        raise Conflict("Bạn chưa đổi mục nào nên không có gì để lưu.")
    row = {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "academic_year_id": year_id,
        "revision": seen + 1,
        "policy": msgspec.to_builtins(new),
        "ground": rules.checked_ground(ground),
        "set_by": actor.staff_id,
        "set_at": clock.now(),
    }
    if not await queries.insert_version(session, row):
        raise overtaken
    await audit.record(
        session, actor, Action.REGULATIONS_CHANGED, year.id, f"Năm học {year.name}: {' '.join(told)}"
    )
    classes = [one.id for one in await roster.list_classes(session) if one.academic_year_id == year_id]
    await outbox.emit_all(session, [RegulationsChanged(class_id) for class_id in classes])
    return len(classes)
