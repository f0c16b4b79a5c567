"""What the page says: every piece of a snapshot in the words and notation in which the form prints it.

The typst templates lay these strings out and add nothing but the form's fixed words; `page_check.py` finds
the same strings again in the text of a PDF.
"""

import re
from datetime import date, timedelta, timezone
from itertools import groupby

from msgspec import UNSET

from backend.records.transcripts.canonical import Json
from backend.records.transcripts.schemas import (
    Gender,
    Level,
    PrimaryResults,
    Promotion,
    SchoolLevel,
    SecondaryResults,
    SecondarySubject,
    Snapshot,
    StudyPeriod,
    TraitGroup,
    YearLevel,
)

View = dict[str, Json]

LEVEL_TITLES = {
    SchoolLevel.PRIMARY: "TIỂU HỌC",
    SchoolLevel.LOWER_SECONDARY: "TRUNG HỌC CƠ SỞ",
    SchoolLevel.UPPER_SECONDARY: "TRUNG HỌC PHỔ THÔNG",
}
GENDERS = {Gender.MALE: "Nam", Gender.FEMALE: "Nữ", None: ""}
LEVELS = {
    Level.GOOD: "Tốt",
    Level.FAIR: "Khá",
    Level.ACHIEVED: "Đạt",
    Level.NOT_ACHIEVED: "Chưa đạt",
    None: "",
}
YEAR_LEVELS = {
    YearLevel.EXCELLENT: "Hoàn thành xuất sắc",
    YearLevel.GOOD: "Hoàn thành tốt",
    YearLevel.COMPLETED: "Hoàn thành",
    YearLevel.NOT_COMPLETED: "Chưa hoàn thành",
    None: "",
}
PROMOTIONS = {
    Promotion.PROMOTED: "Được lên lớp",
    Promotion.RETAINED: "Không được lên lớp",
    Promotion.REASSESSMENT: "Đánh giá lại trong kì nghỉ hè",
    Promotion.SUMMER_TRAINING: "Rèn luyện trong kì nghỉ hè",
    Promotion.SUPPLEMENTARY: "Đánh giá bổ sung",
    Promotion.NOT_ASSESSED: "Không đánh giá (học sinh khuyết tật)",
}
EXEMPT = "Miễn"
#: Vietnamese time, the same all year; `core.clock` reads the time and is no place for rules.
_VIETNAM = timezone(timedelta(hours=7))
#: In the note of corrections: who decided, or why, is not known.
UNKNOWN = "(không rõ)"
#: A học bạ số takes effect when the Sở closes its data (PL1 §2.1), which is after these bytes are fixed.
EFFECTIVE_LATER = "từ ngày chốt tại cơ sở dữ liệu học bạ của Sở Giáo dục và Đào tạo"
_PART = re.compile(r"(.+) \(([^()]+)\)")


def printed(snapshot: Snapshot) -> View:
    """All that the templates need, as nested dictionaries of strings ("" where the form stays blank)."""
    results = snapshot.year.results
    primary = isinstance(results, PrimaryResults)
    return {
        "sandbox": snapshot.sandbox,
        "level_title": LEVEL_TITLES[snapshot.level],
        "school": _school(snapshot),
        "student": _student(snapshot),
        "history": [history_row(row) for row in snapshot.study_history],
        "year": _year(snapshot),
        "results": _primary(results) if isinstance(results, PrimaryResults) else _secondary(results),
        "signers": {
            signer.role.value: {"name": signer.name, "title": signer.title} for signer in snapshot.signers
        },
        "issue": printed_issue(snapshot),
        "corrections": _corrections(snapshot, has_sentence=not primary),
    }


def long_date(day: date) -> str:
    """ "ngày 03 tháng 9 năm 2026": days below 10 and months 1, 2 carry a zero (NĐ 30/2020 PL I)."""
    month = f"{day.month:02}" if day.month < 3 else str(day.month)
    return f"ngày {day.day:02} tháng {month} năm {day.year}"


def decimal(value: str | None) -> str:
    """A mark or measure with the Vietnamese decimal comma; Đ and CĐ stay as they are."""
    return (value or "").replace(".", ",")


def _school(snapshot: Snapshot) -> View:
    school = snapshot.school
    return {
        "name": school.name,
        "code": school.code,
        "ward": school.ward,
        "province": school.province,
        "tax_code": school.tax_code or "",
    }


def _student(snapshot: Snapshot) -> View:
    student = snapshot.student
    names = (
        *(
            "ethnicity",
            "nationality",
            "birth_place",
            "hometown",
            "current_address",
            "policy_group",
            "personal_id",
        ),
        *("father_name", "father_job", "mother_name", "mother_job", "guardian_name", "guardian_job"),
    )
    return {
        "full_name": student.full_name,
        "student_code": student.student_code,
        "date_of_birth": long_date(student.date_of_birth).removeprefix("ngày "),
        "gender": GENDERS[student.gender],
        **{name: getattr(student, name) or "" for name in names},
    }


def history_row(row: StudyPeriod) -> View:
    """One row of QUÁ TRÌNH HỌC TẬP."""
    return {
        "academic_year": row.academic_year,
        "class_name": row.class_name,
        "school_name": row.school_name,
        "registry_no": row.registry_no or "",
        "joined_on": f"{row.joined_on:%d/%m/%Y}" if row.joined_on else "",
    }


