"""All workbooks of the demo in one folder, and the plan that says what they are."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import openpyxl

from backend.core.text import term_words
from infra.demo import primary_books, registers, secondary_books
from infra.demo.schools import ACADEMIC_YEAR, SEED, DemoSchool
from infra.demo.truth import Truth, tell

PLAN_NAME: Final = "plan.json"


class DemoFile(msgspec.Struct, frozen=True, kw_only=True):
    """One workbook, listed in the order of import.

    `path` is below the output folder, `layout` a value of `imports.schemas.Layout`, `rows` the number of rows
    to be read (in a marks workbook one for each pupil and subject).
    """

    path: str
    school: str
    layout: str
    purpose: str
    classes: tuple[str, ...]
    term: int | None = None
    rows: int


class DemoPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What `make run` sets up: the schools with their staff, and the workbooks that are imported for them."""

    seed: int
    academic_year: str
    schools: tuple[DemoSchool, ...]
    files: tuple[DemoFile, ...]


Made = tuple[DemoFile, openpyxl.Workbook]


def write_workbooks(out: Path, seed: int = SEED, scale: float = 1.0) -> DemoPlan:
    """Write all workbooks and `plan.json` below `out`: the same seed, the same cells; `scale` < 1, small."""
    truth = tell(seed, scale)
    files = []
    for file, book in _books(truth, seed):
        target = out / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        book.save(target)
        files.append(file)
    plan = DemoPlan(
        seed=seed,
        academic_year=ACADEMIC_YEAR,
        schools=(truth.primary, truth.secondary),
        files=tuple(files),
    )
    (out / PLAN_NAME).write_bytes(msgspec.json.format(msgspec.json.encode(plan), indent=1))
    return plan


def read_plan(out: Path) -> DemoPlan:
    """The plan of workbooks written before. Raises OSError or msgspec.DecodeError."""
    return msgspec.json.decode((out / PLAN_NAME).read_bytes(), type=DemoPlan)


def _books(truth: Truth, seed: int) -> Iterator[Made]:
    yield from _registers(truth, seed)
    yield from _primary(truth, seed)
    yield from _secondary(truth, seed)


def _rng(seed: int, path: str) -> random.Random:
    return random.Random(f"{seed}:{path}")


def _registers(truth: Truth, seed: int) -> Iterator[Made]:
    for school, pupils, write in (
        (truth.primary, truth.primary_pupils, registers.as_one_list),
        (truth.secondary, truth.secondary_pupils, registers.as_blocks),
    ):
        path = f"{school.key}/01-danh-sach-hoc-sinh.xlsx"
        file = DemoFile(
            path=path,
            school=school.key,
            layout="pupils",
            purpose="Danh sách học sinh theo mẫu CSDL ngành",
            classes=tuple(pupils),
            rows=sum(map(len, pupils.values())),
        )
        yield file, write(school, pupils, _rng(seed, path))


def _primary(truth: Truth, seed: int) -> Iterator[Made]:
    school = truth.primary
    kinds = (
        ("primary_results", "ket-qua", "Kết quả cuối năm khối {} theo mẫu CSDL ngành", primary_books.results),
        ("primary_comments", "nhan-xet", "Nhận xét và số buổi nghỉ khối {}", primary_books.comments),
    )
    for grade in sorted({one.grade for one in school.classes}):
        classes = {
            one.code: [truth.primary_years[pupil.student_code] for pupil in truth.primary_pupils[one.code]]
            for one in school.classes
            if one.grade == grade
        }
        for layout, name, purpose, write in kinds:
            path = f"{school.key}/{name}-khoi-{grade}.xlsx"
            file = DemoFile(
                path=path,
                school=school.key,
                layout=layout,
                purpose=purpose.format(grade),
                classes=tuple(classes),
                rows=sum(map(len, classes.values())),
            )
            yield file, write(school, grade, classes, _rng(seed, path))


def _secondary(truth: Truth, seed: int) -> Iterator[Made]:
    school = truth.secondary
    for one in school.classes:
        years = [truth.secondary_years[pupil.student_code] for pupil in truth.secondary_pupils[one.code]]
        for term in (1, 2):
            path = f"{school.key}/diem-{one.code}-hk{term}.xlsx"
            file = DemoFile(
                path=path,
                school=school.key,
                layout="secondary_marks",
                purpose=f"Điểm các môn lớp {one.code}, {term_words(term)}",
                classes=(one.code,),
                term=term,
                rows=len(years) * len(one.subjects),
            )
            yield file, secondary_books.marks(school, one, term, years, _rng(seed, path))
        path = f"{school.key}/chu-nhiem-{one.code}.xlsx"
        file = DemoFile(
            path=path,
            school=school.key,
            layout="homeroom",
            purpose=f"Rèn luyện, chuyên cần và nhận xét của chủ nhiệm lớp {one.code}",
            classes=(one.code,),
            rows=len(years),
        )
        yield file, secondary_books.homeroom(school, one, years, _rng(seed, path))
