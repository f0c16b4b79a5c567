"""SQL of reading the audit."""

import uuid
from collections.abc import Sequence
from datetime import datetime, time, timedelta

from sqlalchemy import ColumnElement, func, or_, select

from backend.core.audit import AuditEvent, Outcome
from backend.core.clock import VIETNAM
from backend.core.database import TenantSession
from backend.tenants.audit_trail.schemas import MOST_PAGES, PAGE_SIZE, Question


async def events(session: TenantSession, asked: Question) -> Sequence[AuditEvent]:
    """One page of events, newest first."""
    query = (
        select(AuditEvent)
        .where(*_matching(session, asked))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(PAGE_SIZE)
        .offset((asked.page - 1) * PAGE_SIZE)
    )
    return (await session.scalars(query)).all()


async def count(session: TenantSession, asked: Question) -> int:
    """How many events there are, counted up to one more than anybody is shown."""
    found = select(AuditEvent.id).where(*_matching(session, asked)).limit(MOST_PAGES * PAGE_SIZE + 1)
    return await session.scalar(select(func.count()).select_from(found.subquery())) or 0


async def event(session: TenantSession, event_id: uuid.UUID) -> AuditEvent | None:
    """One event."""
    return await session.get(AuditEvent, (session.tenant_id, event_id))


def _matching(session: TenantSession, asked: Question) -> list[ColumnElement[bool]]:
    found = [AuditEvent.tenant_id == session.tenant_id]
    if asked.person:
        as_subject = AuditEvent.subject_id == asked.person
        found.append(
            or_(AuditEvent.actor_id == asked.person, as_subject, AuditEvent.about.overlap([asked.person]))
        )
    if asked.action:
        found.append(AuditEvent.action == asked.action)
    if asked.refused:
        found.append(AuditEvent.outcome == Outcome.REFUSED.value)
    if asked.since:
        found.append(AuditEvent.at >= datetime.combine(asked.since, time(), VIETNAM))
    if asked.until:
        found.append(AuditEvent.at < datetime.combine(asked.until, time(), VIETNAM) + timedelta(days=1))
    if asked.about:
        about = list(asked.about)
        found.append(or_(AuditEvent.subject_id.in_(about), AuditEvent.about.overlap(about)))
    return found
