"""The learner's book: every year that is known, one after the other, and what of it was signed by whom."""

import html
import io
import re
from datetime import UTC, date, datetime
from typing import Any

import msgspec
import pikepdf
import pytest

from backend.core.errors import Conflict
from backend.core.ids import new_id
from backend.records.roster.schemas import AcademicYearId, ClassId, EarlierYearView, EnrollmentStatus, Place
from backend.records.transcripts import book, rendering
from backend.records.transcripts.book import Book, YearRecord
from backend.records.transcripts.canonical import text_leaves
from backend.records.transcripts.page_check import missing_texts
from backend.records.transcripts.pages import LEVEL_WORDS
from backend.records.transcripts.schemas import SchoolLevel
from backend.remote_signing.requests.schemas import ROLE_NAMES
from tests.factories.books import (
    COPY,
    all_books,
    elsewhere,
    here,
    lower_secondary_book,
    primary_book,
    record,
    year,
)
from tests.factories.snapshots import CORRECTIONS, primary_snapshot, upper_secondary_snapshot, with_changes
from tests.frontend import small_site
from tests.records.transcripts.pdf_reading import attachments, inside_the_paper, page_texts, squeezed

BOOKS = all_books()
#: Where a snapshot speaks of its year; what it says of the pupil and the school stands once in a book.
OF_THE_YEAR = ("year.", "results", "signers", "corrections")


def pages_of(content: Book) -> list[str]:
    return page_texts(rendering.render_book(content))


def titles(content: Book) -> list[str]:
    years = book.printed_book(content)["years"]
    assert isinstance(years, list)
    return [str(one["title"]) for one in years if isinstance(one, dict)]


@pytest.mark.parametrize("content", BOOKS.values(), ids=BOOKS)
def test_every_year_says_in_the_book_what_was_frozen(content: Book) -> None:
    pdf = rendering.render_book(content)
    pages = page_texts(pdf)
    for one in content.records:
        own = [page for page in pages if one.signed_sha256 in squeezed(page)]
        missing = missing_texts(one.snapshot, own)
        assert [line for line in missing if line.startswith(OF_THE_YEAR)] == [], one.academic_year
    inside_the_paper(pdf)


@pytest.mark.parametrize("content", BOOKS.values(), ids=BOOKS)
def test_every_page_says_that_it_is_a_numbered_print_without_a_signature(content: Book) -> None:
    for page in pages_of(content):
        shown = squeezed(page)
        assert squeezed("BẢN SAO số 12/2026/BS-HB. Tệp này không mang chữ ký số") in shown
        assert content.newest.lookup_code in shown
        assert squeezed(content.newest.student.full_name) in shown


def test_the_book_has_the_pages_of_the_form_in_their_order() -> None:
    content = primary_book()
    pages = pages_of(content)
    heads = ["HỌC BẠ", "HƯỚNG DẪN GHI HỌC BẠ", "QUÁ TRÌNH HỌC TẬP", "1. Các môn học", "2. Những phẩm chất"]
    for head, page in zip(heads, pages, strict=False):
        assert head in page
    assert "Cổng tra cứu học bạ của Bộ Giáo dục và Đào tạo, hoặc trên VNeID" in " ".join(pages[1].split())
    assert "KẾT QUẢ" in pages[5].upper()
    assert len(pages) == 3 + 4 * 2 + 1 + 1
    assert "CÁC NĂM HỌC TRONG BẢN SAO" in pages[-1]
    assert "gồm 13 trang" in pages[-1].replace("\r\n", " ")


def test_a_year_has_two_pages_in_the_book_also_with_a_note_of_corrections() -> None:
    content = lower_secondary_book()
    pages = pages_of(content)
    for one in content.records:
        assert one.snapshot.corrections
        assert sum(one.signed_sha256 in squeezed(page) for page in pages[:-1]) == 2


def test_each_year_names_who_signed_it_when_and_its_version_and_digest() -> None:
    content = primary_book()
    pages = pages_of(content)
    for one in content.records:
        own = "\n".join(page for page in pages if one.signed_sha256 in squeezed(page))
        start = one.snapshot.issue_date.year
        assert f"Năm học {one.academic_year} · Phiên bản 1 (31/05/{start})" in own
        assert squeezed("Đã ký số: Kiều Quang Vinh") in squeezed(own)
        assert squeezed("Đã ký số: Tòng Thị Bích Hảo") in squeezed(own)
        assert squeezed(f"Đã đóng dấu số: {one.snapshot.school.name}") in squeezed(own)
        assert squeezed(f"14:03 30/05/{start}") in squeezed(own)


