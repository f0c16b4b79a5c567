"""Reading the audit of one's school: who may, and what they are shown. Looking into it is recorded as well."""

import uuid
from collections.abc import Mapping, Sequence

from backend.core import audit_reads
from backend.core.actor import Actor
from backend.core.audit import Action, AuditEvent, Outcome
from backend.core.audit_words import (
    ACTION_NAMES,
    OUTCOME_NAMES,
    area_of,
    detail_name,
    detail_value,
    label_in_words,
    name_of,
)
from backend.core.database import TenantSession
from backend.core.errors import Forbidden, Invalid, NotFound
from backend.tenants.api_clients import service as api_clients
from backend.tenants.audit_trail import queries, rules
from backend.tenants.audit_trail.schemas import (
    MOST_PAGES,
    PAGE_SIZE,
    EventDetail,
    EventView,
    Trail,
)
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission


async def trail(
    session: TenantSession,
    actor: Actor,
    form: Mapping[str, str],
    path: str,
    about: Sequence[uuid.UUID] = (),
    name: str = "",
) -> Trail:
    """One page of the events that a filter asks for: everything, or what is `about` a pupil or document of that name.

    Raises Forbidden; Invalid for a filter that asks for nothing that exists.
    """
    _require_reader(actor)
    asked = rules.question(form, about)
    if asked.action and asked.action not in set(Action):
        raise Invalid("Mục “Việc” không có trong danh sách; hãy chọn lại.")
    total = await queries.count(session, asked)
    shown = min(total, MOST_PAGES * PAGE_SIZE)
    found = await queries.events(session, asked)
    # Who did nothing here may be nobody of this school: what somebody typed is not written down as one.
    subject = asked.about[0] if asked.about else asked.person if found else None
    named = {*about, *(row.subject_id for row in found if row.subject_id)}
    audit_reads.record_read(session, actor, Action.AUDIT_READ, subject, name, named)
    return Trail(
        question=asked,
        path=path,
        pages_at=rules.address(path, asked),
        name=name,
        events=[_view(row) for row in found],
        total=shown,
        pages=max(1, -(-shown // PAGE_SIZE)),
        more=total > shown,
        people=await _who_acted(session),
        actions=[(action.value, f"{area_of(action)}: {words}") for action, words in ACTION_NAMES.items()],
    )


async def get_event(session: TenantSession, actor: Actor, event_id: uuid.UUID) -> EventDetail:
    """Everything about one event. Raises Forbidden, NotFound."""
    _require_reader(actor)
    row = await queries.event(session, event_id)
    if row is None:
        raise NotFound("Không tìm thấy dòng nhật ký này.")
    audit_reads.record_read(session, actor, Action.AUDIT_READ, event_id, row.subject_label, row.about)
    return EventDetail(
        view=_view(row),
        outcome=OUTCOME_NAMES[Outcome(row.outcome)],
        details=[
            (detail_name(name), detail_value(name, value))
            for name, value in row.details.items()
            if value is not None
        ],
        prev_hash=row.prev_hash,
        hash=row.hash,
    )


async def _who_acted(session: TenantSession) -> list[tuple[str, str]]:
    """Everybody who works here or ever did, then the connections, which act under names of their own."""
    staff = await people.names(session)
    clients = await api_clients.list_clients(session)
    return [
        *((str(one), name) for one, name in staff.items()),
        *((str(one.id), api_clients.name_of(one)) for one in clients),
    ]


def _require_reader(actor: Actor) -> None:
    if not actor.may(Permission.AUDIT_READ):
        raise Forbidden("Nhật ký của trường chỉ dành cho hiệu trưởng và chủ trường.")


def _view(row: AuditEvent) -> EventView:
    return EventView(
        id=row.id,
        at=row.at,
        person=row.actor_name,
        action=name_of(row.action),
        subject=label_in_words(row.subject_label),
        refused=row.outcome == Outcome.REFUSED,
        n=row.n,
    )
