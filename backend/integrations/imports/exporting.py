"""Workbooks out, empty or with what stands in the school today; for the slice's own pages: no door."""

import asyncio
import uuid
from collections.abc import Sequence

from backend.core import audit_reads, storage
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.text import term_words
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
    OneRosterFile,
    ParsedFile,
    PrimaryResultsFile,
    ToFill,
    UnreadableFile,
)
from backend.records.assessment import service as assessment
from backend.records.copies import service as copies
from backend.records.copies.schemas import IssuedCopyView
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import WHOLE_YEAR, SheetSummary
from backend.records.plans import service as plans
from backend.records.plans.schemas import Plan
from backend.records.roster import service as roster
from backend.records.roster.curriculum import AssessedBy
from backend.records.roster.schemas import ClassSummary, StudentSummary
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


async def filling_of_run(session: TenantSession, actor: Actor, run: ImportView, file: ParsedFile) -> ToFill:
    """What belongs into an uploaded workbook today. Raises Conflict.

    `file` is what was read from it: the classes that it names are filled in.
    """
    if isinstance(file, UnreadableFile):
        raise Conflict(f"Tệp “{run.file_name}” không đọc được nên không có chỗ để điền.")
    if isinstance(file, OneRosterFile):
        raise Conflict(
            f"Tệp “{run.file_name}” là gói OneRoster, không phải bảng tính để điền; "
            "hãy tải gói OneRoster mới ở trang Nhập dữ liệu."
        )
    if isinstance(file, PrimaryResultsFile) and file.period != conversion.YEAR_END:
        raise Conflict(conversion.ONLY_YEAR_END)
    layout = Layout(str(file.__struct_config__.tag))
    named = {row.class_code for row in file.rows} | {sheet.class_code for sheet in file.sheets}
    classes = [one for one in await roster.list_classes_of_newest_year(session) if one.name in named]
    contents: Contents = {}
    lines: list[FormPupil] = []
    for one in classes:
        sheets = await gradebook.list_sheets(session, one.id)
        pupils = await roster.list_students(session, one.id)
        contents |= await _contents(session, actor, layout, one, sheets, pupils)
        lines += _lines(pupils)
    shown = [*(one.id for one in classes), *(one.id for one in lines)]
    audit_reads.record_taken(session, actor, Action.WORKBOOK_FILLED, run.id, run.file_name, shown)
    return ToFill(layout=layout, contents=contents, pupils=tuple(lines))


async def filled(tenant_id: uuid.UUID, sha256: str, wanted: ToFill) -> bytes:
    """An uploaded workbook with that in it. Outside any transaction. Raises Conflict, Unavailable."""
    data = await storage.get(tenant_id, sha256)
    return await sandbox.fill_async(Filling(data=data, wanted=wanted))


async def prepare(
    session: TenantSession,
    actor: Actor,
    class_id: uuid.UUID,
    form: Form,
    *,
    term: int = WHOLE_YEAR,
    subject: str = "",
    empty: bool = False,
) -> tuple[Blank, Contents]:
    """A workbook of a class, and what belongs into it today unless it is to be `empty`; of one subject, or of all whose
    sheet the person may open.

    Raises NotFound, Forbidden, Conflict for a workbook of marks without a subject.
    """
    school_class = await roster.get_class(session, class_id)
    if form not in forms_for(actor, school_class.grade_level) or (form in BY_TERM) is not (term in (1, 2)):
        raise NotFound("Không có mẫu bảng tính này cho lớp này.")
    sheets = await gradebook.list_sheets(session, class_id)
    open_to = await gradebook.readable(session, actor, sheets)
    sheets = [one for one in sheets if one.id in open_to and subject in ("", one.subject_code)]
    if not sheets and form is not Form.PUPILS:
        raise Forbidden(_NOT_YOURS)
    subjects = _subjects(await plans.plan_of(session, school_class), sheets, term)
    if form in BY_TERM and not subjects:
        raise Conflict(
            f"Bạn không có sổ điểm nào của lớp {school_class.name}, {term_words(term)}, đưa được vào bảng tính; môn "
            "riêng của trường xin ghi thẳng vào sổ điểm, môn khác xin báo nhà trường mở sổ."
        )
    pupils = await roster.list_students(session, class_id)
    contents = {} if empty else await _contents(session, actor, LAYOUT_OF[form], school_class, sheets, pupils)
    shown = [class_id, *(one.id for one in pupils)]
    action = Action.BLANK_TAKEN if empty else Action.WORKBOOK_TAKEN
    audit_reads.record_taken(session, actor, action, class_id, f"Lớp {school_class.name}", shown, kind=form)
    blank = Blank(
        form=form,
        school_name=(await schools.get_school(session)).name,
        academic_year=school_class.academic_year,
        class_name=school_class.name,
        grade=school_class.grade_level,
        term=term,
        subjects=subjects,
        pupils=_lines(pupils),
    )
    return blank, contents


