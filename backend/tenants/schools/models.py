"""The school of a tenant."""

import uuid
from datetime import date, datetime

from sqlalchemy import ARRAY, Text
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import Base
from backend.core.personal_data import holding


class School(Base):
    """One row per tenant: who the school is."""

    __tablename__ = "school"
    __table_args__ = (
        {
            "info": holding(
                public="name code tax_code province_code province ward levels address phone",
                internal="opened_at closes_on successor",
            )
        },
    )

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    code: Mapped[str]
    tax_code: Mapped[str]
    province_code: Mapped[str]
    province: Mapped[str]
    ward: Mapped[str]
    levels: Mapped[list[str]] = mapped_column(ARRAY(Text))
    address: Mapped[str]
    phone: Mapped[str]
    opened_at: Mapped[datetime]
    closes_on: Mapped[date | None]
    successor: Mapped[str]
