"""Years, classes, pupils and teaching duties."""

import uuid
from collections import Counter, defaultdict
from collections.abc import Sequence
from datetime import date
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.core.text import read_day, shown_name
from backend.records.roster import queries, rules
from backend.records.roster.curriculum import find_subject
from backend.records.roster.models import AcademicYear, SchoolClass
from backend.records.roster.names import class_key, name_key
from backend.records.roster.schemas import (
    DIFFERENCES_SHOWN,
    AcademicYearId,
    Assignment,
    ClassId,
    ClassSummary,
    Difference,
    EnrollmentStatus,
    NewStudent,
    RosterChange,
    StudentId,
    StudentPlace,
    StudentRecord,
    StudentSummary,
    YearSummary,
)

_FIELDS = tuple(field.key for field in queries.STUDENT_FIELDS)


async def open_year(session: TenantSession, name: str, starts_on: date, ends_on: date) -> AcademicYearId:
    """Open a school year; repeating it answers with the year that is there."""
    known = await queries.year_by_name(session, name)
    if known is None:
        known = AcademicYear(
            tenant_id=session.tenant_id, id=new_id(), name=name, starts_on=starts_on, ends_on=ends_on
        )
        session.add(known)
        await session.flush()
    return AcademicYearId(known.id)


async def plan_year(session: TenantSession, actor: Actor, starts_on: str, ends_on: str) -> str:
    """Open the school year of these days, as they were typed; returns its name.

    Raises Invalid where they are no school year, Conflict when the school has it.
    """
    first, last = read_day(starts_on, "Ngày khai giảng"), read_day(ends_on, "Ngày kết thúc")
    name = rules.year_name(first, last)
    if await queries.year_by_name(session, name) is not None:
        raise Conflict(f"Trường đã mở năm học {name}; không cần mở lại.")
    year_id = await open_year(session, name, first, last)
    await audit.record(
        session,
        actor,
        Action.YEAR_OPENED,
        year_id,
        name,
        starts_on=first.isoformat(),
        ends_on=last.isoformat(),
    )
    return name


async def list_years(session: TenantSession) -> list[YearSummary]:
    """All school years, the newest first."""
    return [
        YearSummary(id=AcademicYearId(row.id), name=row.name, starts_on=row.starts_on, ends_on=row.ends_on)
        for row in await queries.years(session)
    ]


async def current_year(session: TenantSession) -> AcademicYear:
    """The newest school year. Raises Conflict while there is none."""
    year = await queries.latest_year(session)
    if year is None:
        raise Conflict("Trường chưa mở năm học nào; hãy mở năm học trước khi làm việc này.")
    return year


async def open_class(
    session: TenantSession,
    year_id: uuid.UUID,
    name: str,
    grade_level: int,
    homeroom_teacher_id: StaffId | None,
) -> ClassId:
    """Open a homeroom class."""
    row = SchoolClass(
        tenant_id=session.tenant_id,
        id=new_id(),
        academic_year_id=year_id,
        name=name,
        name_key=class_key(name),
        grade_level=grade_level,
        homeroom_teacher_id=homeroom_teacher_id,
    )
    session.add(row)
    await session.flush()
    return ClassId(row.id)


async def assign_teachers(
    session: TenantSession, class_id: uuid.UUID, teachers: dict[str, StaffId | None]
) -> None:
    """Say which subjects a class has and who teaches each: subject code → person.

    Raises NotFound for a class of another school, Invalid for a subject that the grade does not have.
    """
    school_class = await get_class(session, class_id)
    unknown = [code for code in teachers if find_subject(school_class.grade_level, code) is None]
    if unknown:
        raise Invalid(
            f"Lớp {school_class.name}: chương trình lớp {school_class.grade_level} không có môn “{unknown[0]}”; "
            "hãy kiểm tra lại mã môn."
        )
    await queries.insert_assignments(
        session,
        [
            {
                "tenant_id": session.tenant_id,
                "id": new_id(),
                "class_id": class_id,
                "subject_code": code,
                "teacher_id": teacher,
                "created_at": clock.now(),
            }
            for code, teacher in teachers.items()
        ],
    )


async def list_classes(session: TenantSession) -> list[ClassSummary]:
    """All classes."""
    return [_summary(row) for row in await queries.classes(session)]


async def get_class(session: TenantSession, class_id: uuid.UUID) -> ClassSummary:
    """One class. Raises NotFound."""
    row = await queries.class_with_numbers(session, class_id)
    if row is None:
        raise NotFound("Không tìm thấy lớp này.")
    return _summary(row)


async def classes_of_staff(session: TenantSession, staff_id: StaffId) -> frozenset[uuid.UUID]:
    """The classes that a person leads or teaches in."""
    return frozenset(row.id for row in await queries.classes_of_staff(session, staff_id))


