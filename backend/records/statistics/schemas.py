"""The words of the figures that reports are made of. They count; only `Pupil` names anybody's child."""

import uuid
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from enum import StrEnum

import msgspec

from backend.core.actor import StaffId
from backend.records.calendar.schemas import Due, Step
from backend.records.roster.schemas import YearSummary


class Count(msgspec.Struct, frozen=True, kw_only=True):
    """How far a class, a grade (`class_name` empty) or the school (`grade_level` None, too) was at the end of a day.

    A pupil takes part once their year is frozen, a class once one of its pupils does. `issued` had a version issued by
    then; of these `recalled` had one taken back, and of these again `completed` have a newer one that is issued. `left`
    counts issued years of those who are no longer in the class: they stand in no other figure.
    """

    grade_level: int | None = None
    class_id: uuid.UUID | None = None
    class_name: str = ""
    classes: int = 0
    classes_in: int = 0
    pupils: int = 0
    pupils_in: int = 0
    issued: int = 0
    recalled: int = 0
    completed: int = 0
    left: int = 0


class Ratios(msgspec.Struct, frozen=True, kw_only=True):
    """Participation and issue at the end of `day` of one school year: every grade, every class, all together."""

    year: YearSummary | None
    day: date
    grades: tuple[Count, ...] = ()
    classes: tuple[Count, ...] = ()
    total: Count = Count()

    def of(self, grades: Sequence[int]) -> tuple[Count, ...]:
        """The lines of some grades."""
        return tuple(one for one in self.grades if one.grade_level in grades)


class Group(StrEnum):
    """Pupils behind a figure."""

    ALL = "tat-ca"
    OUT = "chua-tham-gia"
    NOT_ISSUED = "chua-phat-hanh"
    ISSUED = "da-phat-hanh"
    RECALLED = "thu-hoi"
    INCOMPLETE = "chua-hoan-thien"


GROUP_NAMES = {
    Group.ALL: "Học sinh",
    Group.OUT: "Học sinh chưa có học bạ được chốt",
    Group.NOT_ISSUED: "Học sinh chưa có học bạ phát hành",
    Group.ISSUED: "Học sinh đã có học bạ phát hành",
    Group.RECALLED: "Học sinh có học bạ phải thu hồi",
    Group.INCOMPLETE: "Học sinh có học bạ thu hồi, chưa phát hành lại",
}


class Pupil(msgspec.Struct, frozen=True, kw_only=True):
    """One pupil behind a figure."""

    id: uuid.UUID
    full_name: str
    student_code: str
    class_id: uuid.UUID
    class_name: str


class Share(msgspec.Struct, frozen=True, kw_only=True):
    """`done` of `total`."""

    done: int = 0
    total: int = 0

    @property
    def left(self) -> int:
        """How many are not done."""
        return self.total - self.done


class SignedLine(msgspec.Struct, frozen=True, kw_only=True):
    """Transcripts of a grade (None: all) that stand today.

    Made, waiting for the machine, being signed, signed by everybody (`complete`), of these issued; `signed` are the
    signatures of each role that are there, of those that are wanted.
    """

    grade_level: int | None
    made: int
    waiting: int
    signing: int
    complete: int
    issued: int
    signed: Mapping[str, Share]


class Holding(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who works here and the certificate that they sign with, if any.

    `department` is empty for whoever is in none. `ended`: the last certificate is over or rests, and no other signs.
    """

    staff_id: StaffId
    name: str
    role: str
    signs: bool
    department: str
    provider: str
    valid_until: date | None
    has_one: bool
    ended: bool


class CoverageLine(msgspec.Struct, frozen=True, kw_only=True):
    """Of `total` people so many have a certificate that signs today (`having`); of these `ending` lose it before the last
    day of signing. Of those without one `ended` had one."""

    name: str
    total: int
    having: int
    ending: int = 0
    ended: int = 0

    @property
    def lacking(self) -> int:
        """How many have none: always counted from the rest, never typed."""
        return self.total - self.having

    @property
    def percent(self) -> float | None:
        """Of a hundred, how many have one; None of nobody."""
        return 100 * self.having / self.total if self.total else None


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """Certificates over the staff, as the Authority's tables count them: each person in one line of each table, and the
    lines add up to `total`. `providers` count those who have one. `needed_until` is the last day of signing."""

    total: CoverageLine
    departments: tuple[CoverageLine, ...]
    roles: tuple[CoverageLine, ...]
    providers: tuple[CoverageLine, ...]
    people: tuple[Holding, ...]
    seal_until: date | None
    needed_until: date | None
    notes: tuple[str, ...]


class Reported(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody reported of certificates before: all people, those with one, those without."""

    total: int
    having: int
    lacking: int


class Area(StrEnum):
    """What readiness is asked of."""

    INFRASTRUCTURE = "infrastructure"
    ACCOUNTS = "accounts"
    CERTIFICATES = "certificates"
    RIGHT = "right"
    COMPLETE = "complete"
    CLEAN = "clean"
    LIVING = "living"


AREA_NAMES = {
    Area.INFRASTRUCTURE: "Hạ tầng",
    Area.ACCOUNTS: "Tài khoản và phân công",
    Area.CERTIFICATES: "Chứng thư số",
    Area.RIGHT: "Dữ liệu đúng",
    Area.COMPLETE: "Dữ liệu đủ",
    Area.CLEAN: "Dữ liệu sạch",
    Area.LIVING: "Dữ liệu sống",
}


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is ready, or not: `wrong` of `total` are not; `todo` says what to do, `url` where.

    Where nothing can be counted (the store, the audit) `total` is 1.
    """

    area: Area
    name: str
    wrong: int
    total: int
    todo: str = ""
    url: str = ""

    @property
    def is_ready(self) -> bool:
        """Whether nothing is left to do; what is asked of nobody is not ready either."""
        return not self.wrong and self.total > 0


class PupilData(msgspec.Struct, frozen=True, kw_only=True):
    """Records of the pupils of a year, counted by what is wrong with them."""

    pupils: int = 0
    temporary_code: int = 0
    no_personal_id: int = 0
    unverified: int = 0
    odd_age: int = 0
    incomplete: int = 0
    doubled: int = 0
    two_classes: int = 0
    status_ended: int = 0


class Verdict(StrEnum):
    """How a last day was kept."""

    MET = "met"
    LATE = "late"
    MISSED = "missed"
    RUNNING = "running"
    OPEN = "open"


VERDICT_NAMES = {
    Verdict.MET: "Đúng hạn",
    Verdict.LATE: "Xong sau hạn",
    Verdict.MISSED: "Quá hạn, còn việc",
    Verdict.RUNNING: "Đang trong hạn",
    Verdict.OPEN: "Không có hạn",
}


class Finished(msgspec.Struct, frozen=True, kw_only=True):
    """So many things of a step were finished in a grade at one moment."""

    step: Step
    grade_level: int
    at: datetime
    count: int = 1


class DeadlineLine(msgspec.Struct, frozen=True, kw_only=True):
    """One step of one grade against its last day: `in_time` of `total` were done when it ended, `done` are done today."""

    step: Step
    grade_level: int
    due: Due | None
    total: int
    done: int
    in_time: int
    last_on: date | None
    verdict: Verdict

    @property
    def late(self) -> int:
        """Done, but after the last day."""
        return self.done - self.in_time
