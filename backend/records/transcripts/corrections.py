"""In what two frozen contents differ, place by place, in words: computed, never typed.

The paper form strikes a wrong mark through in red, the teacher signs beside it, and a note says how many places were
corrected, in which subjects (TT22/2021, use of the học bạ). Here both editions stay, and each carries a note of all that
was corrected, by whose decision, when and why.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import msgspec

from backend.records.assessment.schemas import SUBJECT_LEVEL_NAMES, TRAIT_LEVEL_NAMES
from backend.records.plans.schemas import FOREIGN
from backend.records.transcripts.canonical import clean_snapshot
from backend.records.transcripts.printed import GENDERS, LEVELS, PROMOTIONS, YEAR_LEVELS, decimal
from backend.records.transcripts.schemas import (
    Correction,
    Gender,
    Level,
    PrimaryResults,
    Promotion,
    SecondaryResults,
    SignerRole,
    Snapshot,
    SubjectLevel,
    TraitLevel,
    YearLevel,
)

_STUDENT = {
    "student_code": "Mã học sinh",
    "full_name": "Họ và tên",
    "date_of_birth": "Ngày sinh",
    "personal_id": "Số định danh cá nhân",
    "gender": "Giới tính",
    "ethnicity": "Dân tộc",
    "nationality": "Quốc tịch",
    "birth_place": "Nơi sinh",
    "hometown": "Quê quán",
    "current_address": "Nơi ở hiện nay",
    "policy_group": "Diện chính sách",
    "father_name": "Họ và tên cha",
    "father_job": "Nghề nghiệp của cha",
    "mother_name": "Họ và tên mẹ",
    "mother_job": "Nghề nghiệp của mẹ",
    "guardian_name": "Người giám hộ",
    "guardian_job": "Nghề nghiệp của người giám hộ",
}
_YEAR = {
    "class_name": "Lớp",
    "height_cm": "Chiều cao",
    "weight_kg": "Cân nặng",
    "health": "Sức khỏe",
    "absences_excused": "Số buổi nghỉ có phép",
    "absences_unexcused": "Số buổi nghỉ không phép",
    "homeroom_comment": "Nhận xét của giáo viên chủ nhiệm",
    "principal_comment": "Nhận xét của hiệu trưởng",
}
_RESULTS = {
    "year_level": "Đánh giá cuối năm",
    "promotion": "Lên lớp",
    "class_completed": "Hoàn thành chương trình lớp học",
    "programme_completed": "Hoàn thành chương trình cấp học",
    "completion": "Hoàn thành chương trình",
    "award": "Khen thưởng",
    "certificates": "Chứng chỉ",
    "competitions": "Thành tích trong các cuộc thi",
    "summer_training": "Nhận xét về rèn luyện trong kì nghỉ hè",
}
_SCHOOL = {
    "name": "Tên trường",
    "code": "Mã trường",
    "province": "Tỉnh, thành phố",
    "ward": "Xã, phường, đặc khu",
    "tax_code": "Mã số thuế",
}
_SUBJECT = {
    "level": "mức đạt được",
    "test_mark": "điểm kiểm tra",
    "term1": "học kì I",
    "term2": "học kì II",
    "year": "cả năm",
    "reassessed": "đánh giá lại",
    "exempt": "miễn học",
    "comment": "nhận xét",
    "teacher_name": "giáo viên",
}
#: Texts of the table of marks: a full stop there is none of a decimal.
_SAID = frozenset({"comment", "teacher_name"})
_NOT_ON_THE_FORM = object()
_WORDS: Mapping[type, Mapping[Any, str]] = {
    Gender: GENDERS,
    Level: LEVELS,
    YearLevel: YEAR_LEVELS,
    Promotion: PROMOTIONS,
    SubjectLevel: SUBJECT_LEVEL_NAMES,
    TraitLevel: TRAIT_LEVEL_NAMES,
}
#: Cells of the table of marks; a teacher's name beside them is none.
_MARKS = frozenset(_SUBJECT) - {"teacher_name"}
_TERMS = {
    "term1": "học kì I",
    "term2": "học kì II",
    "year": "cả năm",
    "after_summer": "sau hè",
    "after_reassessment": "sau đánh giá lại",
}
_SIGNERS = {
    SignerRole.HOMEROOM_TEACHER: "Giáo viên chủ nhiệm ký",
    SignerRole.PRINCIPAL: "Người ký thay mặt nhà trường",
    SignerRole.SCHOOL_SEAL: "Con dấu",
}


class Line(msgspec.Struct, frozen=True):
    """One place of a transcript: what it is called, what stands there, and its subject if it is a cell of the marks."""

    what: str
    text: str
    subject: str | None = None


class Pair(msgspec.Struct, frozen=True, kw_only=True):
    """The same place in two contents; "" where one of them has nothing there."""

    what: str
    old: str
    new: str
    subject: str | None

    @property
    def differs(self) -> bool:
        """Whether the two say something else there."""
        return self.old != self.new


def side_by_side(old: Snapshot, new: Snapshot) -> list[Pair]:
    """Every place of which at least one of the two contents says something, in the order of the form."""
    before, after = _lines(old), _lines(new)
    places = dict.fromkeys([*before, *after])
    pairs = []
    for place in places:
        known = after.get(place) or before[place]
        then, now = (lines[place].text if place in lines else "" for lines in (before, after))
        if then or now:
            pairs.append(Pair(what=known.what, old=then, new=now, subject=known.subject))
    return pairs


def differences(old: Snapshot, new: Snapshot) -> list[Pair]:
    """The places in which two contents differ; number, dates and addresses of an edition are none."""
    return [pair for pair in side_by_side(old, new) if pair.differs]


def corrected(snapshot: Snapshot, corrections: Iterable[Correction]) -> Snapshot:
    """The content with its note: what was corrected, how many places that is, in which subjects. Raises Invalid."""
    noted = tuple(corrections)
    if not noted:
        return snapshot
    subjects = dict.fromkeys(one.subject for one in noted if one.subject is not None)
    return clean_snapshot(
        msgspec.structs.replace(
            snapshot, correction_count=len(noted), corrected_subjects=tuple(subjects), corrections=noted
        )
    )


def _lines(snapshot: Snapshot) -> dict[tuple[str, ...], Line]:
    """place → what stands there."""
    year, results = snapshot.year, snapshot.year.results
    found: dict[tuple[str, ...], Line] = {}
    found |= _plain("student", snapshot.student, _STUDENT)
    found |= _history(snapshot)
    found |= _plain("school", snapshot.school, _SCHOOL)
    found |= _plain("year", year, _YEAR)
    found |= _subjects(results)
    if isinstance(results, SecondaryResults):
        found |= _terms("conduct", results.conduct, "Kết quả rèn luyện")
        found |= _terms("learning", results.learning, "Kết quả học tập")
    else:
        for trait in results.traits:
            found["trait", trait.code] = Line(trait.name, _text(trait.level))
            found["trait", trait.code, "comment"] = Line(f"{trait.name}: nhận xét", _text(trait.comment))
    found |= _plain("results", results, _RESULTS)
    for signer in snapshot.signers:
        found["signer", signer.role] = Line(_SIGNERS[signer.role], f"{signer.name} ({signer.title})")
    return found


def _history(snapshot: Snapshot) -> dict[tuple[str, ...], Line]:
    """The course of study; whoever changed schools or classes within a year has several rows of that year."""
    found: dict[tuple[str, ...], Line] = {}
    rows = Counter[str]()
    for row in snapshot.study_history:
        year = row.academic_year
        rows[year] += 1
        said = (row.class_name, row.school_name, row.registry_no, _text(row.joined_on))
        what = f"Quá trình học tập, năm học {year}{f' (dòng {rows[year]})' if rows[year] > 1 else ''}"
        found["history", year, str(rows[year])] = Line(what, "; ".join(filter(None, said)))
    return found


def _subjects(results: PrimaryResults | SecondaryResults) -> dict[tuple[str, ...], Line]:
    return _languages(results) | {
        ("subject", subject.code, name): Line(
            f"{subject.name}: {words}",
            _text(value) if name in _SAID else decimal(_text(value)),
            subject.name if name in _MARKS else None,
        )
        for subject in results.subjects
        for name, words in _SUBJECT.items()
        if (value := getattr(subject, name, _NOT_ON_THE_FORM)) is not _NOT_ON_THE_FORM
    }


def _languages(results: PrimaryResults | SecondaryResults) -> dict[tuple[str, ...], Line]:
    """Which language each foreign one is: it stands behind the name of the subject."""
    found: dict[tuple[str, ...], Line] = {}
    for subject in results.subjects:
        if subject.code in FOREIGN:
            name, _, language = subject.name.partition(" (")
            words = f"{name}: thứ tiếng"
            found["subject", subject.code, "language"] = Line(words, language.rstrip(")"), subject.name)
    return found


def _terms(key: str, levels: msgspec.Struct, words: str) -> dict[tuple[str, ...], Line]:
    return {
        (key, name): Line(f"{words}, {_TERMS[name]}", _text(getattr(levels, name)))
        for name in levels.__struct_fields__
    }


def _plain(key: str, facts: msgspec.Struct, names: Mapping[str, str]) -> dict[tuple[str, ...], Line]:
    return {
        (key, name): Line(words, _text(getattr(facts, name)))
        for name, words in names.items()
        if hasattr(facts, name)
    }


def _text(value: Any) -> str:
    """A value in the words by which the form and the pages call it; "" for none."""
    match value:
        case None | msgspec.UNSET:
            return ""
        case bool():
            return "có" if value else "không"
        case date():
            return f"{value:%d/%m/%Y}"
        case tuple():
            return "; ".join(value)
    return _WORDS[type(value)][value] if type(value) in _WORDS else str(value)
