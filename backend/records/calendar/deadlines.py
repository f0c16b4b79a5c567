"""What plans of provinces say about last days, as data: by province, grade and school year, each with its source.

A plan says “trước ngày 30/6”. Whether that day itself still counts is read in two ways; the product takes the earlier
one, the end of 29/6, which is in time by both, and keeps the words of the text beside it. A plan of the school's own
province binds it; the reference plan (no province) is offered to all others until they have decided for themselves.
Plans are the ones that were read (domain 9.1, 9.4, 9.5); a plan of a later year is another line with its year.
"""

from collections.abc import Iterable
from datetime import date, timedelta

import msgspec

from backend.records.calendar.schemas import Step

ALL_GRADES = frozenset(range(1, 13))
_PRIMARY_PILOT = frozenset(range(1, 5))

_REFERENCE = "Phụ lục 1, mục 2.1, kế hoạch học bạ số của Sở GDĐT Hà Nội"
_BY_ANALOGY = (
    "(nêu cho lớp 1–4 cần đánh giá bổ sung; áp dụng tương tự cho học sinh có kết quả sau hè của lớp khác)"
)
_NINH_BINH = "Kế hoạch học bạ số của Trường Tiểu học và THCS xã Xuân Ninh theo Kế hoạch 27/KH-SGDĐT Ninh Bình"
_SOC_TRANG = "Kế hoạch thí điểm của Trường Tiểu học Thuận Hưng C theo Kế hoạch 985/KH-SGDĐT Sóc Trăng"


class Deadline(msgspec.Struct, frozen=True, kw_only=True):
    """One sentence of a plan: a step is done before a day of the year in which the school year ends.

    `counts_itself`: the text names the last day and not the one after it. `after_summer`: for pupils who are assessed
    again. Without `province` it is a reference for all, without `years` it holds in every year.
    """

    step: Step
    month: int
    day: int
    source: str
    province: str = ""
    grades: frozenset[int] = ALL_GRADES
    years: frozenset[str] = frozenset()
    counts_itself: bool = False
    after_summer: bool = False

    def last_day(self, ending_year: int) -> date:
        """The last day on which the step is in time by every reading."""
        named = date(ending_year, self.month, self.day)
        return named if self.counts_itself else named - timedelta(days=1)

    def words(self, ending_year: int) -> str:
        """What the text says."""
        named = date(ending_year, self.month, self.day)
        return f"{'đến ngày' if self.counts_itself else 'trước ngày'} {named:%d/%m/%Y}"


DEADLINES: tuple[Deadline, ...] = (
    # Who reports by then has signed by then.
    Deadline(step=Step.ISSUED, month=6, day=30, source=_REFERENCE),
    Deadline(step=Step.REPORTED, month=6, day=30, source=_REFERENCE),
    Deadline(
        step=Step.REPORTED, month=8, day=15, source=_REFERENCE, grades=_PRIMARY_PILOT, after_summer=True
    ),
    Deadline(step=Step.SUBMITTED, month=5, day=20, source=_NINH_BINH, province="37"),
    Deadline(step=Step.ISSUED, month=5, day=31, source=_NINH_BINH, province="37"),
    Deadline(step=Step.ISSUED, month=5, day=21, source=_NINH_BINH, province="37", grades=frozenset({9})),
    # Sóc Trăng is part of Cần Thơ (92) since 01/7/2025; its plan was for one year.
    Deadline(
        step=Step.SUBMITTED,
        month=5,
        day=24,
        source=_SOC_TRANG,
        province="92",
        grades=_PRIMARY_PILOT,
        years=frozenset({"2023-2024"}),
        counts_itself=True,
    ),
    Deadline(
        step=Step.REPORTED,
        month=6,
        day=20,
        source=_SOC_TRANG,
        province="92",
        grades=_PRIMARY_PILOT,
        years=frozenset({"2023-2024"}),
        counts_itself=True,
    ),
)


def summer_ends(ending_year: int) -> date:
    """The last day for pupils whose year is decided after the summer: what is not known by then is frozen as it is."""
    return min(one.last_day(ending_year) for one in DEADLINES if one.after_summer)


def closing_of(province: str, year_name: str, grade_level: int, frozen_on: date) -> Deadline:
    """The sentence after whose last day a transcript of a year is in force and unchangeable (PL1 §2.1: R19–R21).

    What was frozen later than the first of them waits for the one after summer: results of summer come in between.
    The plan says that of grades 1–4 alone; for the others it is a reading, and says so.
    """
    first = deadlines_of(province, year_name, grade_level)[Step.REPORTED]
    if frozen_on <= first.last_day(int(year_name[-4:])):
        return first
    later = min((one for one in DEADLINES if one.after_summer), key=lambda one: (one.month, one.day))
    if grade_level in later.grades:
        return later
    return msgspec.structs.replace(
        later, source=f"{later.source} {_BY_ANALOGY}", grades=frozenset({grade_level})
    )


def deadlines_of(
    province: str, year_name: str, grade_level: int, deadlines: Iterable[Deadline] = DEADLINES
) -> dict[Step, Deadline]:
    """What holds for a grade in a school year before summer: the province before the reference, then the narrower."""
    found = [
        one
        for one in deadlines
        if one.province in ("", province)
        and grade_level in one.grades
        and (not one.years or year_name in one.years)
        and not one.after_summer
    ]
    found.sort(key=lambda one: (bool(one.province), bool(one.years), -len(one.grades)))
    return {one.step: one for one in found}
