"""What a school may decide about its subjects, and what stands against it. No I/O.

Chương trình GDPT 2018 (TT32/2018, TT13/2022) fixes which subjects are compulsory and their lessons; TT22/2021 Đ.5 how
each is assessed. A school may teach more lessons, leave out what is tự chọn or lựa chọn, and add subjects of its own.
"""

import re
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence

from backend.core.errors import Conflict, Invalid
from backend.core.text import check_text
from backend.records.gradebook.schemas import Cell, MarkKind
from backend.records.planning.schemas import ChoiceMove, GradeFacts, Wanted
from backend.records.plans.schemas import (
    LANGUAGE_NAMES,
    USUAL_LANGUAGES,
    Choice,
    ClassChoices,
    Decision,
    Language,
    Languages,
    Plan,
    may_have_topics,
)
from backend.records.roster.curriculum import (
    ELECTIVES_CHOSEN,
    TOPICS_CHOSEN,
    AssessedBy,
    GradeSubject,
    Kind,
    find_subject,
)
from backend.records.roster.schemas import StudentSummary

#: A subject of the programme may have so many times its lessons; one of the school's own so many a year.
MOST_TIMES, MOST_LESSONS = 2, 420
MAX_NAME = 60
KIND_NAMES = {Kind.COMPULSORY: "Bắt buộc", Kind.ELECTIVE: "Lựa chọn", Kind.OPTIONAL: "Tự chọn"}
MODE_NAMES = {AssessedBy.SCORE: "Điểm số", AssessedBy.COMMENT: "Nhận xét"}


def checked(plan: Plan, subject: GradeSubject | None, wanted: Wanted) -> Decision:
    """What was typed as a decision; `subject` is None for a new one of the school's own. Raises Invalid."""
    national = find_subject(plan.grade, subject.code) if subject else None
    if national is None:
        return _own(plan, subject, wanted)
    if national.kind is Kind.COMPULSORY and not wanted.taught:
        raise Invalid(
            f"{national.name} là môn bắt buộc của chương trình lớp {plan.grade} (TT32/2018) nên không bỏ được."
        )
    lowest, highest = national.lessons_per_year, MOST_TIMES * national.lessons_per_year
    if wanted.topics and not may_have_topics(national):
        raise Invalid(f"Chương trình không có cụm chuyên đề của môn {national.name} ở lớp {plan.grade}.")
    return Decision(
        taught=wanted.taught,
        lessons_per_year=_lessons(wanted.lessons, national.name, lowest, highest),
        counts=wanted.counts or national.kind is not Kind.OPTIONAL,
        topics=wanted.topics,
        revision=wanted.revision,
    )


def _own(plan: Plan, subject: GradeSubject | None, wanted: Wanted) -> Decision:
    name = check_text(wanted.name, field="Tên môn", person=f"khối {plan.grade}", limit=MAX_NAME)
    if not name:
        raise Invalid("Môn riêng của trường cần có tên, ví dụ: Toán tiếng Anh.")
    others = (one.name for one in plan.subjects if subject is None or one.code != subject.code)
    if name.casefold() in {other.casefold() for other in others}:
        raise Invalid(f"Khối {plan.grade} đã có môn tên “{name}”; hãy chọn tên khác.")
    try:
        mode = AssessedBy(wanted.assessed_by) if plan.grade > 5 else AssessedBy.COMMENT
    except ValueError:
        raise Invalid(f"Chưa chọn cách đánh giá môn {name}; xin chọn điểm số hoặc chỉ nhận xét.") from None
    return Decision(
        taught=wanted.taught,
        lessons_per_year=_lessons(wanted.lessons, name, 1, MOST_LESSONS),
        counts=False,
        topics=False,
        name=name,
        assessed_by=mode,
        revision=wanted.revision,
    )


def _lessons(typed: str, name: str, lowest: int, highest: int) -> int:
    if not re.fullmatch(r"[0-9]{1,3}", typed.strip()) or not lowest <= int(typed) <= highest:
        raise Invalid(f"Số tiết cả năm của môn {name} phải là số nguyên từ {lowest} đến {highest}.")
    return int(typed)


def require_possible(old: GradeSubject | None, new: GradeSubject, wanted: Wanted, facts: GradeFacts) -> None:
    """Raises Conflict where the change would take away marks that were recorded, or comes after a lock."""
    if facts.closed:
        raise Conflict(
            f"Sổ {facts.closed} đã khóa nên kế hoạch môn của khối {new.grade} không đổi được nữa; "
            "thay đổi xin làm ở năm học sau."
        )
    names = {one.id: one.name for one in facts.classes}
    for class_id in facts.having:
        cells = facts.marked.get(class_id, frozenset())
        if str(class_id) not in wanted.classes or not new.taught:
            if cells or class_id in facts.touched:
                raise Conflict(
                    f"Sổ {new.name} của lớp {names[class_id]} đã có điểm hoặc đã từng nộp "
                    "nên lớp này không thôi học môn được."
                )
        elif old and cells:
            _require_cells(old, new, cells, names[class_id])


