"""The words of schools."""

from datetime import date
from enum import StrEnum

import msgspec


class SchoolLevel(StrEnum):
    """Cấp học; one school may teach several."""

    PRIMARY = "primary"
    LOWER_SECONDARY = "lower_secondary"
    UPPER_SECONDARY = "upper_secondary"


LEVEL_NAMES = {
    SchoolLevel.PRIMARY: "Tiểu học",
    SchoolLevel.LOWER_SECONDARY: "Trung học cơ sở",
    SchoolLevel.UPPER_SECONDARY: "Trung học phổ thông",
}

#: Tỉnh, thành phố by their codes (Quyết định 19/2025/QĐ-TTg, in force from 1/7/2025).
PROVINCES = {
    "01": "Hà Nội",
    "04": "Cao Bằng",
    "08": "Tuyên Quang",
    "11": "Điện Biên",
    "12": "Lai Châu",
    "14": "Sơn La",
    "15": "Lào Cai",
    "19": "Thái Nguyên",
    "20": "Lạng Sơn",
    "22": "Quảng Ninh",
    "24": "Bắc Ninh",
    "25": "Phú Thọ",
    "31": "Hải Phòng",
    "33": "Hưng Yên",
    "37": "Ninh Bình",
    "38": "Thanh Hóa",
    "40": "Nghệ An",
    "42": "Hà Tĩnh",
    "44": "Quảng Trị",
    "46": "Huế",
    "48": "Đà Nẵng",
    "51": "Quảng Ngãi",
    "52": "Gia Lai",
    "56": "Khánh Hòa",
    "66": "Đắk Lắk",
    "68": "Lâm Đồng",
    "75": "Đồng Nai",
    "79": "Hồ Chí Minh",
    "80": "Tây Ninh",
    "82": "Đồng Tháp",
    "86": "Vĩnh Long",
    "91": "An Giang",
    "92": "Cần Thơ",
    "96": "Cà Mau",
}

#: Grades of each level, first to last.
GRADES = {
    SchoolLevel.PRIMARY: range(1, 6),
    SchoolLevel.LOWER_SECONDARY: range(6, 10),
    SchoolLevel.UPPER_SECONDARY: range(10, 13),
}
#: The last grade of each level.
LAST_GRADES = frozenset(grades[-1] for grades in GRADES.values())


def level_of(grade_level: int) -> SchoolLevel:
    """The level that a grade (1–12) belongs to; ValueError outside."""
    for level, grades in GRADES.items():
        if grade_level in grades:
            return level
    raise ValueError(f"no school level has grade {grade_level}")


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """The first day on which nobody works at the school any more, and who takes its records over."""

    closes_on: date
    successor: str


class SchoolProfile(msgspec.Struct, frozen=True, kw_only=True):
    """What a school is called by the Ministry and prints on its documents."""

    name: str
    code: str
    tax_code: str
    province_code: str
    province: str
    ward: str
    levels: tuple[SchoolLevel, ...]
    address: str = ""
    phone: str = ""

    @property
    def level_label(self) -> str:
        """The levels in words: "Trung học cơ sở, Trung học phổ thông"."""
        return ", ".join(name for level, name in LEVEL_NAMES.items() if level in self.levels)
