"""What in the view over all schools needs somebody now. No I/O."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from backend.core.platform_facts import PlatformView

#: A job that is due so long ago says that workers are missing or hang.
LONGEST_DUE = timedelta(minutes=10)
#: As in `core.audit_chain` and `core.store_promise`, after which nothing is issued.
LONGEST_UNSEALED, LONGEST_UNPROBED = timedelta(hours=4), timedelta(hours=26)


def alarms(view: PlatformView, *, locks_files: bool) -> tuple[str, ...]:
    """One sentence each, the gravest first; none where all is well."""
    return (*_of_audit(view), *_of_store(view, locks_files), *_of_queues(view))


def _of_audit(view: PlatformView) -> Iterable[str]:
    newest = view.checkpoints[0] if view.checkpoints else None
    if newest is None:
        if view.schools:
            yield "Nhật ký của các trường chưa được niêm phong lần nào."
    elif view.at - newest.made_at > LONGEST_UNSEALED:
        yield f"Nhật ký không được niêm phong từ {_hours(view.at - newest.made_at)}: mọi trường đang ngừng phát hành."


def _of_store(view: PlatformView, locks_files: bool) -> Iterable[str]:
    newest = view.probes[0] if view.probes else None
    if newest and newest.broken:
        yield f"Kho lưu trữ không giữ được {len(newest.broken)} cách thử: xem sổ tay the-store-breaks-its-promise.md."
    elif locks_files and (newest is None or view.at - newest.at > LONGEST_UNPROBED):
        yield "Kho lưu trữ chưa được thử trong 26 giờ qua: mọi trường đang ngừng phát hành."


def _of_queues(view: PlatformView) -> Iterable[str]:
    for lane in view.lanes:
        if lane.oldest and view.at - lane.oldest > LONGEST_DUE:
            since = _hours(view.at - lane.oldest)
            yield f"Làn {lane.lane}: việc lâu nhất chờ {since}; xem tiến trình work, dispatch còn chạy không."
        if lane.parked:
            yield f"Làn {lane.lane}: {lane.parked} việc dừng, chờ người của trường hoặc vận hành."


def _hours(time: timedelta) -> str:
    minutes = int(time.total_seconds()) // 60
    return f"{minutes // 60} giờ {minutes % 60} phút" if minutes >= 60 else f"{minutes} phút"


def is_fresh(made_at: datetime, since: datetime, now: datetime, lasts: timedelta) -> bool:
    """Whether a link counts still: made while this console runs, not long ago, and not in the future."""
    return since <= made_at <= now and now - made_at <= lasts