def test_a_closed_year_says_since_when_it_has_been_in_force() -> None:
    content = primary_book()
    closed = msgspec.structs.replace(content.records[-1], effective_on=date(2027, 6, 29))
    pages = pages_of(msgspec.structs.replace(content, records=(*content.records[:-1], closed)))
    assert squeezed("Ngày hiệu lực của học bạ số: 29 tháng 6 năm 2027") in squeezed(pages[2])
    assert (pages[-1].count("29/06/2027"), pages[-1].count("Chưa chốt")) == (1, 3)


def test_a_place_that_the_signing_service_knows_nothing_of_is_not_called_signed() -> None:
    content = primary_book()
    records = tuple(msgspec.structs.replace(one, signed_at={}) for one in content.records)
    text = "\n".join(pages_of(msgspec.structs.replace(content, records=records)))
    assert "Đã ký số" not in text
    assert "Đã đóng dấu số" not in text


def test_the_whole_course_of_study_is_on_the_personal_page() -> None:
    content = lower_secondary_book()
    [page] = [one for one in pages_of(content) if "QUÁ TRÌNH HỌC TẬP" in one and "Nơi sinh" in one]
    shown = squeezed(page)
    for start, grade in ((2024, 7), (2025, 8), (2026, 9)):
        assert squeezed(f"{start}-{start + 1} {grade}B") in shown
    assert squeezed("Đã ký số: Nghiêm Thế Khải, 14:03 30/05/2026") in shown
    assert squeezed("Chưa phát hành") in shown


def test_no_year_and_no_grade_of_the_level_is_passed_over() -> None:
    snapshot = primary_snapshot()
    alone: dict[str, Any] = {"study_history": []}
    content = book.bind(
        level=SchoolLevel.PRIMARY,
        records=[year(snapshot, 2, 2022, alone), year(snapshot, 5, 2026, alone)],
        places=[here(2, 2022), elsewhere(3, 2023), here(4, 2024, left_on=date(2025, 1, 6)), here(5, 2026)],
        mark=COPY,
    )
    assert titles(content) == [
        "LỚP 1",
        "Năm học 2022-2023",
        "NĂM HỌC 2023-2024",
        "NĂM HỌC 2024-2025",
        "NĂM HỌC 2025-2026",
        "Năm học 2026-2027",
    ]
    history = msgspec.json.decode(msgspec.json.encode(book.printed_book(content)["history"]))
    assert [row["academic_year"][:4] for row in history] == ["2022", "2023", "2024", "2026"]
    text = squeezed("\n".join(pages_of(content)))
    for said in (
        "Nhà trường không có dữ liệu về lớp 1 của học sinh",
        "Học sinh rời lớp 4B, năm học 2024-2025 vào ngày 06/01/2025",
        "Nhà trường không có dữ liệu về lớp học và kết quả của học sinh trong năm học 2025-2026.",
    ):
        assert squeezed(said) in text


def test_what_only_the_course_of_study_knows_of_a_year_is_said_of_it() -> None:
    rows = [
        {"academic_year": f"{start}-{start + 1}", "class_name": name, "school_name": "Trường Cũ"}
        for start, name in ((2021, "1K"), (2023, "3K"))
    ]
    content = book.bind(
        level=SchoolLevel.PRIMARY,
        records=[
            year(primary_snapshot(), 2, 2022),
            year(primary_snapshot(), 4, 2024, {"study_history": rows}),
        ],
        places=[],
        mark=COPY,
    )
    assert titles(content) == ["LỚP 1", "Năm học 2022-2023", "NĂM HỌC 2023-2024", "Năm học 2024-2025"]
    text = squeezed("\n".join(pages_of(content)))
    assert squeezed("Năm học 2021-2022 học sinh học ở lớp 1K, Trường Cũ; nhà trường không có học bạ") in text
    assert squeezed("Năm học 2023-2024 học sinh học ở lớp 3K, Trường Cũ; nhà trường không có học bạ") in text
    history = msgspec.json.decode(msgspec.json.encode(book.printed_book(content)["history"]))
    confirmed = [row["confirmed"] for row in history]
    assert confirmed[0] == confirmed[2] == "Theo học bạ năm học 2024-2025", (
        "that of its own year is not there"
    )


