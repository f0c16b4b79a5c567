"""Who is to sign the transcripts of a class that are frozen today, and what is missing for that."""

from collections.abc import Iterator

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassSummary
from backend.records.signing_order import service as signing_order
from backend.records.transcripts.schemas import MissingSigner
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CertificateState, HolderState, path_of
from backend.tenants.delegations import service as delegations
from backend.tenants.people import service as people
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Permission, permissions_of
from backend.tenants.schools.schemas import level_of

_LACKS = {
    CertificateState.MISSING: "chưa có chứng thư số",
    CertificateState.EXPIRED: "chứng thư số đã hết hạn",
    CertificateState.SUSPENDED: "chứng thư số đang tạm dừng",
}


async def missing(session: TenantSession, school_class: ClassSummary) -> list[MissingSigner]:
    """Who could not sign, in the order of signing, each with the page on which that is mended; empty: all can."""
    staff = {one.id: one for one in await people.list_staff(session)}
    held = {one.staff_id: one for one in await credentials.overview(session)}
    found: list[MissingSigner] = []
    for role, staff_id in await _signers(session, school_class):
        found += _lacking(role, staff_id, staff, held, school_class)
    try:
        head = await delegations.head_signer(session)
        found += _lacking("Người ký thay mặt nhà trường", head.staff_id, staff, held, school_class)
    except Conflict as error:
        found.append(MissingSigner(who="Hiệu trưởng", what=error.message, path="/nhan-su"))
    seal = held.get(None)
    if seal is not None and seal.state in _LACKS:
        found.append(MissingSigner(who="Con dấu số", what=f"{_LACKS[seal.state]}.", path=path_of(None)))
    return found


async def _signers(session: TenantSession, school_class: ClassSummary) -> list[tuple[str, StaffId | None]]:
    """Subject teachers where they sign, then the homeroom teacher; None where nobody is assigned."""
    homeroom = school_class.homeroom_teacher_id
    last = ("Giáo viên chủ nhiệm", homeroom)
    level = level_of(school_class.grade_level)
    if not await signing_order.teachers_sign(session, level, clock.today()):
        return [last]
    taught = {
        one.subject_code: one.teacher_id for one in await roster.list_assignments(session, school_class.id)
    }
    plan = await plans.plan_of(session, school_class)
    subjects = [one for one in plan.chosen(set(taught)) if not one.own]
    return [*((f"Giáo viên môn {one.name}", taught.get(one.code) or homeroom) for one in subjects), last]


def _lacking(
    role: str,
    staff_id: StaffId | None,
    staff: dict[StaffId, Staff],
    held: dict[StaffId | None, HolderState],
    school_class: ClassSummary,
) -> Iterator[MissingSigner]:
    if staff_id is None:
        path = f"/phan-cong/lop/{school_class.id}"
        yield MissingSigner(who=role, what="chưa phân công ai.", path=path)
        return
    person = staff.get(staff_id)
    if person is None or Permission.SIGN not in permissions_of(person.roles):
        name = person.full_name if person else "người được phân công"
        what = f"{name} đã thôi làm việc hoặc không có vai trò ký."
        yield MissingSigner(who=role, what=what, path=f"/phan-cong/lop/{school_class.id}")
        return
    state = held[staff_id].state if staff_id in held else CertificateState.MISSING
    if state in _LACKS:
        yield MissingSigner(who=role, what=f"{person.full_name} {_LACKS[state]}.", path=path_of(staff_id))
