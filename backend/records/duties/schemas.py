"""The words of teaching duties: who leads a class, who teaches a subject in it."""

from datetime import date

import msgspec

from backend.core.actor import StaffId
from backend.records.roster.schemas import HOMEROOM, ClassId


class Duty(msgspec.Struct, frozen=True, kw_only=True):
    """One duty in one class of the newest year: `code` is a subject, or `HOMEROOM` for leading the class.

    A subject without a teacher of its own is the homeroom teacher's. `has_left`: whoever holds it works here no longer.
    """

    class_id: ClassId
    class_name: str
    code: str
    name: str
    teacher_id: StaffId | None
    teacher: str | None
    has_left: bool

    @property
    def is_homeroom(self) -> bool:
        """Whether this is leading the class."""
        return self.code == HOMEROOM

    @property
    def key(self) -> str:
        """How forms name it."""
        return f"{self.class_id}.{self.code}"

    @property
    def label(self) -> str:
        """How people name it: "Toán, lớp 6A1"."""
        return f"{self.name}, lớp {self.class_name}"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who holds duties, or could: what they lead and teach."""

    staff_id: StaffId
    name: str
    leads: tuple[Duty, ...]
    teaches: tuple[Duty, ...]


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """A duty goes from one person to another; `old` is whom the writer saw there, None is nobody."""

    duty: Duty
    old: StaffId | None
    new: StaffId | None


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody held a duty of a class before: `who` is "" where nobody did, `since` None from the beginning."""

    code: str
    name: str
    staff_id: StaffId | None
    who: str
    since: date | None
    until: date
