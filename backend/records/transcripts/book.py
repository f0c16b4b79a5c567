"""The learner's book: all years of one học bạ as one print, composed from what was frozen and signed year by year.

It says nothing of its own about a pupil: a year's pages are those of its newest issued version, with who signed them and
when; a year at another school stands as it was received; a year of which there is neither has a page that says so.
"""

from collections.abc import Iterable, Iterator
from datetime import date, datetime

import msgspec

from backend.core.errors import Conflict
from backend.records.roster.schemas import EarlierYearView, EnrollmentStatus, Place
from backend.records.transcripts.canonical import Json
from backend.records.transcripts.printed import View, history_row, long_date, printed, printed_issue
from backend.records.transcripts.schemas import (
    GRADES,
    CopyMark,
    SchoolLevel,
    SecondaryResults,
    SignerRole,
    Snapshot,
    StudyPeriod,
)

#: In the column of the principal's confirmation, beside a year that this school has not issued.
_AS_RECEIVED = "Theo học bạ đã nhận"
_NOT_ISSUED = "Chưa phát hành"


class YearRecord(msgspec.Struct, frozen=True, kw_only=True):
    """The newest version of a year that is in force, with times of Vietnam. `signed_at`: role → when it signed."""

    snapshot: Snapshot
    content: str
    signed_sha256: str
    issued_at: datetime
    effective_on: date | None
    signed_at: dict[str, datetime]

    @property
    def academic_year(self) -> str:
        """The year whose record it is."""
        return self.snapshot.year.academic_year


class YearPlace(msgspec.Struct, frozen=True, kw_only=True):
    """Where the pupil was in a year: here, or at another school, whose results are then lines of text."""

    academic_year: str
    grade_level: int
    class_name: str
    elsewhere: bool
    school_name: str
    registry_no: str | None = None
    joined_on: date | None = None
    left_on: date | None = None
    results: str = ""


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All that a book says: `records` of one học bạ, oldest year first, at least one; `places` in any order."""

    level: SchoolLevel
    records: tuple[YearRecord, ...]
    places: tuple[YearPlace, ...]
    mark: CopyMark

    @property
    def newest(self) -> Snapshot:
        """Whose personal page is printed."""
        return self.records[-1].snapshot


def bind(
    *, level: SchoolLevel, records: Iterable[YearRecord], places: Iterable[YearPlace], mark: CopyMark
) -> Book:
    """The book, or the extract of the one year that the mark names. Raises Conflict where none of it is issued."""
    bound = sorted(
        (one for one in records if not mark.year or one.academic_year == mark.year),
        key=lambda one: one.academic_year,
    )
    if not bound:
        raise Conflict(
            f"Học bạ năm học {mark.year} chưa được phát hành nên chưa trích lục được."
            if mark.year
            else "Học bạ này chưa có năm học nào được phát hành nên chưa in được; hãy chờ đến khi nhà trường phát hành."
        )
    there = (one for one in places if not mark.year or one.academic_year == mark.year)
    return Book(level=level, records=tuple(bound), places=tuple(there), mark=mark)


def places_of(
    level: SchoolLevel, school_name: str, here: Iterable[Place], elsewhere: Iterable[EarlierYearView]
) -> tuple[YearPlace, ...]:
    """Where the pupil was in the grades of a level, this school and others; what was withdrawn was nowhere."""
    grades = GRADES[level]
    ours = (
        YearPlace(
            academic_year=one.academic_year,
            grade_level=one.grade_level,
            class_name=one.class_name,
            elsewhere=False,
            school_name=school_name,
            registry_no=one.registry_no,
            joined_on=one.joined_on,
            left_on=one.left_on,
        )
        for one in here
        if one.grade_level in grades and one.status is not EnrollmentStatus.MOVED
    )
    others = (
        YearPlace(
            academic_year=one.academic_year,
            grade_level=one.grade_level,
            class_name=one.class_name,
            elsewhere=True,
            school_name=one.school_name,
            registry_no=one.registry_no,
            joined_on=one.joined_on,
            results=one.results,
        )
        for one in elsewhere
        if one.grade_level in grades and one.withdrawn_at is None
    )
    return (*ours, *others)


def printed_book(book: Book) -> View:
    """All that the template needs, as strings; `years` has the pages in their order."""
    newest, mark = book.newest, book.mark
    last = book.records[-1]
    effective = last.effective_on or newest.effective_date
    personal = _signed_view(last) | {
        "issue": printed_issue(msgspec.structs.replace(newest, effective_date=effective))
    }
    return {
        **{name: personal[name] for name in ("level_title", "school", "student", "signers", "issue")},
        "sandbox": any(one.snapshot.sandbox for one in book.records),
        "history": _history(book),
        "years": list(_years(book)),
        "completion": _completion(book),
        "mark": {
            "title": mark.title,
            "number": mark.number,
            "on": long_date(mark.on),
            "recipient": mark.recipient,
            "purpose": mark.purpose,
            "year": mark.year,
            "confirmed": mark.confirmed,
            "place_and_date": f"{newest.issue_place}, {long_date(mark.on)}",
        },
    }


def _signed_view(record: YearRecord) -> View:
    """The year's own words, and beside each signature place when it was signed."""
    view = printed(record.snapshot)
    signers: View = {
        signer.role.value: {
            "name": signer.name,
            "title": signer.title,
            "signed": _signed(record, signer.role),
        }
        for signer in record.snapshot.signers
    }
    return view | {"signers": signers}


