"""After a year: who is assessed again, trained or helped, what comes of it, and the lists that the school makes."""

import uuid
from collections.abc import Mapping

from backend.core import audit, audit_reads
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Forbidden, NotFound
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import (
    PROMOTION_NAMES,
    PrimaryResult,
    Promotion,
    PupilResult,
    Result,
    SecondaryResult,
)
from backend.records.decisions import service as decisions
from backend.records.decisions.schemas import DecisionKey, DecisionKind, Decisions
from backend.records.gradebook import service as gradebook
from backend.records.roster import service as roster
from backend.records.roster.curriculum import subject_name
from backend.records.roster.schemas import ClassSummary
from backend.records.summer import rules
from backend.records.summer.schemas import (
    ClassEntries,
    Entry,
    Item,
    ListedPupil,
    NewWord,
    PupilEntries,
    SchoolLists,
)
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission
from backend.tenants.schools.schemas import LAST_GRADES


async def open_class(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> ClassEntries:
    """Who of a class is assessed again, trained or helped, and what was said, for a person who looks.

    Raises NotFound, Forbidden without a duty in the class.
    """
    view = await assessment.open_results(session, actor, class_id)
    decided = await decisions.of_class(session, class_id)
    frozen = await gradebook.frozen_pupils(session, class_id)
    teachers = await _teachers(session, view.school_class)
    names = await people.names(session)
    found = []
    for pupil in view.results:
        said = decided.get(pupil.student_id, {})
        entries = tuple(
            _entry(actor, view.school_class, teachers, names, item, said)
            for item in _due(pupil, said)
            if view.only is None or (item.key.kind in rules.OF_SUBJECT and item.key.slot in view.only)
        )
        if entries:
            found.append(PupilEntries(pupil=pupil, entries=entries, frozen=pupil.student_id in frozen))
    return ClassEntries(school_class=view.school_class, pupils=tuple(found), only=view.only is not None)


async def say(session: TenantSession, actor: Actor, class_id: uuid.UUID, new: NewWord) -> Promotion | None:
    """Record what a person decides about a pupil, and compute the class again.

    Answers what follows for the pupil now, None for whoever sees no conclusions. Every word is kept; an empty value takes
    the one before back. Raises NotFound, Forbidden for whoever's it is not, Invalid, and Conflict while a sheet is open,
    or where somebody else was faster.
    """
    school_class = await roster.get_class(session, class_id)
    # First of all: a refusal further down names the pupil.
    teachers = await _teachers(session, school_class)
    if actor.staff_id is None or not _may(actor, school_class, teachers, new.key):
        raise Forbidden(f"Mục này của lớp {school_class.name}: chỉ {_whose(new.key)} ghi được.")
    await assessment.require_settled(session, class_id)
    pupil = await _pupil(session, class_id, new.student_id)
    said = (await decisions.of_class(session, class_id)).get(new.student_id, {})
    item = next((one for one in _due(pupil, said) if one.key == new.key), None)
    if item is None:
        raise NotFound(f"{pupil.full_name} không thuộc diện này; hãy tải lại trang.")
    before = said.get(new.key)
    mark = ""
    if new.value and not item.options:
        mark = assessment.read_result(pupil.asked, new.key.slot, new.value)
    await decisions.add(
        session,
        class_id,
        new.student_id,
        new.key,
        rules.checked_value(new, item, before, pupil.full_name, mark),
        reason=rules.checked_reason(new, item, before, pupil.full_name),
        decided_by=actor.staff_id,
        before=before,
        seen=new.seen,
    )
    label = f"{pupil.full_name} ({pupil.student_code}), lớp {school_class.name}: {item.title}"
    about = (new.student_id, class_id)
    action = Action.DECISION_RECORDED if new.value else Action.DECISION_WITHDRAWN
    await audit.record(session, actor, action, new.student_id, label, about=about, kind=item.key.kind)
    await assessment.assess_class(session, class_id)
    if not assessment.sees_conclusions(actor, school_class):
        return None
    return (await _pupil(session, class_id, new.student_id)).result.promotion


async def lists(session: TenantSession, actor: Actor) -> SchoolLists:
    """The lists of the year that the school works in, for the management."""
    classes = {one.id: one for one in await roster.list_classes_of_newest_year(session)}
    decided = await decisions.of_classes(session, list(classes))
    later = [
        student_id
        for student_id, said in decided.items()
        if any(one.value and key.kind is not DecisionKind.RECOGNITION for key, one in said.items())
    ]
    last = [one.id for one in classes.values() if one.grade_level in LAST_GRADES]
    results = await assessment.results_to_list(session, list(classes), last, later)
    lines: dict[str, list[ListedPupil]] = {}
    for class_id, pupil in results:
        for name, what in _listed(pupil, decided.get(pupil.student_id, {})).items():
            lines.setdefault(name, []).append(_line(classes[class_id], pupil, what))
    found = SchoolLists(
        year=next(iter(classes.values())).academic_year if classes else None,
        **{name: tuple(lines.get(name, ())) for name in _LISTS},
    )
    pupils = {pupil.student_id for _, pupil in results}
    if pupils:
        audit_reads.record_read(
            session, actor, Action.RESULTS_READ, None, f"Danh sách sau năm học {found.year}", pupils
        )
    return found


_LISTS = ("reassessment", "training", "supplement", "completed", "not_completed", "undecided")


def _listed(pupil: PupilResult, said: Decisions) -> dict[str, str]:
    """list → what of this pupil stands there."""
    found: dict[str, str] = {}
    grade, result = pupil.asked.grade, pupil.result
    kinds = {key.kind: one for key, one in said.items() if one.value}
    if isinstance(result, SecondaryResult):
        codes = [*result.reassess, *(key.slot for key in _said(said, DecisionKind.REASSESSED))]
        if codes:
            found["reassessment"] = "; ".join(
                f"{subject_name(grade, code)} ({(result.subjects[code].year or '—').replace('.', ',')})"
                for code in dict.fromkeys(codes)
                if code in result.subjects
            )
        if result.promotion is Promotion.SUMMER_TRAINING or DecisionKind.CONDUCT in kinds:
            found["training"] = "Rèn luyện cả năm Chưa đạt"
    else:
        items = [one.title for one in _due(pupil, said) if one.article == "TT27 Đ.11.1.b"]
        if items:
            found["supplement"] = "; ".join(title.removesuffix(": đánh giá bổ sung") for title in items)
    if grade in LAST_GRADES:
        found[_completion(result)] = ""
    return found


def _completion(result: Result) -> str:
    """The list in which a pupil of a last class stands."""
    if result.promotion in (Promotion.PENDING, Promotion.NOT_ASSESSED):
        return "undecided"
    if isinstance(result, PrimaryResult):
        return "completed" if result.programme_completed else "not_completed"
    return "completed" if result.promotion is Promotion.PROMOTED else "not_completed"


def _said(said: Decisions, kind: DecisionKind) -> list[DecisionKey]:
    return [key for key, one in said.items() if key.kind is kind and one.value]


def _line(school_class: ClassSummary, pupil: PupilResult, what: str) -> ListedPupil:
    return ListedPupil(
        result_id=pupil.id,
        student_id=pupil.student_id,
        class_name=school_class.name,
        class_id=school_class.id,
        student_code=pupil.student_code,
        full_name=pupil.full_name,
        what=what,
        now=PROMOTION_NAMES[pupil.result.promotion],
    )


def _due(pupil: PupilResult, said: Decisions) -> list[Item]:
    return rules.due(pupil, said, assessment.due_for_supplement(pupil))


async def _pupil(session: TenantSession, class_id: uuid.UUID, student_id: uuid.UUID) -> PupilResult:
    for one in await assessment.class_results(session, class_id):
        if one.student_id == student_id:
            return one
    raise NotFound("Không tìm thấy kết quả của học sinh này trong lớp.")


async def _teachers(session: TenantSession, school_class: ClassSummary) -> Mapping[str, StaffId | None]:
    """subject → who teaches it; the homeroom teacher where nobody else does."""
    return {
        one.subject_code: one.teacher_id or school_class.homeroom_teacher_id
        for one in await roster.list_assignments(session, school_class.id)
    }


def _entry(
    actor: Actor,
    school_class: ClassSummary,
    teachers: Mapping[str, StaffId | None],
    names: Mapping[StaffId, str],
    item: Item,
    said: Decisions,
) -> Entry:
    word = said.get(item.key)
    return Entry(
        item=item,
        said=word,
        said_by=names.get(word.decided_by, "") if word else "",
        may_write=_may(actor, school_class, teachers, item.key),
        whose=_whose(item.key),
    )


def _may(
    actor: Actor, school_class: ClassSummary, teachers: Mapping[str, StaffId | None], key: DecisionKey
) -> bool:
    """Whether a word is this person's: the principal's, the subject's teacher's, or the homeroom teacher's."""
    if key.kind is DecisionKind.PROMOTION:
        return actor.may(Permission.PROMOTION_DECIDE)
    whose = teachers.get(key.slot) if key.kind in rules.OF_SUBJECT else school_class.homeroom_teacher_id
    return actor.may(Permission.SHEET_WRITE) and actor.staff_id is not None and actor.staff_id == whose


def _whose(key: DecisionKey) -> str:
    if key.kind is DecisionKind.PROMOTION:
        return "hiệu trưởng"
    return "giáo viên dạy môn này" if key.kind in rules.OF_SUBJECT else "giáo viên chủ nhiệm"
