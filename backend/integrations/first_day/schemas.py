"""The words of the first day: what somebody new does first, and what of it is done."""

from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from backend.tenants.permissions import Role

#: Where a person finds their steps.
ADDRESS = "/bat-dau"
#: So long after somebody came to the school their home page speaks of their first day.
NEW_FOR = timedelta(days=30)


class Fact(StrEnum):
    """What is really done, as the school's own data say."""

    FACTOR = "factor"
    RECOVERY_CODES = "recovery_codes"
    SCHOOL_TOLD = "school_told"
    PRINCIPAL_THERE = "principal_there"
    SEAL_CERTIFICATE = "seal_certificate"
    CLASSES_OPEN = "classes_open"
    PUPILS_IN = "pupils_in"
    HOMEROOMS_GIVEN = "homerooms_given"
    AUTHORITY_BOUND = "authority_bound"
    OWN_CERTIFICATE = "own_certificate"
    OWN_MARKS = "own_marks"
    OWN_SUBMITTED = "own_submitted"
    OWN_CONFIRMED = "own_confirmed"
    CHECKED = "checked"
    LOCKED = "locked"
    FROZEN = "frozen"
    SIGNED = "signed"
    SEALED = "sealed"
    ACCEPTED = "accepted"


class Lesson(msgspec.Struct, frozen=True, kw_only=True):
    """One step as it is for everybody in these roles (none: everybody). `about`: its page of the handbook."""

    fact: Fact
    title: str
    text: str
    action: str
    url: str
    about: str
    roles: frozenset[Role] = frozenset()


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step as a person has it."""

    lesson: Lesson
    done: bool


class Tour(msgspec.Struct, frozen=True, kw_only=True):
    """All steps of a person. `hidden_at`: they do not want to see them at home any more."""

    steps: tuple[Step, ...]
    joined_at: datetime
    hidden_at: datetime | None

    @property
    def done(self) -> int:
        """How many are done."""
        return sum(step.done for step in self.steps)

    @property
    def next(self) -> Step | None:
        """The first that is not done."""
        return next((step for step in self.steps if not step.done), None)
