"""Telling families: what of a sheet is published, apart from locking it; and the slip of a pupil."""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, MarkKind, SheetContent, SheetSummary
from backend.records.publishing import queries, rules
from backend.records.publishing.schemas import Offer, PublicationId, Slip, SlipPeriod
from backend.records.roster import service as roster
from backend.records.roster.schemas import HOMEROOM, ClassSummary, StudentId, StudentSummary
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission


async def list_offers(
    session: TenantSession, actor: Actor, class_id: uuid.UUID
) -> tuple[ClassSummary, list[Offer]]:
    """Every sheet of a class in every period: what is published, by whom, and what the actor may publish.

    Raises NotFound, Forbidden.
    """
    school_class = await _require_duty(session, actor, class_id)
    contents = await gradebook.contents(session, school_class)
    published = {(one.sheet_id, one.period): one for one in await queries.in_force(session, list(contents))}
    names = await people.names(session) if published else {}
    found = []
    for content, period in _offered(contents.values()):
        sheet, now = content.summary, _cells(content, period)
        one = published.get((sheet.id, period))
        theirs = _in_charge(actor, sheet) or _manages(actor)
        found.append(
            Offer(
                sheet_id=sheet.id,
                period=period,
                period_name=rules.PERIOD_NAMES[period],
                subject_name=sheet.subject_name,
                state=sheet.state,
                filled=_is_filled(now),
                publication_id=PublicationId(one.id) if one else None,
                published_by=names.get(one.published_by, "") if one else "",
                published_at=one.published_at if one else None,
                is_stale=one is not None and one.cells != now,
                may_publish=rules.refusal(theirs, _is_filled(now), "") is None,
                may_withdraw=theirs and one is not None,
            )
        )
    return school_class, found


async def publish(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, period: str, sheet_id: uuid.UUID | None
) -> int:
    """Publish one sheet of a class in a period, or all that the actor may; counts what is new to families.

    Raises NotFound, Forbidden and Conflict for one sheet that cannot be published.
    """
    school_class = await _require_duty(session, actor, class_id)
    contents = await gradebook.contents(session, school_class, hold=True)
    offered = [one.summary for one, of in _offered(contents.values()) if of == period]
    wanted = [one for one in offered if sheet_id in (None, one.id)]
    if not wanted:
        raise NotFound("Không tìm thấy sổ điểm nào của kì này trong lớp.")
    before = {
        one.sheet_id: one
        for one in await queries.in_force(session, [s.id for s in wanted])
        if one.period == period
    }
    rows, old, now = [], [], clock.now()
    for sheet in wanted:
        cells = _cells(contents[sheet.id], period)
        place = f"{sheet.subject_name}, {rules.PERIOD_NAMES[period]}"
        theirs = _in_charge(actor, sheet) or _manages(actor)
        refused = rules.refusal(theirs, _is_filled(cells), place)
        if refused and sheet_id:
            raise refused
        if refused or (sheet.id in before and before[sheet.id].cells == cells):
            continue
        old += [before[sheet.id].id] if sheet.id in before else []
        rows.append(_row(session, actor, sheet, period, cells) | {"published_at": now})
    if rows:
        await queries.withdraw(session, old, {"withdrawn_by": actor.staff_id, "withdrawn_at": now})
        await queries.insert_all(session, rows)
        by_id = {one.id: one for one in wanted}
        await audit.record_many(
            session,
            actor,
            Action.MARKS_PUBLISHED,
            [_deed(by_id[row["sheet_id"]], period, row["cells"]) for row in rows],
        )
    return len(rows)


async def withdraw(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, publication_id: uuid.UUID
) -> None:
    """Families are no longer shown it. Raises NotFound, Forbidden, Conflict where it was withdrawn meanwhile."""
    await _require_duty(session, actor, class_id)
    sheets = {one.id: one for one in await gradebook.list_sheets(session, class_id)}
    found = [one for one in await queries.in_force(session, list(sheets)) if one.id == publication_id]
    if not found:
        raise NotFound("Nội dung này không còn được công bố; hãy tải lại trang.")
    [one] = found
    sheet = sheets[one.sheet_id]
    if not (_in_charge(actor, sheet) or _manages(actor)):
        raise Forbidden(
            f"{sheet.subject_name}: chỉ giáo viên phụ trách sổ hoặc ban giám hiệu thôi công bố được."
        )
    values = {"withdrawn_by": actor.staff_id, "withdrawn_at": clock.now()}
    if not await queries.withdraw(session, [one.id], values):
        raise Conflict("Nội dung này vừa được người khác thôi công bố; hãy tải lại trang.")
    await audit.record_many(session, actor, Action.MARKS_WITHDRAWN, [_deed(sheet, one.period, one.cells)])


