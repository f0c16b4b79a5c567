"""What the demo waits for: pages that are asked again and again, and one sentence when nothing moves on them any more."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple

from infra.demo.visitor import Refused, Visitor

#: As often as the pages themselves ask; all homeroom teachers watch at the same time.
POLL_SECONDS = 1.5
#: Nothing of the season stands still so long on the slowest machine.
PATIENCE_SECONDS = 300.0

#: What the list of a class says of a transcript that comes through, one after the other.
ON_ITS_WAY = (
    "Đã kết xuất",
    "Đang ký",
    "Đã ký đủ",
    "Đã phát hành",
    "Đã đóng gói chờ gửi",
    "Đã nộp Sở",
    "Sở đã chấp nhận",
    "Đã chốt, có hiệu lực",
)


def _at_least(name: str) -> re.Pattern[str]:
    """A transcript that has come so far, or farther: the next step may be done before anybody looks."""
    names = ON_ITS_WAY[ON_ITS_WAY.index(name) :]
    return re.compile(f"<span>(?:{'|'.join(names)})</span>")


#: Where a class shows how many of its pupils have come at least so far, and by which marks.
_IN_CLASS = {
    "assessed": ("ket-qua", re.compile('<a href="/ket-qua/')),
    "rendered": ("hoc-ba", _at_least("Đã kết xuất")),
    "signing": ("hoc-ba", _at_least("Đang ký")),
    "issued": ("hoc-ba", _at_least("Đã phát hành")),
}


class Watch(NamedTuple):
    """A number that grows on a page: where, by which words it is counted, and how to ask for it."""

    page: str
    words: str
    ask: Callable[[], Awaitable[int]]


class Patience:
    """A wait that ends when nothing has moved for `PATIENCE_SECONDS`."""

    def __init__(self, page: str, words: str) -> None:
        self._page, self._words = page, words
        self._seen, self._since = -1, time.monotonic()

    def require(self, seen: int) -> None:
        """Raises Refused where the same was seen for too long."""
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        elif time.monotonic() - self._since > PATIENCE_SECONDS:
            raise Refused(
                f"{self._page}: đã đợi {PATIENCE_SECONDS / 60:.0f} phút mà vẫn chỉ đếm được {seen} lần {self._words}; "
                "hãy xem trang ấy và nhật ký trong thư mục logs, rồi chạy lại."
            )


async def until(total: int, watch: Watch, tick: Callable[[int], None]) -> None:
    """Ask until all have come through. Raises Refused when it does not go on."""
    patience, seen = Patience(watch.page, watch.words), 0
    while seen < total:
        now = min(total, await watch.ask())
        tick(now - seen)
        seen = now
        patience.require(seen)
        await asyncio.sleep(POLL_SECONDS if seen < total else 0)


def on_board(visitor: Visitor, key: str) -> Watch:
    """Pupils who have come so far, by the board of the school."""

    async def ask() -> int:
        board = await visitor.json("/tien-do")
        return next(int(stage["done"]) for stage in board["stages"] if stage["key"] == key)

    return Watch("/tien-do", f"“{key}”", ask)


def in_classes(visitor: Visitor, key: str, class_ids: Collection[str]) -> Watch:
    """Pupils of some classes who have come so far, class by class: others of the school may be under way, too."""
    place, mark = _IN_CLASS[key]
    paths = [f"/lop/{class_id}/{place}" for class_id in class_ids]

    async def ask() -> int:
        return sum([len(mark.findall(await visitor.get(path))) for path in paths])

    others = f" và {len(paths) - 1} lớp khác" if len(paths) > 1 else ""
    return Watch(f"{paths[0]}{others}", f"“{mark.pattern}”", ask)


def accepted(visitor: Visitor) -> Watch:
    """Deliveries that the province has taken."""

    async def ask() -> int:
        deliveries: dict[str, int] = await visitor.json("/gui/dem")
        return deliveries.get("accepted", 0)

    return Watch("/gui/dem", "“accepted”", ask)
