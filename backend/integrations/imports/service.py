"""A workbook comes in: read in a limited process, shown as a preview, and only then taken, all or nothing."""

import asyncio
import uuid
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from backend.core import audit, audit_reads, clock, storage
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.integrations.imports import conversion, queries, undoing
from backend.integrations.imports.limited import sandbox
from backend.integrations.imports.models import ImportRun
from backend.integrations.imports.readers import precheck
from backend.integrations.imports.schemas import (
    HomeroomFile,
    ImportRunId,
    ImportState,
    ImportView,
    ParsedFile,
    Preview,
    PrimaryResultsFile,
    PupilsFile,
    RowProblem,
    UnreadableFile,
)
from backend.integrations.imports.writers import oneroster
from backend.records.assessment import service as assessment
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import MarkChange
from backend.records.movements import service as movements
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassSummary, RosterChange, StudentId
from backend.tenants.schools import service as schools

JSON = "application/json"
ZIP = "application/zip"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
#: Largest workbook, in bytes.
MAX_UPLOAD = precheck.MAX_FILE_BYTES
#: As many bad rows as a person reads; the count tells of the rest.
PROBLEMS_SHOWN = 200
#: More than the workbooks of a small school: what was taken is seen before anything is uploaded again.
RUNS_SHOWN = 60
_NOTHING = MarkChange(new=0, changed=0, unchanged=0)


async def read_workbook(tenant_id: uuid.UUID, data: bytes) -> ParsedFile:
    """What a workbook holds. The bytes, and what was read from them, are kept in the store. Outside any transaction."""
    file = await sandbox.parse_async(data)
    await storage.put(tenant_id, data)
    await storage.put(tenant_id, msgspec.json.encode(file))
    return file


async def read_cells(data: bytes) -> list[list[list[str]]]:
    """Sheets, rows and cells of a stranger's workbook as people see them. Outside any transaction. Raises Conflict."""
    return await sandbox.cells_async(data)


async def lines_below(template: bytes, first_row: int, wanted: Sequence[Mapping[str, str]]) -> bytes:
    """A workbook of the platform with these lines (texts by column) below its header. Outside any transaction."""
    # Loaded for whoever takes one away: openpyxl is large.
    from backend.integrations.imports.writers import lines

    return await asyncio.to_thread(lines.below_header, template, first_row, wanted)


async def parsed_workbook(tenant_id: uuid.UUID, parsed_sha256: str) -> ParsedFile:
    """What `read_workbook` read before: the stranger's bytes are parsed once."""
    found: ParsedFile = msgspec.json.decode(await storage.get(tenant_id, parsed_sha256), type=ParsedFile)
    return found


async def preview(
    session: TenantSession, actor: Actor, file_name: str, data: bytes, file: ParsedFile
) -> ImportRunId:
    """Work out what a workbook would change and keep that as a run; nothing of the school is touched."""
    if actor.staff_id is None:
        raise Forbidden("Chỉ người của trường mới nhập được dữ liệu.")
    file_name = "".join(char for char in file_name if char.isprintable())[:200] or "tệp không tên"
    run_id, parsed = ImportRunId(new_id()), msgspec.json.encode(file)
    await storage.register(session, storage.file_of(data, XLSX), storage.file_of(parsed, JSON))
    found = await _with_pupils(session, file, await _compare(session, actor, file))
    values = {
        "tenant_id": session.tenant_id,
        "id": run_id,
        "file_name": file_name,
        "file_sha256": sha256_hex(data),
        "parsed_sha256": sha256_hex(parsed),
        "layout": found.layout,
        "state": ImportState.PREVIEWED,
        "preview": msgspec.to_builtins(found),
        "uploaded_by": actor.staff_id,
        "uploaded_at": clock.now(),
    }
    await queries.insert_run(session, values)
    await audit.record(
        session,
        actor,
        Action.IMPORT_PREVIEWED,
        run_id,
        file_name,
        about=found.pupils,
        sha256=sha256_hex(data),
        bad=found.bad,
    )
    return run_id


