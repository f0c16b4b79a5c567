"""Invented people: Vietnamese names put together by chance, and pupils with what a register holds about them.

Personal numbers begin with 000, which no province has, so that none of them can be anybody's.
"""

import random
from datetime import date, timedelta
from typing import Final

import msgspec


def _list(text: str) -> list[str]:
    """Names with bars between them, or single words with spaces."""
    return text.split("|") if "|" in text else text.split()


_FAMILIES: Final = _list(
    "Nguyễn Trần Lê Phạm Hoàng Phan Vũ Võ Đặng Bùi Đỗ Hồ Ngô Dương Lý "
    "Đinh Mai Trương Lâm Đoàn Cao Tạ Hà Lương Quách Lò Cầm Thạch Sơn Kiều"
)
#: The commonest names come often, as they do in any class list.
_FAMILY_WEIGHTS: Final = (38, 12, 9, 7, 5, 5, 4, 4, 3, 3, 2, 2, 2, 2, 1) + (1,) * 15
_MIDDLES: Final = {
    "male": _list("Văn Hữu Đức Minh Gia Quốc Anh Tuấn Hoàng Bảo Nhật Thành Xuân"),
    "female": _list("Thị Ngọc Thu Khánh Bảo Minh Thanh Hồng Phương Thùy Quỳnh Gia Diệu"),
}
_GIVENS: Final = {
    "male": _list(
        "An Bình Cường Dũng Duy Đạt Hải Hiếu Hưng Huy Khang Khoa Kiên Lâm Long Lộc Nam Nghĩa Nguyên Phong "
        "Phúc Quân Quang Sơn Tài Thắng Thịnh Trí Trung Tùng Việt Vinh"
    ),
    "female": _list(
        "An Anh Bích Châu Chi Dung Đan Giang Hà Hân Hạnh Hiền Hoa Hương Lan Linh Loan Mai My Nga Ngân Nhi "
        "Như Oanh Phương Quyên Thảo Thư Trang Trâm Uyên Vân Vy Yến"
    ),
}
ETHNICITIES: Final = ("Kinh", "Tày", "Thái", "Mường", "Nùng", "Khơ-me", "Hoa", "Mông", "Dao")
_ETHNICITY_WEIGHTS: Final = (80, 4, 4, 3, 2, 3, 2, 1, 1)
#: Names in force when today's pupils were born; old records keep them after the mergers of 2025.
PROVINCES: Final = _list(
    "Hà Nội|Hải Phòng|Thái Bình|Nam Định|Ninh Bình|Thanh Hóa|Nghệ An|Sơn La|Điện Biên|Lào Cai|Phú Thọ|"
    "Thái Nguyên|Bắc Giang|Quảng Ninh|Đà Nẵng|Quảng Nam|Bình Định|Khánh Hòa|Lâm Đồng|Đắk Lắk|Bình Dương|"
    "Đồng Nai|Hồ Chí Minh|Long An|Tiền Giang|Vĩnh Long|Trà Vinh|Sóc Trăng|Cần Thơ|Kiên Giang|An Giang|Cà Mau"
)
_STREETS: Final = _list("Hoa Ban|Hoa Sữa|Hoa Đào|Sông Trăng|Bến Nước|Đồng Xanh|Đồi Thông|Suối Mơ")


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A grown-up of a school. `gender` is "male" or "female"."""

    full_name: str
    gender: str


class Pupil(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil as the register holds them. `student_code` has 10 digits, `personal_id` 12."""

    class_code: str
    student_code: str
    full_name: str
    date_of_birth: date
    gender: str
    personal_id: str
    ethnicity: str
    nationality: str
    birth_place: str
    hometown: str
    address: str
    father_name: str
    mother_name: str


def person(rng: random.Random, gender: str | None = None, family: str | None = None) -> Person:
    """A name with family, middle and given part."""
    gender = gender or rng.choice(("male", "female"))
    family = family or rng.choices(_FAMILIES, _FAMILY_WEIGHTS)[0]
    middle = rng.choice(_MIDDLES[gender])
    given = rng.choice([name for name in _GIVENS[gender] if name != middle])
    return Person(full_name=f"{family} {middle} {given}", gender=gender)


def pupil(
    rng: random.Random, *, class_code: str, grade: int, student_code: str, serial: int, ward: str
) -> Pupil:
    """A pupil of the right age for the grade in 2025-2026; `serial` makes the personal number unique."""
    family = rng.choices(_FAMILIES, _FAMILY_WEIGHTS)[0]
    name = person(rng, family=family)
    born = _birth_date(rng, grade)
    place = rng.choice(PROVINCES)
    century = 2 if name.gender == "male" else 3
    return Pupil(
        class_code=class_code,
        student_code=student_code,
        full_name=name.full_name,
        date_of_birth=born,
        gender=name.gender,
        personal_id=f"000{century}{born:%y}{serial:06d}",
        ethnicity=rng.choices(ETHNICITIES, _ETHNICITY_WEIGHTS)[0],
        nationality="Việt Nam",
        birth_place=place,
        hometown=place if rng.random() < 0.7 else rng.choice(PROVINCES),
        address=f"Số {rng.randint(1, 299)}, đường {rng.choice(_STREETS)}, {ward}",
        father_name=person(rng, "male", family).full_name,
        mother_name=person(rng, "female").full_name,
    )


def _birth_date(rng: random.Random, grade: int) -> date:
    """Grade 1 of 2025-2026 was born in 2019; one in forty is a year older."""
    year = 2020 - grade - (1 if rng.random() < 0.025 else 0)
    return date(year, 1, 1) + timedelta(days=rng.randrange(365))
