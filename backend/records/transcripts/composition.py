"""From a pupil's year as the school knows it to the frozen content of the học bạ: pure, one pupil at a time."""

from collections.abc import Mapping
from datetime import date

import msgspec

from backend.core.errors import Conflict
from backend.records.assessment.schemas import (
    PrimaryResult,
    Promotion,
    Result,
    SecondaryResult,
    Title,
)
from backend.records.gradebook.schemas import WHOLE_YEAR, Cell, MarkKind
from backend.records.plans.schemas import FOREIGN, LANGUAGE_NAMES, Languages
from backend.records.roster.curriculum import AssessedBy, GradeSubject, find_subject, traits_of
from backend.records.roster.curriculum import TraitGroup as CurriculumGroup
from backend.records.roster.schemas import HOMEROOM, StudentRecord
from backend.records.transcripts import schemas as t
from backend.tenants.schools.schemas import SchoolProfile, level_of

Cells = Mapping[Cell, str]
PupilCells = Mapping[tuple[str, int], Cells]

_NONE: dict[Cell, str] = {}
_JOBS = ("father_job", "mother_job", "guardian_job")
_LAST_PRIMARY_GRADE = 5
_AWARDS = {
    Title.EXCELLENT: "Học sinh Xuất sắc",
    Title.VERY_GOOD: "Học sinh Giỏi",
    Title.EXEMPLARY: "Học sinh Tiêu biểu hoàn thành tốt trong học tập và rèn luyện",
}
_GROUPS = {
    CurriculumGroup.QUALITY: t.TraitGroup.QUALITY,
    CurriculumGroup.GENERAL: t.TraitGroup.GENERAL_COMPETENCE,
    CurriculumGroup.SPECIFIC: t.TraitGroup.SPECIFIC_COMPETENCE,
}
_EXEMPT = "Được miễn học."
#: Of both forms, in the place of what follows from the year.
_NOT_ASSESSED = "Học sinh khuyết tật, không đánh giá theo yêu cầu chung"
_LAST_OF_LEVEL = {9: "trung học cơ sở", 12: "trung học phổ thông"}


class ClassFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is the same for every pupil of a class on the day of the freeze."""

    school: SchoolProfile
    academic_year: str
    class_name: str
    grade_level: int
    subject_codes: tuple[str, ...]
    teachers: dict[str, str]
    signers: tuple[t.Signer, ...]
    issue_date: date
    sandbox: bool
    teachers_sign: bool = False


class PupilFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is this pupil's own."""

    student: StudentRecord
    history: tuple[t.StudyPeriod, ...]
    cells: PupilCells
    result: Result
    #: codes of subjects in which the pupil is not assessed
    exempt: frozenset[str] = frozenset()
    #: electives of the class that the pupil does not take
    not_taken: frozenset[str] = frozenset()
    #: which language Ngoại ngữ 1 and 2 are, by the code of the subject
    languages: Languages = msgspec.field(default_factory=dict)
    #: how the tasks of a training in the summer were done
    summer_training: str | None = None
    lookup_code: str
    version: int
    verify_url: str


def compose(facts: ClassFacts, pupil: PupilFacts) -> t.Snapshot:
    """The snapshot of one pupil-year. Its texts still have to pass `canonical.clean_snapshot`."""
    homeroom = pupil.cells.get((HOMEROOM, WHOLE_YEAR), _NONE)
    results = (
        _primary(facts, pupil, pupil.result, homeroom)
        if isinstance(pupil.result, PrimaryResult)
        else _secondary(facts, pupil, pupil.result)
    )
    return t.Snapshot(
        level=t.SchoolLevel(level_of(facts.grade_level).value),
        school=t.School(
            name=facts.school.name,
            code=facts.school.code,
            province=facts.school.province,
            ward=facts.school.ward,
            tax_code=facts.school.tax_code,
        ),
        student=_student(pupil.student, facts.grade_level),
        study_history=pupil.history,
        year=t.Year(
            academic_year=facts.academic_year,
            grade_level=facts.grade_level,
            class_name=facts.class_name,
            results=results,
            height_cm=homeroom.get(Cell(MarkKind.MEASURE, "height")),
            weight_kg=homeroom.get(Cell(MarkKind.MEASURE, "weight")),
            health=homeroom.get(Cell(MarkKind.HEALTH)),
            absences_excused=_count(homeroom, "excused"),
            absences_unexcused=_count(homeroom, "unexcused"),
            homeroom_comment=homeroom.get(Cell(MarkKind.HOMEROOM_COMMENT)),
            principal_comment=homeroom.get(Cell(MarkKind.PRINCIPAL_COMMENT)),
        ),
        lookup_code=pupil.lookup_code,
        version=pupil.version,
        issue_place=facts.school.province,
        issue_date=facts.issue_date,
        signers=facts.signers,
        sandbox=facts.sandbox,
        verify_url=pupil.verify_url,
    )


