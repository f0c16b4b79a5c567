"""What promotion and titles of TT22/2021 follow from, and the numbers that its articles set."""

from typing import NamedTuple

from backend.records.assessment.rules.learning import Outcome
from backend.records.assessment.rules.subject_results import Assessed, Value
from backend.records.assessment.schemas import Level

#: Đ.12.1.c: "nghỉ học không quá 45 buổi".
ABSENCES_ALLOWED = 45
#: Đ.14: scored subjects below 5,0 are re-assessed.
REASSESSED_BELOW = 50
#: Đ.15.1.a: Xuất sắc needs six marks of 9,0.
EXCELLENT_MARK = 90


class YearFacts(NamedTuple):
    """One pupil-year of grades 6–12, worked out. None means that it cannot be said yet."""

    grade: int
    #: all subjects, and those that count
    assessed: tuple[Assessed, ...]
    counted: tuple[Assessed, ...]
    term1: Outcome | None
    term2: Outcome | None
    year: Outcome | None
    #: with re-assessed results in place of the year's; None also where nothing was re-assessed
    after: Outcome | None
    conduct_terms: tuple[Level | None, Level | None]
    conduct: Level | None
    #: what was entered for the summer, whether it counts or not
    conduct_summer: Level | None
    #: conduct after training in the summer; None also where the year's was not Chưa đạt
    conduct_after: Level | None
    #: whether a year's conduct may recover in the summer though learning failed, too (the school's reading of Đ.14)
    may_recover: bool
    absences: int | None
    #: codes of Đ.14 that have no new result yet
    open_subjects: tuple[str, ...]
    missing: tuple[str, ...]

    @property
    def learning(self) -> Level | None:
        """The level that promotion asks for (Đ.12.1.b). New results replace only a year's Chưa đạt (Đ.14)."""
        if self.year and self.year.level is Level.FAIL and self.after:
            return self.after.level
        return self.year and self.year.level

    @property
    def is_lost(self) -> bool:
        """Whether conduct and learning of the year both failed, and nothing of the summer is to change that (Đ.14)."""
        both = self.conduct is Level.FAIL and self.year is not None and self.year.level is Level.FAIL
        return both and not self.may_recover

    @property
    def was_reassessed(self) -> bool:
        """Whether some counted subject has a new result."""
        return any(subject.reassessed for subject in self.counted)

    @property
    def excellent_marks(self) -> int:
        """How many counted subjects have 9,0 or more in the year."""
        return sum(isinstance(one.year, int) and one.year >= EXCELLENT_MARK for one in self.counted)


def is_weak(year: Value | None) -> bool:
    """Whether a subject's year result is one that Đ.14 re-assesses."""
    return year < REASSESSED_BELOW if isinstance(year, int) else year is Level.FAIL
