"""The register of pupils: a list from outside beside what the school knows, compared and taken over."""

import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from backend.core import clock
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Invalid
from backend.core.ids import new_id
from backend.core.text import shown_name
from backend.records.roster import pupil_rows, queries, rules
from backend.records.roster.models import SchoolClass
from backend.records.roster.names import name_key, search_key
from backend.records.roster.schemas import (
    DIFFERENCES_SHOWN,
    PRESENT,
    STATUS_NAMES,
    ClassId,
    Difference,
    EnrollmentStatus,
    NewStudent,
    OverwrittenPupil,
    RosterChange,
    StudentId,
    StudentStatus,
)

_FIELDS = tuple(field.key for field in pupil_rows.REGISTER_FIELDS)
#: What is false where a list says nothing.
_FLAGS = ("not_assessed", "individual_plan")
#: What follows from name, code and number.
_KEYS = ("name_key", "search_key")
#: What else is known of a pupil, beside what a register says.
_OTHERS = ("code_is_temporary", "identity_verified_on", "status", "status_on")


class Register:
    """A list of pupils beside what the school already knows of them."""

    def __init__(
        self,
        session: TenantSession,
        students: Sequence[NewStudent],
        *,
        known: dict[str, Any],
        temporary: Sequence[Any],
        classes: dict[str, SchoolClass],
        places: dict[uuid.UUID, tuple[uuid.UUID, str]],
        later: dict[uuid.UUID, list[tuple[uuid.UUID, str]]],
        owners: dict[str, str],
    ) -> None:
        self.session, self.students = session, students
        self.known, self.classes, self.owners = known, classes, owners
        self.places, self.later = places, later
        self.temporary = [row for row in temporary if row.student_code not in known]
        self.times = Counter(student.student_code for student in students)
        self.sizes = Counter(student.class_name for student in students if not student.left)
        self.change = self._compare()

    @classmethod
    async def read(
        cls, session: TenantSession, year_id: uuid.UUID, students: Sequence[NewStudent]
    ) -> "Register":
        """The list beside what stands in a school year."""
        known = await pupil_rows.students_by_code(session, [s.student_code for s in students])
        temporary = await pupil_rows.temporary_students(session)
        ids = [row.id for row in (*known.values(), *temporary)]
        return cls(
            session,
            students,
            known=known,
            temporary=temporary,
            classes=await queries.classes_by_name(session, year_id),
            places=await pupil_rows.classes_of_students(session, year_id, ids),
            later=await pupil_rows.later_classes(session, year_id, ids),
            owners=await pupil_rows.personal_ids(session, [s.personal_id for s in students if s.personal_id]),
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
            waiting = [name for _, name in self._waiting(student, row)]
            found.extend(rules.differences(student, row, said, place, waiting))
        return found

    def _waiting(self, student: NewStudent, row: Any) -> Sequence[tuple[uuid.UUID, str]]:
        """Classes of later years in which a pupil who leaves has a place that ends, too.

        Who has completed a level may go on here with the next one.
        """
        if row is None or not student.left or student.status is StudentStatus.COMPLETED:
            return ()
        return self.later.get(row.id, ())

    def _basis(self) -> str:
        """A digest of all that the school knew of these pupils when they were compared."""
        known = [
            (
                code,
                [str(value) for value in row],
                self.places.get(row.id, ("", ""))[1],
                [name for _, name in self.later.get(row.id, ())],
            )
            for code, row in sorted(self.known.items())
        ]
        return sha256_hex(msgspec.json.encode(known))

    def _accepted(self, student: NewStudent) -> NewStudent:
        """The pupil with clean texts. Raises Invalid when the row cannot be taken."""
        student = rules.clean(student, clock.today())
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
        self._match(student)
        owner = self.owners.setdefault(student.personal_id or "", self._code_so_far(student))
        if student.personal_id and owner != self._code_so_far(student):
            raise Invalid(
                f"Số định danh của học sinh {name} đã thuộc học sinh mã {owner}; "
                "hãy kiểm tra lại số định danh."
            )
        return student

    def _match(self, student: NewStudent) -> None:
        """Whoever had a temporary code until now is known by the official one of this line."""
        if student.student_code in self.known:
            return
        row = rules.matched(student, self.temporary)
        if row is not None:
            self.temporary.remove(row)
            self.known[student.student_code] = row

    def _code_so_far(self, student: NewStudent) -> str:
        row = self.known.get(student.student_code)
        return row.student_code if row else student.student_code

    def _kind(self, student: NewStudent) -> str:
        row = self.known.get(student.student_code)
        place = self.places.get(row.id) if row else None
        if student.left:
            return "moved" if place or self._waiting(student, row) else "unchanged"
        if row is None:
            return "new"
        if place is None or place[1] != student.class_name:
            return "moved"
        return "changed" if self._differences(student, row) else "unchanged"

    def _differences(self, student: NewStudent, row: Any) -> dict[str, Any]:
        """What the list says otherwise; an empty cell never erases what is known."""
        said = {name: getattr(student, name) for name in ("student_code", *_FIELDS)}
        return {
            name: value for name, value in said.items() if value is not None and value != getattr(row, name)
        }

    async def write(self, by: uuid.UUID | None) -> list[OverwrittenPupil]:
        """Take the list over: who is new, who has moved or left, and what is said otherwise; what was there before."""
        former = await pupil_rows.enrollments(self.session, [row.id for row in self.known.values()])
        new_rows, places, changes, overwritten = [], [], [], []
        for student in self.students:
            row = self.known.get(student.student_code)
            if row is None and student.left:
                continue
            student_id = row.id if row else new_id()
            if row is None:
                new_rows.append(new_student_row(self.session.tenant_id, student_id, student))
                values = {name: new_rows[-1][name] for name in ("student_code", *_OTHERS, *_FIELDS)}
            elif student.left:
                values = await self._let_go(student, row)
            else:
                values = await self._correct(student, row)
            if row:
                changes += self._changes(row, values, by)
            here, target = await self._leave(student, student_id)
            place = self._place(student_id, target, student) if target and target != here else None
            if place:
                places.append(place)
            if row is None or values or here != target:
                waiting = [class_id for class_id, _ in self._waiting(student, row)]
                was = {
                    str(at): former[student_id, at]
                    for at in (here, target, *waiting)
                    if at and (student_id, at) in former
                }
                overwritten.append(
                    self._overwritten(student, row, student_id, values, (here, target), place, was)
                )
        await pupil_rows.insert_students(self.session, new_rows)
        await pupil_rows.insert_changes(self.session, changes)
        await pupil_rows.enroll(self.session, places)
        return overwritten

    def _overwritten(
        self,
        student: NewStudent,
        row: Any,
        student_id: uuid.UUID,
        values: dict[str, Any],
        classes: tuple[ClassId | None, ClassId | None],
        place: dict[str, Any] | None,
        was: dict[str, dict[str, Any]],
    ) -> OverwrittenPupil:
        here, target = classes
        return OverwrittenPupil(
            student_id=StudentId(student_id),
            full_name=student.full_name,
            is_new=row is None,
            old={name: rules.kept(getattr(row, name)) for name in values if row},
            new={name: rules.kept(value) for name, value in values.items()},
            old_class=here,
            new_class=target,
            places={at: {name: rules.kept(value) for name, value in one.items()} for at, one in was.items()},
            place_id=place["id"] if place and str(target) not in was else None,
        )

    async def _leave(
        self, student: NewStudent, student_id: uuid.UUID
    ) -> tuple[ClassId | None, ClassId | None]:
        """The class where a pupil was, left if the list says another or none; and the one where they study now.

        Who leaves the school leaves the classes that wait for them in later years, too.
        """
        place = self.places.get(student_id)
        here = ClassId(place[0]) if place else None
        target = None if student.left else ClassId(self.classes[student.class_name].id)
        if student.left:
            reason = STATUS_NAMES[student.status or StudentStatus.LEFT]
            on = student.status_on or clock.today()
            gone = {"status": EnrollmentStatus.LEFT, "left_on": on, "reason": reason}
        else:
            gone = {"status": EnrollmentStatus.MOVED, "left_on": clock.today(), "reason": None}
        ending = [here] if here and here != target else []
        waiting = [class_id for class_id, _ in self._waiting(student, self.known.get(student.student_code))]
        for class_id in (*ending, *waiting):
            await pupil_rows.leave_class(self.session, student_id, class_id, gone)
        return here, target

    async def _let_go(self, student: NewStudent, row: Any) -> dict[str, Any]:
        """Whoever is in a class, or waits for one, leaves the school."""
        if row.id not in self.places and not self._waiting(student, row):
            return {}
        values = {
            "status": student.status or StudentStatus.LEFT,
            "status_on": student.status_on or clock.today(),
        }
        await pupil_rows.update_student(self.session, row.id, values)
        return values

    async def _correct(self, student: NewStudent, row: Any) -> dict[str, Any]:
        """Write what the list says otherwise."""
        values = self._differences(student, row)
        if values.keys() & {"full_name", "student_code", "personal_id"}:
            name, number = student.full_name, student.personal_id or row.personal_id
            values |= {
                "name_key": name_key(name),
                "search_key": search_key(name, student.student_code, number),
            }
        if values.keys() & rules.IDENTITY:
            values["identity_verified_on"] = None
        if "student_code" in values:
            values["code_is_temporary"] = False
        if row.status not in PRESENT:
            values |= {"status": StudentStatus.RETURNED, "status_on": student.status_on or clock.today()}
        if values:
            await pupil_rows.update_student(self.session, row.id, values)
        return {name: value for name, value in values.items() if name not in _KEYS}

    def _changes(self, row: Any, values: dict[str, Any], by: uuid.UUID | None) -> list[dict[str, Any]]:
        return [
            change_row(self.session.tenant_id, row.id, name, getattr(row, name), value, by)
            for name, value in values.items()
            if name in rules.LABELS and value != getattr(row, name)
        ]

    def _place(self, student_id: uuid.UUID, class_id: uuid.UUID, student: NewStudent) -> dict[str, Any]:
        place = pupil_rows.place_row(self.session.tenant_id, student_id, class_id)
        return place | {"registry_no": student.registry_no}


def new_student_row(tenant_id: uuid.UUID, student_id: uuid.UUID, student: NewStudent) -> dict[str, Any]:
    """A pupil who is not known yet, as a row of the table."""
    said = {name: getattr(student, name) for name in _FIELDS}
    return {
        **said,
        **{name: said[name] or False for name in _FLAGS},
        "tenant_id": tenant_id,
        "id": student_id,
        "student_code": student.student_code,
        "code_is_temporary": False,
        "identity_verified_on": None,
        "name_key": name_key(student.full_name),
        "search_key": search_key(student.full_name, student.student_code, student.personal_id),
        "status": student.status or StudentStatus.STUDYING,
        "status_on": student.status_on,
        "merged_into_id": None,
        "revision": 1,
    }


def change_row(
    tenant_id: uuid.UUID, student_id: uuid.UUID, field: str, old: Any, new: Any, by: uuid.UUID | None
) -> dict[str, Any]:
    """What was corrected in one field, as a row of the history; in words."""
    return {
        "tenant_id": tenant_id,
        "id": new_id(),
        "student_id": student_id,
        "field": field,
        "old_value": rules.said(field, old),
        "new_value": rules.said(field, new),
        "changed_by": by,
        "changed_at": clock.now(),
    }
