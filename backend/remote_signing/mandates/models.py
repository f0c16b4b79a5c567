"""What a seal may seal without a person for each batch, as two people agreed to it."""

import uuid
from datetime import date, datetime, time

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class SealMandate(TenantTable):
    """One mandate; a school has at most one that has not ended. `ended_by` is None where the machine ended it."""

    __tablename__ = "seal_mandate"
    __table_args__ = (
        Index("uq_seal_mandate_live", "tenant_id", unique=True, postgresql_where=text("ended_at is null")),
        tenant_key("credential_id", "credential"),
        tenant_key("keeper_id", "staff_member"),
        tenant_key("ended_by", "staff_member"),
        {"info": holding(internal="daily_limit opens closes last_day given_at ended_at ended_reason")},
    )

    credential_id: Mapped[uuid.UUID]
    keeper_id: Mapped[uuid.UUID]
    daily_limit: Mapped[int]
    opens: Mapped[time]
    closes: Mapped[time]
    last_day: Mapped[date]
    given_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    ended_by: Mapped[uuid.UUID | None]
    ended_reason: Mapped[str | None]
