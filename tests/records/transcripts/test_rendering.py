"""The pages: what independent readers find in the PDF, against the snapshot itself."""

import re
import shutil
from pathlib import Path
from typing import Any
from unicodedata import normalize

import msgspec
import pytest

from backend.core.errors import Invalid
from backend.core.text import MARKS, PRINTABLE, check_text
from backend.records.transcripts import canonical, rendering
from backend.records.transcripts.canonical import Json, text_leaves
from backend.records.transcripts.page_check import missing_texts
from backend.records.transcripts.schemas import Snapshot
from tests.factories.snapshots import (
    CORRECTIONS,
    all_snapshots,
    lower_secondary_snapshot,
    primary_snapshot,
    upper_secondary_snapshot,
    with_changes,
)
from tests.records.transcripts.pdf_reading import (
    inside_the_paper,
    page_texts,
    poppler_text,
    rendered,
    squeezed,
)

SNAPSHOTS = all_snapshots()
NOTICE = "BẢN THỬ NGHIỆM – chữ ký số không có giá trị pháp lý"

#: Words of the snapshot that the form says otherwise, written down here by hand.
WORDS: dict[str, dict[str, str]] = {
    "level": {
        "primary": "HỌC BẠ TIỂU HỌC",
        "lower_secondary": "HỌC BẠ TRUNG HỌC CƠ SỞ",
        "upper_secondary": "HỌC BẠ TRUNG HỌC PHỔ THÔNG",
    },
    "student.gender": {"male": "Giới tính: Nam", "female": "Giới tính: Nữ"},
    "year.results.year_level": {"HT": "Đánh giá kết quả giáo dục: Hoàn thành"},
    "learning": {"T": "Tốt", "K": "Khá", "Đ": "Đạt", "CĐ": "Chưa đạt"},
    "issue_date": {"2026-05-30": "ngày 30 tháng 5 năm 2026"},
    "student.date_of_birth": {
        "2016-09-03": "03 tháng 9 năm 2016",
        "2012-11-20": "20 tháng 11 năm 2012",
        "2008-02-29": "29 tháng 02 năm 2008",
    },
    "corrections[0].at": {"2026-05-29T01:30:00Z": "lúc 08:30 ngày 29/05/2026. Lý do: Nhập nhầm"},
    "joined_on": {"2022-09-05": "05/09/2022", "2023-09-05": "05/09/2023"},
}
#: Codes that only the data carry.
NOT_PRINTED = re.compile(r"(^schema|\.kind|(subjects|traits)\[\d+\]\.(code|group|assessed_by)|\.role)$")


def expected(path: str, value: str) -> list[str]:
    """What a reader must find for one text of the snapshot."""
    leaf = path.rpartition(".")[2]
    if NOT_PRINTED.search(path):
        return []
    if path.startswith(("year.results.learning", "year.results.conduct")):
        return [WORDS["learning"][value]]
    if "promotion" in path:
        return ["Hoàn thành chương trình" if value == "PROMOTED" else value]
    for key in (path, leaf):
        if key in WORDS and path != f"year.results.{leaf}s":
            return [WORDS[key].get(value, value)]
    if leaf in ("term1", "term2", "year", "reassessed", "height_cm", "weight_kg"):
        return [value.replace(".", ",")]
    if re.search(r"results\.subjects\[\d+\]\.name", path):
        return re.split(r" \(|\)", value)
    return [value]


def assert_every_text_is_there(snapshot: Snapshot, text: str) -> None:
    raw: Json = msgspec.to_builtins(snapshot)
    shown = squeezed(text)
    for path, value in text_leaves(raw):
        for wanted in expected(path, value):
            assert squeezed(wanted) in shown, f"{path}: {wanted}"


@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_every_text_of_the_snapshot_can_be_read_by_pdfium(snapshot: Snapshot) -> None:
    pages = page_texts(rendered(snapshot))
    assert len(pages) == 4
    assert_every_text_is_there(snapshot, "\n".join(pages))
    assert missing_texts(snapshot, pages) == []


@pytest.mark.needs("poppler-utils")
@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_every_text_of_the_snapshot_can_be_read_by_poppler(snapshot: Snapshot, tmp_path: Path) -> None:
    assert_every_text_is_there(snapshot, poppler_text(rendered(snapshot), tmp_path))


@pytest.mark.needs("poppler-utils")
def test_what_is_copied_from_the_page_holds_no_invisible_sign(tmp_path: Path) -> None:
    snapshot = with_changes(long_snapshot(), {"year.homeroom_comment": LONG_WORD * 3})
    text = poppler_text(rendered(snapshot), tmp_path)
    assert not re.findall("[\u200b\u00ad\u2060\ufeff]", text)
    pages = len(page_texts(rendered(snapshot)))
    assert text.count(f"Mã số tra cứu học bạ: {snapshot.lookup_code}\n") == pages + 1


