"""Random pupils of each form: whatever the snapshot says can be read on the pages, in reading order, inside the paper."""

import io
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pikepdf
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from backend.records.gradebook.schemas import MAX_COMMENT
from backend.records.transcripts import book, canonical, corrections, rendering
from backend.records.transcripts.book import YearPlace, YearRecord
from backend.records.transcripts.page_check import _squeezed, _stands, missing_texts, printed_texts
from backend.records.transcripts.schemas import GRADES, Correction, SchoolLevel, Snapshot
from tests.factories.books import COPY, elsewhere, here, record
from tests.factories.snapshots import (
    lower_secondary_snapshot,
    primary_snapshot,
    upper_secondary_snapshot,
    with_changes,
)
from tests.records.transcripts.pdf_reading import inside_the_paper, page_texts, rendered

BASES = {
    SchoolLevel.PRIMARY: primary_snapshot(),
    SchoolLevel.LOWER_SECONDARY: lower_secondary_snapshot(),
    SchoolLevel.UPPER_SECONDARY: upper_secondary_snapshot(),
}
#: To make a failing pupil smaller takes minutes, and the first one found says as much.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
_LETTERS = "aăâbcdđeêghiklmnoôơpqrstuưvxyAĐƠƯÊÔƀčŏ '-.,;:()\"àáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ"
_DAYS = st.dates(date(2000, 1, 1), date(2019, 12, 31))
_SCORE = st.decimals(0, 10, places=1).map(str)
_LEVEL = st.sampled_from(["T", "K", "Đ", "CĐ", None])


def texts(most: int) -> st.SearchStrategy[str]:
    """Words as people write them, now and then one without a space."""
    words = st.text(alphabet=_LETTERS, min_size=1, max_size=most)
    long = st.integers(1, most).map(lambda count: ("nghiêng" * count)[:count])
    return (words | long).map(lambda text: " ".join(text.split())).filter(bool)


#: Most are short; some are as long as a door lets in, and longer.
COMMENTS = (
    st.none()
    | texts(80)
    | texts(MAX_COMMENT)
    | st.integers(MAX_COMMENT, 1700).map(
        lambda count: ("Có tiến bộ, cần đọc thêm sách. " * 70)[:count].strip()
    )
)
#: As long as the form of a pupil takes.
NAMES = texts(30) | texts(120) | texts(300)


#: Of one decision or several; what was corrected is as long as what a door lets in.
_CORRECTED = st.lists(
    st.builds(
        Correction,
        what=texts(60),
        old=st.just("") | texts(MAX_COMMENT),
        new=st.just("") | texts(MAX_COMMENT),
        subject=st.none() | texts(60),
        by=st.just("") | NAMES,
        at=st.integers(0, 3).map(lambda hour: datetime(2026, 5, 1, hour, tzinfo=UTC)),
        why=texts(200),
    ),
    max_size=4,
)


@st.composite
def snapshots(draw: st.DrawFn, level: SchoolLevel) -> Snapshot:
    """A year of a pupil of that level: few or twenty subjects, retakes, years elsewhere, or nothing at all."""
    base = BASES[level]
    raw = msgspec.to_builtins(base.year.results)
    count = draw(st.integers(0, 20))
    raw["subjects"] = [
        {**(raw["subjects"] * 2)[number], "code": f"M{number}", **draw(_subject(level))}
        for number in range(count)
    ]
    if level is SchoolLevel.PRIMARY:
        raw["traits"] = [
            {**one, "comment": draw(COMMENTS)} for one in raw["traits"][: draw(st.integers(0, 15))]
        ]
        raw["year_level"] = draw(st.sampled_from(["HTXS", "HT", "CHT", None]))
    else:
        for name, late in (("conduct", "after_summer"), ("learning", "after_reassessment")):
            raw[name] = {one: draw(_LEVEL) for one in ("term1", "term2", "year", late)}
        raw["certificates"] = draw(st.lists(texts(60), max_size=4))
        raw |= draw(st.just({}) | texts(300).map(lambda said: {"summer_training": said}))
        raw["competitions"] = draw(st.lists(texts(60), max_size=4))
    raw["award"] = draw(COMMENTS)
    changes: dict[str, Any] = {
        "year.results": raw,
        "student.full_name": draw(NAMES),
        "student.date_of_birth": draw(_DAYS).isoformat(),
        "student.personal_id": draw(st.none() | st.just("001316012345")),
        "student.current_address": draw(st.none() | texts(200)),
        "student.birth_place": draw(st.none() | texts(100)),
        "student.guardian_name": draw(st.none() | NAMES),
        "school.name": draw(NAMES),
        "year.class_name": draw(texts(12)),
        "year.homeroom_comment": draw(COMMENTS),
        "year.principal_comment": draw(COMMENTS),
        "year.absences_excused": draw(st.none() | st.integers(0, 99)),
        "study_history": draw(_history()),
        "signers.1.name": draw(NAMES),
    }
    return corrections.corrected(canonical.clean_snapshot(with_changes(base, changes)), draw(_CORRECTED))


