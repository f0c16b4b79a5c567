"""The words of a school's subscription."""

import uuid
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import NewType

import msgspec

InvoiceId = NewType("InvoiceId", uuid.UUID)


class Plan(StrEnum):
    """What the school has agreed with us."""

    TRIAL = "trial"
    STANDARD = "standard"


PLAN_NAMES = {Plan.TRIAL: "Dùng thử", Plan.STANDARD: "Tiêu chuẩn"}

#: Seats of a school whose contract says nothing yet.
TRIAL_SEATS = 100


class Subscription(msgspec.Struct, frozen=True, kw_only=True):
    """The plan, the number of people who may work here at the same time, and since when it is so.

    `seat_price` is in đồng for one seat and year, without VAT.
    """

    plan: Plan
    seats: int
    seat_price: Decimal
    since: date

    @property
    def yearly_cost(self) -> Decimal:
        """All seats for a year, in đồng, without VAT."""
        return self.seats * self.seat_price


class Invoice(msgspec.Struct, frozen=True, kw_only=True):
    """What a period cost: seats × price (đồng, without VAT) and VAT in whole per cent. `paid_on`: None while owed."""

    id: InvoiceId
    number: str
    issued_on: date
    due_on: date
    period_from: date
    period_to: date
    seats: int
    seat_price: Decimal
    vat_percent: int
    paid_on: date | None

    @property
    def net(self) -> Decimal:
        """Without VAT."""
        return self.seats * self.seat_price

    @property
    def vat(self) -> Decimal:
        """In whole đồng."""
        return (self.net * self.vat_percent / 100).quantize(Decimal(1), ROUND_HALF_UP)

    @property
    def total(self) -> Decimal:
        """What is to be paid."""
        return self.net + self.vat


class Seats(msgspec.Struct, frozen=True, kw_only=True):
    """Seats that the school has, and how many of them people who work here take."""

    total: int
    taken: int

    @property
    def free(self) -> int:
        """How many more people may join."""
        return max(0, self.total - self.taken)
