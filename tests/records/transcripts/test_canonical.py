import hashlib
import json
import unicodedata
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.records.transcripts.canonical import (
    canonical_json,
    clean_snapshot,
    content_sha256,
    read_snapshot,
)
from backend.records.transcripts.schemas import Snapshot
from tests.factories.snapshots import all_snapshots, primary_snapshot, with_changes


@pytest.mark.parametrize("snapshot", all_snapshots().values(), ids=all_snapshots())
def test_bytes_go_round_and_are_what_the_rules_say(snapshot: Snapshot) -> None:
    data = canonical_json(snapshot)
    assert read_snapshot(data) == snapshot
    text = data.decode()
    assert text == unicodedata.normalize("NFC", text)
    again = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert again == text
    assert content_sha256(data) == hashlib.sha256(data).hexdigest()


def test_the_same_name_in_nfd_gives_the_same_bytes() -> None:
    snapshot = primary_snapshot()
    decomposed = unicodedata.normalize("NFD", snapshot.student.full_name)
    assert decomposed != snapshot.student.full_name
    cleaned = clean_snapshot(with_changes(snapshot, {"student.full_name": decomposed}))
    assert canonical_json(cleaned) == canonical_json(snapshot)


@pytest.mark.parametrize(
    "name", ["Lê  Mây", "Lê\u200b Mây", " Lê Mây", unicodedata.normalize("NFD", "Lê Mây")]
)
def test_what_has_not_passed_the_door_is_not_frozen(name: str) -> None:
    with pytest.raises(Invalid, match="khoảng trắng thừa hoặc ký tự ẩn"):
        canonical_json(with_changes(primary_snapshot(), {"student.full_name": name}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace(":", ": ", 1),
        lambda text: text.replace("{", '{"version":9,', 1),
        lambda text: text.replace("hocba.snapshot/1", "hocba.snapshot/2"),
        lambda text: text.replace('"sandbox"', '"sand_box"'),
        lambda text: text.replace('"test_mark":"9"', '"test_mark":"9.5"', 1),
        lambda text: text.replace('"test_mark":"9"', '"test_mark":11', 1),
        lambda text: text.replace("Ngọc", unicodedata.normalize("NFD", "Ngọc")),
        lambda text: text.replace('"level":"primary"', '"level":"upper_secondary"'),
        lambda text: text[:-1],
        lambda text: text + "\n",
    ],
)
def test_bytes_that_we_would_not_write_are_not_read(spoil: Any) -> None:
    text = canonical_json(primary_snapshot()).decode()
    spoiled = spoil(text)
    assert spoiled != text
    with pytest.raises(Invalid):
        read_snapshot(spoiled.encode())


def test_bytes_that_are_no_utf8_are_not_read() -> None:
    with pytest.raises(Invalid):
        read_snapshot(b'{"level":"\xff"}')


@pytest.mark.parametrize(
    ("given_text", "kept"),
    [
        ("Nguyễn\u202eAn", "NguyễnAn"),
        ("\u2067Lê\u2069 \u200bVăn\u00ad \ufeffHoà", "Lê Văn Hoà"),
        ("  Trần\u00a0\u00a0Thị\tBình\r\n", "Trần Thị Bình"),
        (unicodedata.normalize("NFD", "Đặng Thuỳ Trâm"), "Đặng Thuỳ Trâm"),
        ("Ðinh Ðức", "Đinh Đức"),
        ("H’ Ƀlŭn Niê Kđăm", "H’ Ƀlŭn Niê Kđăm"),
        ("Ksơ\u0306r Bơ\u0306", "Ksơ\u0306r Bơ\u0306"),
        ("<b>An</b> & #strong[x] $y$", "<b>An</b> & #strong[x] $y$"),
    ],
)
def test_text_is_cleaned_without_losing_a_letter(given_text: str, kept: str) -> None:
    assert check_text(given_text, field="Họ và tên", person="x") == kept


@pytest.mark.parametrize(
    "bad", ["😀", "王", "\x00", "\x1b", "\x7f", "🇻🇳", "ﬁ", "\ue000", "\ud800", "А", "\u0489"]
)
def test_what_cannot_be_printed_is_refused_in_one_sentence(bad: str) -> None:
    with pytest.raises(Invalid) as caught:
        check_text(f"Ngoan {bad} ngoan", field="Nhận xét", person="Lê Thị Mây")
    message = caught.value.message
    assert "“Nhận xét” của Lê Thị Mây" in message
    assert f"U+{ord(bad[0]):04X}" in message
    assert message.count(".") == 1
    assert message.endswith(".")


def test_a_mark_without_a_letter_and_a_text_without_end_are_refused() -> None:
    with pytest.raises(Invalid):
        check_text("\u0301a", field="Nhận xét", person="x")
    with pytest.raises(Invalid, match="10000 ký tự, quá giới hạn 4000"):
        check_text("ă" * 10_000, field="Nhận xét", person="x")
    with pytest.raises(Invalid) as caught:
        check_text("ă" * 10_000, field="Họ và tên", person="ă" * 10_000)
    assert len(caught.value.message) < 250


def test_a_snapshot_is_checked_in_every_text_and_names_field_and_person() -> None:
    snapshot = with_changes(primary_snapshot(), {"year.results.subjects.3.comment": "Giỏi 👍"})
    with pytest.raises(Invalid, match="“Nhận xét” của Lường Thị Ngọc Ánh"):
        clean_snapshot(snapshot)
    hidden = with_changes(
        primary_snapshot(), {"student.hometown": "Sơn\u200b La", "signers.0.name": "Tòng\u00a0Thị"}
    )
    cleaned = clean_snapshot(hidden)
    assert cleaned.student.hometown == "Sơn La"
    assert cleaned.signers[0].name == "Tòng Thị"


def test_a_bad_name_is_still_named_safely() -> None:
    snapshot = with_changes(primary_snapshot(), {"student.full_name": "Lê\x00 \u202eMây"})
    with pytest.raises(Invalid) as caught:
        clean_snapshot(snapshot)
    assert "\x00" not in caught.value.message
    assert "\u202e" not in caught.value.message


@given(st.text(max_size=60))
def test_checked_text_is_stable(text: str) -> None:
    try:
        once = check_text(text, field="Nhận xét", person="x")
    except Invalid:
        return
    assert check_text(once, field="Nhận xét", person="x") == once
    assert unicodedata.is_normalized("NFC", once)


def test_a_form_holds_only_its_own_kind_of_year() -> None:
    snapshot = primary_snapshot()
    with pytest.raises(ValueError, match="không thuộc cấp học"):
        msgspec.structs.replace(snapshot, year=msgspec.structs.replace(snapshot.year, grade_level=6))
