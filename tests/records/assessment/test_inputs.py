"""From cells to what the circular is asked: missing, exempt, earlier points."""

from backend.records.assessment import rules
from backend.records.assessment.inputs import PupilCells, pupil_year
from backend.records.assessment.schemas import (
    PrimaryResult,
    SecondaryResult,
    SecondaryYear,
)
from backend.records.gradebook.layout import columns_of, is_optional
from backend.records.gradebook.schemas import WHOLE_YEAR, Cell, MarkKind, Point
from backend.records.regulations.schemas import Policy
from backend.records.roster.curriculum import Kind, subjects_of
from backend.records.roster.schemas import HOMEROOM

LEVEL = Cell(MarkKind.LEVEL)
VALUES = {MarkKind.LEVEL: "T", MarkKind.TEST: "8", MarkKind.TRAIT: "T", MarkKind.ABSENCE: "0"}
SUBJECTS = [one for one in subjects_of(4) if one.kind is Kind.COMPULSORY]


def full_year() -> dict[tuple[str, int], dict[Cell, str]]:
    """A pupil of grade 4 at the year's end: Hoàn thành tốt."""
    sheets = {one.code: columns_of(one, 4) for one in SUBJECTS}
    sheets[HOMEROOM] = columns_of(None, 4)
    return {
        (code, WHOLE_YEAR): {
            one.cell: VALUES.get(one.cell.kind, "") for one in columns if not is_optional(one)
        }
        for code, columns in sheets.items()
    }


def assessed(cells: PupilCells, *exempt: str) -> PrimaryResult:
    asked = pupil_year(4, SUBJECTS, cells, exempt=exempt)
    result = rules.assess(asked, Policy(complete_curriculum=True))
    assert isinstance(result, PrimaryResult)
    return result


def test_only_the_years_end_counts() -> None:
    cells = full_year()
    before = assessed(cells)
    cells["TOAN", WHOLE_YEAR] |= {
        Cell(MarkKind.LEVEL, Point.MID_TERM_1): "C",
        Cell(MarkKind.TEST, Point.END_TERM_1): "1",
        Cell(MarkKind.TEST, Point.MID_TERM_2): "2",
    }
    cells[HOMEROOM, WHOLE_YEAR][Cell(MarkKind.TRAIT, f"{Point.MID_TERM_1}:NHAN_AI")] = "C"
    assert assessed(cells) == before
    assert (before.year_level, before.missing) == ("HTT", ())


def test_an_earlier_level_is_not_taken_for_the_years_end() -> None:
    cells = full_year()
    cells["TOAN", WHOLE_YEAR] = {Cell(MarkKind.LEVEL, Point.MID_TERM_2): "T"}
    assert assessed(cells).missing == ("subjects.TOAN.level", "subjects.TOAN.tests.year_end")


def test_an_exempt_subject_is_neither_missing_nor_counted() -> None:
    cells = full_year()
    cells["GDTC", WHOLE_YEAR] = {}
    assert assessed(cells).missing == ("subjects.GDTC.level",)
    assert (assessed(cells, "GDTC").missing, assessed(cells, "GDTC").year_level) == ((), "HTT")
    cells["GDTC", WHOLE_YEAR] = {LEVEL: "C"}
    assert assessed(cells, "GDTC").year_level == "HTT", "what was written before the exemption does not count"


def test_an_exempt_subject_of_secondary_school() -> None:
    taught = [one for one in subjects_of(6) if one.code in ("TOAN", "GDTC")]
    asked = pupil_year(6, taught, {}, exempt={"GDTC"})
    assert isinstance(asked, SecondaryYear)
    assert {one.code: one.exempt for one in asked.subjects} == {"TOAN": False, "GDTC": True}
    result = rules.assess(asked, Policy())
    assert isinstance(result, SecondaryResult)
    assert not any("GDTC" in path for path in result.missing)
