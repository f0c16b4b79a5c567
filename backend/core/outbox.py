"""What happened is written in the transaction in which it happened; the relay turns it into jobs afterwards.

Nothing is ever called directly "after commit": a process that dies between commit and call would lose it.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Mapped, mapped_column

from backend.core import clock
from backend.core.database import Base, TenantSession
from backend.core.events import Event
from backend.core.ids import new_id
from backend.core.personal_data import holding
from backend.core.questions import Adding, Question

#: PostgreSQL channel on which the dispatcher listens; a lost notice only means waiting for its next look.
CHANNEL = "hocba_work"


class OutboxEvent(Base):
    """An event that waits to be turned into jobs."""

    __tablename__ = "outbox_event"
    __table_args__ = ({"schema": "work", "info": holding(internal="name created_at")},)

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    subject_id: Mapped[uuid.UUID]
    created_at: Mapped[datetime]


_ADD = Adding(
    "work.outbox_event", {"id": "uuid", "name": "text", "subject_id": "uuid", "created_at": "timestamptz"}
)
_NOTIFY = Question(select(func.pg_notify(CHANNEL, "")))


async def emit(session: TenantSession, *events: Event) -> None:
    """Record events in the running transaction and wake the relay at its commit."""
    await emit_all(session, events)


async def emit_all(session: TenantSession, events: Sequence[Event]) -> None:
    """`emit` for many."""
    if not events:
        return
    rows = [
        {
            "id": new_id(),
            "name": type(event).__name__,
            "subject_id": event.subject_id,
            "created_at": clock.now(),
        }
        for event in events
    ]
    await session.tell_lines(_ADD, rows)
    await session.ask(_NOTIFY)
