"""What people decide about a pupil's year: kept word by word. Who may decide, and what, is asked by the caller."""

import uuid
from collections import defaultdict
from collections.abc import Sequence

from backend.core import clock
from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.core.ids import new_id
from backend.records.decisions import queries
from backend.records.decisions.schemas import Decision, DecisionKey, DecisionKind, Decisions
from backend.records.roster.schemas import StudentId


async def of_class(session: TenantSession, class_id: uuid.UUID) -> dict[StudentId, Decisions]:
    """What holds about each pupil of a class."""
    return await of_classes(session, [class_id])


async def of_classes(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> dict[StudentId, Decisions]:
    """What holds about each pupil of some classes of one year."""
    found: dict[StudentId, Decisions] = defaultdict(dict)
    for row in await queries.of_classes(session, class_ids):
        found[StudentId(row.student_id)][DecisionKey(DecisionKind(row.kind), row.slot)] = Decision(
            value=row.value,
            reason=row.reason,
            revision=row.revision,
            decided_by=StaffId(row.decided_by),
            decided_at=row.decided_at,
        )
    return found


async def add(
    session: TenantSession,
    class_id: uuid.UUID,
    student_id: uuid.UUID,
    key: DecisionKey,
    value: str,
    *,
    reason: str,
    decided_by: StaffId,
    before: Decision | None,
    seen: int,
) -> None:
    """Add a word to `before`, the one that holds; `seen` is the revision that was on the page, 0 for none.

    Raises Conflict when somebody else was faster.
    """
    overtaken = Conflict(
        "Người khác vừa ghi mục này trước bạn; hãy tải lại trang, xem nội dung mới rồi ghi lại nếu cần."
    )
    held = before.revision if before else 0
    if seen != held:
        raise overtaken
    row = {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "class_id": class_id,
        "student_id": student_id,
        "kind": key.kind,
        "slot": key.slot,
        "revision": held + 1,
        "value": value,
        "reason": reason,
        "decided_by": decided_by,
        "decided_at": clock.now(),
    }
    if not await queries.insert_decision(session, row):
        raise overtaken
