"""Every workbook of the demo is read back completely, without a problem, and says what was meant."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Protocol

import msgspec
import pytest

from backend.integrations.imports.limited import sandbox
from backend.integrations.imports.readers import detect, grid, precheck
from backend.integrations.imports.schemas import (
    HomeroomFile,
    HomeroomRow,
    MarkKind,
    ParsedFile,
    PrimaryCommentRow,
    PrimaryCommentsFile,
    PrimaryResultRow,
    PrimaryResultsFile,
    PupilRow,
    PupilsFile,
    SecondaryMarkRow,
    SecondaryMarksFile,
    UnreadableFile,
)
from infra.demo.marks import PrimaryTruth, SecondaryTruth
from infra.demo.people import Pupil
from infra.demo.truth import Truth
from infra.demo.workbooks import DemoFile, DemoPlan


class Demo(Protocol):
    @property
    def folder(self) -> Path: ...
    @property
    def plan(self) -> DemoPlan: ...
    @property
    def truth(self) -> Truth: ...
    @property
    def cpu_seconds(self) -> float: ...


Read = dict[str, tuple[DemoFile, ParsedFile]]


@pytest.fixture(scope="module")
def read(demo: Demo) -> Read:
    found: Read = {}
    for file in demo.plan.files:
        data = (demo.folder / file.path).read_bytes()
        assert precheck.refusal(data) is None
        found[file.path] = (file, detect.read(grid.load(data)))
    return found


def test_all_workbooks_are_written_within_15_seconds(demo: Demo) -> None:
    assert len(demo.plan.files) == 2 + 2 * 5 + 3 * 14
    assert demo.cpu_seconds < 15


def test_layouts_rows_and_problems(read: Read, demo: Demo) -> None:
    schools = {school.key: school.name for school in demo.plan.schools}
    for path, (file, parsed) in read.items():
        assert not isinstance(parsed, UnreadableFile), path
        assert parsed.problems == (), path
        assert parsed.__struct_config__.tag == file.layout, path
        assert len(parsed.rows) == file.rows, path
        assert parsed.school_name == schools[file.school], path
        assert parsed.academic_year == "2025-2026", path
        assert {row.class_code for row in parsed.rows} == set(file.classes), path


def test_pupils(read: Read, demo: Demo) -> None:
    for classes, key in ((demo.truth.primary_pupils, "hoaban"), (demo.truth.secondary_pupils, "songtrang")):
        parsed = read[f"{key}/01-danh-sach-hoc-sinh.xlsx"][1]
        assert isinstance(parsed, PupilsFile)
        everybody = {pupil.student_code: pupil for members in classes.values() for pupil in members}
        assert {row.student_code for row in parsed.rows} == set(everybody)
        for row in parsed.rows:
            check_pupil(row, everybody[row.student_code])


def check_pupil(row: PupilRow, pupil: Pupil) -> None:
    for field in msgspec.structs.fields(Pupil):
        assert getattr(row, field.name) == getattr(pupil, field.name), field.name
    assert row.status == "Đang học"


def test_primary_results(read: Read, demo: Demo) -> None:
    rows = {row.student_code: row for row in results(read)}
    assert set(rows) == set(demo.truth.primary_years)
    for code, year in demo.truth.primary_years.items():
        check_result(rows[code], year)


def results(read: Read) -> Iterator[PrimaryResultRow]:
    for _, parsed in read.values():
        if isinstance(parsed, PrimaryResultsFile):
            assert parsed.period == "YEAR_END"
            yield from parsed.rows


def check_result(row: PrimaryResultRow, year: PrimaryTruth) -> None:
    assert row.class_code == year.pupil.class_code
    assert row.full_name == year.pupil.full_name
    assert row.date_of_birth == year.pupil.date_of_birth
    assert row.levels == year.levels
    assert row.tests == year.tests
    assert row.traits == year.traits
    assert row.year_level == year.year_level
    assert row.class_completed is row.promoted is year.completed


def test_primary_comments(read: Read, demo: Demo) -> None:
    rows = {
        row.student_code: row
        for _, parsed in read.values()
        if isinstance(parsed, PrimaryCommentsFile)
        for row in parsed.rows
    }
    assert set(rows) == set(demo.truth.primary_years)
    for code, year in demo.truth.primary_years.items():
        check_comments(rows[code], year)


def check_comments(row: PrimaryCommentRow, year: PrimaryTruth) -> None:
    assert row.comments == year.comments
    assert row.qualities_comment == year.qualities_comment
    assert row.general_competences_comment == year.general_comment
    assert row.specific_competences_comment == year.specific_comment
    assert row.first_tests == year.first_tests
    assert (float(row.height or 0), float(row.weight or 0)) == (float(year.height), float(year.weight))
    assert row.health == year.health
    assert row.absences_excused == year.absences_excused
    assert row.absences_unexcused == year.absences_unexcused
    assert row.homeroom_comment == year.homeroom_comment


def test_secondary_marks(read: Read, demo: Demo) -> None:
    rows: dict[tuple[str, str, int], SecondaryMarkRow] = {
        (row.student_code, row.subject_code, row.term): row
        for _, parsed in read.values()
        if isinstance(parsed, SecondaryMarksFile)
        for row in parsed.rows
    }
    meant = {
        (code, *place): year for code, year in demo.truth.secondary_years.items() for place in year.terms
    }
    assert set(rows) == set(meant)
    for place, year in meant.items():
        check_marks(rows[place], year)


def check_marks(row: SecondaryMarkRow, year: SecondaryTruth) -> None:
    term = year.terms[row.subject_code, row.term]
    places = [(MarkKind.REGULAR, n) for n in range(1, len(term.regular) + 1)]
    places += [(MarkKind.MIDTERM, 1), (MarkKind.FINAL, 1)]
    marks = zip(places, (*term.regular, term.midterm, term.final), strict=True)
    wanted = [(*place, value(mark)) for place, mark in marks if mark is not None]
    assert [(mark.kind, mark.slot, mark.level or mark.score) for mark in row.marks] == wanted
    assert (row.class_code, row.full_name) == (year.pupil.class_code, year.pupil.full_name)
    assert row.comment == term.comment
    scored = term.average is not None and term.average[0].isdigit()
    assert row.average_given == (Decimal(term.average or "0") if scored else None)


def value(mark: str) -> str | Decimal:
    return Decimal(mark) if mark[0].isdigit() else mark


def test_homeroom(read: Read, demo: Demo) -> None:
    rows = {
        row.student_code: row
        for _, parsed in read.values()
        if isinstance(parsed, HomeroomFile)
        for row in parsed.rows
    }
    assert set(rows) == set(demo.truth.secondary_years)
    for code, year in demo.truth.secondary_years.items():
        check_homeroom(rows[code], year)


def check_homeroom(row: HomeroomRow, year: SecondaryTruth) -> None:
    assert row.conduct_term1 == year.conduct_term1
    assert row.conduct_term2 == year.conduct_term2
    assert row.conduct_after_summer == year.conduct_after_summer
    assert {one.subject_code: str(one.score) for one in row.reassessments} == {
        code: str(Decimal(mark).quantize(Decimal("0.1"))) for code, mark in year.reassessed.items()
    }
    assert row.absences_excused == year.absences_excused
    assert row.absences_unexcused == year.absences_unexcused
    assert row.homeroom_comment == year.homeroom_comment


@pytest.mark.parametrize(
    "path",
    [
        "hoaban/01-danh-sach-hoc-sinh.xlsx",
        "hoaban/ket-qua-khoi-5.xlsx",
        "hoaban/nhan-xet-khoi-2.xlsx",
        "songtrang/diem-12A2-hk2.xlsx",
        "songtrang/chu-nhiem-7A2.xlsx",
    ],
)
def test_the_sandbox_says_the_same(read: Read, demo: Demo, path: str) -> None:
    assert sandbox.parse((demo.folder / path).read_bytes()) == read[path][1]