async def made(blank: Blank, contents: Contents) -> bytes:
    """The workbook; without contents only its pupils stand in it. Outside any transaction. Raises Unavailable."""
    # Loaded for whoever takes one away: openpyxl is large.
    from backend.integrations.imports.writers import forms

    data = await asyncio.to_thread(forms.make, blank)
    if not contents:
        return data
    wanted = ToFill(layout=LAYOUT_OF[blank.form], contents=contents, pupils=blank.pupils)
    return await sandbox.fill_async(Filling(data=data, wanted=wanted))


async def copies_register(
    session: TenantSession, actor: Actor, typed: str
) -> tuple[str, list[IssuedCopyView]]:
    """The school's name, and the lines of the register of issued copies that are meant. Raises Conflict."""
    school = await schools.get_school(session)
    return school.name, await copies.whole_register(session, actor, typed)


async def register_made(school_name: str, rows: list[IssuedCopyView]) -> bytes:
    """The workbook of the register. Outside any transaction."""
    # Loaded for whoever takes one away: openpyxl is large.
    from backend.integrations.imports.writers import register

    return await asyncio.to_thread(register.copies, school_name, rows)


def _lines(pupils: Sequence[StudentSummary]) -> tuple[FormPupil, ...]:
    return tuple(
        FormPupil(
            id=one.id,
            student_code=one.student_code,
            full_name=one.full_name,
            date_of_birth=one.date_of_birth,
        )
        for one in pupils
    )


def _subjects(plan: Plan, sheets: Sequence[SheetSummary], term: int) -> tuple[FormSubject, ...]:
    """The subjects of these sheets as the class has them; of the school's own no layout knows a column."""
    codes = {sheet.subject_code for sheet in sheets if sheet.term == term}
    return tuple(
        FormSubject(
            code=one.code,
            name=one.name,
            by_comment=one.assessed_by is AssessedBy.COMMENT,
            regular=one.regular_marks,
            year_end_test=one.year_end_test,
            topics=one.topics,
        )
        for one in plan.chosen(codes)
        if not one.own
    )


async def _contents(
    session: TenantSession,
    actor: Actor,
    layout: Layout,
    school_class: ClassSummary,
    sheets: Sequence[SheetSummary],
    pupils: Sequence[StudentSummary],
) -> Contents:
    """What belongs into a workbook of a class."""
    if layout is Layout.PUPILS:
        return filling.register({school_class.name: await roster.student_records(session, school_class.id)})
    cells = await assessment.class_cells(session, school_class.id)
    by_code = {one.student_code: cells.get(one.id, {}) for one in pupils}
    places = [(sheet.subject_code, sheet.term) for sheet in sheets]
    contents = filling.marks(layout, by_code, places, school_class.grade_level)
    if not any(gradebook.reads_health(actor, one) for one in sheets):
        contents = {place: filling.without_health(said) for place, said in contents.items()}
    if actor.may(Permission.RESULTS_READ):
        filling.add_verdicts(contents, layout, await assessment.class_results(session, school_class.id))
    return contents
