"""SQL of settings and e-mails."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from backend.core.actor import StaffId
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.integrations.notifications.models import NoticeMail, NoticeSetting
from backend.integrations.notifications.schemas import MailState


async def settings(session: TenantSession, staff_id: StaffId | None = None) -> Sequence[NoticeSetting]:
    """What everybody has chosen who has, or one person."""
    query = select(NoticeSetting).where(NoticeSetting.tenant_id == session.tenant_id)
    if staff_id is not None:
        query = query.where(NoticeSetting.staff_id == staff_id)
    return (await session.scalars(query)).all()


async def put_setting(session: TenantSession, staff_id: StaffId, values: dict[str, Any]) -> None:
    row = {"tenant_id": session.tenant_id, "id": new_id(), "staff_id": staff_id} | values
    query = upsert(NoticeSetting).values(row)
    key = [NoticeSetting.tenant_id, NoticeSetting.staff_id]
    await session.execute(query.on_conflict_do_update(index_elements=key, set_=values))


async def add_mails(
    session: TenantSession, slots: dict[StaffId, str], at: datetime
) -> dict[StaffId, uuid.UUID]:
    """One e-mail for each person and slot; those that were there already are left out."""
    if not slots:
        return {}
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "staff_id": staff_id,
            "slot": slot,
            "state": MailState.WAITING,
            "attempts": 0,
            "created_at": at,
        }
        for staff_id, slot in slots.items()
    ]
    added = await session.execute(
        upsert(NoticeMail).values(rows).on_conflict_do_nothing().returning(NoticeMail.staff_id, NoticeMail.id)
    )
    return {StaffId(row.staff_id): row.id for row in added}


async def hold_mail(session: TenantSession, mail_id: uuid.UUID) -> NoticeMail | None:
    """One e-mail, held until the transaction ends."""
    query = select(NoticeMail).where(NoticeMail.tenant_id == session.tenant_id, NoticeMail.id == mail_id)
    found: NoticeMail | None = await session.scalar(query.with_for_update())
    return found


async def update_mail(session: TenantSession, mail_id: uuid.UUID, values: dict[str, Any]) -> None:
    await session.execute(
        update(NoticeMail)
        .where(NoticeMail.tenant_id == session.tenant_id, NoticeMail.id == mail_id)
        .values(values)
    )


async def newest_mails(
    session: TenantSession, limit: int, staff_id: StaffId | None = None
) -> Sequence[NoticeMail]:
    """E-mails, the newest first: of all, or of one person."""
    query = select(NoticeMail).where(NoticeMail.tenant_id == session.tenant_id)
    if staff_id is not None:
        query = query.where(NoticeMail.staff_id == staff_id)
    order = (NoticeMail.created_at.desc(), NoticeMail.id.desc())
    return (await session.scalars(query.order_by(*order).limit(limit))).all()
