"""What the school knows, as the columns of the layouts: the way back of `conversion`. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from backend.integrations.imports.schemas import Contents, Layout, place_key
from backend.records.assessment.schemas import (
    YEAR_LEVEL_NAMES,
    PrimaryResult,
    Promotion,
    PupilResult,
    ResultState,
)
from backend.records.gradebook.schemas import TEST_ATTEMPTS, WHOLE_YEAR, Cell, MarkKind
from backend.records.roster.curriculum import TRAITS, TraitGroup, subject_name
from backend.records.roster.schemas import HOMEROOM, STATUS_NAMES, StudentRecord

#: student code → (subject, term) → cell → value.
Marks = Mapping[str, Mapping[tuple[str, int], Mapping[Cell, str]]]
#: Subject and term of the sheets that are meant.
Sheets = Iterable[tuple[str, int]]

MOST_REGULAR: Final = 6
_SECONDARY: Final = {
    **{Cell(MarkKind.REGULAR, str(slot)): f"regular:{slot}" for slot in range(1, MOST_REGULAR + 1)},
    Cell(MarkKind.TOPIC): "topic",
    Cell(MarkKind.MIDTERM): "midterm",
    Cell(MarkKind.FINAL): "final",
    Cell(MarkKind.COMMENT): "comment",
}
_ABSENCES: Final = {
    Cell(MarkKind.ABSENCE, "excused"): "absences_excused",
    Cell(MarkKind.ABSENCE, "unexcused"): "absences_unexcused",
    Cell(MarkKind.HOMEROOM_COMMENT): "homeroom_comment",
}
#: How a pupil's body is.
_BODY: Final = {
    Cell(MarkKind.MEASURE, "height"): "height",
    Cell(MarkKind.MEASURE, "weight"): "weight",
    Cell(MarkKind.HEALTH): "health",
}
#: What the homeroom teacher's sheet holds, in each layout that has it.
_OF_HOMEROOM: Final = {
    Layout.PRIMARY_RESULTS: {Cell(MarkKind.TRAIT, trait.code): f"trait:{trait.code}" for trait in TRAITS},
    Layout.PRIMARY_COMMENTS: {
        Cell(MarkKind.TRAIT_COMMENT, TraitGroup.QUALITY.value): "qualities_comment",
        Cell(MarkKind.TRAIT_COMMENT, TraitGroup.GENERAL.value): "general_competences_comment",
        Cell(MarkKind.TRAIT_COMMENT, TraitGroup.SPECIFIC.value): "specific_competences_comment",
        Cell(MarkKind.AWARD): "award",
        **_ABSENCES,
        **_BODY,
    },
    Layout.HOMEROOM: {
        Cell(MarkKind.CONDUCT, "1"): "conduct_term1",
        Cell(MarkKind.CONDUCT, "2"): "conduct_term2",
        Cell(MarkKind.CONDUCT, "summer"): "conduct_after_summer",
        Cell(MarkKind.CERTIFICATE): "certificate",
        Cell(MarkKind.COMPETITION): "competition",
        Cell(MarkKind.AWARD): "award",
        **_ABSENCES,
    },
}
_GENDERS: Final = {"male": "Nam", "female": "Nữ"}
#: Fields of the register that have another name in the layout of pupils.
_CALLED: Final = {"current_address": "address"}


def marks(layout: Layout, pupils: Marks, sheets: Sheets, grade: int) -> Contents:
    """What belongs into a workbook of marks of one class; a cell of these sheets without a mark is emptied."""
    found: Contents = {}
    wanted = list(sheets)
    for code, by_sheet in pupils.items():
        if layout is Layout.SECONDARY_MARKS:
            for subject, term in wanted:
                if subject != HOMEROOM and term != WHOLE_YEAR:
                    cells = by_sheet.get((subject, term), {})
                    found[place_key(code, subject, term)] = _fields(_SECONDARY, cells)
        else:
            found[place_key(code)] = _whole_year(layout, by_sheet, wanted, grade)
    return found


def _fields(names: Mapping[Cell, str], cells: Mapping[Cell, str]) -> dict[str, str]:
    return {field: cells.get(cell, "") for cell, field in names.items()}


def without_health(said: Mapping[str, str]) -> dict[str, str]:
    """A line without what says how the pupil's body is: nothing is said about those cells."""
    return {field: value for field, value in said.items() if field not in _BODY.values()}


def _whole_year(
    layout: Layout,
    by_sheet: Mapping[tuple[str, int], Mapping[Cell, str]],
    sheets: Iterable[tuple[str, int]],
    grade: int,
) -> dict[str, str]:
    said: dict[str, str] = {}
    for subject, term in sheets:
        cells = by_sheet.get((subject, term), {})
        if subject == HOMEROOM:
            said |= _fields(_OF_HOMEROOM[layout], cells)
            if layout is Layout.HOMEROOM:
                said["reassessments"] = _reassessed(cells, grade)
        elif layout is Layout.PRIMARY_RESULTS:
            said[f"level:{subject}"] = cells.get(Cell(MarkKind.LEVEL), "")
            said[f"test:{subject}"] = _last_test(cells)
        elif layout is Layout.PRIMARY_COMMENTS:
            said[f"comment:{subject}"] = cells.get(Cell(MarkKind.COMMENT), "")
    return said


def _last_test(cells: Mapping[Cell, str]) -> str:
    """The test of the year's end that counts: the one that was taken last (TT27/2020 Đ.7.1.b)."""
    attempts = (cells.get(Cell(MarkKind.TEST, slot)) for slot in reversed(TEST_ATTEMPTS))
    return next(filter(None, attempts), "")


def _reassessed(cells: Mapping[Cell, str], grade: int) -> str:
    """ "Toán: 5,5; Giáo dục thể chất: Đ" (TT22/2021 Đ.14)."""
    found = sorted(
        (cell.slot, value) for cell, value in cells.items() if cell.kind is MarkKind.REASSESSED and value
    )
    return "; ".join(f"{subject_name(grade, code)}: {value.replace('.', ',')}" for code, value in found)


def add_verdicts(contents: Contents, layout: Layout, results: Iterable[PupilResult]) -> None:
    """What the homeroom teacher has confirmed of the year; what is only computed is not said."""
    if layout is not Layout.PRIMARY_RESULTS:
        return
    for one in results:
        said = contents.get(place_key(one.student_code))
        if (
            said is None
            or one.state is not ResultState.CONFIRMED
            or not isinstance(one.result, PrimaryResult)
        ):
            continue
        level = one.result.year_level
        said["class_completed"] = "x" if one.result.class_completed else ""
        said["promoted"] = "x" if one.result.promotion is Promotion.PROMOTED else ""
        said["year_level"] = YEAR_LEVEL_NAMES[level] if level else ""


def register(classes: Mapping[str, Sequence[StudentRecord]]) -> Contents:
    """What belongs into a register of pupils: class name → pupils. What nobody knows says nothing about its cell."""
    found: Contents = {}
    for class_name, pupils in classes.items():
        for pupil in pupils:
            said = {
                _CALLED.get(name, name): getattr(pupil, name)
                for name in pupil.__struct_fields__
                if name not in ("id", "joined_on", "not_assessed")
            }
            said |= {
                "class_code": class_name,
                "status": STATUS_NAMES[pupil.status],
                "gender": _GENDERS.get(pupil.gender or ""),
                "date_of_birth": f"{pupil.date_of_birth:%d/%m/%Y}",
            }
            found[place_key(pupil.student_code)] = {name: value for name, value in said.items() if value}
    return found
