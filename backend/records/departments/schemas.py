"""The words of departments (tổ chuyên môn)."""

import uuid
from typing import NewType

import msgspec

from backend.core.actor import StaffId

DepartmentId = NewType("DepartmentId", uuid.UUID)

#: Longest name of a department, in characters.
MAX_NAME = 100


class DepartmentView(msgspec.Struct, frozen=True, kw_only=True):
    """One department. `head_id` stays while `head` is None: who has left the school or lost the role heads nothing."""

    id: DepartmentId
    name: str
    head_id: StaffId | None
    head: str | None
    members: tuple[StaffId, ...]
