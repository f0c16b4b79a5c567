"""The demo's whole primary school is complete by the whole programme, and its levels are those of its own truth."""

from collections import Counter

from backend.records.assessment import rules
from backend.records.assessment.inputs import PupilCells, pupil_year
from backend.records.assessment.schemas import PrimaryResult, Promotion
from backend.records.gradebook.schemas import WHOLE_YEAR, Cell, MarkKind
from backend.records.plans.schemas import plan
from backend.records.regulations.schemas import SAFE
from backend.records.roster.schemas import HOMEROOM
from infra.demo.marks import PrimaryTruth
from infra.demo.schools import PUPILS_OF_PRIMARY
from infra.demo.truth import tell


def cells(year: PrimaryTruth) -> PupilCells:
    sheets = {
        (code, WHOLE_YEAR): {Cell(MarkKind.LEVEL): level}
        | ({Cell(MarkKind.TEST, "1"): str(year.tests[code])} if code in year.tests else {})
        for code, level in year.levels.items()
    }
    traits = {Cell(MarkKind.TRAIT, code): level for code, level in year.traits.items()}
    return sheets | {(HOMEROOM, WHOLE_YEAR): traits}


def test_all_847_years_have_a_result() -> None:
    truth = tell()
    assert SAFE.complete_curriculum
    found: Counter[bool] = Counter()
    for one in truth.primary.classes:
        for pupil in truth.primary_pupils[one.code]:
            year = truth.primary_years[pupil.student_code]
            subjects = plan(one.grade).chosen(one.subjects)
            result = rules.assess(pupil_year(one.grade, subjects, cells(year)), SAFE)
            assert isinstance(result, PrimaryResult)
            assert result.missing == ()
            assert result.year_level == year.year_level
            found[result.promotion is Promotion.PENDING] += 1
    assert found == {False: PUPILS_OF_PRIMARY}
