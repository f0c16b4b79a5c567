"""The register of pupils: a list from outside beside what the school knows, compared and taken over."""

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Invalid
from backend.core.ids import new_id
from backend.core.text import shown_name
from backend.records.roster import queries, rules
from backend.records.roster.models import SchoolClass
from backend.records.roster.names import name_key
from backend.records.roster.schemas import (
    DIFFERENCES_SHOWN,
    ClassId,
    Difference,
    EnrollmentStatus,
    NewStudent,
    OverwrittenPupil,
    RosterChange,
    StudentId,
)

_FIELDS = tuple(field.key for field in queries.STUDENT_FIELDS)


class Register:
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
    async def read(
        cls, session: TenantSession, year_id: uuid.UUID, students: Sequence[NewStudent]
    ) -> "Register":
        """The list beside what stands in a school year."""
        known = await queries.students_by_code(session, [s.student_code for s in students])
        return cls(
            session,
            students,
            known=known,
            classes=await queries.classes_by_name(session, year_id),
            places=await queries.classes_of_students(session, year_id, [row.id for row in known.values()]),
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
            new=counts["new"],
            changed=counts["changed"],
            unchanged=counts["unchanged"],
            moved=counts["moved"],
            problems=tuple((code, sentence) for sentence, code in problems.items()),
            differences=rules.first_of_each_kind(differences, DIFFERENCES_SHOWN),
            differing=len(differences),
            basis=self._basis(),
        )

    def _all_differences(self) -> list[Difference]:
        found: list[Difference] = []
        for student in self.students:
            row = self.known.get(student.student_code)
            if self._kind(student) == "unchanged":
                continue
            said = self._differences(student, row) if row and not student.left else {}
            place = self.places[row.id][1] if row and row.id in self.places else ""
            found.extend(rules.differences(student, row, said, place))
        return found

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

    async def write(self) -> list[OverwrittenPupil]:
        """Take the list over: who is new, who has moved or left, and what is said otherwise; what was there before."""
        former = await queries.former_places(self.session, [row.id for row in self.known.values()])
        new_rows, places, overwritten = [], [], []
        for student in self.students:
            if self._kind(student) == "unchanged":
                continue
            row = self.known.get(student.student_code)
            student_id = row.id if row else new_id()
            if row is None:
                new_rows.append(self._new_row(student_id, student))
                said = {name: getattr(student, name) for name in _FIELDS}
            else:
                said = {} if student.left else await self._correct(student, row)
            here, target = await self._leave(student, student_id)
            moves = target if target != here else None
            left_as = former.get((student_id, moves)) if moves else None
            place = self._place(student_id, moves) if moves else None
            if place:
                places.append(place)
            overwritten.append(
                OverwrittenPupil(
                    student_id=StudentId(student_id),
                    full_name=student.full_name,
                    is_new=row is None,
                    old={name: rules.written(getattr(row, name)) for name in said if row},
                    new={name: rules.written(value) for name, value in said.items()},
                    old_class=here,
                    new_class=target,
                    place_id=place["id"] if place and not left_as else None,
                    left_as=left_as,
                )
            )
        await queries.insert_students(self.session, new_rows)
        await queries.enroll(self.session, places)
        return overwritten

    async def _leave(
        self, student: NewStudent, student_id: uuid.UUID
    ) -> tuple[ClassId | None, ClassId | None]:
        """The class where a pupil was, left if the list says another or none; and the one where they study now."""
        place = self.places.get(student_id)
        here = ClassId(place[0]) if place else None
        target = None if student.left else ClassId(self.classes[student.class_name].id)
        if here and here != target:
            status = EnrollmentStatus.LEFT if student.left else EnrollmentStatus.MOVED
            await queries.leave_class(self.session, student_id, here, status)
        return here, target

    async def _correct(self, student: NewStudent, row: Any) -> dict[str, Any]:
        """Write what the list says otherwise."""
        differences = self._differences(student, row)
        names = {"name_key": name_key(student.full_name)} if "full_name" in differences else {}
        if differences:
            await queries.update_student(self.session, row.id, differences | names)
        return differences

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
