"""A school small enough to be made anew for each test, through the product's own services."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from litestar import Litestar

from backend.core.actor import Actor, StaffId, machine
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.core.ids import new_id
from backend.records.gradebook import layout, life
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, Column, MarkKind, NewMark, SheetSummary
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.curriculum import ELECTIVES_CHOSEN, AssessedBy, GradeSubject, Kind, subjects_of
from backend.records.roster.schemas import AcademicYearId, ClassId, NewStudent, StudentId
from backend.tenants.access import service as access
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import SchoolLevel, SchoolProfile
from tests.core.browser import Browser

YEAR = "2025-2026"
PASSWORD = "mat-khau-thu-nghiem"
#: Everybody of a small school: their key, their name, their roles.
STAFF: Mapping[str, tuple[str, tuple[Role, ...]]] = {
    "principal": ("Nghiêm Thế Khải", (Role.PRINCIPAL,)),
    "clerk": ("Lò Thị Văn Thư", (Role.CLERK,)),
    "it": ("Cầm Minh Công", (Role.IT_TEACHER,)),
    "homeroom": ("Đinh Thị Hoài Thu", (Role.HOMEROOM_TEACHER, Role.SUBJECT_TEACHER)),
    "music": ("Quách Bảo Ngân", (Role.SUBJECT_TEACHER,)),
    "stranger": ("Tạ Khánh Linh", (Role.HOMEROOM_TEACHER, Role.SUBJECT_TEACHER)),
}
#: Subjects that "music" takes; the homeroom teacher has the rest.
MUSIC = "AN"
#: What stands in a cell of a full sheet, unless a test says otherwise.
_USUAL: Mapping[MarkKind, str] = {
    MarkKind.LEVEL: "T",
    MarkKind.TEST: "9",
    MarkKind.COMMENT: "Nắm vững kiến thức, tích cực phát biểu.",
    MarkKind.TRAIT: "T",
    MarkKind.TRAIT_COMMENT: "Mạnh dạn, tự tin.",
    MarkKind.CONDUCT: "T",
    MarkKind.ABSENCE: "1",
    MarkKind.HOMEROOM_COMMENT: "Chăm ngoan, lễ phép.",
}
_SCORE, _PASS = "8,5", "Đ"

#: Cells of a full class that a test wants otherwise: (sheet, pupil's code, cell) → value, None for the usual one.
Otherwise = Callable[[SheetSummary, str, Cell], str | None]


@dataclass
class SmallSchool:
    """One tenant with a school, its staff and a year; classes are opened by the test."""

    tenant_id: TenantId
    name: str
    year_id: AcademicYearId
    staff: dict[str, StaffId] = field(default_factory=dict)

    def session(self, *, read_only: bool = False) -> AbstractAsyncContextManager[TenantSession]:
        """A transaction of this school."""
        return tenant_session(self.tenant_id, read_only=read_only)

    async def actor(self, session: TenantSession, who: str) -> Actor:
        """Somebody of `STAFF` as the one who asks."""
        return await people.actor_of(session, self.staff[who])

    async def browser(self, site: Litestar, who: str) -> Browser:
        """A browser in which somebody of `STAFF` is signed in; may be asked for once per person."""
        login = f"{who}@{self.tenant_id.hex}.example"
        async with self.session() as session:
            await access.create_account(session, self.staff[who], login, PASSWORD)
        browser = Browser(site)
        answer = await browser.sign_in(login, PASSWORD)
        assert answer.status_code == 303, answer.text
        return browser

    async def open_class(
        self, session: TenantSession, name: str, grade: int, taken_by_music: str = MUSIC
    ) -> ClassId:
        """A class with every compulsory subject (and four electives), the sheets of it open."""
        class_id = await roster.open_class(session, self.year_id, name, grade, self.staff["homeroom"])
        taught = [one for one in subjects_of(grade) if one.kind is Kind.COMPULSORY]
        taught += [one for one in subjects_of(grade) if one.kind is Kind.ELECTIVE][:ELECTIVES_CHOSEN]
        teachers = {one.code: self.staff["music"] if one.code == taken_by_music else None for one in taught}
        await roster.assign_teachers(session, class_id, teachers)
        await gradebook.open_sheets(session, class_id)
        return class_id


async def open_small_school(name: str = "Trường Tiểu học Tư thục Hoa Mai") -> SmallSchool:
    """A new tenant, apart from every other test's. Nobody there can sign in."""
    tenant_id = TenantId(new_id())
    profile = SchoolProfile(
        name=name,
        code=tenant_id.hex[-8:],
        tax_code="0000000999",
        province_code="14",
        province="Sơn La",
        ward="phường Hoa Mai",
        levels=tuple(SchoolLevel),
    )
    await schools.open_school(tenant_id, profile)
    async with tenant_session(tenant_id) as session:
        year_id = await roster.open_year(session, YEAR, date(2025, 9, 5), date(2026, 5, 31))
        school = SmallSchool(tenant_id, name, year_id)
        for key, (full_name, roles) in STAFF.items():
            email = f"{key}@{tenant_id.hex}.example"
            title = "HIỆU TRƯỞNG" if key == "principal" else "GIÁO VIÊN"
            school.staff[key] = await people.add_staff(
                session, machine(tenant_id), full_name, email, title, roles
            )
    return school


