"""The words of coming and going."""

from datetime import date

import msgspec

from backend.records.roster.schemas import ClassId, EarlierYearView, Place, PupilRecord, StudentStatus


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil takes a place: in which class, since when, from which school ("" from none), under which số đăng bộ."""

    class_id: ClassId
    on: date
    came_from: str
    registry_no: str


class Departure(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil leaves: how, since when, why."""

    status: StudentStatus
    on: date
    reason: str


class Absent(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil who is not at the school any more; `since` is None where only a list said so."""

    full_name: str
    status: StudentStatus
    since: date | None


class NewEarlierYear(msgspec.Struct, frozen=True, kw_only=True):
    """A year at another school as the received học bạ says it; `results` has one line per result."""

    academic_year: str
    grade_level: int
    class_name: str
    school_name: str
    registry_no: str | None
    joined_on: date | None
    results: str


class Moved(msgspec.Struct, frozen=True, kw_only=True):
    """A pupil has come into a class: how many marks came along, which sheets with marks it does not have, and which of
    the pupil's electives and clusters."""

    class_name: str
    marks: int
    missing: tuple[str, ...]
    given_up: tuple[str, ...]


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """A class that a pupil may go to, and what is to be known about it before; "" is nothing."""

    class_id: ClassId
    name: str
    grade_level: int
    remark: str


class Movements(msgspec.Struct, frozen=True, kw_only=True):
    """Where a pupil stands, and where they may go: `here` is their place in the newest year."""

    record: PupilRecord
    here: Place | None
    choices: tuple[Choice, ...]
    earlier: tuple[EarlierYearView, ...]