@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_the_page_claims_no_signature(snapshot: Snapshot) -> None:
    """The bytes are the same before anybody has signed."""
    text = "\n".join(page_texts(rendered(snapshot)))
    assert not re.findall("ký số bởi|đã ký|đóng dấu số:", text, re.IGNORECASE)
    assert "Người ký số: " in text
    assert "chữ ký số được kiểm tra bằng mã QR" in text


@pytest.mark.parametrize("words", [0, 5, 10])
def test_the_confirmations_stand_at_the_foot_of_their_table(words: int) -> None:
    snapshot = upper_secondary_snapshot()
    remark = "Có tiến bộ, cần đọc thêm sách. " + "Chăm chỉ " * words
    changes = {
        f"year.results.subjects.{index}.comment": remark.strip()
        for index in range(len(snapshot.year.results.subjects))
    }
    pages = page_texts(rendered(with_changes(snapshot, changes)))
    assert len(pages) == 4
    assert "HK II" in pages[2]
    assert "XÁC NHẬN CỦA GIÁO VIÊN CHỦ NHIỆM" in pages[2]


def test_the_form_has_the_places_of_its_model() -> None:
    """TT22/2021, form of the học bạ: the teacher's signature beside each remark, the remark on training in the summer."""
    snapshot = lower_secondary_snapshot()
    said = {"year.results.summer_training": "Hoàn thành các nhiệm vụ đã giao trong hè."}
    for one, end in ((snapshot, ""), (with_changes(snapshot, said), said["year.results.summer_training"])):
        _, _, marks, right = map(squeezed, page_texts(rendered(one)))
        assert squeezed("chữ ký của giáo viên môn") in marks
        assert squeezed("Khung “GV” là chỗ ký của giáo viên môn học") in marks
        assert squeezed(f"rèn luyện trong kì nghỉ hè (nếu có): {end}") in right
        assert squeezed("NHẬN XÉT VÀ PHÊ DUYỆT CỦA HIỆU TRƯỞNG") in right
        assert missing_texts(one, page_texts(rendered(one))) == []


def test_a_signature_stands_on_the_page_of_the_words_that_it_signs() -> None:
    """Whatever stands above: the remark of the homeroom teacher grows until the approval has moved to the next page."""
    snapshot = lower_secondary_snapshot()
    found = set()
    for words in range(0, 110, 10):
        said = ("Chăm chỉ, hòa đồng. " * words).strip() or None
        pages = page_texts(rendered(with_changes(snapshot, {"year.homeroom_comment": said})))
        [approved] = [number for number, page in enumerate(pages) if "PHÊ DUYỆT CỦA HIỆU TRƯỞNG" in page]
        assert "(Ký, ghi rõ họ tên và đóng dấu)" in pages[approved], words
        found.add(approved)
    assert found == {3, 4}


def test_the_day_of_effect_is_the_authority_s_to_say() -> None:
    assert "từ ngày chốt tại cơ sở dữ liệu" in page_texts(rendered(primary_snapshot()))[1]
    closed = with_changes(primary_snapshot(), {"effective_date": "2026-06-30"})
    assert "30 tháng 6 năm 2026" in page_texts(rendered(closed))[1]


@pytest.mark.parametrize("snapshot", SNAPSHOTS.values(), ids=SNAPSHOTS)
def test_code_name_page_number_and_sandbox_notice_are_on_every_page(snapshot: Snapshot) -> None:
    pages = page_texts(rendered(snapshot))
    for number, page in enumerate(pages, start=1):
        assert snapshot.lookup_code in squeezed(page)
        assert squeezed(snapshot.verify_url) in squeezed(page)
        assert squeezed(snapshot.student.full_name) in squeezed(page)
        assert f"Trang {number}/{len(pages)}" in page
        assert NOTICE in page


def test_every_form_has_the_note_of_what_was_corrected_and_none_without() -> None:
    noted: dict[str, Any] = {"correction_count": 2, "corrections": CORRECTIONS}
    for snapshot in (
        primary_snapshot(**noted),
        upper_secondary_snapshot(**noted),
        lower_secondary_snapshot(),
    ):
        shown = squeezed("".join(page_texts(rendered(snapshot))))
        for said in (
            "Ghi chú sửa chữa",
            "đã được sửa chữa ở 2 chỗ so với các phiên bản trước",
            "Theo quyết định của Nghiêm Thế Khải lúc 08:30 ngày 29/05/2026. Lý do: Nhập nhầm điểm học kì II",
            "Toán: học kì II4,14,2",
            "Họ và tên mẹ(để trống)Bùi Thị Lan Hương",
        ):
            assert squeezed(said) in shown
        bare = msgspec.structs.replace(snapshot, correction_count=0, corrections=msgspec.UNSET)
        assert squeezed("Ghi chú sửa chữa") not in squeezed("".join(page_texts(rendered(bare))))