def _student(record: StudentRecord, grade: int) -> t.Student:
    """The personal page; jobs are of the secondary form alone (TT22, Phụ lục), so the primary one does not take them."""
    jobs = {name: getattr(record, name) for name in _JOBS} if grade > _LAST_PRIMARY_GRADE else {}
    return t.Student(
        student_code=record.student_code,
        full_name=record.full_name,
        date_of_birth=record.date_of_birth,
        personal_id=record.personal_id,
        gender=t.Gender(record.gender) if record.gender else None,
        ethnicity=record.ethnicity,
        nationality=record.nationality,
        birth_place=record.birth_place,
        hometown=record.hometown,
        current_address=record.current_address,
        father_name=record.father_name,
        mother_name=record.mother_name,
        guardian_name=record.guardian_name,
        policy_group=record.policy_group,
        **jobs,
    )


def _primary(
    facts: ClassFacts, pupil: PupilFacts, result: PrimaryResult, homeroom: Cells
) -> t.PrimaryResults:
    return t.PrimaryResults(
        subjects=tuple(
            _primary_subject(
                find_subject(facts.grade_level, code),
                code,
                pupil.cells.get((code, WHOLE_YEAR), _NONE),
                pupil,
            )
            for code in facts.subject_codes
        ),
        traits=_traits(facts.grade_level, homeroom),
        year_level=t.YearLevel(result.year_level.value) if result.year_level else None,
        promotion=t.Promotion(result.promotion.value),
        class_completed=result.class_completed,
        programme_completed=result.programme_completed,
        completion=_primary_completion(facts.grade_level, result),
        award=_award(result.title, homeroom),
    )


def _primary_subject(
    subject: GradeSubject | None, code: str, sheet: Cells, pupil: PupilFacts
) -> t.PrimarySubject:
    """The form has no column for an exemption: it is said where the teacher's words stand."""
    name = _with_language(_form_name(subject) if subject else code, code, pupil)
    if code in pupil.exempt:
        return t.PrimarySubject(code=code, name=name, comment=_EXEMPT)
    level = sheet.get(Cell(MarkKind.LEVEL))
    attempts = [mark for slot in ("1", "2") if (mark := sheet.get(Cell(MarkKind.TEST, slot)))]
    return t.PrimarySubject(
        code=code,
        name=name,
        level=t.SubjectLevel(level) if level else None,
        test_mark=attempts[-1] if attempts else None,
        comment=sheet.get(Cell(MarkKind.COMMENT)),
    )


def _form_name(subject: GradeSubject) -> str:
    """Parts of one môn are named after it, "Nghệ thuật (Âm nhạc)", so that the form can bracket them."""
    return f"{subject.group} ({subject.name})" if subject.group else subject.name


def _with_language(name: str, code: str, pupil: PupilFacts) -> str:
    """The Ministry's forms have "Ngoại ngữ 1 (…)": which language it is stands behind the name."""
    language = pupil.languages.get(code) if code in FOREIGN else None
    return f"{name} ({LANGUAGE_NAMES[language]})" if language else name


def _traits(grade: int, homeroom: Cells) -> tuple[t.Trait, ...]:
    """The remark of a group stands beside the first trait of the group, as on the paper form."""
    traits, remarked = [], set()
    for trait in traits_of(grade):
        level = homeroom.get(Cell(MarkKind.TRAIT, trait.code))
        remark = (
            None if trait.group in remarked else homeroom.get(Cell(MarkKind.TRAIT_COMMENT, trait.group.value))
        )
        remarked.add(trait.group)
        traits.append(
            t.Trait(
                code=trait.code,
                name=trait.name,
                group=_GROUPS[trait.group],
                level=t.TraitLevel(level) if level else None,
                comment=remark,
            )
        )
    return tuple(traits)


def _primary_completion(grade: int, result: PrimaryResult) -> str:
    """Mục 6 of the primary form (TT27 Đ.11, domain reference 1.7)."""
    if result.programme_completed:
        return "Hoàn thành chương trình tiểu học"
    if result.class_completed:
        return f"Hoàn thành chương trình lớp {grade}; được lên lớp {grade + 1}"
    said = _NOT_ASSESSED if result.year_level is None else f"Chưa hoàn thành chương trình lớp {grade}"
    if result.promotion is Promotion.PROMOTED:
        return f"{said}; được lên lớp {grade + 1} theo quyết định của hiệu trưởng"
    if result.promotion is Promotion.RETAINED:
        return f"{said}; không được lên lớp theo quyết định của hiệu trưởng"
    return said


