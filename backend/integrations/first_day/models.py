"""Who does not want to be told of their first day any more."""

import uuid
from datetime import datetime

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class HiddenTour(TenantTable):
    """One person who has hidden their steps at home."""

    __tablename__ = "hidden_tour"
    __table_args__ = (
        UniqueConstraint("tenant_id", "staff_id"),
        tenant_key("staff_id", "staff_member"),
        {"info": holding(internal="hidden_at")},
    )

    staff_id: Mapped[uuid.UUID]
    hidden_at: Mapped[datetime]
