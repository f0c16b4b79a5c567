"""Books of invented pupils: years of `snapshots` bound together."""

from datetime import date, datetime
from typing import Any

from backend.core.clock import VIETNAM
from backend.records.transcripts import book, canonical
from backend.records.transcripts.book import Book, YearPlace, YearRecord
from backend.records.transcripts.schemas import CopyMark, SchoolLevel, Snapshot
from tests.factories.snapshots import (
    SONG_TRANG,
    lower_secondary_snapshot,
    primary_snapshot,
    upper_secondary_snapshot,
    with_changes,
)

COPY = CopyMark(
    title="BẢN SAO",
    number="12/2026/BS-HB",
    on=date(2026, 11, 27),
    recipient="Bà Quàng Thị Hưởng, mẹ học sinh",
    purpose="Nộp hồ sơ nhập học",
    year="",
    confirmed=True,
)


def record(snapshot: Snapshot) -> YearRecord:
    """The snapshot as an issued year: signed by all on 30 May, issued a day later."""
    clean = canonical.clean_snapshot(snapshot)
    content = canonical.canonical_json(clean)
    signed = datetime(clean.issue_date.year, 5, 30, 14, 3, tzinfo=VIETNAM)
    return YearRecord(
        snapshot=clean,
        content=content.decode(),
        signed_sha256=canonical.content_sha256(b"signed " + content),
        issued_at=signed.replace(day=31),
        effective_on=None,
        signed_at={signer.role.value: signed for signer in clean.signers},
    )


def year(snapshot: Snapshot, grade: int, start: int, changes: dict[str, Any] | None = None) -> YearRecord:
    """One year of the pupil, in class "{grade}B"."""
    name = f"{start}-{start + 1}"
    place = {
        "year.academic_year": name,
        "year.grade_level": grade,
        "year.class_name": f"{grade}B",
        "issue_date": f"{start + 1}-05-30",
        "study_history": [
            {"academic_year": f"{one}-{one + 1}", "class_name": f"{grade - start + one}B"}
            | {"school_name": snapshot.school.name}
            for one in range(start - grade + 1, start + 1)
            if any(row.academic_year.startswith(str(one)) for row in snapshot.study_history)
        ],
    }
    return record(with_changes(snapshot, place | (changes or {})))


def elsewhere(grade: int, start: int, results: str = "Tiếng Việt: T, 9\nToán: H, 8") -> YearPlace:
    """A year at another school."""
    return YearPlace(
        academic_year=f"{start}-{start + 1}",
        grade_level=grade,
        class_name=f"{grade}C",
        elsewhere=True,
        school_name="Trường Tiểu học Chiềng Mung",
        registry_no="77/2023",
        joined_on=date(start, 9, 5),
        results=results,
    )


def here(grade: int, start: int, left_on: date | None = None) -> YearPlace:
    """A year at this school of which nothing is issued."""
    return YearPlace(
        academic_year=f"{start}-{start + 1}",
        grade_level=grade,
        class_name=f"{grade}B",
        elsewhere=False,
        school_name=SONG_TRANG.name,
        left_on=left_on,
    )


def primary_book(mark: CopyMark = COPY) -> Book:
    """Five years: the second elsewhere, the last completes the level."""
    snapshot = primary_snapshot()
    last = {
        "year.results.programme_completed": True,
        "year.results.completion": "Hoàn thành chương trình tiểu học",
    }
    records = [year(snapshot, grade, 2021 + grade) for grade in (1, 3, 4)]
    return book.bind(
        level=SchoolLevel.PRIMARY,
        records=[*records, year(snapshot, 5, 2026, last)],
        places=[elsewhere(2, 2023)],
        mark=mark,
    )


def lower_secondary_book(mark: CopyMark = COPY) -> Book:
    """Came in grade 7; grade 9 is not issued yet."""
    snapshot = lower_secondary_snapshot()
    return book.bind(
        level=SchoolLevel.LOWER_SECONDARY,
        records=[year(snapshot, 7, 2024), year(snapshot, 8, 2025)],
        places=[here(7, 2024), here(8, 2025), here(9, 2026)],
        mark=mark,
    )


def upper_secondary_book(mark: CopyMark = COPY) -> Book:
    """Three years, the last of which completes the level."""
    snapshot = upper_secondary_snapshot()
    going_on = {"year.results.programme_completed": None, "year.results.completion": "Được lên lớp"}
    return book.bind(
        level=SchoolLevel.UPPER_SECONDARY,
        records=[
            year(snapshot, grade, 2013 + grade, going_on if grade < 12 else {}) for grade in (10, 11, 12)
        ],
        places=[here(grade, 2013 + grade) for grade in (10, 11, 12)],
        mark=mark,
    )


def all_books() -> dict[str, Book]:
    """One book per form, by level."""
    made = (primary_book(), lower_secondary_book(), upper_secondary_book())
    return {one.level.value: one for one in made}