def _signed(record: YearRecord, role: SignerRole) -> str:
    at = record.signed_at.get(role.value)
    return f"{at:%H:%M %d/%m/%Y}" if at else ""


def _years(book: Book) -> Iterator[View]:
    """Pages from the first grade of the level to the last year that anything is known of, without a gap."""
    records = {one.academic_year: one for one in book.records}
    places = sorted(
        book.places, key=lambda one: (one.academic_year, not one.elsewhere, one.joined_on or date.min)
    )
    if not book.mark.year:
        yield from _before(book)
    for year in _all_years([*records, *(one.academic_year for one in places)]):
        there = [one for one in places if one.academic_year == year]
        yield from (_elsewhere(one) for one in there if one.elsewhere)
        if record := records.get(year):
            yield _record(record)
        elif here := [one for one in there if not one.elsewhere]:
            yield _absent(f"NĂM HỌC {year}", _not_issued(here[-1]))
        elif not there:
            said = f"Nhà trường không có dữ liệu về lớp học và kết quả của học sinh trong năm học {year}."
            yield _absent(f"NĂM HỌC {year}", _studied(book, year) or said)


def _not_issued(place: YearPlace) -> str:
    where = f"lớp {place.class_name}, năm học {place.academic_year}"
    if place.left_on:
        return f"Học sinh rời {where} vào ngày {place.left_on:%d/%m/%Y}; nhà trường không phát hành học bạ năm học này."
    return f"Học bạ của học sinh ở {where} chưa được phát hành nên chưa có trong bản này."


def _before(book: Book) -> Iterator[View]:
    """One page for each grade of the level that lies before the first that is known."""
    known = [(one.academic_year, one.snapshot.year.grade_level) for one in book.records]
    first, lowest = min([*known, *((one.academic_year, one.grade_level) for one in book.places)])
    for grade in range(GRADES[book.level][0], lowest):
        year = _year_name(int(first[:4]) - lowest + grade)
        said = (
            f"Nhà trường không có dữ liệu về lớp {grade} của học sinh và chưa nhận được học bạ của lớp này."
        )
        yield _absent(f"LỚP {grade}", _studied(book, year) or said)


