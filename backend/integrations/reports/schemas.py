"""The words of reports: a report is some tables, which page, workbook and letter draw alike."""

from datetime import date
from enum import StrEnum

import msgspec

from backend.records.roster.schemas import YearSummary
from backend.records.statistics.schemas import Check, Coverage, DeadlineLine, Ratios, SignedLine
from backend.tenants.delegations.schemas import HeadSigner
from backend.tenants.schools.schemas import SchoolProfile


class Kind(StrEnum):
    """The reports, by the end of their addresses."""

    RATIOS = "ti-le"
    SIGNED = "ky-so"
    COVERAGE = "chung-thu"
    READINESS = "san-sang"
    DEADLINES = "thoi-han"


KIND_NAMES = {
    Kind.RATIOS: "Tỉ lệ tham gia, phát hành",
    Kind.SIGNED: "Tiến độ ký số",
    Kind.COVERAGE: "Chứng thư số",
    Kind.READINESS: "Sẵn sàng trước mùa",
    Kind.DEADLINES: "Thời hạn",
}


class Percent(msgspec.Struct, frozen=True):
    """A share of a hundred; None of nothing."""

    value: float | None


class Mark(msgspec.Struct, frozen=True):
    """A state in a word; `tone` is one of `status_chip`."""

    word: str
    tone: str


#: What may stand in a cell.
Value = str | int | date | Percent | Mark | None


class Cell(msgspec.Struct, frozen=True):
    """A value, and the page with what is behind it ("" for none)."""

    value: Value
    url: str = ""


class Row(msgspec.Struct, frozen=True):
    """A line of a table; a sum is drawn apart."""

    cells: tuple[Cell, ...]
    is_sum: bool = False


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table: `name` is that of its sheet in a workbook (31 letters at most); `notes` stand below it, `empty` in its
    place where it has no line. `numbers` are the columns (from 0) that are counted."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    empty: str
    notes: tuple[str, ...] = ()
    numbers: frozenset[int] = frozenset()


class Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What is reported on: a school year at the end of a day, and all years there are."""

    year: YearSummary | None
    day: date
    years: tuple[YearSummary, ...]

    @property
    def query(self) -> str:
        """The scope behind an address."""
        return f"?nam={self.year.name if self.year else ''}&ngay={self.day.isoformat()}"


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a whole report says; `head` is None where the school has nobody who signs for it."""

    school: SchoolProfile
    head: HeadSigner | None
    scope: Scope
    ratios: Ratios
    signed: tuple[SignedLine, ...]
    coverage: Coverage
    readiness: tuple[Check, ...]
    deadlines: tuple[DeadlineLine, ...]