async def apply(session: TenantSession, actor: Actor, run_id: uuid.UUID, file: ParsedFile) -> Preview:
    """Take a previewed workbook: all of it, or nothing. `file` is what was read from it. Safe to repeat.

    Raises Conflict when it holds a bad row, or when anything that the preview compared has changed since.
    """
    run = await queries.run(session, run_id, hold=True)
    if run is None:
        raise NotFound("Không tìm thấy lần nhập này.")
    seen = msgspec.convert(run.preview, Preview)
    if run.state == ImportState.APPLIED:
        return seen
    if run.state == ImportState.UNDONE:
        raise Conflict(
            f"Lần nhập tệp “{run.file_name}” đã được hoàn tác; hãy tải tệp lên lại để nhập lần nữa."
        )
    if seen.bad:
        raise Conflict(f"Tệp “{run.file_name}” còn {seen.bad} chỗ lỗi; hãy sửa trong tệp rồi tải lên lại.")
    found, change = await _take(session, actor, file)
    if found.bad or found.basis != seen.basis:
        raise Conflict(
            f"Dữ liệu của trường đã thay đổi sau lúc xem trước tệp “{run.file_name}” nên chưa có gì được ghi; "
            "xin tải tệp lên lại để xem trước lần nữa."
        )
    await undoing.keep(session, run_id, change)
    found = await _with_pupils(session, file, found)
    values = {"state": ImportState.APPLIED, "applied_at": clock.now(), "preview": msgspec.to_builtins(found)}
    await queries.update_run(session, run_id, values)
    await audit.record(
        session,
        actor,
        Action.IMPORT_APPLIED,
        run_id,
        run.file_name,
        about=found.pupils,
        new=found.new,
        changed=found.changed,
    )
    return found


async def get_run(session: TenantSession, run_id: uuid.UUID) -> ImportView:
    """One run with its preview. Raises NotFound."""
    run = await queries.run(session, run_id)
    if run is None:
        raise NotFound("Không tìm thấy lần nhập này.")
    return _view(run)


async def open_run(session: TenantSession, actor: Actor, run_id: uuid.UUID) -> ImportView:
    """`get_run` for a person who looks at what it would change. Raises NotFound."""
    run = await get_run(session, run_id)
    audit_reads.record_read(session, actor, Action.IMPORT_READ, run_id, run.file_name, run.preview.pupils)
    return run


async def list_runs(session: TenantSession) -> Sequence[ImportView]:
    """Newest first."""
    return [_view(run) for run in await queries.newest_runs(session, RUNS_SHOWN)]


async def _compare(session: TenantSession, actor: Actor, file: ParsedFile) -> Preview:
    misplaced = await _misplaced(session, file)
    if misplaced:
        return _preview(file, misplaced)
    match file:
        case UnreadableFile():
            return _preview(file, file.problems)
        case PupilsFile():
            change = await roster.compare_register(session, conversion.students(file))
            return _preview(file, [*file.problems, *_named(file, change.problems)], change)
        case _:
            return (await _compare_marks(session, actor, file, write=False))[0]


async def _take(
    session: TenantSession, actor: Actor, file: ParsedFile
) -> tuple[Preview, RosterChange | MarkChange]:
    misplaced = await _misplaced(session, file)
    if misplaced:
        raise Conflict(misplaced[0].message)
    if isinstance(file, PupilsFile):
        taken = await roster.take_register(session, conversion.students(file), actor.staff_id)
        return _preview(file, (), taken), taken
    return await _compare_marks(session, actor, file, write=True)


async def _misplaced(session: TenantSession, file: ParsedFile) -> list[RowProblem]:
    """Why a workbook does not belong here: its titles name another school or another school year."""
    found = []
    if file.school_name:
        school = (await schools.get_school(session)).name
        if not conversion.same_school(file.school_name, school):
            found.append(
                f"Tệp ghi tên trường “{file.school_name}”, không phải {school}; "
                "hãy chọn tệp của trường mình hoặc sửa tên trường ở đầu tệp."
            )
    if file.academic_year:
        year = (await roster.current_year(session)).name
        if file.academic_year != year:
            found.append(
                f"Tệp ghi năm học {file.academic_year}, trong khi trường đang làm việc với năm học {year}; "
                "hãy chọn tệp của đúng năm học."
            )
    return [RowProblem(sheet="", row=None, column="", value="", message=message) for message in found]


async def _compare_marks(
    session: TenantSession, actor: Actor, file: ParsedFile, *, write: bool
) -> tuple[Preview, MarkChange]:
    if isinstance(file, PrimaryResultsFile) and file.period != conversion.YEAR_END:
        problem = RowProblem(sheet="", row=None, column="", value="", message=conversion.ONLY_YEAR_END)
        return _preview(file, [problem]), _NOTHING
    found = conversion.marks(file, await _known(session, file))
    problems = [*file.problems, *found.problems]
    record = gradebook.record_marks if write and not problems else gradebook.compare_marks
    change = await record(session, actor, found.marks)
    for index, message in change.problems:
        row = found.rows[index]
        where = f"Trang “{row.sheet}”, dòng {row.row}: {message}"
        problems.append(RowProblem(sheet=row.sheet, row=row.row, column="", value="", message=where))
    return _preview(file, problems, change), change