async def list_students(session: TenantSession, class_id: uuid.UUID) -> list[StudentSummary]:
    """Pupils of a class in the order of a Vietnamese class list."""
    return [
        StudentSummary(
            id=row.id,
            student_code=row.student_code,
            full_name=row.full_name,
            date_of_birth=row.date_of_birth,
            gender=row.gender,
        )
        for row in await queries.students_of(session, class_id)
    ]


async def get_student(session: TenantSession, student_id: uuid.UUID) -> StudentSummary:
    """One pupil of the school. Raises NotFound."""
    row = await queries.student(session, student_id)
    if row is None:
        raise NotFound("Không tìm thấy học sinh này.")
    return StudentSummary(
        id=StudentId(row.id),
        student_code=row.student_code,
        full_name=row.full_name,
        date_of_birth=row.date_of_birth,
        gender=row.gender,
    )


async def open_class_list(
    session: TenantSession, actor: Actor, class_id: uuid.UUID
) -> tuple[ClassSummary, list[StudentSummary]]:
    """A class and its pupils for a person who looks at them. Raises NotFound."""
    school_class = await get_class(session, class_id)
    students = await list_students(session, class_id)
    pupils = (one.id for one in students)
    audit_reads.record_read(session, actor, Action.CLASS_READ, class_id, f"Lớp {school_class.name}", pupils)
    return school_class, students


async def places_by_code(session: TenantSession) -> dict[str, StudentPlace]:
    """student code → the pupil and their class in the newest year."""
    year = await current_year(session)
    return {
        row.student_code: StudentPlace(
            id=StudentId(row.id),
            full_name=row.full_name,
            date_of_birth=row.date_of_birth,
            class_name=row.class_name,
        )
        for row in await queries.places(session, year.id)
    }


async def members_of(
    session: TenantSession, class_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, dict[StudentId, str]]:
    """class → its pupils and their names."""
    found: dict[uuid.UUID, dict[StudentId, str]] = defaultdict(dict)
    for row in await queries.members(session, class_ids):
        found[row.class_id][StudentId(row.id)] = row.full_name
    return found


async def student_records(session: TenantSession, class_id: uuid.UUID) -> list[StudentRecord]:
    """Everything that the forms print about the pupils of a class."""
    return [StudentRecord(**row._asdict()) for row in await queries.students_of(session, class_id)]


async def list_assignments(session: TenantSession, class_id: uuid.UUID | None = None) -> list[Assignment]:
    """Subjects and teachers of one class, or of all."""
    return [Assignment(**row._asdict()) for row in await queries.assignments(session, class_id)]


