"""When two names are one, of pupils and of schools."""

import pytest

from backend.integrations.imports import conversion
from backend.integrations.imports.readers.text import name_of


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Đỗ Thị Hoà", "đỗ  thị hòa", True),
        ("Ðặng Thúy An", "Đặng Thuý An", True),
        ("Nguyễn Thị Hoa", "Nguyễn Thị Hòa", False),
        ("Nguyễn Văn An", "Nguyễn Văn Ân", False),
        ("Dương Văn Đạt", "Dương Văn Dạt", False),
        ("Nguyễn An Bình", "Nguyễn Bình An", False),
    ],
)
def test_when_two_names_are_one(one: str, other: str, same: bool) -> None:
    assert (name_of(one) == name_of(other)) is same


@pytest.mark.parametrize(
    ("written", "same"),
    [
        ("TRƯỜNG TIỂU HỌC TƯ THỤC HOA BAN", True),
        ("Trường TH Hoa Ban", True),
        ("Trường Tiểu học  Hoa Ban", True),
        ("Truong tieu hoc tu thuc Hoa Ban", True),
        ("Trường Tiểu học Tư thục Hoa Mai", False),
        ("Trường THCS Hoa Ban", False),
        ("Trường Tiểu học", False),
    ],
)
def test_how_a_school_may_write_its_name(written: str, same: bool) -> None:
    assert conversion.same_school(written, "Trường Tiểu học Tư thục Hoa Ban") is same


def test_short_forms_of_school_levels() -> None:
    name = "Trường THCS và THPT Tư thục Sông Trăng"
    assert conversion.same_school("Trường Trung học cơ sở và Trung học phổ thông Sông Trăng", name)
    assert not conversion.same_school("Trường THPT Tư thục Sông Trăng", name)