def _require_cells(old: GradeSubject, new: GradeSubject, cells: frozenset[Cell], class_name: str) -> None:
    if old.assessed_by is not new.assessed_by:
        raise Conflict(
            f"Lớp {class_name} đã có điểm môn {new.name} nên cách đánh giá không đổi được; "
            "hãy thêm một môn khác nếu cần."
        )
    slots = [int(cell.slot) for cell in cells if cell.kind is MarkKind.REGULAR]
    if slots and max(slots) > new.regular_marks:
        raise Conflict(
            f"Lớp {class_name} đã ghi ĐĐGtx {max(slots)} môn {new.name}, mà {new.lessons_per_year} tiết chỉ có "
            f"{new.regular_marks} lần đánh giá thường xuyên (TT22 Đ.6); hãy giữ số tiết như cũ."
        )
    if old.topics and not new.topics and any(cell.kind is MarkKind.TOPIC for cell in cells):
        raise Conflict(f"Lớp {class_name} đã ghi kết quả chuyên đề môn {new.name} nên cụm này không bỏ được.")


def consequences(
    old: GradeSubject | None, new: GradeSubject, wanted: Wanted, facts: GradeFacts
) -> tuple[str, ...]:
    """What would follow, a sentence each; nothing where nothing changes."""
    found = []
    if old is None:
        found.append(
            f"Khối {new.grade} có thêm môn {new.name}, {new.lessons_per_year} tiết cả năm: có sổ điểm, "
            "không tính vào kết quả theo thông tư và không in vào học bạ."
        )
    else:
        found += _differences(old, new)
    having = {str(class_id) for class_id in facts.having}
    for one in facts.classes:
        if new.taught and str(one.id) in wanted.classes - having:
            found.append(
                f"Lớp {one.name} học môn này: mở sổ điểm mới; giáo viên phân công ở trang Phân công."
            )
        if str(one.id) in having and (not new.taught or str(one.id) not in wanted.classes):
            found.append(f"Lớp {one.name} thôi học môn này: sổ còn trống được bỏ đi.")
    return tuple(found)


def _differences(old: GradeSubject, new: GradeSubject) -> Iterable[str]:
    if old.name != new.name:
        yield f"Tên môn đổi từ “{old.name}” thành “{new.name}”."
    if old.lessons_per_year != new.lessons_per_year:
        yield f"Số tiết cả năm đổi từ {old.lessons_per_year} thành {new.lessons_per_year}."
    if old.assessed_by is not new.assessed_by:
        yield f"Cách đánh giá đổi thành: {MODE_NAMES[new.assessed_by]}."
    if old.regular_marks != new.regular_marks:
        yield f"Mỗi học kì có {new.regular_marks} lần đánh giá thường xuyên, trước là {old.regular_marks} (TT22 Đ.6.2.b)."
    if old.counts != new.counts:
        yield "Môn được tính vào kết quả học tập." if new.counts else "Môn không tính vào kết quả học tập."
    if old.topics != new.topics:
        yield (
            "Sổ có thêm cột Chuyên đề; chọn học sinh ở trang “Môn lựa chọn” của từng lớp."
            if new.topics
            else "Sổ không còn cột Chuyên đề."
        )
    if old.taught != new.taught:
        yield "Trường dạy môn này." if new.taught else "Trường không dạy môn này."


def details(old: GradeSubject | None, new: GradeSubject) -> dict[str, str | int | None]:
    """What the audit keeps of a change: each part that is another, before and after."""
    before, after = _parts(old) if old else {}, _parts(new)
    found: dict[str, str | int | None] = {}
    for name, value in after.items():
        if before.get(name) != value:
            found |= {f"old_{name}": before.get(name), f"new_{name}": value}
    return found


def _parts(subject: GradeSubject) -> dict[str, str | int]:
    return {
        "subject_name": subject.name,
        "lessons": subject.lessons_per_year,
        "mode": MODE_NAMES[subject.assessed_by],
        "taught": _yes(subject.taught),
        "counts": _yes(subject.counts),
        "topics": _yes(subject.topics),
    }


def _yes(value: bool) -> str:
    return "có" if value else "không"


def new_code(plan: Plan) -> str:
    """A code for one more subject of the school's own."""
    numbers = [int(one.code[1:]) for one in plan.subjects if re.fullmatch(r"R[0-9]+", one.code)]
    return f"R{max(numbers, default=0) + 1}"


def require_choice(choice: Choice, name: str) -> None:
    """Exactly four electives, at most three clusters (TT32/2018, TT13/2022). Raises Invalid that names whose it is."""
    if len(choice.electives) != ELECTIVES_CHOSEN:
        raise Invalid(
            f"{name} đang có {len(choice.electives)} môn lựa chọn; chương trình yêu cầu đúng {ELECTIVES_CHOSEN} môn "
            "(TT13/2022)."
        )
    if len(choice.topics) > TOPICS_CHOSEN:
        raise Invalid(
            f"{name} đang có {len(choice.topics)} cụm chuyên đề; mỗi học sinh học nhiều nhất "
            f"{TOPICS_CHOSEN} cụm (TT13/2022)."
        )


