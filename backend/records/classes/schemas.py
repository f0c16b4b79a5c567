"""The words of opening, renaming and closing classes."""

import msgspec

from backend.records.roster.curriculum import GradeSubject


class NewClass(msgspec.Struct, frozen=True, kw_only=True):
    """A class to be opened: its name, grade, and the subjects that it has."""

    name: str
    grade_level: int
    subjects: tuple[GradeSubject, ...]
