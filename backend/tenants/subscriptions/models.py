"""What a school has agreed with us."""

import uuid
from datetime import date
from decimal import Decimal

from sqlalchemy import Numeric
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import Base
from backend.core.personal_data import holding


class SubscriptionRow(Base):
    """One row per school that has agreed on something: its plan and its seats."""

    __tablename__ = "subscription"
    __table_args__ = ({"info": holding(internal="plan seats seat_price since")},)

    tenant_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    plan: Mapped[str]
    seats: Mapped[int]
    seat_price: Mapped[Decimal] = mapped_column(Numeric(14, 0))
    since: Mapped[date]
