"""Whether the store keeps what is locked in it, as its last probe found: without that nothing is issued."""

from datetime import datetime, timedelta

import msgspec
from sqlalchemy import text

from backend.core import clock, settings
from backend.core.clock import VIETNAM
from backend.core.database import TenantSession
from backend.core.errors import Unavailable
from backend.core.questions import Question

#: Between two probes; and a probe that is older than this says nothing any more.
INTERVAL = timedelta(hours=24)
LONGEST_WITHOUT = timedelta(hours=26)

_NEWEST = Question(text("select at, tried, broken from directory.newest_store_probe()"))


class Probed(msgspec.Struct, frozen=True):
    """What a probe found: how many things it tried, and the names of those that broke the promise."""

    at: datetime
    tried: int
    broken: tuple[str, ...]


async def require_kept(session: TenantSession) -> None:
    """Raises Unavailable while it is not known that the store keeps locked files, where the installation relies on it."""
    problem = await halted(session)
    if problem:
        raise Unavailable(problem)


async def halted(session: TenantSession) -> str:
    """Why nothing is issued, in a sentence for people; empty where nothing stands in the way."""
    if not settings.get().locks_files:
        return ""
    return problem(await newest(session), clock.now())


async def told(session: TenantSession) -> str:
    """What is promised of the school's signed files, in words for people: honest where the store promises nothing."""
    if not settings.get().locks_files:
        return (
            "Kho lưu trữ của bản cài đặt này không khóa tệp: người giữ khóa của kho có thể xóa tệp đã ký. Mỗi lần đọc, "
            "hệ thống vẫn đối chiếu nội dung với mã băm đã ghi nên tệp bị sửa không bao giờ được đưa ra."
        )
    found = await newest(session)
    if found is None or problem(found, clock.now()):
        return problem(found, clock.now())
    return (
        f"Tệp học bạ đã ký được khóa trong kho lưu trữ. Lần thử lúc {_time(found.at)} đã thử {found.tried} cách sửa, xóa "
        "và không cách nào làm mất tệp đã khóa."
    )


async def newest(session: TenantSession) -> Probed | None:
    """The last probe of this installation."""
    rows = await session.ask(_NEWEST)
    return Probed(rows[0].at, rows[0].tried, tuple(rows[0].broken)) if rows else None


def problem(found: Probed | None, now: datetime) -> str:
    """What is wrong with the last probe, as seen at `now`; empty where it found the promise kept not long ago."""
    if found is None:
        seen = "Chưa có lần thử nào cho thấy kho lưu trữ giữ được tệp đã khóa"
    elif found.broken:
        seen = f"Lần thử lúc {_time(found.at)} cho thấy kho lưu trữ không giữ được tệp đã khóa"
    elif now - found.at > LONGEST_WITHOUT:
        seen = f"Kho lưu trữ chưa được thử lại từ {_time(found.at)}"
    else:
        return ""
    return (
        f"{seen} nên học bạ tạm chưa được phát hành; các việc khác vẫn làm được, không mất gì. Hệ thống tự phát hành "
        "tiếp khi lần thử sau đạt; xin báo đơn vị vận hành."
    )


def _time(at: datetime) -> str:
    return f"{at.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}"
