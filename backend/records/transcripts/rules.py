"""The life of a transcript version: which state follows which. No I/O."""

from backend.core.errors import Conflict
from backend.records.transcripts.schemas import VersionState

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