async def study_history(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Every year of every pupil of a class, oldest first: student, year, class, registry number, date of joining."""
    return await queries.study_history(session, class_id)


async def compare_register(session: TenantSession, students: Sequence[NewStudent]) -> RosterChange:
    """What `take_register` would do, without doing it."""
    return (await _Register.read(session, students)).change


async def take_register(session: TenantSession, students: Sequence[NewStudent]) -> RosterChange:
    """Enter pupils into their classes: new ones are added, changed ones corrected, moved ones moved.

    Raises Conflict when a row cannot be taken: unknown class, a personal id that another pupil has, a pupil listed
    twice, a sign that cannot be printed.
    """
    await queries.hold_year(session, (await current_year(session)).id)
    register = await _Register.read(session, students)
    if register.change.problems:
        raise Conflict(register.change.problems[0][1])
    await register.write()
    return register.change


class _Register:
    """A list of pupils beside what the school already knows of them."""

    def __init__(
        self,
        session: TenantSession,
        students: Sequence[NewStudent],
        *,
        known: dict[str, Any],
        classes: dict[str, SchoolClass],
        places: dict[uuid.UUID, tuple[uuid.UUID, str]],
        owners: dict[str, str],
    ) -> None:
        self.session, self.students = session, students
        self.known, self.classes, self.places, self.owners = known, classes, places, owners
        self.times = Counter(student.student_code for student in students)
        self.sizes = Counter(student.class_name for student in students if not student.left)
        self.change = self._compare()

    @classmethod
    async def read(cls, session: TenantSession, students: Sequence[NewStudent]) -> "_Register":
        year = await current_year(session)
        known = await queries.students_by_code(session, [s.student_code for s in students])
        return cls(
            session,
            students,
            known=known,
            classes=await queries.classes_by_name(session, year.id),
            places=await queries.classes_of_students(session, year.id, [row.id for row in known.values()]),
            owners=await queries.personal_ids(session, [s.personal_id for s in students if s.personal_id]),
        )

    def _compare(self) -> RosterChange:
        counts = {"new": 0, "changed": 0, "unchanged": 0, "moved": 0}
        # What is wrong with a class is the same sentence for all of its pupils, and is said once.
        problems: dict[str, str] = {}
        accepted = []
        for student in self.students:
            try:
                accepted.append(self._accepted(student))
            except Invalid as error:
                problems.setdefault(error.message, student.student_code)
                continue
            counts[self._kind(accepted[-1])] += 1
        self.students = accepted
        differences = self._all_differences()
        return RosterChange(
            **counts,
            problems=tuple((code, sentence) for sentence, code in problems.items()),
            differences=tuple(differences[:DIFFERENCES_SHOWN]),
            differing=len(differences),
            basis=self._basis(),
        )

    def _all_differences(self) -> list[Difference]:
        changed: list[Difference] = []
        new: list[Difference] = []
        for student in self.students:
            kind, row = self._kind(student), self.known.get(student.student_code)
            if kind == "unchanged":
                continue
            said = self._differences(student, row) if row and not student.left else {}
            place = self.places[row.id][1] if row and row.id in self.places else ""
            (new if kind == "new" else changed).extend(rules.differences(student, row, said, place))
        return [*changed, *new]

    def _basis(self) -> str:
        """A digest of all that the school knew of these pupils when they were compared."""
        known = [
            (code, [str(value) for value in row], self.places.get(row.id, ("", ""))[1])
            for code, row in sorted(self.known.items())
        ]
        return sha256_hex(msgspec.json.encode(known))

    def _accepted(self, student: NewStudent) -> NewStudent:
        """The pupil with clean texts. Raises Invalid when the row cannot be taken."""
        student = rules.clean(student)
        name = shown_name(student.full_name)
        if self.times[student.student_code] > 1:
            raise Invalid(
                f"Mã học sinh {student.student_code} của {name} có hai lần trong danh sách; hãy xóa một dòng."
            )
        if student.class_name not in self.classes and not student.left:
            raise Invalid(
                f"Danh sách ghi {self.sizes[student.class_name]} học sinh vào lớp {student.class_name}, "
                "nhưng năm học này trường chưa có lớp đó; hãy sửa mã lớp theo trang “Lớp và học sinh”, "
                "hoặc báo nhà trường mở lớp rồi nhập lại."
            )
        owner = self.owners.setdefault(student.personal_id or "", student.student_code)
        if student.personal_id and owner != student.student_code:
            raise Invalid(
                f"Số định danh của học sinh {name} đã thuộc học sinh mã {owner}; "
                "hãy kiểm tra lại số định danh."
            )
        return student

    def _kind(self, student: NewStudent) -> str:
        row = self.known.get(student.student_code)
        place = self.places.get(row.id) if row else None
        if student.left:
            return "moved" if place else "unchanged"
        if row is None:
            return "new"
        if place is None or place[1] != student.class_name:
            return "moved"
        return "changed" if self._differences(student, row) else "unchanged"

    def _differences(self, student: NewStudent, row: Any) -> dict[str, Any]:
        """What the list says otherwise; an empty cell never erases what is known."""
        said = {name: getattr(student, name) for name in _FIELDS}
        return {
            name: value for name, value in said.items() if value is not None and value != getattr(row, name)
        }

    async def write(self) -> None:
        new_rows, places = [], []
        for student in self.students:
            row = self.known.get(student.student_code)
            if student.left:
                await self._let_go(row)
                continue
            target = self.classes[student.class_name].id
            if row is None:
                student_id = new_id()
                new_rows.append(self._new_row(student_id, student))
                places.append(self._place(student_id, target))
            else:
                places += await self._correct(student, row, target)
        await queries.insert_students(self.session, new_rows)
        await queries.enroll(self.session, places)

    async def _let_go(self, row: Any) -> None:
        place = self.places.get(row.id) if row else None
        if place:
            await queries.leave_class(self.session, row.id, place[0], EnrollmentStatus.LEFT)

    async def _correct(self, student: NewStudent, row: Any, target: uuid.UUID) -> list[dict[str, Any]]:
        differences = self._differences(student, row)
        if "full_name" in differences:
            differences["name_key"] = name_key(student.full_name)
        if differences:
            await queries.update_student(self.session, row.id, differences)
        place = self.places.get(row.id)
        if place and place[0] == target:
            return []
        if place:
            await queries.leave_class(self.session, row.id, place[0], EnrollmentStatus.MOVED)
        return [self._place(row.id, target)]

    def _new_row(self, student_id: uuid.UUID, student: NewStudent) -> dict[str, Any]:
        return {
            "tenant_id": self.session.tenant_id,
            "id": student_id,
            "student_code": student.student_code,
            "name_key": name_key(student.full_name),
            **{name: getattr(student, name) for name in _FIELDS},
        }

    def _place(self, student_id: uuid.UUID, class_id: uuid.UUID) -> dict[str, Any]:
        return {
            "tenant_id": self.session.tenant_id,
            "id": new_id(),
            "student_id": student_id,
            "class_id": class_id,
            "status": EnrollmentStatus.STUDYING,
        }


def _summary(row: Any) -> ClassSummary:
    return ClassSummary(**row._asdict())