def pupil(number: int, full_name: str, class_name: str, **facts: Any) -> NewStudent:
    """A line of a register; the codes follow from `number`."""
    said: dict[str, Any] = {
        "personal_id": f"000319{number:06d}",
        "gender": "female",
        "ethnicity": "Thái",
        "nationality": "Việt Nam",
        "birth_place": "Sơn La",
        "hometown": "Xã Chiềng Mung",
        "current_address": "Bản Hoa, phường Hoa Mai",
        "father_name": "Lò Văn Cha",
        "mother_name": "Cầm Thị Mẹ",
    }
    return NewStudent(
        student_code=f"99{number:08d}",
        full_name=full_name,
        date_of_birth=date(2018, 3, 1 + number % 28),
        class_name=class_name,
        **(said | facts),
    )


async def enroll(session: TenantSession, class_name: str, names: Iterable[str], first: int = 1) -> None:
    """Take pupils into a class through the register."""
    register = [pupil(number, name, class_name) for number, name in enumerate(names, first)]
    await roster.take_register(session, register)


def usual(column: Column, subject: GradeSubject | None) -> str:
    """What a good pupil has in a column; "" where most have nothing (a second test, conduct after the summer)."""
    if layout.is_optional(column):
        return ""
    if column.cell.kind in _USUAL:
        return _USUAL[column.cell.kind]
    return _SCORE if subject is None or subject.assessed_by is AssessedBy.SCORE else _PASS


async def fill(
    session: TenantSession, actor: Actor, class_id: ClassId, otherwise: Otherwise = lambda *_: None
) -> None:
    """Write every cell of every sheet of a class, as far as pupils take the subject."""
    school_class = await roster.get_class(session, class_id)
    takes = (await plans.choices_of_class(session, school_class)).takes
    students = await roster.list_students(session, class_id)
    marks = []
    for sheet in await gradebook.list_sheets(session, class_id):
        found = [one for one in subjects_of(school_class.grade_level) if one.code == sheet.subject_code]
        subject = found[0] if found else None
        columns = layout.columns_of(subject, school_class.grade_level)
        for student in (one for one in students if takes(one.id, subject)):
            for column in columns:
                cell = column.cell
                said = otherwise(sheet, student.student_code, cell)
                value = usual(column, subject) if said is None else said
                marks.append(NewMark(sheet_id=sheet.id, student_id=student.id, cell=cell, value=value))
    change = await gradebook.record_marks(session, actor, marks)
    assert change.problems == ()


async def lock_class(session: TenantSession, school: SmallSchool, class_id: ClassId) -> None:
    """The teachers of a class hand in their sheets, the principal locks them: without departments nobody checks."""
    teachers = {one.teacher_id for one in await gradebook.list_sheets(session, class_id)}
    for who in (one for one in ("homeroom", "music") if school.staff[one] in teachers):
        await life.submit_class(session, await school.actor(session, who), class_id)
    await life.lock_class(session, await school.actor(session, "principal"), class_id)


async def sheet_of(
    session: TenantSession, class_id: ClassId, subject_code: str, term: int = 0
) -> SheetSummary:
    """One sheet of a class."""
    sheets = await gradebook.list_sheets(session, class_id)
    return next(one for one in sheets if (one.subject_code, one.term) == (subject_code, term))


async def student_ids(session: TenantSession, class_id: ClassId) -> dict[str, StudentId]:
    """name → id of the pupils of a class."""
    return {one.full_name: one.id for one in await roster.list_students(session, class_id)}
