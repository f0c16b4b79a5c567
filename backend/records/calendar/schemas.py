"""The words of a school year's calendar: its two terms, and by when each step of the season is done."""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

import msgspec

from backend.records.roster.schemas import AcademicYearId


class Step(StrEnum):
    """Steps of the season that may have a last day, in their order; the words are those of the season board."""

    SUBMITTED = "submitted"
    LOCKED = "locked"
    CONFIRMED = "confirmed"
    FROZEN = "frozen"
    ISSUED = "issued"
    REPORTED = "reported"


#: What must have been done when the last day ends.
STEP_NAMES = {
    Step.SUBMITTED: "Nộp sổ điểm",
    Step.LOCKED: "Khóa sổ điểm",
    Step.CONFIRMED: "Xác nhận kết quả",
    Step.FROZEN: "Chốt học bạ",
    Step.ISSUED: "Ký và phát hành",
    Step.REPORTED: "Báo cáo về Sở",
}


class Calendar(msgspec.Struct, frozen=True, kw_only=True):
    """The calendar of a year. Every day belongs to what it names: the last day of term 1, the last day of a step."""

    term_1_ends_on: date
    term_2_starts_on: date
    last_days: Mapping[Step, date]


class Year(msgspec.Struct, frozen=True, kw_only=True):
    """A school year with its calendar, None while the school has set none."""

    id: AcademicYearId
    name: str
    starts_on: date
    ends_on: date
    calendar: Calendar | None

    def term_on(self, day: date) -> int | None:
        """The term (1, 2) that a day lies in; None outside, between the terms, and without a calendar."""
        if self.calendar is None:
            return None
        if self.starts_on <= day <= self.calendar.term_1_ends_on:
            return 1
        return 2 if self.calendar.term_2_starts_on <= day <= self.ends_on else None


class Due(msgspec.Struct, frozen=True, kw_only=True):
    """The last day of a step that holds for a grade: the earlier of the school's and its province's.

    `says` and `source` are the words of a plan and where they stand, empty where the school itself set the day.
    """

    step: Step
    day: date
    says: str = ""
    source: str = ""


#: Last days by grade (1–12).
Dues = Mapping[int, Mapping[Step, Due]]


class PlanLine(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of a plan for people: for whom, in its words, how it is read, where it stands, whether it binds."""

    step: str
    whom: str
    says: str
    day: date
    source: str
    binds: bool


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """A last day that is near or over while something is left to do, in one sentence."""

    text: str
    is_over: bool


class Closing(msgspec.Struct, frozen=True, kw_only=True):
    """Until the end of `last_day` a transcript may be recalled and replaced; `says` and `source` are the plan's words."""

    last_day: date
    says: str
    source: str
