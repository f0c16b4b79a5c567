"""By what results are made: edition and readings of today, or those of the day on which the year was confirmed."""

from typing import Any, NamedTuple

import msgspec

from backend.core.database import TenantSession
from backend.records.assessment import queries
from backend.records.assessment.rules.rule_sets import RuleSet, rule_set_for, rule_set_named
from backend.records.assessment.schemas import ResultState
from backend.records.gradebook import service as gradebook
from backend.records.regulations import service as regulations
from backend.records.regulations.schemas import SAFE, Policy
from backend.records.roster.schemas import ClassSummary, StudentId


class Basis(NamedTuple):
    """By what a result is made: the edition of the circular, and the school's readings of it."""

    rule_set: RuleSet
    policy: Policy


async def of_class(session: TenantSession, school_class: ClassSummary) -> dict[StudentId | None, Basis]:
    """By what each pupil's result is made; None: whoever is not named.

    The newest edition and readings, until the year is confirmed or the transcript frozen: then those of that day.
    Raises Invalid where no edition is known for the year and grade.
    """
    newest = Basis(
        rule_set_for(int(school_class.academic_year[:4]), school_class.grade_level),
        (await regulations.current(session, school_class.academic_year_id)).policy,
    )
    frozen = await gradebook.frozen_pupils(session, school_class.id)
    found: dict[StudentId | None, Basis] = {None: newest}
    for row in await queries.standing(session, school_class.id):
        if row.state == ResultState.CONFIRMED or row.settled_at or row.student_id in frozen:
            found[row.student_id] = Basis(
                rule_set_named(row.rule_set) or newest.rule_set, policy_of(row.policy)
            )
    return found


async def is_overtaken(session: TenantSession, school_class: ClassSummary) -> bool:
    """Whether a result that is to follow the newest edition and readings was made by others."""
    bases = await of_class(session, school_class)
    newest = (bases[None].rule_set.name, bases[None].policy)
    return any(
        (row.rule_set, policy_of(row.policy)) != newest
        for row in await queries.standing(session, school_class.id)
        if row.student_id not in bases
    )


def policy_of(stored: dict[str, Any]) -> Policy:
    """The readings that a result names; those of before they were kept were the safe ones."""
    return msgspec.convert(stored, Policy) if stored else SAFE
