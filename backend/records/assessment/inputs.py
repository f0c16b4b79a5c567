"""From the gradebook's cells to the input of the rules: pure, one pupil at a time."""

from collections.abc import Collection, Container, Mapping, Sequence

from backend.records.assessment.schemas import (
    Absences,
    Conduct,
    Level,
    PrimarySubject,
    PrimaryYear,
    PrincipalDecision,
    PupilYear,
    Recognition,
    SecondarySubject,
    SecondaryYear,
    SubjectLevel,
    Supplement,
    TermMarks,
    TraitLevel,
    TraitResult,
)
from backend.records.decisions.schemas import DecisionKey, DecisionKind
from backend.records.gradebook.schemas import TEST_ATTEMPTS, WHOLE_YEAR, Cell, MarkKind
from backend.records.roster.curriculum import AssessedBy, GradeSubject, traits_of
from backend.records.roster.schemas import HOMEROOM

Cells = Mapping[Cell, str]
#: (subject code, term) → the pupil's cells in that sheet
PupilCells = Mapping[tuple[str, int], Cells]
#: what people have decided about the pupil and not taken back
Decided = Mapping[DecisionKey, str]

_NONE: dict[Cell, str] = {}
_UNDECIDED: dict[DecisionKey, str] = {}
#: Decisions that stand for a cell of the homeroom sheet: what an import wrote there they replace.
_AS_CELLS = {DecisionKind.REASSESSED: MarkKind.REASSESSED, DecisionKind.CONDUCT: MarkKind.CONDUCT}


def with_decisions(cells: PupilCells, decided: Decided) -> PupilCells:
    """The cells with what was decided after the summer, as every reader of cells finds it (TT22 Đ.13, Đ.14)."""
    later = {
        Cell(_AS_CELLS[kind], slot): value for (kind, slot), value in decided.items() if kind in _AS_CELLS
    }
    if not later:
        return cells
    sheet = (HOMEROOM, WHOLE_YEAR)
    return {**cells, sheet: {**cells.get(sheet, _NONE), **later}}


def pupil_year(
    grade: int,
    subjects: Sequence[GradeSubject],
    cells: PupilCells,
    topics: Collection[str] = (),
    decided: Decided = _UNDECIDED,
    exempt: Container[str] = (),
) -> PupilYear:
    """What the circular is asked about one pupil; empty cells stay None, they are never zero.

    `subjects` are the pupil's own, in the forms' order; `topics` those whose chuyên đề cluster the pupil takes; `exempt`
    those in which the pupil is not assessed. A subject of the school's own programme is none of the circular's. `cells`
    are those of `with_decisions`.
    """
    asked = [one for one in subjects if not one.own]
    homeroom = cells.get((HOMEROOM, WHOLE_YEAR), _NONE)
    return (
        _primary(grade, asked, cells, homeroom, decided, exempt)
        if grade <= 5
        else _secondary(grade, asked, cells, homeroom, topics, exempt)
    )


def _secondary(
    grade: int,
    subjects: Sequence[GradeSubject],
    cells: PupilCells,
    homeroom: Cells,
    topics: Collection[str],
    exempt: Container[str],
) -> SecondaryYear:
    conduct = {slot: homeroom.get(Cell(MarkKind.CONDUCT, slot)) for slot in ("1", "2", "summer")}
    return SecondaryYear(
        grade=grade,
        subjects=tuple(
            _secondary_subject(
                subject,
                cells,
                homeroom,
                takes_topic=subject.code in topics,
                is_exempt=subject.code in exempt,
            )
            for subject in subjects
        ),
        conduct=Conduct(
            term1=_level(conduct["1"]), term2=_level(conduct["2"]), after_summer=_level(conduct["summer"])
        ),
        absences=_absences(homeroom),
    )