def problems(choices: ClassChoices, students: Iterable[StudentSummary]) -> tuple[str, ...]:
    """Who has no four electives or more than three clusters, a sentence each; who follows the class is said with it."""
    found = []
    for name, choice in [
        ("Lớp", choices.combination),
        *((one.full_name, choices.pupils[one.id]) for one in students if one.id in choices.pupils),
    ]:
        try:
            require_choice(choice, name)
        except Invalid as error:
            found.append(error.message)
    return tuple(found)


def moves(
    seen: ClassChoices,
    students: Sequence[StudentSummary],
    combination: Choice,
    wanted: Mapping[str, Choice],
    offered: Choice,
) -> list[ChoiceMove]:
    """What everybody takes from now on. Raises Invalid for a choice that the programme or the class does not allow.

    Whoever followed the class and was left as they were follows its new combination.
    """
    found = []
    people: list[tuple[StudentSummary | None, str, Choice, Choice]] = [
        (None, "Lớp", seen.combination, combination)
    ]
    for one in students:
        old = seen.of(one.id)
        new = wanted.get(str(one.id), old)
        follows = one.id not in seen.pupils and new == old
        people.append((one, one.full_name, old, combination if follows else new))
    for student, name, old, new in people:
        if not (new.electives <= offered.electives and new.topics <= offered.topics):
            raise Invalid(
                f"{name}: có môn hoặc cụm chuyên đề mà lớp không học; hãy tải lại trang rồi chọn lại."
            )
        require_choice(new, name)
        found.append(ChoiceMove(student_id=student.id if student else None, name=name, old=old, new=new))
    return found


def require_no_marks(
    move: ChoiceMove, plan: Plan, cells: Mapping[tuple[str, int], Mapping[Cell, str]], locked: frozenset[str]
) -> None:
    """Raises Conflict where a pupil would lose marks, or where a sheet that they would leave or join is locked."""
    for code in move.old.electives ^ move.new.electives:
        if code in locked:
            raise Conflict(
                f"{move.name}: sổ {plan.name_of(code)} của lớp đã khóa nên môn lựa chọn này không đổi được nữa."
            )
    for code in move.old.electives - move.new.electives:
        if any(value for term in (1, 2) for value in cells.get((code, term), {}).values()):
            raise Conflict(
                f"{move.name} đã có điểm môn {plan.name_of(code)} nên không thôi học môn ấy được; "
                "hãy xóa điểm trong sổ trước nếu ghi nhầm."
            )
    for code in move.old.topics - move.new.topics:
        if code in locked or any(cells.get((code, term), {}).get(Cell(MarkKind.TOPIC)) for term in (1, 2)):
            raise Conflict(
                f"{move.name} đã có kết quả chuyên đề môn {plan.name_of(code)}, hoặc sổ đã khóa, "
                "nên không bỏ cụm ấy được."
            )


def checked_languages(
    typed: Mapping[str, str], codes: Iterable[str], name: str, of_class: Languages
) -> dict[str, Language]:
    """What a class, or a pupil of it (`name`), learns: what was chosen, else what the class learns or is usual.

    Raises Invalid for what is no language, and for one language as the first and the second.
    """
    found: dict[str, Language] = {}
    for code in codes:
        chosen = typed.get(code, "")
        if chosen and chosen not in set(Language):
            raise Invalid(f"{name}: hãy chọn thứ tiếng trong danh sách.")
        language = Language(chosen) if chosen else of_class.get(code, USUAL_LANGUAGES.get(code))
        if language is not None:
            found[code] = language
    if len(found) > len(set(found.values())):
        same = LANGUAGE_NAMES[next(iter(found.values()))]
        raise Invalid(f"{name}: Ngoại ngữ 1 và Ngoại ngữ 2 phải là hai thứ tiếng, không cùng là {same}.")
    return found


def require_not_frozen(moved: Iterable[StudentSummary], frozen: Collection[uuid.UUID]) -> None:
    """Raises Conflict for a pupil who would learn another language than their frozen transcript says."""
    for one in moved:
        if one.id in frozen:
            raise Conflict(
                f"Học bạ năm nay của {one.full_name} đã chốt nên thứ tiếng giữ nguyên; học bạ sai thì ban giám hiệu rút "
                "lại học bạ ấy trước. Cần đổi cho các em khác thì chọn ở dòng của từng em."
            )


def language_words(languages: Languages) -> str:
    """What somebody learns, in words."""
    told = (f"{code}: {LANGUAGE_NAMES[language]}" for code, language in sorted(languages.items()))
    return "; ".join(told) or "chưa ghi"
