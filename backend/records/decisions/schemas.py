"""What people decide about a pupil's year, where the circulars leave it to them: after the summer, and for a title."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

import msgspec

from backend.core.actor import StaffId

#: Length of the reason of a decision, in characters.
MIN_REASON, MAX_REASON = 5, 500


class DecisionKind(StrEnum):
    """What is decided; `slot` says which one of its kind.

    REASSESSED: the year result of a subject after re-assessment (TT22 Đ.14; slot = subject code). CONDUCT: conduct after
    training in the summer (TT22 Đ.13). SUPPLEMENT_LEVEL, SUPPLEMENT_TEST (slot = subject code), SUPPLEMENT_TRAIT (slot =
    trait code): additional assessment in primary (TT27 Đ.11.1.b). PROMOTION: what the principal decides after it (TT27
    Đ.11.1.c). RECOGNITION: what people say for the title Học sinh Tiêu biểu (TT27 Đ.13.1.a; slot = field of Recognition).
    """

    REASSESSED = "reassessed"
    CONDUCT = "conduct"
    SUPPLEMENT_LEVEL = "supplement_level"
    SUPPLEMENT_TRAIT = "supplement_trait"
    SUPPLEMENT_TEST = "supplement_test"
    PROMOTION = "promotion"
    RECOGNITION = "recognition"


class DecisionKey(NamedTuple):
    """What a decision is about."""

    kind: DecisionKind
    slot: str = ""


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The newest word about something; `value` is empty where it was taken back."""

    value: str
    reason: str
    revision: int
    decided_by: StaffId
    decided_at: datetime


#: The pupil's decisions, those that were taken back too.
Decisions = dict[DecisionKey, Decision]
