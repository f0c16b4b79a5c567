"""The words of publishing: what families may be told, and what a pupil's slip says."""

import uuid
from datetime import datetime
from typing import NewType

import msgspec

from backend.records.gradebook.schemas import SheetId, SheetState
from backend.records.roster.schemas import StudentId

PublicationId = NewType("PublicationId", uuid.UUID)


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """A sheet in one period (học kì, or a point of a primary year), and how it stands towards families."""

    sheet_id: SheetId
    period: str
    period_name: str
    subject_name: str
    state: SheetState
    filled: bool
    publication_id: PublicationId | None
    published_by: str
    published_at: datetime | None
    #: what was published is no longer what the sheet says
    is_stale: bool
    may_publish: bool
    #: also where the sheet is empty by now
    may_withdraw: bool

    @property
    def is_new(self) -> bool:
        """Whether publishing it tells families something that they have not been told."""
        return self.may_publish and (self.is_stale or self.published_at is None)


class SlipRow(msgspec.Struct, frozen=True, kw_only=True):
    """One subject of a slip; `values` belong to the columns of its period."""

    subject_name: str
    values: tuple[str, ...]


class SlipPeriod(msgspec.Struct, frozen=True, kw_only=True):
    """What was published of a period: subjects, and what the homeroom teacher wrote."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[SlipRow, ...]
    homeroom: tuple[tuple[str, str], ...]


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """Phiếu điểm of one pupil: what was published, and nothing else."""

    student_id: StudentId
    pupil: str
    student_code: str
    periods: tuple[SlipPeriod, ...]