def _secondary_subject(
    subject: GradeSubject, cells: PupilCells, homeroom: Cells, *, takes_topic: bool, is_exempt: bool
) -> SecondarySubject:
    sheets = [cells.get((subject.code, term), _NONE) for term in (2, 1)]
    topic = next((found for sheet in sheets if (found := sheet.get(Cell(MarkKind.TOPIC)))), None)
    return SecondarySubject(
        code=subject.code,
        assessed_by=AssessedBy(subject.assessed_by.value),
        lessons_per_year=subject.lessons_per_year,
        term1=_term(subject, cells.get((subject.code, 1), _NONE)),
        term2=_term(subject, cells.get((subject.code, 2), _NONE)),
        reassessed=homeroom.get(Cell(MarkKind.REASSESSED, subject.code)),
        exempt=is_exempt,
        counts=None if subject.counts else False,
        topic=topic if takes_topic else None,
    )


def _term(subject: GradeSubject, sheet: Cells) -> TermMarks:
    return TermMarks(
        regular=tuple(
            sheet.get(Cell(MarkKind.REGULAR, str(slot))) for slot in range(1, subject.regular_marks + 1)
        ),
        midterm=sheet.get(Cell(MarkKind.MIDTERM)),
        final=sheet.get(Cell(MarkKind.FINAL)),
    )


def _primary(
    grade: int,
    subjects: Sequence[GradeSubject],
    cells: PupilCells,
    homeroom: Cells,
    decided: Decided,
    exempt: Container[str],
) -> PrimaryYear:
    """From the cells of the year's end alone (TT27 Đ.9)."""
    principal = decided.get(DecisionKey(DecisionKind.PROMOTION))
    return PrimaryYear(
        grade=grade,
        subjects=tuple(
            _primary_subject(subject, cells.get((subject.code, WHOLE_YEAR), _NONE), subject.code in exempt)
            for subject in subjects
        ),
        traits=tuple(
            TraitResult(code=trait.code, level=TraitLevel(level) if level else None)
            for trait in traits_of(grade)
            for level in [homeroom.get(Cell(MarkKind.TRAIT, trait.code))]
        ),
        recognition=Recognition(
            **{one.slot: True for one in decided if one.kind is DecisionKind.RECOGNITION}
        ),
        supplement=_supplement(decided),
        principal=PrincipalDecision(principal) if principal else None,
    )


def _supplement(decided: Decided) -> Supplement | None:
    found = Supplement(
        levels={
            slot: SubjectLevel(value)
            for (kind, slot), value in decided.items()
            if kind is DecisionKind.SUPPLEMENT_LEVEL
        },
        test_marks={
            slot: value for (kind, slot), value in decided.items() if kind is DecisionKind.SUPPLEMENT_TEST
        },
        trait_levels={
            slot: TraitLevel(value)
            for (kind, slot), value in decided.items()
            if kind is DecisionKind.SUPPLEMENT_TRAIT
        },
    )
    return found if found != Supplement() else None


def _primary_subject(subject: GradeSubject, sheet: Cells, is_exempt: bool) -> PrimarySubject:
    level = sheet.get(Cell(MarkKind.LEVEL))
    attempts = tuple(mark for slot in TEST_ATTEMPTS if (mark := sheet.get(Cell(MarkKind.TEST, slot))))
    return PrimarySubject(
        code=subject.code,
        level=SubjectLevel(level) if level else None,
        tests={"year_end": attempts} if subject.year_end_test else None,
        exempt=is_exempt,
        counts=None if subject.counts else False,
    )


def _absences(homeroom: Cells) -> Absences | None:
    excused, unexcused = (homeroom.get(Cell(MarkKind.ABSENCE, slot)) for slot in ("excused", "unexcused"))
    if excused is None and unexcused is None:
        return None
    return Absences(
        excused=int(excused) if excused else None,
        unexcused=int(unexcused) if unexcused else None,
    )


def _level(code: str | None) -> Level | None:
    return Level(code) if code else None
