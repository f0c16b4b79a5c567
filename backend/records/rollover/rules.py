"""Where pupils go when a year ends: pure. The confirmed result decides, never a guess (TT22 Đ.12–14, TT27 Đ.11)."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from backend.core.errors import Conflict, Invalid
from backend.records.assessment.schemas import Promotion
from backend.records.rollover.schemas import ClassMove, NextClass, Outcome, Place, PupilMove
from backend.records.roster.schemas import ClassSummary
from backend.tenants.schools.schemas import LAST_GRADES

#: Grades that begin a level, whose classes are opened for those who come.
FIRST_GRADES = frozenset({1, 6, 10})

_WHY = {
    Promotion.REASSESSMENT: "đánh giá lại trong kì nghỉ hè (TT22 Đ.14)",
    Promotion.SUMMER_TRAINING: "rèn luyện trong kì nghỉ hè (TT22 Đ.13)",
    Promotion.SUPPLEMENTARY: "chờ đánh giá bổ sung và quyết định của hiệu trưởng (TT27 Đ.11)",
    Promotion.PENDING: "kết quả năm học còn thiếu",
    Promotion.NOT_ASSESSED: "học sinh khuyết tật không đánh giá, chờ quyết định của hiệu trưởng (TT22 Đ.11, TT27 Đ.8)",
}


def next_name(name: str, grade: int) -> str:
    """The name of a class one year later: 6A1 → 7A1; a name that does not begin with its grade stays."""
    own = str(grade)
    return f"{grade + 1}{name.removeprefix(own)}" if name.startswith(own) else name


def next_classes(classes: Iterable[ClassSummary], there: Iterable[ClassSummary]) -> tuple[NextClass, ...]:
    """Classes of the next year: those that are there, those that old ones become, those of first grades for who comes."""
    found = {
        one.name: NextClass(name=one.name, grade=one.grade_level, class_id=one.id, comes_from=None)
        for one in there
    }
    for one in classes:
        if one.grade_level not in LAST_GRADES:
            name = next_name(one.name, one.grade_level)
            known = found.get(name)
            if known is None:
                found[name] = NextClass(name=name, grade=one.grade_level + 1, class_id=None, comes_from=one)
        if one.grade_level in FIRST_GRADES and one.name not in found:
            found[one.name] = NextClass(name=one.name, grade=one.grade_level, class_id=None, comes_from=one)
    return tuple(sorted(found.values(), key=lambda one: (one.grade, len(one.name), one.name)))


def class_move(
    school_class: ClassSummary,
    places: Iterable[Place],
    targets: Sequence[NextClass],
    chosen: Mapping[UUID, str],
    placed: Mapping[UUID, str],
) -> ClassMove:
    """One class of the old year: what becomes of it and of each of its pupils."""
    last = school_class.grade_level in LAST_GRADES
    return ClassMove(
        school_class=school_class,
        becomes="" if last else next_name(school_class.name, school_class.grade_level),
        pupils=tuple(
            pupil_move(school_class, one, targets, chosen.get(one.student_id), placed.get(one.student_id))
            for one in places
        ),
    )


def pupil_move(
    school_class: ClassSummary,
    place: Place,
    targets: Sequence[NextClass],
    chosen: str | None,
    placed: str | None,
) -> PupilMove:
    """What becomes of one pupil. A chosen class counts as long as its grade is one that the result allows."""
    outcome, grades, reason = _outcome(place, school_class.grade_level)
    allowed = {one.name: one.grade for one in targets if one.grade in grades}
    usual = {
        Outcome.UP: next_name(school_class.name, school_class.grade_level),
        Outcome.STAYS: school_class.name,
    }.get(outcome)
    target = chosen if chosen in allowed else usual if usual in allowed else None
    if target is None and outcome in (Outcome.UP, Outcome.STAYS):
        target = next(iter(allowed), None)
        reason = "" if target else f"năm học mới chưa có lớp khối {grades[0]}"
    return PupilMove(
        place=place,
        outcome=outcome if target or outcome is Outcome.FINISHED else Outcome.UNDECIDED,
        grades=grades,
        target=target,
        reason=reason,
        placed=placed,
    )


def _outcome(place: Place, grade: int) -> tuple[Outcome, tuple[int, ...], str]:
    """Outcome, grades of the next year that the result allows, and why nothing is decided."""
    if place.promotion is None:
        return Outcome.UNDECIDED, (), "chưa có kết quả năm học"
    promotion = Promotion(place.promotion)
    if promotion is not Promotion.PENDING and not place.is_confirmed:
        return Outcome.UNDECIDED, (), "kết quả chưa được giáo viên chủ nhiệm xác nhận"
    if promotion is Promotion.PROMOTED:
        if grade in LAST_GRADES:
            return Outcome.FINISHED, (), ""
        return Outcome.UP, (grade + 1,), ""
    if promotion is Promotion.RETAINED:
        return Outcome.STAYS, (grade,), ""
    return Outcome.UNDECIDED, (), _WHY[promotion]


def choices(
    pupils: Iterable[PupilMove], typed: Mapping[str, str], seen: Mapping[str, str]
) -> list[tuple[PupilMove, str]]:
    """Whom a form gives another class than its writer saw (student id → name of a class, "" is none).

    Raises Conflict that names those for whom somebody else has chosen meanwhile.
    """
    found, overtaken = [], []
    for pupil in pupils:
        key = str(pupil.place.student_id)
        before, target, now = seen.get(key, ""), typed.get(key, ""), pupil.target or ""
        if target and target not in (before, now):
            found.append((pupil, target))
            if before != now:
                overtaken.append(f"{pupil.place.full_name} {f'sang lớp {now}' if now else 'chưa có lớp'}")
    if overtaken:
        raise Conflict(f"Người khác vừa chọn lại: {', '.join(overtaken)}; chưa lưu gì, xin xem lại rồi chọn.")
    return found


def require_target(pupil: PupilMove, target: str, names: Iterable[str]) -> None:
    """Raises Conflict for a pupil who has a place already, Invalid for a class that their result does not allow."""
    name = pupil.place.full_name
    if pupil.placed is not None:
        raise Conflict(f"{name} đã có lớp {pupil.placed} ở năm học mới; chuyển lớp xin làm ở danh sách lớp.")
    if target not in set(names):
        why = pupil.reason or "kết quả năm học không cho xếp vào khối ấy"
        raise Invalid(f"Chưa xếp được {name} vào lớp “{target}”: {why}.")


def require_undoable(marked: str, touched: str | None) -> None:
    """Raises Conflict once a class of the new year has marks (`marked` names it), or a pupil has moved on (`touched`)."""
    if marked:
        raise Conflict(
            f"Lớp {marked} của năm học mới đã có điểm hoặc sổ đã nộp nên không hoàn tác được; "
            "học sinh xếp nhầm lớp xin chuyển từng em."
        )
    if touched:
        raise Conflict(
            f"{touched} đã được chuyển lớp hoặc ghi rời trường sau khi kết chuyển nên không hoàn tác được; "
            "học sinh xếp nhầm lớp xin chuyển từng em."
        )
