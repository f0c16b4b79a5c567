"""The board of deliveries: what a person looks for among all that was and is to be sent."""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from backend.core import audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import queries, troubles
from backend.integrations.deliveries.queries import Conditions
from backend.integrations.deliveries.schemas import Board, DeliveryState, Wanted
from backend.records.roster import service as roster

#: What a list to choose from says of one cause (characters).
_LONGEST = 70


async def look(session: TenantSession, actor: Actor, wanted: Wanted, *, limit: int, offset: int) -> Board:
    """A part of what fits, and what can be chosen. A person sees whom it is about."""
    groups = await troubles.groups(session)
    grades = {one.name: one.grade_level for one in await roster.list_classes(session)}
    conditions = await _conditions(session, wanted, grades)
    counts = {DeliveryState(row.state): row.number for row in await queries.counts_of(session, conditions)}
    found = await queries.list_deliveries(session, conditions, wanted.state, limit, offset)
    rows = tuple(queries.summary_of(row) for row in found)
    if rows:
        about = [one.version_id for one in rows]
        label = "Danh sách gửi dữ liệu"
        audit_reads.record_read(session, actor, AuditAction.DELIVERY_READ, None, label, about)
    places = await queries.places(session)
    classes = sorted({row.class_name for row in places}, key=lambda name: (grades.get(name, 0), name))
    return Board(
        rows=rows,
        counts=counts,
        total=counts.get(wanted.state, 0) if wanted.state else sum(counts.values()),
        classes=tuple(classes),
        grades=tuple(sorted({grades[name] for name in classes if name in grades})),
        authorities=tuple(
            (name, authorities.name_of(name)) for name in sorted({row.authority for row in places})
        ),
        causes=tuple(
            (f"{one.authority} {one.cause}", f"{_short(one.words)} ({one.count})") for one in groups
        ),
    )


async def _conditions(session: TenantSession, wanted: Wanted, grades: dict[str, int]) -> Conditions:
    authority, _, cause = wanted.cause.partition(" ")
    return Conditions(
        class_names=_class_names(wanted, grades),
        authority=wanted.authority or None,
        since=_midnight(wanted.since) if wanted.since else None,
        before=_midnight(wanted.until + timedelta(days=1)) if wanted.until else None,
        stopped=(authority, *await troubles.words_of(session, authority, cause)) if cause else None,
    )


def _short(words: str) -> str:
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST].rstrip()}…"


def _class_names(wanted: Wanted, grades: dict[str, int]) -> Sequence[str] | None:
    of_grade = [name for name, grade in grades.items() if grade == wanted.grade]
    if wanted.class_name:
        return [wanted.class_name] if wanted.grade is None or wanted.class_name in of_grade else []
    return None if wanted.grade is None else of_grade


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), clock.VIETNAM)