def test_a_year_that_is_not_issued_yet_says_so() -> None:
    assert squeezed("ở lớp 9B, năm học 2026-2027 chưa được phát hành") in squeezed(
        pages_of(lower_secondary_book())[-2]
    )


def test_a_year_at_another_school_is_shown_as_it_was_received() -> None:
    [page] = [one for one in pages_of(primary_book()) if "trường trước" in one]
    shown = squeezed(page)
    for said in (
        "NĂM HỌC 2023-2024",
        "Trường Tiểu học Chiềng Mung",
        "2C",
        "77/2023",
        "05/09/2023",
        "Tiếng Việt: T, 9",
    ):
        assert squeezed(said) in shown
    assert "không thay cho học bạ ấy" in page.replace("\r\n", " ")


def test_a_year_that_began_elsewhere_has_both_pages() -> None:
    content = book.bind(
        level=SchoolLevel.PRIMARY,
        records=[year(primary_snapshot(), 1, 2022)],
        places=[here(1, 2022), elsewhere(1, 2022)],
        mark=COPY,
    )
    assert titles(content) == ["NĂM HỌC 2022-2023", "Năm học 2022-2023"]


def test_a_class_of_the_same_name_at_the_former_school_keeps_its_row() -> None:
    there = msgspec.structs.replace(elsewhere(10, 2023), class_name="10B")
    content = book.bind(
        level=SchoolLevel.UPPER_SECONDARY,
        records=[year(upper_secondary_snapshot(), 10, 2023)],
        places=[here(10, 2023), there],
        mark=COPY,
    )
    former, own = msgspec.json.decode(msgspec.json.encode(book.printed_book(content)["history"]))
    assert (former["class_name"], own["class_name"]) == ("10B", "10B")
    assert (former["school_name"], former["confirmed"]) == (there.school_name, "Theo học bạ đã nhận")
    assert own["confirmed"].startswith("Đã ký số: ")


@pytest.mark.parametrize("level", ["primary", "upper_secondary"])
def test_the_last_year_completes_the_level(level: str) -> None:
    content = BOOKS[level]
    said = content.newest.year.results.completion
    assert squeezed(f"Hoàn thành cấp học: {said}") in squeezed(pages_of(content)[2])
    earlier = msgspec.structs.replace(content, records=content.records[:-1])
    assert "Hoàn thành cấp học" not in "\n".join(pages_of(earlier))


def test_an_extract_has_one_year_and_no_other() -> None:
    whole = primary_book()
    mark = msgspec.structs.replace(COPY, title="TRÍCH LỤC", number="13/2026/TL-HB", year="2025-2026")
    content = book.bind(level=whole.level, records=whole.records, places=whole.places, mark=mark)
    pages = pages_of(content)
    text = "\n".join(pages)
    assert len(pages) == 5
    assert squeezed("Trích năm học: 2025-2026") in squeezed(pages[0])
    assert "TRÍCH LỤC số 13/2026/TL-HB" in text
    assert "HƯỚNG DẪN" not in text
    assert "2022-2023" not in text


def test_nothing_issued_is_no_book() -> None:
    with pytest.raises(Conflict, match="chưa có năm học nào được phát hành"):
        book.bind(level=SchoolLevel.PRIMARY, records=[], places=[here(1, 2022)], mark=COPY)
    mark = msgspec.structs.replace(COPY, year="2023-2024")
    with pytest.raises(Conflict, match="năm học 2023-2024 chưa được phát hành"):
        primary_book(mark)


def test_the_newest_personal_page_counts() -> None:
    snapshot = primary_snapshot()
    moved = with_changes(snapshot, {"student.current_address": "Bản Mới, xã Chiềng Mung"})
    content = book.bind(
        level=SchoolLevel.PRIMARY,
        records=[year(moved, 2, 2023), year(snapshot, 1, 2022)],
        places=[],
        mark=COPY,
    )
    assert squeezed("Bản Mới, xã Chiềng Mung") in squeezed(pages_of(content)[2])


@pytest.mark.parametrize("content", BOOKS.values(), ids=BOOKS)
def test_the_book_is_a_tagged_archival_file_with_the_data_of_each_year(content: Book) -> None:
    pdf = rendering.render_book(content)
    assert pdf == rendering.render_book(content)
    assert attachments(pdf) == {
        f"snapshot-{one.academic_year}.json": one.content.encode() for one in content.records
    }
    with pikepdf.open(io.BytesIO(pdf)) as document:
        assert str(document.Root.Lang) == "vi-VN"
        assert bool(document.Root.MarkInfo.Marked)
        assert "/StructTreeRoot" in document.Root
        metadata = document.open_metadata()
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("3", "A")


