"""The life of a transcript version: which state follows which, and who signs it for the school. No I/O."""

import uuid
from collections.abc import Sequence
from typing import TypeVar

from backend.core.actor import StaffId
from backend.core.errors import Conflict, NotFound
from backend.records.transcripts.schemas import Signer, SignerRole, Snapshot, VersionState
from backend.tenants.delegations.schemas import HeadSigner
from backend.tenants.people.schemas import Staff
from backend.tenants.permissions import Permission, permissions_of

_Row = TypeVar("_Row")

NEXT = {
    VersionState.FROZEN: VersionState.RENDERED,
    VersionState.RENDERED: VersionState.SIGNING,
    VersionState.SIGNING: VersionState.ISSUED,
}

STATE_NAMES = {
    VersionState.FROZEN: "Đã chốt số liệu",
    VersionState.RENDERED: "Đã kết xuất",
    VersionState.SIGNING: "Đang ký",
    VersionState.ISSUED: "Đã phát hành",
}


def all_of(version_ids: Sequence[uuid.UUID], rows: Sequence[_Row]) -> Sequence[_Row]:
    """The rows of these versions. Raises NotFound when one is missing."""
    if len(rows) < len(set(version_ids)):
        raise NotFound("Không tìm thấy học bạ này.")
    return rows


def is_due(state: str, target: VersionState) -> bool:
    """Whether a version in `state` is to go to `target` now; False when it has been there (a repeated job).

    Raises Conflict when it has not come that far.
    """
    order = list(VersionState)
    if order.index(VersionState(state)) >= order.index(target):
        return False
    if NEXT[VersionState(state)] is not target:
        raise Conflict(
            f"Học bạ đang ở bước “{STATE_NAMES[VersionState(state)]}”, chưa thể {STATE_NAMES[target].lower()}."
        )
    return True


def head_of(snapshot: Snapshot, heads: Sequence[HeadSigner], pupil: str) -> HeadSigner:
    """Whom the frozen content names as the head, also where somebody else's days have begun meanwhile.

    Raises Conflict when nobody bears that name and title any more: nobody else signs in their name.
    """
    named = _named(snapshot, SignerRole.PRINCIPAL)
    for head in heads:
        if (head.name, head.title) == (named.name, named.title):
            return head
    raise Conflict(
        f"Học bạ của {pupil} đã chốt với người ký là {named.name} ({named.title}), nhưng danh sách nhân sự không còn ai "
        "ký với tên và chức danh ấy; hãy ghi lại đúng như vậy ở trang Nhân sự rồi chạy tiếp việc này."
    )


def homeroom_of(snapshot: Snapshot, staff: Sequence[Staff], leads: StaffId | None, pupil: str) -> StaffId:
    """Whom the frozen content names as the homeroom teacher, also where the class was handed over meanwhile.

    Of several who bear that name it is the one who leads the class today (`leads`). Raises Conflict where nobody of that
    name may sign, and where several may and none of them leads the class.
    """
    named = _named(snapshot, SignerRole.HOMEROOM_TEACHER)
    found = [
        one.id
        for one in staff
        if one.full_name == named.name and Permission.SIGN in permissions_of(one.roles)
    ]
    if leads in found:
        return leads
    if len(found) == 1:
        return found[0]
    what = (
        f"trường có {len(found)} người cùng tên ấy; hãy phân công lại lớp cho đúng người ở trang Phân công"
        if found
        else "danh sách nhân sự không còn ai ký được với tên ấy; hãy ghi lại đúng tên và vai trò ở trang Nhân sự"
    )
    raise Conflict(
        f"Học bạ của {pupil} đã chốt với người ký là {named.name} ({named.title}), nhưng {what} rồi chạy tiếp việc này."
    )


def _named(snapshot: Snapshot, role: SignerRole) -> Signer:
    [named] = [one for one in snapshot.signers if one.role is role]
    return named
