"""Who is to sign the transcripts of classes that are frozen today, and what is missing for that."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassId, ClassSummary
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


async def missing_signers(
    session: TenantSession, classes: Sequence[ClassSummary]
) -> dict[ClassId | None, list[MissingSigner]]:
    """Who could not sign, in the order of signing, each with the page on which that is mended; empty: all can.

    By class its teachers; under None the head and the seal, who sign for all of them.
    """
    staff = {one.id: one for one in await people.list_staff(session)}
    held = {one.staff_id: one for one in await credentials.overview(session)}
    found: dict[ClassId | None, list[MissingSigner]] = {None: []}
    for school_class, signers in await _signers(session, classes):
        path = f"/phan-cong/lop/{school_class.id}"
        found[school_class.id] = [
            one for role, staff_id in signers for one in _lacking(role, staff_id, staff, held, path)
        ]
    try:
        head = await delegations.head_signer(session)
        found[None] += _lacking("Người ký thay mặt nhà trường", head.staff_id, staff, held, "/nhan-su")
    except Conflict as error:
        found[None].append(MissingSigner(who="Hiệu trưởng", what=error.message, path="/nhan-su"))
    seal = held[None]
    if seal.state in _LACKS:
        what = f"{_LACKS[seal.state]}."
        found[None].append(MissingSigner(who="Con dấu số", what=what, path=seal.path))
    return found


async def _signers(
    session: TenantSession, classes: Sequence[ClassSummary]
) -> list[tuple[ClassSummary, list[tuple[str, StaffId | None]]]]:
    """Per class: subject teachers where they sign, then the homeroom teacher; None where nobody is assigned."""
    signed_levels = await signing_order.levels_signed(session, clock.today())
    taught: Mapping[ClassId, dict[str, StaffId | None]] = defaultdict(dict)
    for one in await roster.list_assignments(session, classes[0].id if len(classes) == 1 else None):
        taught[one.class_id][one.subject_code] = one.teacher_id
    known = await plans.all_plans(session)
    found = []
    for school_class in classes:
        homeroom, own = school_class.homeroom_teacher_id, taught[school_class.id]
        signers = [("Giáo viên chủ nhiệm", homeroom)]
        if level_of(school_class.grade_level) in signed_levels:
            plan = known.of(school_class.academic_year_id, school_class.grade_level)
            subjects = [one for one in plan.chosen(own) if not one.own]
            signers = [
                *((f"Giáo viên môn {one.name}", own[one.code] or homeroom) for one in subjects),
                *signers,
            ]
        found.append((school_class, signers))
    return found


def _lacking(
    role: str,
    staff_id: StaffId | None,
    staff: dict[StaffId, Staff],
    held: dict[StaffId | None, HolderState],
    assigned_at: str,
) -> Iterator[MissingSigner]:
    if staff_id is None:
        yield MissingSigner(who=role, what="chưa phân công ai.", path=assigned_at)
        return
    person = staff.get(staff_id)
    if person is None or Permission.SIGN not in permissions_of(person.roles):
        name = person.full_name if person else "người được phân công"
        what = f"{name} đã thôi làm việc hoặc không có vai trò ký."
        yield MissingSigner(who=role, what=what, path=assigned_at)
        return
    state = held[staff_id].state if staff_id in held else CertificateState.MISSING
    if state in _LACKS:
        yield MissingSigner(who=role, what=f"{person.full_name} {_LACKS[state]}.", path=path_of(staff_id))
