"""What a school has agreed with us."""

import uuid
from datetime import date
from decimal import Decimal

from sqlalchemy import Numeric, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from backend.core.database import Base, TenantTable
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


class InvoiceRow(TenantTable):
    """What the school owes or has paid for a period, as it was agreed then; never changed but for the day of payment."""

    __tablename__ = "invoice"
    __table_args__ = (
        UniqueConstraint("tenant_id", "number"),
        {
            "info": holding(
                internal="number issued_on due_on period_from period_to seats seat_price vat_percent paid_on"
            )
        },
    )

    number: Mapped[str]
    issued_on: Mapped[date]
    due_on: Mapped[date]
    period_from: Mapped[date]
    period_to: Mapped[date]
    seats: Mapped[int]
    seat_price: Mapped[Decimal] = mapped_column(Numeric(14, 0))
    vat_percent: Mapped[int]
    paid_on: Mapped[date | None]