def _year(snapshot: Snapshot) -> View:
    year = snapshot.year
    excused, unexcused = year.absences_excused, year.absences_unexcused
    known = [count for count in (excused, unexcused) if count is not None]
    return {
        "academic_year": year.academic_year,
        "class_name": year.class_name,
        "height": f"{decimal(year.height_cm)} cm" if year.height_cm else "",
        "weight": f"{decimal(year.weight_kg)} kg" if year.weight_kg else "",
        "health": year.health or "",
        "absences_excused": "" if excused is None else str(excused),
        "absences_unexcused": "" if unexcused is None else str(unexcused),
        "absences": str(sum(known)) if known else "",
        "homeroom_comment": year.homeroom_comment or "",
        "principal_comment": year.principal_comment or "",
    }


def printed_issue(snapshot: Snapshot) -> View:
    """Code, place and days of a version."""
    effective = snapshot.effective_date
    return {
        "lookup_code": snapshot.lookup_code,
        "verify_url": snapshot.verify_url,
        "version": str(snapshot.version),
        "place_and_date": f"{snapshot.issue_place}, {long_date(snapshot.issue_date)}",
        "effective_date": long_date(effective).removeprefix("ngày ") if effective else EFFECTIVE_LATER,
    }


def _primary(results: PrimaryResults) -> View:
    parts = _parts([subject.name for subject in results.subjects])
    subjects: list[Json] = [
        {
            **part,
            "level": subject.level or "",
            "test_mark": subject.test_mark or "",
            "comment": subject.comment or "",
        }
        for subject, part in zip(results.subjects, parts, strict=True)
    ]
    return {
        "subjects": subjects,
        "traits": {group.value: _traits(results, group) for group in TraitGroup},
        "year_level": YEAR_LEVELS[results.year_level],
        "award": results.award or "",
        "completion": results.completion,
    }


def _traits(results: PrimaryResults, group: TraitGroup) -> list[Json]:
    return [
        {"name": trait.name, "level": trait.level or "", "comment": trait.comment or ""}
        for trait in results.traits
        if trait.group is group
    ]


def _parts(names: list[str]) -> list[View]:
    """ "Nghệ thuật (Âm nhạc)" beside "Nghệ thuật (Mĩ thuật)" prints as one subject with two parts.

    `span` is the number of rows that the subject's own cell covers: 0 where an earlier row covers this one.
    """
    split = [match.groups() if (match := _PART.fullmatch(name)) else (name, "") for name in names]
    rows: list[View] = []
    for subject, run in groupby(zip(split, names, strict=True), key=lambda pair: pair[0][0]):
        members = list(run)
        if len(members) > 1 and all(part for (_, part), _ in members):
            rows += [
                {"of": subject, "name": part, "span": 0 if index else len(members)}
                for index, ((_, part), _) in enumerate(members)
            ]
        else:
            rows += [{"of": "", "name": whole, "span": 1} for _, whole in members]
    return rows


def _secondary(results: SecondaryResults) -> View:
    conduct, learning = results.conduct, results.learning
    return {
        "subjects": [_secondary_subject(subject) for subject in results.subjects],
        "conduct": {name: LEVELS[getattr(conduct, name)] for name in conduct.__struct_fields__},
        "learning": {name: LEVELS[getattr(learning, name)] for name in learning.__struct_fields__},
        "promotion": _promotion(results),
        "completion": results.completion,
        "award": results.award or "",
        "certificates": list(results.certificates),
        "competitions": list(results.competitions),
        "summer_training": "" if results.summer_training is UNSET else results.summer_training,
    }


def _secondary_subject(subject: SecondarySubject) -> View:
    return {
        "name": subject.name,
        "term1": decimal(subject.term1),
        "term2": decimal(subject.term2),
        "year": decimal(subject.year) or (EXEMPT if subject.exempt else ""),
        "reassessed": decimal(subject.reassessed),
        "comment": subject.comment or "",
        "teacher_name": subject.teacher_name or "",
    }


def _promotion(results: SecondaryResults) -> str:
    if results.programme_completed is None:
        return PROMOTIONS[results.promotion]
    return "Hoàn thành chương trình" if results.programme_completed else "Không hoàn thành chương trình"


def _corrections(snapshot: Snapshot, *, has_sentence: bool) -> View:
    """The note of what was corrected, decision by decision. The secondary form has a sentence under the table of marks,
    which is there without a correction, too: `in_table` places, in these subjects.
    """
    noted = () if snapshot.corrections is UNSET else snapshot.corrections
    in_table = len([one for one in noted if one.subject]) if noted else snapshot.correction_count
    sentence: View = {"in_table": str(in_table), "subjects": ", ".join(snapshot.corrected_subjects)}
    decisions: list[Json] = [
        {
            "at": f"{at.astimezone(_VIETNAM):%H:%M ngày %d/%m/%Y}",
            "by": by or UNKNOWN,
            "why": why or UNKNOWN,
            "places": [{"what": one.what, "old": one.old, "new": one.new} for one in places],
        }
        for (at, by, why), places in groupby(noted, key=lambda one: (one.at, one.by, one.why))
    ]
    return {
        **(sentence if has_sentence else {"in_table": "", "subjects": ""}),
        "count": str(len(noted)) if noted else "",
        "decisions": decisions,
    }