def test_the_sentence_under_the_marks_counts_their_table_alone() -> None:
    shown = squeezed("".join(page_texts(rendered(lower_secondary_snapshot()))))
    assert (
        squeezed("Trong bảng này có sửa chữa ở 1 chỗ, thuộc các môn học: Toán. Cả 2 chỗ sửa chữa của")
        in shown
    )
    older = lower_secondary_snapshot(corrections=msgspec.UNSET, correction_count=3)
    shown = squeezed("".join(page_texts(rendered(older))))
    assert squeezed("Trong bảng này có sửa chữa ở 3 chỗ, thuộc các môn học: Toán.") in shown


def test_a_real_document_carries_no_sandbox_notice() -> None:
    assert not any("THỬ NGHIỆM" in page for page in page_texts(rendered(primary_snapshot(sandbox=False))))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("year.results.subjects.1.term2", "4.3", "results.subjects[1]"),
        ("year.results.subjects.2.comment", "Kĩ năng nghe nói tiến bộ.", "results.subjects[2]"),
        ("student.full_name", "Nguyễn Phúc Hoàng Lân", "student.full_name"),
        ("year.results.learning.year", "CĐ", "results.learning.year"),
    ],
)
def test_a_page_that_says_something_else_is_found_out(path: str, value: str, said: str) -> None:
    snapshot = lower_secondary_snapshot()
    pages = page_texts(rendered(snapshot))
    assert any(line.startswith(said) for line in missing_texts(with_changes(snapshot, {path: value}), pages))


