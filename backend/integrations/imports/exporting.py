"""Workbooks out, empty or with what stands in the school today; for the slice's own pages: no door."""

import asyncio
import uuid
from collections.abc import Sequence

from backend.core import audit_reads, storage
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.integrations.imports import conversion, filling
from backend.integrations.imports.limited import sandbox
from backend.integrations.imports.schemas import (
    LAYOUT_OF,
    Blank,
    Contents,
    Filling,
    Form,
    FormPupil,
    FormSubject,
    ImportView,
    Layout,
    ParsedFile,
    PrimaryResultsFile,
    UnreadableFile,
)
from backend.integrations.imports.writers import forms
from backend.records.assessment import service as assessment
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import WHOLE_YEAR, SheetSummary
from backend.records.roster import service as roster
from backend.records.roster.curriculum import AssessedBy, find_subject
from backend.records.roster.schemas import HOMEROOM, ClassSummary, StudentId
from backend.tenants.permissions import Permission
from backend.tenants.schools import service as schools

_PRIMARY_LAST_GRADE = 5
#: Workbooks of one term.
BY_TERM = frozenset({Form.MARKS, Form.VNEDU, Form.SMAS})
_NOT_YOURS = "Bạn chỉ tải được bảng tính của lớp mà bạn chủ nhiệm hoặc giảng dạy."


def forms_for(actor: Actor, grade_level: int) -> tuple[Form, ...]:
    """The workbooks of a class that a person may take; the register of pupils is for who brings it in, too."""
    primary = grade_level <= _PRIMARY_LAST_GRADE
    marks = (Form.RESULTS, Form.COMMENTS) if primary else (Form.MARKS, Form.VNEDU, Form.SMAS, Form.HOMEROOM)
    return (*marks, Form.PUPILS) if actor.may(Permission.IMPORT) else marks


async def open_forms(
    session: TenantSession, actor: Actor, class_id: uuid.UUID
) -> tuple[ClassSummary, tuple[Form, ...]]:
    """A class and its workbooks, for who may take one of them. Raises NotFound, Forbidden."""
    school_class = await roster.get_class(session, class_id)
    sheets = await gradebook.list_sheets(session, class_id)
    if sheets and not await gradebook.readable(session, actor, sheets):
        raise Forbidden(_NOT_YOURS)
    return school_class, forms_for(actor, school_class.grade_level)


async def filling_of_run(
    session: TenantSession, actor: Actor, run: ImportView, file: ParsedFile
) -> tuple[Layout, Contents]:
    """Layout of an uploaded workbook, and what belongs into it today. Raises Conflict.

    `file` is what was read from it: the classes that it names are filled in.
    """
    if isinstance(file, UnreadableFile):
        raise Conflict(f"Tệp “{run.file_name}” không đọc được nên không có chỗ để điền.")
    if isinstance(file, PrimaryResultsFile) and file.period != conversion.YEAR_END:
        raise Conflict(conversion.ONLY_YEAR_END)
    layout = Layout(str(file.__struct_config__.tag))
    named = {row.class_code for row in file.rows}
    classes = [one for one in await roster.list_classes_of_newest_year(session) if one.name in named]
    contents: Contents = {}
    shown: list[uuid.UUID] = []
    for one in classes:
        sheets = await gradebook.list_sheets(session, one.id)
        found, pupils = await _contents(session, actor, layout, one, sheets)
        contents |= found
        shown += [one.id, *pupils]
    audit_reads.record_read(session, actor, Action.WORKBOOK_FILLED, run.id, run.file_name, shown)
    return layout, contents


async def filled(tenant_id: uuid.UUID, sha256: str, layout: Layout, contents: Contents) -> bytes:
    """An uploaded workbook with that in it. Outside any transaction. Raises Conflict, Unavailable."""
    data = await storage.get(tenant_id, sha256)
    return await sandbox.fill_async(Filling(data=data, layout=layout, contents=contents))


async def prepare(
    session: TenantSession,
    actor: Actor,
    class_id: uuid.UUID,
    form: Form,
    *,
    term: int = WHOLE_YEAR,
    subject: str = "",
) -> tuple[Blank, Contents]:
    """A workbook of a class, and what belongs into it today; of one subject, or of all whose sheet the person may open.

    Raises NotFound, Forbidden.
    """
    school_class = await roster.get_class(session, class_id)
    if form not in forms_for(actor, school_class.grade_level) or (form in BY_TERM) is not (term in (1, 2)):
        raise NotFound("Không có mẫu bảng tính này cho lớp này.")
    sheets = await gradebook.list_sheets(session, class_id)
    open_to = await gradebook.readable(session, actor, sheets)
    sheets = [one for one in sheets if one.id in open_to and subject in ("", one.subject_code)]
    if not sheets and form is not Form.PUPILS:
        raise Forbidden(_NOT_YOURS)
    contents, pupils = await _contents(session, actor, LAYOUT_OF[form], school_class, sheets)
    label = f"Lớp {school_class.name}"
    audit_reads.record_read(
        session, actor, Action.WORKBOOK_TAKEN, class_id, label, [class_id, *pupils], kind=form
    )
    blank = Blank(
        form=form,
        school_name=(await schools.get_school(session)).name,
        academic_year=school_class.academic_year,
        class_name=school_class.name,
        grade=school_class.grade_level,
        term=term,
        subjects=_subjects(sheets, school_class.grade_level, term),
        pupils=tuple(
            FormPupil(
                id=one.id,
                student_code=one.student_code,
                full_name=one.full_name,
                date_of_birth=one.date_of_birth,
            )
            for one in await roster.list_students(session, class_id)
        ),
    )
    return blank, contents


async def made(blank: Blank, contents: Contents) -> bytes:
    """The workbook; without contents only its pupils stand in it. Outside any transaction. Raises Unavailable."""
    data = await asyncio.to_thread(forms.make, blank)
    if not contents:
        return data
    return await sandbox.fill_async(Filling(data=data, layout=LAYOUT_OF[blank.form], contents=contents))


def _subjects(sheets: Sequence[SheetSummary], grade_level: int, term: int) -> tuple[FormSubject, ...]:
    found = []
    for sheet in sheets:
        if sheet.subject_code == HOMEROOM or sheet.term != term:
            continue
        subject = find_subject(grade_level, sheet.subject_code)
        found.append(
            FormSubject(
                code=sheet.subject_code,
                name=sheet.subject_name,
                by_comment=subject is not None and subject.assessed_by is AssessedBy.COMMENT,
                regular=subject.regular_marks if subject else 0,
                year_end_test=subject is not None and subject.year_end_test,
            )
        )
    return tuple(found)


async def _contents(
    session: TenantSession,
    actor: Actor,
    layout: Layout,
    school_class: ClassSummary,
    sheets: Sequence[SheetSummary],
) -> tuple[Contents, list[StudentId]]:
    """What belongs into a workbook of a class, and whom it shows."""
    if layout is Layout.PUPILS:
        records = await roster.student_records(session, school_class.id)
        return filling.register({school_class.name: records}), [one.id for one in records]
    codes = {one.id: one.student_code for one in await roster.list_students(session, school_class.id)}
    marks = await gradebook.class_marks(session, school_class.id)
    by_code = {code: marks.get(student_id, {}) for student_id, code in codes.items()}
    places = [(sheet.subject_code, sheet.term) for sheet in sheets]
    contents = filling.marks(layout, by_code, places, school_class.grade_level)
    if actor.may(Permission.RESULTS_READ):
        filling.add_verdicts(contents, layout, await assessment.class_results(session, school_class.id))
    return contents, list(codes)
