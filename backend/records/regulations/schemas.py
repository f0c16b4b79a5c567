"""What the circulars of assessment leave open, and what a school has decided about it for a school year."""

from datetime import datetime
from enum import StrEnum

import msgspec

from backend.core.actor import StaffId
from backend.tenants.schools.schemas import SchoolLevel

#: Length of the ground of a decision (a decision's number, minutes of a meeting), in characters.
MIN_GROUND, MAX_GROUND = 5, 300


class AdjustmentReading(StrEnum):
    """How TT22 Đ.9.3 looks past the one weak subject: leave it out (A), or imagine it passed well (B)."""

    IGNORE_SUBJECT = "A"
    IMAGINE_PASSED = "B"


class Policy(msgspec.Struct, frozen=True, kw_only=True):
    """What the circulars leave open (domain reference 7.3). The defaults are the recommended readings."""

    #: TT22 Đ.9.3: see AdjustmentReading
    adjustment: AdjustmentReading = AdjustmentReading.IGNORE_SUBJECT
    #: do môn tự chọn (Ngoại ngữ 2, Tiếng dân tộc thiểu số) count where the input does not say so
    optional_subjects_count: bool = True
    #: TT22 Đ.6.2: the chuyên đề result is one mark more (False: it takes one of the regular places)
    topic_is_extra_mark: bool = True
    #: the terms (1, 2) in which the chuyên đề result is counted
    topic_terms: tuple[int, ...] = (1, 2)
    #: TT27 Đ.7.1.b says a 10-point scale without saying that it starts at 1: accept 0 and warn, or wait for
    #: another attempt
    primary_zero_allowed: bool = True
    #: TT22 Đ.14: a new result replaces the year's (False), or the better of the two stands (True)
    better_of_reassessment: bool = False
    #: TT22 Đ.14: may a pupil whose learning and conduct both failed still be promoted by later results (Đ.12)
    both_failed_may_recover: bool = False
    #: subjects and traits of the programme that are absent from the input are missing, not "not taught"
    complete_curriculum: bool = False


#: Where a school has decided nothing. A compulsory subject that no teacher was assigned to is missing, not "not taught":
#: the year stays open.
SAFE = Policy(complete_curriculum=True)


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a school decides: a field of Policy in words. `options`: value → label, the safe one first."""

    field: str
    title: str
    article: str
    meaning: str
    levels: frozenset[SchoolLevel]
    options: dict[str, str]


class Regulation(msgspec.Struct, frozen=True, kw_only=True):
    """What holds in a school year; `revision` is 0 while the school has decided nothing."""

    policy: Policy
    revision: int


class RegulationVersion(msgspec.Struct, frozen=True, kw_only=True):
    """What was decided at one time, by whom and on what ground; `changes` are sentences."""

    set_at: datetime
    set_by: StaffId
    ground: str
    changes: tuple[str, ...]
