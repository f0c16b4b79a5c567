"""What a notice says, when an e-mail may go, and what stands in it. No I/O."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta, tzinfo

from backend.core.errors import Invalid
from backend.integrations.notifications.schemas import Kind, Notice, Rhythm, Setting
from backend.records.season.schemas import STAGE_NAMES, Stage, Waiting

#: What cannot wait for the next digest.
URGENT = frozenset({Kind.HALTED, Kind.REJECTED, Kind.RECALLED, Kind.APPROVAL})
#: An e-mail that could not be sent for so long says nothing any more: the next digest says it.
STALE = timedelta(hours=20)
#: What happens within this time of an urgent event goes in one e-mail.
GATHER = timedelta(minutes=10)
_MONDAY = 0
_WORK = {
    Stage.SUBMITTED: "{left} sổ điểm của bạn chưa nộp",
    Stage.CHECKED: "{left} sổ điểm chờ bạn kiểm tra",
    Stage.LOCKED: "{left} sổ điểm chờ bạn khóa",
    Stage.CONFIRMED: "Kết quả của {left} học sinh chờ bạn xác nhận",
    Stage.FROZEN: "Học bạ của {left} học sinh chờ bạn chốt",
    Stage.ISSUED: "{left} học bạ chờ bạn ký",
}


def of_work(waits: Iterable[Waiting]) -> list[Notice]:
    """What waits for a person, one notice per stage: at its place where that is one, else on the board of the person."""
    stages: dict[Stage, list[Waiting]] = {}
    for one in waits:
        stages.setdefault(one.stage, []).append(one)
    found = []
    for stage, places in stages.items():
        first = min(places, key=lambda one: (one.days is None, one.days or 0))
        addresses = {one.url for one in places}
        board = f"/mua-hoc-ba?nguoi={first.staff_id}&buoc={stage}" if first.staff_id else "/mua-hoc-ba"
        found.append(
            Notice(
                kind=Kind.WORK,
                text=_WORK[stage].format(left=sum(one.left for one in places)),
                url=addresses.pop() if len(addresses) == 1 else board,
                due=first.due.day if first.due else None,
                days=first.days,
            )
        )
    return found


def of_nudge(stage: Stage, url: str) -> Notice:
    """Somebody was reminded. What was said with it stays on the pages: it may name a pupil."""
    return Notice(kind=Kind.NUDGE, text=f"Bạn được nhắc việc: {STAGE_NAMES[stage]}", url=url)


def in_order(notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """What is late first, then by urgency."""
    order = list(Kind)
    return tuple(
        sorted(notices, key=lambda one: (not (one.days is not None and one.days < 0), order.index(one.kind)))
    )


def checked(rhythm: str, hour: str, quiet_from: str, quiet_until: str, *, urgent: bool) -> Setting:
    """What was typed. Raises Invalid that names the field."""
    if rhythm not in list(Rhythm):
        raise Invalid("Mục “Thư tóm tắt” chưa được chọn; xin chọn một trong các dòng.")
    return Setting(
        rhythm=Rhythm(rhythm),
        hour=_hour(hour, "Giờ gửi"),
        quiet_from=_hour(quiet_from, "Im lặng từ"),
        quiet_until=_hour(quiet_until, "Im lặng đến"),
        urgent=urgent,
    )


def _hour(typed: str, field: str) -> int:
    if not (typed.isascii() and typed.isdigit() and int(typed[:3]) < 24):
        raise Invalid(f"{field} phải là một giờ từ 0 đến 23; xin chọn lại.")
    return int(typed)


def is_due(setting: Setting, day: date) -> bool:
    """Whether a person gets a digest on a day."""
    if setting.rhythm is Rhythm.WEEKLY:
        return day.weekday() == _MONDAY
    return setting.rhythm is Rhythm.DAILY


def goes_at(setting: Setting, wanted: datetime, zone: tzinfo) -> datetime:
    """The first moment from `wanted` on that is not in the person's quiet hours; equal hours are no quiet hours."""
    here = wanted.astimezone(zone)
    start, end = setting.quiet_from, setting.quiet_until
    hour = here.hour
    quiet = start <= hour < end if start <= end else hour >= start or hour < end
    if not quiet:
        return wanted
    morning = datetime.combine(here.date(), time(end), zone)
    return morning if morning > here else morning + timedelta(days=1)


def digest_at(setting: Setting, now: datetime, zone: tzinfo) -> datetime:
    """When today's digest goes: at the person's hour, at once where that is over."""
    hour = datetime.combine(now.astimezone(zone).date(), time(setting.hour), zone)
    return goes_at(setting, max(now, hour), zone)


def subject_of(notices: Sequence[Notice]) -> str:
    """The subject of an e-mail: a number and nothing else."""
    late = sum(one.days is not None and one.days < 0 for one in notices)
    return f"Học bạ số: {len(notices)} việc đang chờ bạn" + (f", {late} việc quá hạn" if late else "")


def text_of(notices: Sequence[Notice], school: str, public_url: str) -> str:
    """The e-mail: each notice with its last day and the address where it is done."""
    lines = [f"Việc đang chờ bạn ở {school}:", ""]
    for one in notices:
        due = f" (hạn: hết ngày {one.due:%d/%m/%Y}{_days(one.days)})" if one.due else ""
        lines += [f"- {one.text}{due}", f"  {public_url}{one.url}", ""]
    lines += [
        "Việc đã xong thì tự biến mất khỏi danh sách; danh sách mới nhất luôn ở:",
        f"{public_url}/thong-bao",
        "",
        "Thư này do hệ thống gửi và không chứa tên, điểm của học sinh. Đổi giờ gửi hoặc ngừng nhận thư:",
        f"{public_url}/thong-bao/cai-dat",
    ]
    return "\n".join(lines) + "\n"


def _days(days: int | None) -> str:
    if days is None:
        return ""
    return f", quá {-days} ngày" if days < 0 else f", còn {days} ngày" if days else ", hôm nay"


PROBLEMS: Mapping[str, str] = {
    "address": "Địa chỉ thư không hợp lệ; xin sửa ở trang Nhân sự.",
    "550": "Máy chủ thư không nhận địa chỉ này; xin kiểm tra địa chỉ ở trang Nhân sự.",
}


def problem_of(said: str, *, final: bool) -> str:
    """What went wrong, for people."""
    if final:
        return PROBLEMS.get(
            said, f"Máy chủ thư từ chối thư này (mã {said}); xin kiểm tra địa chỉ ở trang Nhân sự."
        )
    return f"Máy chủ thư chưa nhận thư ({said}); hệ thống tự gửi lại, không mất thư."