def _secondary(facts: ClassFacts, pupil: PupilFacts, result: SecondaryResult) -> t.SecondaryResults:
    homeroom = pupil.cells.get((HOMEROOM, WHOLE_YEAR), _NONE)
    learning, later = result.learning, result.learning_after_reassessment
    last = _LAST_OF_LEVEL.get(facts.grade_level)
    assessed = result.promotion is not Promotion.NOT_ASSESSED
    return t.SecondaryResults(
        subjects=tuple(
            _secondary_subject(facts, pupil, result, homeroom, code)
            for code in facts.subject_codes
            if code not in pupil.not_taken
        ),
        conduct=t.Conduct(
            term1=_conduct(homeroom, "1"),
            term2=_conduct(homeroom, "2"),
            year=_level(result.conduct.year),
            after_summer=_level(result.conduct.after_summer),
        ),
        learning=t.Learning(
            term1=_level(learning.term1.level),
            term2=_level(learning.term2.level),
            year=_level(learning.year.level),
            after_reassessment=_level(later.level) if later else None,
        ),
        promotion=t.Promotion(result.promotion.value),
        completion=_secondary_completion(facts.grade_level, result.promotion),
        programme_completed=result.promotion is Promotion.PROMOTED if last and assessed else None,
        award=_award(result.title, homeroom),
        certificates=_listed(homeroom, MarkKind.CERTIFICATE),
        competitions=_listed(homeroom, MarkKind.COMPETITION),
        summer_training=pupil.summer_training or msgspec.UNSET,
    )


def _secondary_subject(
    facts: ClassFacts, pupil: PupilFacts, result: SecondaryResult, homeroom: Cells, code: str
) -> t.SecondarySubject:
    subject = find_subject(facts.grade_level, code)
    found = result.subjects.get(code)
    if found is None:
        raise Conflict(
            f"Kết quả của {pupil.student.full_name} chưa có môn {subject.name if subject else code} vừa được phân công;"
            " hãy nhập điểm và tính lại kết quả."
        )
    sheets = [pupil.cells.get((code, term), _NONE) for term in (2, 1)]
    comments = [comment for sheet in sheets if (comment := sheet.get(Cell(MarkKind.COMMENT)))]
    return t.SecondarySubject(
        code=code,
        name=_with_language(subject.name if subject else code, code, pupil),
        assessed_by=t.AssessedBy(subject.assessed_by.value if subject else AssessedBy.SCORE.value),
        term1=found.term1,
        term2=found.term2,
        year=found.year,
        reassessed=homeroom.get(Cell(MarkKind.REASSESSED, code)),
        exempt=code in pupil.exempt,
        comment=comments[0] if comments else None,
        teacher_name=facts.teachers.get(code),
        teacher_signs=facts.teachers_sign or msgspec.UNSET,
    )


def _secondary_completion(grade: int, promotion: Promotion) -> str:
    """What the form says under "Được lên lớp / Không được lên lớp" (TT22 Đ.12)."""
    last = _LAST_OF_LEVEL.get(grade)
    if promotion is Promotion.PROMOTED:
        return f"Hoàn thành chương trình {last}" if last else f"Được lên lớp {grade + 1}"
    if promotion is Promotion.NOT_ASSESSED:
        return _NOT_ASSESSED
    if promotion is Promotion.REASSESSMENT:
        return "Đánh giá lại trong kì nghỉ hè"
    if promotion is Promotion.SUMMER_TRAINING:
        return "Rèn luyện trong kì nghỉ hè"
    return f"Không hoàn thành chương trình {last}" if last else "Không được lên lớp"


def _award(title: Title | None, homeroom: Cells) -> str | None:
    """The year's title, then what else was awarded during the year (TT22 Đ.15, TT27 Đ.13)."""
    said = [_AWARDS[title] if title else "", homeroom.get(Cell(MarkKind.AWARD), "")]
    return "; ".join(filter(None, said)) or None


def _listed(homeroom: Cells, kind: MarkKind) -> tuple[str, ...]:
    """What is written one after the other, with semicolons between."""
    return tuple(one.strip() for one in homeroom.get(Cell(kind), "").split(";") if one.strip())


def _conduct(homeroom: Cells, slot: str) -> t.Level | None:
    value = homeroom.get(Cell(MarkKind.CONDUCT, slot))
    return t.Level(value) if value else None


def _level(level: object) -> t.Level | None:
    return t.Level(str(level)) if level is not None else None


def _count(homeroom: Cells, slot: str) -> int | None:
    value = homeroom.get(Cell(MarkKind.ABSENCE, slot))
    return int(value) if value else None
