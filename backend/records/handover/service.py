"""Taking all data of a school away and closing it: one asks, another approves; then look and fetch."""

import uuid

import msgspec

from backend.core import audit, clock, outbox, rate_limit
from backend.core.actor import Actor, SignIn, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.records.handover import queries, rules
from backend.records.handover.events import SchoolExportAsked
from backend.records.handover.models import SchoolExport
from backend.records.handover.schemas import Export, ExportId, ExportState, Part
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import ApprovalRequest, Facts, Kind
from backend.tenants.people import service as people
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import Closing

#: Packing all files of a school is work for minutes.
PER_SCHOOL = rate_limit.Limit(name="school-export", burst=2, per_seconds=86_400)


async def ask_export(session: TenantSession, actor: Actor, sign_in: SignIn, reason: str) -> ApprovalRequest:
    """Ask a second person to have all data of the school packed.

    Raises Invalid without a reason, Conflict while another export is being packed or waits, or nobody could approve.
    """
    rules.require_none_running(await list_exports(session))
    return await approvals.ask(session, actor, sign_in, Kind.SCHOOL_EXPORT, rules.EXPORT_TOLD, {}, reason)


@approvals.deed(Kind.SCHOOL_EXPORT)
async def export(session: TenantSession, actor: Actor, facts: Facts) -> None:
    """Have all data of the school packed, as it is from now on.

    Raises Conflict while another export is being packed, TooManyTries at the third of a day.
    """
    rules.require_none_running(await list_exports(session))
    await rate_limit.take(PER_SCHOOL, str(session.tenant_id))
    export_id = ExportId(new_id())
    values: dict[str, object] = {
        "id": export_id,
        "asked_by": actor.staff_id,
        "asked_at": clock.now(),
        "state": ExportState.RUNNING,
        "parts": [],
        "cursor": "",
    }
    if not await queries.insert_export(session, values):
        raise Conflict(rules.UNDER_WAY)
    await outbox.emit(session, SchoolExportAsked(export_id))
    await audit.record(session, actor, Action.EXPORT_ASKED, export_id, "Bản xuất dữ liệu của trường")


async def ask_closing(
    session: TenantSession, actor: Actor, sign_in: SignIn, closes_on: str, successor: str, reason: str
) -> ApprovalRequest:
    """Ask a second person to close the school from a day on.

    Raises Invalid for a day that cannot be, or without a reason or who takes the records over; Conflict when a closing is
    planned or waits, or nobody could approve.
    """
    planned = await schools.check_closing(session, closes_on, successor)
    facts = {"closes_on": planned.closes_on.isoformat(), "successor": planned.successor}
    told = rules.closing_told(planned)
    return await approvals.ask(session, actor, sign_in, Kind.SCHOOL_CLOSING, told, facts, reason)


@approvals.deed(Kind.SCHOOL_CLOSING)
async def close(session: TenantSession, actor: Actor, facts: Facts) -> None:
    """Plan the closing that was asked for. Raises Conflict when another is planned."""
    await schools.plan_closing(session, actor, msgspec.convert(facts, Closing))


async def waiting(session: TenantSession) -> list[ApprovalRequest]:
    """What has been asked for here and waits for a second person."""
    return await approvals.waiting(session, Kind.SCHOOL_EXPORT, Kind.SCHOOL_CLOSING)


async def list_exports(session: TenantSession) -> list[Export]:
    """All exports, the newest first."""
    names = await people.names(session)
    return [_view(row, names[StaffId(row.asked_by)]) for row in await queries.exports(session)]


async def take_part(session: TenantSession, actor: Actor, export_id: uuid.UUID, number: int) -> Part:
    """One archive of an export, to be fetched from the store; the deed is recorded.

    Raises NotFound, Conflict when it is not ready or too old.
    """
    row = await queries.find(session, export_id)
    if row is None:
        raise NotFound("Không tìm thấy bản xuất dữ liệu này.")
    part = rules.part_of(_view(row, ""), number, clock.now())
    await audit.record(session, actor, Action.EXPORT_DOWNLOADED, row.id, part.name, sha256=part.sha256)
    return part


def _view(row: SchoolExport, asked_by: str) -> Export:
    return Export(
        id=ExportId(row.id),
        asked_by=asked_by,
        asked_at=row.asked_at,
        state=ExportState(row.state),
        parts=msgspec.convert(row.parts, tuple[Part, ...]),
        finished_at=row.finished_at,
        ends_at=row.finished_at + rules.TAKE_AWAY if row.finished_at else None,
        problem=row.problem,
    )