def _studied(book: Book, year: str) -> str:
    """What the course of study alone knows of a year, "" where it knows nothing either."""
    rows = [one for one in book.newest.study_history if one.academic_year == year]
    where = " và ".join(f"lớp {one.class_name}, {one.school_name}" for one in rows)
    said = f"Năm học {year} học sinh học ở {where}; nhà trường không có học bạ của năm học này."
    return said if rows else ""


def _all_years(known: list[str]) -> list[str]:
    starts = [int(year[:4]) for year in known]
    return [_year_name(start) for start in range(min(starts), max(starts) + 1)]


def _year_name(start: int) -> str:
    return f"{start}-{start + 1}"


def _record(record: YearRecord) -> View:
    return {
        "kind": "record",
        "title": f"Năm học {record.academic_year}",
        "version": str(record.snapshot.version),
        "issued": f"{record.issued_at:%d/%m/%Y}",
        "effective": f"{record.effective_on:%d/%m/%Y}" if record.effective_on else "Chưa chốt",
        "sha256": record.signed_sha256,
        "view": _signed_view(record),
    }


def _elsewhere(place: YearPlace) -> View:
    return {
        "kind": "elsewhere",
        "title": f"NĂM HỌC {place.academic_year}",
        "class_name": place.class_name,
        "school_name": place.school_name,
        "registry_no": place.registry_no or "",
        "joined_on": f"{place.joined_on:%d/%m/%Y}" if place.joined_on else "",
        "results": [line for line in (one.strip() for one in place.results.splitlines()) if line],
    }


def _absent(title: str, said: str) -> View:
    return {"kind": "absent", "title": title, "said": said}


def _history(book: Book) -> list[Json]:
    """QUÁ TRÌNH HỌC TẬP: what the newest record says, and what has become known since.

    A class of that name at another school is another row, and stands before our own of that year.
    """
    rows = {(one.academic_year, not one.elsewhere, one.class_name): _period(one) for one in book.places}
    for record in book.records:
        own = record.snapshot
        rows.setdefault((record.academic_year, True, own.year.class_name), _own_period(own))
        for row in own.study_history:
            rows[row.academic_year, row.school_name == own.school.name, row.class_name] = row
    ours = {one.academic_year: _NOT_ISSUED for one in book.places if not one.elsewhere}
    ours |= {one.academic_year: _confirmed(one) for one in book.records}
    received = {(one.academic_year, False, one.class_name) for one in book.places if one.elsewhere}
    # A row that nothing else knows stands in the newest record, and its principal has signed that.
    as_signed = f"Theo học bạ năm học {book.records[-1].academic_year}"
    only = book.mark.year
    return [
        history_row(row) | {"confirmed": _AS_RECEIVED if place in received else ours.get(place[0], as_signed)}
        for place, row in sorted(rows.items())
        if only in ("", place[0])
    ]


def _period(place: YearPlace) -> StudyPeriod:
    return StudyPeriod(
        academic_year=place.academic_year,
        class_name=place.class_name,
        school_name=place.school_name,
        registry_no=place.registry_no,
        joined_on=place.joined_on,
    )


def _own_period(snapshot: Snapshot) -> StudyPeriod:
    year = snapshot.year
    return StudyPeriod(
        academic_year=year.academic_year, class_name=year.class_name, school_name=snapshot.school.name
    )


def _confirmed(record: YearRecord) -> str:
    principal = next((s.name for s in record.snapshot.signers if s.role is SignerRole.PRINCIPAL), "")
    signed = _signed(record, SignerRole.PRINCIPAL)
    return f"Đã ký số: {principal}, {signed}" if signed else f"Người ký số: {principal}"


def _completion(book: Book) -> str:
    """What the last year of the level says about the level (Luật Giáo dục: xác nhận trong học bạ), "" before it."""
    results = book.newest.year.results
    said = results.programme_completed
    if isinstance(results, SecondaryResults):
        return results.completion if said is not None else ""
    return results.completion if said else ""
