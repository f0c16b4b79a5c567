"""What the primary form says in mục 6, by what the year and the principal's decision came to (TT27 Đ.8, Đ.11)."""

from datetime import date

import pytest

from backend.core.ids import new_id
from backend.records.assessment.schemas import PrimaryResult, Promotion, YearLevel
from backend.records.roster.schemas import StudentId, StudentRecord, StudentStatus
from backend.records.transcripts.composition import ClassFacts, PupilFacts, compose
from backend.tenants.schools.schemas import SchoolLevel, SchoolProfile

SCHOOL = SchoolProfile(
    name="Trường Tiểu học Tư thục Hoa Mai",
    code="14000001",
    tax_code="0000000999",
    province_code="14",
    province="Sơn La",
    ward="phường Hoa Mai",
    levels=tuple(SchoolLevel),
)
PUPIL = StudentRecord(
    id=StudentId(new_id()),
    student_code="9900000001",
    status=StudentStatus.STUDYING,
    personal_id=None,
    full_name="Lò Thị An",
    date_of_birth=date(2018, 3, 1),
    gender=None,
    ethnicity=None,
    nationality=None,
    birth_place=None,
    hometown=None,
    current_address=None,
    father_name=None,
    father_job=None,
    mother_name=None,
    mother_job=None,
    guardian_name=None,
    guardian_job=None,
    policy_group=None,
    not_assessed=False,
    registry_no=None,
    joined_on=None,
)


def completion(grade: int, result: PrimaryResult) -> str:
    facts = ClassFacts(
        school=SCHOOL,
        academic_year="2025-2026",
        class_name=f"{grade}A",
        grade_level=grade,
        subject_codes=(),
        teachers={},
        signers=(),
        issue_date=date(2026, 5, 31),
        sandbox=True,
    )
    pupil = PupilFacts(
        student=PUPIL,
        history=(),
        cells={},
        result=result,
        lookup_code="0" * 32,
        version=1,
        verify_url="https://hoamai.example/tra-cuu",
    )
    return compose(facts, pupil).year.results.completion


NOT_ASSESSED = "Học sinh khuyết tật, không đánh giá theo yêu cầu chung"


@pytest.mark.parametrize(
    ("grade", "level", "promotion", "completed", "said"),
    [
        (2, "HT", "PROMOTED", True, "Hoàn thành chương trình lớp 2; được lên lớp 3"),
        (5, "HT", "PROMOTED", True, "Hoàn thành chương trình tiểu học"),
        (2, "CHT", "SUPPLEMENTARY", False, "Chưa hoàn thành chương trình lớp 2"),
        (
            2,
            "CHT",
            "PROMOTED",
            False,
            "Chưa hoàn thành chương trình lớp 2; được lên lớp 3 theo quyết định của hiệu trưởng",
        ),
        (
            5,
            "CHT",
            "RETAINED",
            False,
            "Chưa hoàn thành chương trình lớp 5; không được lên lớp theo quyết định của hiệu trưởng",
        ),
        (2, None, "NOT_ASSESSED", False, NOT_ASSESSED),
        (
            2,
            None,
            "PROMOTED",
            False,
            f"{NOT_ASSESSED}; được lên lớp 3 theo quyết định của hiệu trưởng",
        ),
    ],
)
def test_completion_and_promotion(
    grade: int, level: str | None, promotion: str, completed: bool, said: str
) -> None:
    result = PrimaryResult(
        year_level=YearLevel(level) if level else None,
        class_completed=completed,
        programme_completed=completed and grade == 5,
        promotion=Promotion(promotion),
        title=None,
        missing=(),
        reasons=(),
    )
    assert completion(grade, result) == said