@st.composite
def _subject(draw: st.DrawFn, level: SchoolLevel) -> dict[str, Any]:
    own: dict[str, Any] = {"name": draw(texts(60)), "comment": draw(COMMENTS)}
    if level is SchoolLevel.PRIMARY:
        return own | {
            "level": draw(st.sampled_from(["T", "H", "C", None])),
            "test_mark": draw(st.none() | st.just("10")),
        }
    marks = {name: draw(st.none() | _SCORE) for name in ("term1", "term2", "year", "reassessed")}
    return own | marks | {"exempt": draw(st.booleans()), "teacher_name": draw(st.none() | NAMES)}


def _history() -> st.SearchStrategy[list[dict[str, Any]]]:
    """Up to twelve years, some of them at other schools."""
    row = st.fixed_dictionaries(
        {"class_name": texts(12), "school_name": NAMES, "registry_no": st.none() | texts(14)}
    )
    return st.lists(row, max_size=12).map(
        lambda rows: [{"academic_year": f"{2010 + n}-{2011 + n}", **one} for n, one in enumerate(rows)]
    )


def assert_rows_in_order(snapshot: Snapshot, pages: list[str]) -> None:
    """Every row of every table and list stands on the pages, after the row above it; a long one may run on."""
    foot = _squeezed(f"Mã số tra cứu học bạ: {snapshot.lookup_code} Kiểm tra tại:")
    whole = [_squeezed(page) for page in pages]
    bodies = [page[: page.rindex(foot)] for page in whole]
    at: dict[str, tuple[int, int]] = {}
    for place, text in printed_texts(snapshot):
        table, bracket, rest = place.partition("[")
        if bracket and rest.endswith("]"):
            found = _place_of(_squeezed(text), whole, bodies, at.get(table, (0, 0)))
            assert found is not None, f"{place} does not stand below the row above it: {text}"
            at[table] = found


def _place_of(
    row: str, whole: list[str], bodies: list[str], after: tuple[int, int]
) -> tuple[int, int] | None:
    """Page and offset behind a row that stands at `after` or later."""
    first, offset = after
    for number in range(first, len(whole)):
        start = whole[number].find(row, offset if number == first else 0)
        if start >= 0:
            return number, start + len(row)
        rest = whole[number + 1 :], bodies[number + 1 :]
        ends = (length for length in range(len(row) - 1, 0, -1) if bodies[number].endswith(row[:length]))
        if rest[0] and any(_stands(*rest, row[length:]) for length in ends):
            return number + 1, 0
    return None


def assert_tagged(pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert str(document.Root.Lang).startswith("vi")
        assert bool(document.Root.MarkInfo.Marked)
        assert len(document.Root.StructTreeRoot.K) > 0
        assert all("/StructParents" in page.obj for page in document.pages)


def test_rows_in_another_order_are_found_out() -> None:
    snapshot = BASES[SchoolLevel.LOWER_SECONDARY]
    pages = page_texts(rendered(snapshot))
    assert_rows_in_order(snapshot, pages)
    raw: Any = msgspec.to_builtins(snapshot)
    subjects, history = raw["year"]["results"]["subjects"], raw["study_history"]
    for changes in (
        {"year.results.subjects": [subjects[1], subjects[0], *subjects[2:]]},
        {"study_history": [history[1], history[0], *history[2:]]},
        {"year.results.subjects.3.comment": "Không có ở đó."},
    ):
        with pytest.raises(AssertionError, match="does not stand below the row above it"):
            assert_rows_in_order(with_changes(snapshot, changes), pages)


@pytest.mark.parametrize("level", list(SchoolLevel))
@settings(max_examples=14, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_random_year_can_be_read_back_whole(level: SchoolLevel, data: st.DataObject) -> None:
    snapshot = data.draw(snapshots(level))
    pdf = rendered(snapshot)
    pages = page_texts(pdf)
    assert missing_texts(snapshot, pages) == []
    assert_rows_in_order(snapshot, pages)
    assert_tagged(pdf)
    inside_the_paper(pdf)


@pytest.mark.parametrize("level", list(SchoolLevel))
@settings(max_examples=6, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_a_random_book_has_every_year_whole(level: SchoolLevel, data: st.DataObject) -> None:
    records: list[YearRecord] = []
    places: list[YearPlace] = []
    for start, grade in enumerate(GRADES[level], 2020):
        kind = data.draw(st.sampled_from(["record", "elsewhere", "here", "nothing"])) if records else "record"
        if kind == "record":
            own = data.draw(snapshots(level))
            changes = {
                "year.grade_level": grade,
                "year.academic_year": f"{start}-{start + 1}",
                "study_history": [],
            }
            records.append(record(with_changes(own, changes)))
        elif kind == "elsewhere":
            places.append(elsewhere(grade, start, data.draw(texts(400))))
        elif kind == "here":
            places.append(here(grade, start))
    content = book.bind(level=level, records=records, places=places, mark=COPY)
    pdf = rendering.render_book(content)
    pages = page_texts(pdf)
    for one in records:
        own_pages = [page for page in pages if one.signed_sha256 in _squeezed(page)]
        of_year = [
            line
            for line in missing_texts(one.snapshot, own_pages)
            if line.startswith(("year.", "results", "corrections"))
        ]
        assert of_year == [], one.academic_year
    for place in places:
        assert _squeezed(f"NĂM HỌC {place.academic_year}") in _squeezed("".join(pages)) or not place.elsewhere
        assert _squeezed(place.results) in _squeezed("".join(pages))
    assert_tagged(pdf)
    inside_the_paper(pdf)
