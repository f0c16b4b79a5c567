"""Pupils of the demo schools as the figures need them: cells, pupil-years, frozen snapshots. Nobody real."""

import hashlib
from datetime import date
from functools import cache
from typing import NamedTuple

import msgspec

from backend.core.ids import new_id
from backend.records.assessment.inputs import PupilCells, pupil_year
from backend.records.assessment.rules import assess
from backend.records.assessment.schemas import PupilYear
from backend.records.gradebook.schemas import WHOLE_YEAR, Cell, MarkKind
from backend.records.plans.schemas import plan
from backend.records.roster.curriculum import TraitGroup
from backend.records.roster.schemas import HOMEROOM, StudentId, StudentRecord, StudentStatus
from backend.records.transcripts import canonical, xml_form
from backend.records.transcripts.composition import ClassFacts, PupilFacts, compose
from backend.records.transcripts.schemas import Signer, SignerRole, Snapshot, StudyPeriod
from backend.tenants.schools.schemas import SchoolLevel, SchoolProfile
from infra.demo.marks import PrimaryTruth, SecondaryTruth, TermTruth
from infra.demo.people import Pupil
from infra.demo.schools import ACADEMIC_YEAR, DemoClass, DemoSchool
from infra.demo.truth import Truth, tell

#: Teachers of the measured book write at length, so that the form runs to six pages.
_SENTENCES_OF_BOOK = 5
#: An elder class: twelve subjects and more, and three years behind it.
_BOOK_CLASSES = ("8A1", "8A2", "9A1", "9A2")
_TERMS = (1, 2)


class Document(NamedTuple):
    """What is rendered: canonical bytes, and the XML form that is attached beside them."""

    snapshot: Snapshot
    content: bytes
    xml: bytes


@cache
def truth() -> Truth:
    """The demo's whole school year, the same on every machine."""
    return tell()


def secondary_years(codes: tuple[str, ...] = _BOOK_CLASSES) -> list[PupilYear]:
    """What the circular is asked about each pupil of the classes (twelve subjects from grade 6 to 9)."""
    return [
        pupil_year(one.grade, plan(one.grade).chosen(one.subjects), secondary_cells(year))
        for one in truth().secondary.classes
        if one.code in codes
        for year in _years_of(one)
    ]


def books(count: int) -> list[Document]:
    """Six-page documents, each of another pupil and with another code."""
    found: list[Document] = []
    while len(found) < count:
        for one in truth().secondary.classes:
            if one.code in _BOOK_CLASSES:
                found += [_book(one, year, len(found) + place) for place, year in enumerate(_years_of(one))]
    return found[:count]


def year_records(count: int) -> list[Document]:
    """The four-page year of each pupil of the primary school, as the season makes them."""
    school, told = truth().primary, truth()
    members = [
        (one, told.primary_years[p.student_code])
        for one in school.classes
        for p in told.primary_pupils[one.code]
    ]
    return [
        _document(school, one, year.pupil, primary_cells(year), number)
        for number in range(count)
        for one, year in [members[number % len(members)]]
    ]


def secondary_cells(year: SecondaryTruth) -> PupilCells:
    """A secondary pupil's gradebook: (subject code, term) → cells."""
    cells: dict[tuple[str, int], dict[Cell, str]] = {
        key: _term_cells(term) for key, term in year.terms.items()
    }
    cells[HOMEROOM, WHOLE_YEAR] = {
        Cell(MarkKind.CONDUCT, "1"): year.conduct_term1,
        Cell(MarkKind.CONDUCT, "2"): year.conduct_term2,
        Cell(MarkKind.ABSENCE, "excused"): str(year.absences_excused),
        Cell(MarkKind.ABSENCE, "unexcused"): str(year.absences_unexcused),
        Cell(MarkKind.HOMEROOM_COMMENT): year.homeroom_comment,
    }
    return cells


def primary_cells(year: PrimaryTruth) -> PupilCells:
    """A primary pupil's gradebook: (subject code, whole year) → cells."""
    cells = {
        (code, WHOLE_YEAR): {Cell(MarkKind.LEVEL): level, Cell(MarkKind.COMMENT): year.comments[code]}
        for code, level in year.levels.items()
    }
    for code, mark in year.tests.items():
        cells[code, WHOLE_YEAR][Cell(MarkKind.TEST, "1")] = str(mark)
    remarks = {
        TraitGroup.QUALITY: year.qualities_comment,
        TraitGroup.GENERAL: year.general_comment,
        TraitGroup.SPECIFIC: year.specific_comment,
    }
    cells[HOMEROOM, WHOLE_YEAR] = {
        **{Cell(MarkKind.TRAIT, code): level for code, level in year.traits.items()},
        **{Cell(MarkKind.TRAIT_COMMENT, group.value): remark for group, remark in remarks.items()},
        Cell(MarkKind.ABSENCE, "excused"): str(year.absences_excused),
        Cell(MarkKind.MEASURE, "height"): year.height,
        Cell(MarkKind.MEASURE, "weight"): year.weight,
        Cell(MarkKind.HEALTH): year.health,
        Cell(MarkKind.HOMEROOM_COMMENT): year.homeroom_comment,
    }
    return cells


