"""The calendar of a school year."""

import uuid
from datetime import date

from sqlalchemy import UniqueConstraint
from sqlalchemy.orm import Mapped

from backend.core.database import TenantTable, tenant_key
from backend.core.personal_data import holding


class YearCalendar(TenantTable):
    """Terms and last days of one year. What was set before is in the audit."""

    __tablename__ = "year_calendar"
    __table_args__ = (
        UniqueConstraint("tenant_id", "academic_year_id"),
        tenant_key("academic_year_id", "academic_year"),
        {
            "info": holding(
                internal="term_1_ends_on term_2_starts_on submitted_by locked_by confirmed_by frozen_by issued_by "
                "reported_by"
            )
        },
    )

    academic_year_id: Mapped[uuid.UUID]
    term_1_ends_on: Mapped[date]
    term_2_starts_on: Mapped[date]
    submitted_by: Mapped[date | None]
    locked_by: Mapped[date | None]
    confirmed_by: Mapped[date | None]
    frozen_by: Mapped[date | None]
    issued_by: Mapped[date | None]
    reported_by: Mapped[date | None]