async def get_slip(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, student_id: uuid.UUID
) -> tuple[ClassSummary, Slip]:
    """The slip of a pupil, for their homeroom teacher and the management. Raises NotFound, Forbidden."""
    school_class = await roster.get_class(session, class_id)
    if not may_see_slips(actor, school_class):
        raise Forbidden("Phiếu điểm do giáo viên chủ nhiệm của lớp hoặc ban giám hiệu in cho gia đình.")
    students = await roster.list_students(session, class_id)
    student = next((one for one in students if one.id == student_id), None)
    if student is None:
        raise NotFound("Không tìm thấy học sinh này trong lớp.")
    label = f"Phiếu điểm của {student.full_name}, lớp {school_class.name}"
    audit_reads.record_read(session, actor, Action.SLIP_READ, student_id, label, [student_id, class_id])
    contents = await gradebook.contents(session, school_class)
    published = {
        (one.sheet_id, one.period): one.cells for one in await queries.in_force(session, list(contents))
    }
    offered = [
        (content, period)
        for content, period in _offered(contents.values())
        if (content.summary.id, period) in published
    ]
    periods = [one for one in rules.PERIOD_NAMES if any(period == one for _, period in offered)]
    own = {key: cells[str(student_id)] for key, cells in published.items() if str(student_id) in cells}
    return school_class, Slip(
        student_id=StudentId(student_id),
        pupil=student.full_name,
        student_code=student.student_code,
        periods=tuple(
            _period(one, [content for content, period in offered if period == one], own) for one in periods
        ),
    )


async def _require_duty(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> ClassSummary:
    """Who has nothing to do with a class is not told what is published of it. Raises NotFound, Forbidden."""
    school_class = await roster.get_class(session, class_id)
    what = "nội dung công bố"
    await roster.require_duty(session, actor, class_id, what, Permission.MARKS_PUBLISH_ANY)
    return school_class


def may_see_slips(actor: Actor, school_class: ClassSummary) -> bool:
    """Slips of a class are for its homeroom teacher and the management."""
    leads = actor.staff_id is not None and school_class.homeroom_teacher_id == actor.staff_id
    return leads or _manages(actor)


async def list_pupils(
    session: TenantSession, actor: Actor, school_class: ClassSummary
) -> list[StudentSummary]:
    """Whose slips there are, for somebody who may see them."""
    students = await roster.list_students(session, school_class.id)
    label = f"Danh sách phiếu điểm lớp {school_class.name}"
    pupils = [one.id for one in students]
    audit_reads.record_read(session, actor, Action.CLASS_READ, school_class.id, label, pupils)
    return students


def _period(
    period: str,
    sheets: Sequence[SheetContent],
    own: Mapping[tuple[Any, str], dict[str, str] | None],
) -> SlipPeriod:
    subjects, homeroom = [], []
    for content in (one for one in sheets if (one.summary.id, period) in own):
        sheet = content.summary
        kept = own[sheet.id, period]
        cells = None if kept is None else {_cell(key): text for key, text in kept.items()}
        if sheet.subject_code != HOMEROOM:
            subjects.append((sheet.subject_name, cells))
            continue
        for column in content.columns:
            if text := (cells or {}).get(column.cell):
                homeroom.append((column.label, rules.shown(column.cell, text)))
    return rules.slip_period(period, subjects, homeroom)


def _offered(contents: Iterable[SheetContent]) -> list[tuple[SheetContent, str]]:
    return [
        (content, period)
        for content in contents
        for period in rules.periods_of(content.columns, content.summary.term)
    ]


def _cells(content: SheetContent, period: str) -> dict[str, dict[str, str] | None]:
    """What would be published: pupil → column → text; None for a pupil who is exempt."""
    wanted = [column.cell for column in rules.published_columns(content.columns, period)]
    return {
        str(student_id): None
        if student_id in content.exempt
        else {f"{cell.kind}:{cell.slot}": cells[cell] for cell in wanted if cell in cells}
        for student_id, cells in content.cells.items()
    }


def _cell(key: str) -> Cell:
    kind, _, slot = key.partition(":")
    return Cell(MarkKind(kind), slot)


def _is_filled(cells: dict[str, dict[str, str] | None]) -> bool:
    return any(cells.values())


def _in_charge(actor: Actor, sheet: SheetSummary) -> bool:
    mine = sheet.teacher_id is not None and sheet.teacher_id == actor.staff_id
    return mine and actor.may(Permission.SHEET_WRITE)


def _manages(actor: Actor) -> bool:
    return actor.may(Permission.MARKS_PUBLISH_ANY)


def _row(
    session: TenantSession,
    actor: Actor,
    sheet: SheetSummary,
    period: str,
    cells: dict[str, dict[str, str] | None],
) -> dict[str, Any]:
    return {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "sheet_id": sheet.id,
        "period": period,
        "cells": cells,
        "published_by": actor.staff_id,
        "withdrawn_by": None,
        "withdrawn_at": None,
    }


def _deed(sheet: SheetSummary, period: str, cells: dict[str, Any]) -> audit.Deed:
    label = f"{sheet.class_name} {sheet.subject_code}, {rules.PERIOD_NAMES[period]}"
    about = (sheet.class_id, *(uuid.UUID(one) for one in cells))
    return audit.Deed(sheet.id, label, {"count": len(cells)}, about=about)
