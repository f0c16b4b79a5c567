"""A pupil who is not known yet; for the slice's own service and pages: no door."""

import uuid
from collections.abc import Mapping

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.core.ids import new_id
from backend.records.roster import pupil_rows, rules
from backend.records.roster.register import new_student_row
from backend.records.roster.schemas import CODES, StudentId


async def add_pupil(session: TenantSession, actor: Actor, typed: Mapping[str, str]) -> StudentId:
    """A pupil who is not known yet, with the Ministry's code or a temporary one; placed in a class afterwards.

    Raises Invalid for what cannot be so, Conflict for a code or a personal number that another pupil has.
    """
    await session.hold(CODES)
    code = typed.get("student_code", "").strip()
    is_temporary = not code
    code = rules.checked_code(code) if code else f"{rules.TEMPORARY}{new_id().hex[-6:].upper()}"
    student_id = new_id()
    said = rules.read_form(typed)
    line = rules.new_line(code, said, clock.today())
    await require_free(session, student_id, code, line.personal_id)
    row = new_student_row(session.tenant_id, student_id, line)
    row |= {"code_is_temporary": is_temporary, "identity_verified_on": said["identity_verified_on"]}
    await pupil_rows.insert_students(session, [row])
    label = f"{line.full_name} ({code})"
    await audit.record(session, actor, Action.PUPIL_ADDED, student_id, label, about=[student_id])
    return StudentId(student_id)


async def require_free(
    session: TenantSession, student_id: uuid.UUID, code: str | None, personal_id: str | None
) -> None:
    """Nobody else has the code or the number. The caller holds `CODES`: two who add the same pupil take turns."""
    if code is not None and await pupil_rows.record_by_code(session, code) is not None:
        raise Conflict(f"Trường đã có học sinh mã {code}; hãy tìm hồ sơ ấy thay vì thêm mới.")
    owner = await pupil_rows.owner_of_number(session, personal_id, student_id) if personal_id else None
    if owner is not None:
        raise Conflict(f"Số định danh cá nhân này đã thuộc học sinh mã {owner}; hãy kiểm tra lại số.")