async def _known(session: TenantSession, file: ParsedFile) -> conversion.Known:
    year = await roster.current_year(session)
    classes = {one.id: one for one in await roster.list_classes(session) if one.academic_year_id == year.id}
    sheets = [sheet for sheet in await gradebook.list_sheets(session) if sheet.class_id in classes]
    return conversion.Known(
        sheets={(sheet.class_name, sheet.subject_code, sheet.term): sheet.id for sheet in sheets},
        students=await roster.places_by_code(session),
        absent=await movements.absent_by_code(session),
        grades={one.name: one.grade_level for one in classes.values()},
        elsewhere=await _told_elsewhere(session, file, classes.values()),
    )


async def _told_elsewhere(
    session: TenantSession, file: ParsedFile, classes: Iterable[ClassSummary]
) -> dict[StudentId, list[conversion.Entry]]:
    """`conversion.told_elsewhere` of everybody in the classes that a workbook with a year's results names."""
    found: dict[StudentId, list[conversion.Entry]] = {}
    if not isinstance(file, PrimaryResultsFile | HomeroomFile):
        return found
    named = {row.class_code for row in file.rows}
    for one in (one for one in classes if one.name in named):
        marks = await gradebook.class_marks(session, one.id)
        cells = await assessment.class_cells(session, one.id)
        found |= {pupil: conversion.told_elsewhere(marks.get(pupil, {}), cells[pupil]) for pupil in cells}
    return found


async def _with_pupils(session: TenantSession, file: ParsedFile, found: Preview) -> Preview:
    """A preview with everybody whom it may show; pupils who are new belong to the school once it is taken."""
    if isinstance(file, UnreadableFile):
        return found
    places = await roster.places_by_code(session)
    codes = dict.fromkeys(row.student_code for row in file.rows)
    pupils = tuple(places[code].id for code in codes if code in places)
    return msgspec.structs.replace(found, pupils=pupils)


def _named(file: PupilsFile, problems: Sequence[tuple[str, str]]) -> list[RowProblem]:
    rows = {row.student_code: row for row in file.rows}
    return [
        RowProblem(
            sheet=rows[code].sheet,
            row=rows[code].row,
            column="",
            value=code,
            message=f"Trang “{rows[code].sheet}”, dòng {rows[code].row}: {sentence}",
        )
        for code, sentence in problems
    ]


def _preview(
    file: ParsedFile, problems: Sequence[RowProblem], change: RosterChange | MarkChange = _NOTHING
) -> Preview:
    return Preview(
        layout=str(file.__struct_config__.tag),
        new=change.new,
        changed=change.changed,
        unchanged=change.unchanged,
        moved=change.moved if isinstance(change, RosterChange) else 0,
        bad=len(problems),
        problems=tuple(problems[:PROBLEMS_SHOWN]),
        notices=file.notices,
        differences=change.differences,
        differing=change.differing if isinstance(change, RosterChange) else change.new + change.changed,
        basis=change.basis,
    )


def _view(run: ImportRun) -> ImportView:
    return ImportView(
        id=ImportRunId(run.id),
        file_name=run.file_name,
        file_sha256=run.file_sha256,
        parsed_sha256=run.parsed_sha256,
        state=ImportState(run.state),
        preview=msgspec.convert(run.preview, Preview),
        uploaded_at=run.uploaded_at,
        applied_at=run.applied_at,
        undone_at=run.undone_at,
    )


async def oneroster_package(session: TenantSession) -> tuple[bytes, list[StudentId]]:
    """The working year's classes and pupils as a OneRoster package, and who stands in it. Raises Conflict without any."""
    year = await roster.current_year(session)
    [told_year] = [one for one in await roster.list_years(session) if one.id == year.id]
    classes = [one for one in await roster.list_classes(session) if one.academic_year_id == year.id]
    members = [(one, await roster.list_students(session, one.id)) for one in classes]
    pupils = [pupil.id for _, found in members for pupil in found]
    if not pupils:
        raise Conflict(
            f"Năm học {year.name} chưa có học sinh nào trong lớp; hãy nhập danh sách học sinh trước."
        )
    school = await schools.get_school(session)
    told = oneroster.Roster(
        school_id=session.tenant_id,
        school_name=school.name,
        school_code=school.code,
        year=told_year,
        classes=tuple(members),
    )
    return oneroster.package(told), pupils


async def take_oneroster(session: TenantSession, actor: Actor) -> bytes:
    """`oneroster_package` for a person who takes it away. Raises Conflict."""
    data, pupils = await oneroster_package(session)
    label = "Gói OneRoster"
    audit_reads.record_taken(session, actor, Action.WORKBOOK_TAKEN, None, label, pupils, kind="oneroster")
    return data
