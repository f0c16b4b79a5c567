"""An import is taken back as long as nobody has used what it brought; for the slice's own service and pages: no door."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.integrations.imports import queries
from backend.integrations.imports.models import ImportRun
from backend.integrations.imports.schemas import ImportState, Layout, Preview
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import MarkChange, OverwrittenMark
from backend.records.roster import service as roster
from backend.records.roster.schemas import OverwrittenPupil, RosterChange

_NOTHING_KEPT = (
    "Tệp này không làm thay đổi dữ liệu nào, hoặc dữ liệu trước khi nhập không còn được giữ (quá 24 tháng)."
)
_NOT_TAKEN = "Tệp này chưa được ghi, hoặc đã được hoàn tác."


async def keep(session: TenantSession, run_id: uuid.UUID, change: RosterChange | MarkChange) -> None:
    """Keep what stood before, as a part of taking the workbook."""
    by_pupil: dict[uuid.UUID, Any] = {}
    if isinstance(change, RosterChange):
        by_pupil = {pupil.student_id: msgspec.to_builtins(pupil) for pupil in change.overwritten}
    else:
        marks: dict[uuid.UUID, list[Any]] = defaultdict(list)
        for mark in change.overwritten:
            marks[mark.student_id].append(msgspec.to_builtins(mark))
        by_pupil = {**marks}
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "run_id": run_id,
            "overwritten": overwritten,
            "taken_at": clock.now(),
        }
        for overwritten in by_pupil.values()
    ]
    await queries.insert_changes(session, rows)


async def why_not(session: TenantSession, run_id: uuid.UUID) -> str | None:
    """Why an import cannot be taken back now, in one sentence; None where it can. Raises NotFound."""
    run = await queries.run(session, run_id)
    if run is None:
        raise NotFound("Không tìm thấy lần nhập này.")
    if run.state != ImportState.APPLIED or run.applied_at is None:
        return _NOT_TAKEN
    kept = await queries.changes_of(session, run_id)
    if not kept:
        return _NOTHING_KEPT
    if _is_register(run):
        return await roster.why_not_put_back(session, _pupils(kept))
    return await gradebook.why_not_put_back(session, _marks(kept), run.applied_at)


async def undo(session: TenantSession, actor: Actor, run_id: uuid.UUID) -> Preview:
    """Put back all that an import has changed, or nothing. Safe to repeat.

    Raises NotFound, and Conflict with what has come in between: nothing that was written later is lost.
    """
    run = await queries.run(session, run_id, hold=True)
    if run is None:
        raise NotFound("Không tìm thấy lần nhập này.")
    found = msgspec.convert(run.preview, Preview)
    if run.state == ImportState.UNDONE:
        return found
    if run.state != ImportState.APPLIED or run.applied_at is None:
        raise Conflict(_NOT_TAKEN)
    kept = await queries.changes_of(session, run_id)
    if not kept:
        raise Conflict(_NOTHING_KEPT)
    try:
        if _is_register(run):
            await roster.put_back(session, _pupils(kept), actor.staff_id)
        else:
            await gradebook.put_back(session, actor, _marks(kept), run.applied_at)
    except Conflict as error:
        raise Conflict(f"Chưa hoàn tác được tệp “{run.file_name}”: {error.message}") from error
    await queries.update_run(session, run_id, {"state": ImportState.UNDONE, "undone_at": clock.now()})
    await audit.record(
        session,
        actor,
        Action.IMPORT_UNDONE,
        run_id,
        run.file_name,
        about=found.pupils,
        new=found.new,
        changed=found.changed,
    )
    return found


def _is_register(run: ImportRun) -> bool:
    return run.layout == Layout.PUPILS


def _pupils(kept: Sequence[Any]) -> list[OverwrittenPupil]:
    return msgspec.convert(kept, list[OverwrittenPupil])


def _marks(kept: Sequence[Any]) -> list[OverwrittenMark]:
    return [mark for marks in kept for mark in msgspec.convert(marks, list[OverwrittenMark])]