def profile(school: DemoSchool) -> SchoolProfile:
    """A demo school as the product keeps it."""
    return SchoolProfile(
        name=school.name,
        code=school.code,
        tax_code=school.tax_code,
        province_code=school.province_code,
        province=school.province,
        ward=school.ward,
        levels=tuple(SchoolLevel(level) for level in school.levels),
    )


def _years_of(one: DemoClass) -> list[SecondaryTruth]:
    told = truth()
    return [told.secondary_years[pupil.student_code] for pupil in told.secondary_pupils[one.code]]


def _term_cells(term: TermTruth) -> dict[Cell, str]:
    marks = {Cell(MarkKind.MIDTERM): term.midterm, Cell(MarkKind.FINAL): term.final}
    return {
        **{Cell(MarkKind.REGULAR, str(slot)): mark for slot, mark in enumerate(term.regular, 1)},
        **{cell: mark for cell, mark in marks.items() if mark is not None},
        Cell(MarkKind.COMMENT): term.comment,
    }


def _book(one: DemoClass, year: SecondaryTruth, number: int) -> Document:
    cells = {key: dict(sheet) for key, sheet in secondary_cells(year).items()}
    remarks = [term.comment for term in year.terms.values()]
    for place, (code, term) in enumerate(year.terms):
        said = [remarks[(place + step) % len(remarks)] for step in range(_SENTENCES_OF_BOOK)]
        cells[code, term][Cell(MarkKind.COMMENT)] = " ".join(said)
    cells[HOMEROOM, WHOLE_YEAR][Cell(MarkKind.HOMEROOM_COMMENT)] = " ".join(remarks[:_SENTENCES_OF_BOOK])
    return _document(truth().secondary, one, year.pupil, cells, number)


def _document(school: DemoSchool, one: DemoClass, pupil: Pupil, cells: PupilCells, number: int) -> Document:
    code = hashlib.md5(f"{pupil.student_code}/{number}".encode(), usedforsecurity=False).hexdigest()
    facts = PupilFacts(
        student=_record(pupil),
        history=tuple(_history(school, one)),
        cells=cells,
        result=assess(pupil_year(one.grade, plan(one.grade).chosen(one.subjects), cells)),
        lookup_code=code,
        version=1,
        verify_url=f"https://hocba.example.vn/tra-cuu/{code}",
    )
    snapshot = canonical.clean_snapshot(compose(_class_facts(school.key, one), facts))
    return Document(snapshot, canonical.canonical_json(snapshot), xml_form.build_xml(snapshot))


@cache
def _class_facts(key: str, one: DemoClass) -> ClassFacts:
    school = next(school for school in (truth().primary, truth().secondary) if school.key == key)
    homeroom = next(staff.full_name for staff in school.staff if staff.homeroom_of == one.code)
    principal = next(staff.full_name for staff in school.staff if "principal" in staff.roles)
    return ClassFacts(
        school=profile(school),
        academic_year=ACADEMIC_YEAR,
        class_name=one.code,
        grade_level=one.grade,
        subject_codes=one.subjects,
        teachers={
            subject: staff.full_name
            for staff in school.staff
            for class_code, subject in staff.teaches
            if class_code == one.code
        },
        signers=(
            Signer(role=SignerRole.HOMEROOM_TEACHER, name=homeroom, title="Giáo viên chủ nhiệm"),
            Signer(role=SignerRole.PRINCIPAL, name=principal, title="Hiệu trưởng"),
            Signer(role=SignerRole.SCHOOL_SEAL, name=school.name, title="Con dấu số"),
        ),
        issue_date=date(2026, 5, 30),
        sandbox=True,
    )


def _history(school: DemoSchool, one: DemoClass) -> list[StudyPeriod]:
    first = 6 if one.grade > 5 else 1
    suffix = one.code.removeprefix(str(one.grade))
    return [
        StudyPeriod(
            academic_year=f"{2025 - one.grade + grade}-{2026 - one.grade + grade}",
            class_name=f"{grade}{suffix}",
            school_name=school.name,
        )
        for grade in range(first, one.grade + 1)
    ]


def _record(pupil: Pupil) -> StudentRecord:
    same = set(StudentRecord.__struct_fields__) & set(Pupil.__struct_fields__)
    known = {name: value for name, value in msgspec.structs.asdict(pupil).items() if name in same}
    return StudentRecord(
        **known,
        id=StudentId(new_id()),
        status=StudentStatus.STUDYING,
        current_address=pupil.address,
        guardian_name=None,
        father_job=None,
        mother_job=None,
        guardian_job=None,
        policy_group=None,
        not_assessed=False,
        registry_no=None,
        joined_on=None,
    )
