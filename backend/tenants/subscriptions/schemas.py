"""The words of a school's subscription."""

from datetime import date
from decimal import Decimal
from enum import StrEnum

import msgspec


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


class Seats(msgspec.Struct, frozen=True, kw_only=True):
    """Seats that the school has, and how many of them people who work here take."""

    total: int
    taken: int

    @property
    def free(self) -> int:
        """How many more people may join."""
        return max(0, self.total - self.taken)