def test_places_are_those_of_the_level_without_what_was_withdrawn_or_moved_from() -> None:
    def place(grade: int, status: EnrollmentStatus = EnrollmentStatus.STUDYING) -> Place:
        return Place(
            class_id=ClassId(new_id()),
            class_name=f"{grade}A",
            grade_level=grade,
            academic_year_id=AcademicYearId(new_id()),
            academic_year=f"{2017 + grade}-{2018 + grade}",
            registry_no=None,
            joined_on=None,
            came_from=None,
            left_on=date(2025, 1, 6) if status is EnrollmentStatus.LEFT else None,
            reason=None,
            status=status,
        )

    def received(grade: int, withdrawn: datetime | None = None) -> EarlierYearView:
        return EarlierYearView(
            id=new_id(),
            academic_year=f"{2017 + grade}-{2018 + grade}",
            grade_level=grade,
            class_name=f"{grade}C",
            school_name="Trường Cũ",
            registry_no=None,
            joined_on=None,
            results="Toán: 8,0",
            withdrawn_at=withdrawn,
            reason=None,
        )

    found = book.places_of(
        SchoolLevel.LOWER_SECONDARY,
        "Trường Sông Trăng",
        [place(5), place(7, EnrollmentStatus.MOVED), place(8), place(9, EnrollmentStatus.LEFT)],
        [received(4), received(6), received(7, datetime(2026, 1, 1, tzinfo=UTC))],
    )
    assert [(one.grade_level, one.elsewhere, one.school_name) for one in found] == [
        (8, False, "Trường Sông Trăng"),
        (9, False, "Trường Sông Trăng"),
        (6, True, "Trường Cũ"),
    ]
    assert found[1].left_on == date(2025, 1, 6)


def _read_on_a_screen(content: Book) -> str:
    snapshot = content.newest
    shown = small_site.render(
        "records/transcripts/book.html",
        version={"id": "v", "full_name": snapshot.student.full_name, "academic_year": "2025-2026"},
        school_class={"id": "c", "name": snapshot.year.class_name},
        book=book.printed_book(content),
        born=snapshot.student.date_of_birth,
        personal_id="••••",
        level_words=LEVEL_WORDS,
        role_names=ROLE_NAMES,
    )
    return squeezed(html.unescape(shown))


@pytest.mark.parametrize("content", BOOKS.values(), ids=BOOKS)
def test_the_page_on_a_screen_says_all_that_the_print_says(content: Book) -> None:
    content = msgspec.structs.replace(
        content, records=tuple(_with_every_fact(one) for one in content.records)
    )
    shown = _read_on_a_screen(content)
    view: Any = book.printed_book(content)
    told = [("student", view["student"]), *enumerate(one.get("view", one) for one in view["years"])]
    missing = [
        (f"{place}.{path}", text)
        for place, part in told
        for path, text in text_leaves(part)
        if not _SAID_OTHERWISE.search(path) and squeezed(text) not in shown
    ]
    assert missing == []


#: By a code, a sum or a mask; the day of birth as 03/09/2016; who signed and where, of each year.
_SAID_OTHERWISE = re.compile(
    r"^(level_title|personal_id|date_of_birth|school\.|student\.|history|issue\.|signers.*title|kind|title)"
    r"|level$|absences$|corrections\.(in_table|subjects|count)$"
)


def _with_every_fact(one: YearRecord) -> YearRecord:
    """Whatever a form may say and most pupils have not: jobs, a policy group, a measured height, a corrected mark."""
    facts = {
        **dict.fromkeys(("father_job", "mother_job", "guardian_job", "policy_group"), "Đã ghi ở đây"),
        "guardian_name": "Lò Văn Giám",
    }
    changes: dict[str, Any] = {f"student.{name}": value for name, value in facts.items()}
    changes |= {"year.height_cm": "151.5", "year.weight_kg": "41.5", "year.health": "Tốt, cận thị nhẹ"}
    changes |= {"year.principal_comment": "Nhất trí.", "corrections": msgspec.to_builtins(CORRECTIONS)}
    return record(with_changes(one.snapshot, changes))
