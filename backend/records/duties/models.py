"""Who led a class or taught a subject in it before whoever does now."""

import uuid
from datetime import date

from sqlalchemy import Index
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class PastDuty(TenantTable):
    """A duty that somebody held until a day; without `staff_id` nobody did. Whoever holds it now stands in the roster.

    `code` is a subject, or `HOMEROOM`; without `starts_on` it was so from the beginning. Written only, never altered.
    """

    __tablename__ = "past_duty"
    __table_args__ = (
        tenant_key("class_id", "school_class"),
        tenant_key("staff_id", "staff_member"),
        Index("ix_past_duty_class", "tenant_id", "class_id"),
        {"info": holding(internal="code starts_on ends_on")},
    )

    class_id: Mapped[uuid.UUID]
    code: Mapped[str]
    staff_id: Mapped[uuid.UUID | None]
    starts_on: Mapped[date | None]
    ends_on: Mapped[date]