@pytest.mark.parametrize(
    ("left_out", "said"),
    [
        ('fields(("Quê quán", view.student.hometown)),', "student.hometown"),
        ("mark(subject.reassessed),", "results.subjects[1]"),
        ("shown(row.registry_no, limit: 8),", "history[0].registry_no"),
        (
            "passage([Kết quả tham gia các cuộc thi (nếu có)], lines-of(results.competitions)),",
            "results.competitions[0]",
        ),
    ],
)
def test_a_form_that_leaves_something_out_is_found_out(
    left_out: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forms = Path(shutil.copytree(rendering.DOCUMENTS, tmp_path / "documents"))
    template = (forms / "secondary.typ").read_text()
    assert left_out in template
    (forms / "secondary.typ").write_text(template.replace(left_out, "[]," if "row" in left_out else "", 1))
    snapshot = lower_secondary_snapshot()
    monkeypatch.setattr(rendering, "DOCUMENTS", forms)
    rendering._compiler.cache_clear()
    try:
        pages = page_texts(rendered(snapshot))
    finally:
        rendering._compiler.cache_clear()
    assert any(line.startswith(said) for line in missing_texts(snapshot, pages))


def test_every_printable_character_has_a_glyph_in_the_font() -> None:
    signs = sorted(PRINTABLE - {" "})
    lines = ["".join(signs[start : start + 40]) for start in range(0, len(signs), 40)]
    lines += [f"a{mark} ơ{mark}" for mark in sorted(MARKS)]
    comment = " ".join(check_text(line, field="Nhận xét", person="x") for line in lines)
    snapshot = with_changes(primary_snapshot(), {"year.homeroom_comment": comment})
    assert missing_texts(snapshot, page_texts(rendered(snapshot))) == []


@pytest.mark.needs("poppler-utils")
def test_a_letter_with_a_mark_of_its_own_is_read_twice_and_counted_once(tmp_path: Path) -> None:
    """ê̆ has no glyph of its own: typst draws letter and mark in two text objects and names the whole letter for either
    (ActualText for the first, ToUnicode for the second), so each reader gives it twice. It is seen once.

    When this fails, typst names it once, and `page_check` needs not count a doubled letter as one any more.
    """
    snapshot = with_changes(primary_snapshot(), {"year.homeroom_comment": "Xin ê̆ xong"})
    pdf = rendered(snapshot)
    for text in (poppler_text(pdf, tmp_path), page_texts(pdf)[3]):
        assert "Xinê̆ê̆xong" in squeezed(text)
    assert missing_texts(snapshot, page_texts(pdf)) == []
    bare = with_changes(snapshot, {"year.homeroom_comment": "Xin ê xong"})
    assert missing_texts(bare, page_texts(pdf)) != []


@pytest.mark.needs("poppler-utils")
def test_letters_with_marks_are_named_once_or_twice_and_never_lost_or_changed(tmp_path: Path) -> None:
    """Every vowel of Vietnamese and every letter of the alphabet with every mark, in upright, bold and italic letters."""
    letters = "aăâeêioôơuưyAĂÂEÊIOÔƠUƯY" + "bcdđghjklmnpqrstvwxz"
    words = [normalize("NFC", "".join(letter + mark for letter in letters)) for mark in sorted(MARKS)]
    comment = " ".join(check_text(word, field="Nhận xét", person="x") for word in words)
    name = check_text("Ê̆ban Ơ̆ Knŏ̱ng", field="Họ tên", person="x")
    snapshot = with_changes(primary_snapshot(), {"student.full_name": name, "year.homeroom_comment": comment})
    pdf = rendered(snapshot)
    for text in (poppler_text(pdf, tmp_path), "".join(page_texts(pdf))):
        read = re.sub("((?:.[\u0300-\u036f]+)+)\\1", r"\1", squeezed(text))
        assert [word for word in (name, *words) if squeezed(word) not in read] == []


@pytest.mark.parametrize("bad", ["😀", "王", "\u202e", "\x01"])
def test_what_passed_the_door_unseen_is_an_error_and_no_missing_letter(bad: str) -> None:
    snapshot = with_changes(primary_snapshot(), {"year.homeroom_comment": f"Ngoan{bad}"})
    with pytest.raises(Invalid, match="Lường Thị Ngọc Ánh"):
        rendered(snapshot)


@pytest.mark.parametrize(
    "text",
    [
        "#strong[x] *y* _z_ $a^2$ @nhãn",
        "<b>An</b> &amp; <!-- -->",
        '\\ "#panic()" // /* */ `mã`',
        "= 1. - + [x]",
    ],
)
def test_markup_is_shown_literally(text: str) -> None:
    snapshot = with_changes(
        primary_snapshot(),
        {"student.full_name": text, "year.results.subjects.0.comment": text, "school.name": text},
    )
    assert missing_texts(snapshot, page_texts(rendered(snapshot))) == []


LONG_WORD = "Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch"


def long_snapshot() -> Snapshot:
    """14 subjects with long comments, a long name, a word without a space, twelve rows of history."""
    snapshot = upper_secondary_snapshot()
    comment = "Có tiến bộ rõ rệt so với học kì I, tích cực phát biểu, biết hợp tác với bạn. " * 9
    changes: dict[str, Any] = {
        "student.full_name": f"Công Tằng Tôn Nữ Hoàng Thị {LONG_WORD} Phương Thảo Nguyên",
        "student.current_address": "Tổ dân phố số mười hai, khu đô thị mới Tây Nam hồ Linh Đàm, " * 4,
        "year.class_name": "12 Chuyên Anh 1 – Song bằng",
        "year.homeroom_comment": comment + LONG_WORD * 3,
        "year.principal_comment": comment * 3,
        "year.results.award": comment,
    }
    for index in range(14):
        changes[f"year.results.subjects.{index}.comment"] = f"{index}. {comment}"
        changes[f"year.results.subjects.{index}.name"] = (
            f"Chuyên đề {LONG_WORD[: 20 + index]} nâng cao {index}"
        )
    longer = with_changes(snapshot, changes)
    return canonical.clean_snapshot(msgspec.structs.replace(longer, study_history=longer.study_history * 4))


def test_long_content_flows_on_and_nothing_leaves_the_page() -> None:
    snapshot = long_snapshot()
    pdf = rendered(snapshot)
    pages = page_texts(pdf)
    assert len(pages) > 6
    assert missing_texts(snapshot, pages) == []
    assert sum("HK II" in page for page in pages) >= 3, "the table's header is repeated on each of its pages"
    inside_the_paper(pdf)


def test_a_comment_longer_than_a_page_breaks_and_is_kept_whole() -> None:
    comment = " ".join(f"nhận xét số {number}," for number in range(225))
    snapshot = with_changes(primary_snapshot(), {"year.results.subjects.4.comment": comment})
    pdf = rendered(snapshot)
    assert missing_texts(snapshot, page_texts(pdf)) == []
    inside_the_paper(pdf)


def test_a_year_without_results_is_blank_and_whole() -> None:
    snapshot = with_changes(
        primary_snapshot(),
        {
            "year.results.subjects": [],
            "year.results.traits": [],
            "year.results.year_level": None,
            "study_history": [],
            "signers": [],
            "student.personal_id": None,
        },
    )
    assert missing_texts(snapshot, page_texts(rendered(snapshot))) == []
