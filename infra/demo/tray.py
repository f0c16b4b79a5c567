"""A signer of the demo in front of the tray: one consent for what waits of the season's own classes, then watching."""

import asyncio
import html
import re
from collections.abc import Callable, Collection
from urllib.parse import urlencode

from infra.demo.seed import PASSWORD
from infra.demo.visitor import HIDDEN, Refused, Visitor
from infra.demo.waits import POLL_SECONDS, Patience

_FORM = re.compile(r'<form[^>]* action="/ky"[\s\S]*?</form>')
_BATCH = re.compile(r'href="(/ky/lo/[0-9a-f-]{36})"')
_BAR = re.compile(r'class="work work-(\w+)"[\s\S]*?<progress[^>]*value="(\d+)" max="(\d+)"')
#: Where the tray names what waits in a role: beside the link of each group, or after the count where there is only one.
_GROUPS = re.compile(r'<th scope="row">([^<]+)</th>|học bạ chờ (?:ký|đóng dấu) · ([^<·]+?)(?: · [^<]+)?<')

Tick = Callable[[int], None]


def waiting(tray: str, role: str) -> set[str]:
    """The groups (classes) that the page of a tray shows in one role."""
    _, *panels = re.split(r'<section[^>]* id="vai-', tray)
    found = (panel.partition("</section>")[0] for panel in panels)
    return {
        html.unescape(row or alone)
        for panel in found
        if f"vai={role}" in panel
        for row, alone in _GROUPS.findall(panel)
    }


async def sign(signer: Visitor, role: str, groups: Collection[str], tick: Tick) -> None:
    """Sign what waits in these groups, batch after batch, until nothing is left and no batch is under way.

    After a restart there may be batches already, and what a batch did not sign comes back into the tray. What waits in
    other groups is somebody else's to sign. Raises Refused when it does not go on.
    """
    patience, signed = Patience("/ky", "học bạ được ký"), 0
    while True:
        consent = await _offered(signer, role, set(groups))
        if consent:
            signed += await _watch(signer, await signer.post("/ky", consent | {"password": PASSWORD}), tick)
        else:
            running = await _running(signer)
            if not running:
                return
            signed += sum([await _watch(signer, path, tick) for path in running])
        patience.require(signed)


async def _offered(signer: Visitor, role: str, groups: set[str]) -> dict[str, str] | None:
    """The form of a consent: to all that waits where it all is ours, else to one group of ours; None when none waits."""
    found = waiting(await signer.get("/ky"), role)
    ours = sorted(found & groups)
    if not ours:
        return None
    if found <= groups:
        everything = await _form(signer, {"vai": role})
        # Looked at again: what came in from elsewhere before the list was made is in the tray now.
        if waiting(await signer.get("/ky"), role) <= groups:
            return everything
    return await _form(signer, {"vai": role, "nhom": ours[0]})


async def _form(signer: Visitor, asked: dict[str, str]) -> dict[str, str]:
    found = _FORM.search(await signer.get(f"/ky/xem?{urlencode(asked)}"))
    if found is None:
        raise Refused(
            f"/ky/xem: trang xem danh sách {asked} không có biểu mẫu ký; hãy xem trang ấy rồi chạy lại."
        )
    return {name: html.unescape(value) for name, value in HIDDEN.findall(found.group())}


async def _running(signer: Visitor) -> list[str]:
    """The batches that are under way."""
    paths = dict.fromkeys(_BATCH.findall(await signer.get("/ky")))
    return [path for path in paths if "work-running" in await signer.get(path)]


async def _watch(signer: Visitor, path: str, tick: Tick) -> int:
    """Watch a batch to its end; how many of it are signed."""
    patience, seen = Patience(path, "học bạ được ký (“work-running”)"), 0
    while True:
        found = _BAR.search(await signer.get(path))
        if found is None:
            raise Refused(f"{path}: trang của lô ký không có thanh tiến độ; hãy xem trang ấy rồi chạy lại.")
        state, signed = found.group(1), int(found.group(2))
        tick(signed - seen)
        seen = signed
        if state != "running":
            return signed
        patience.require(signed)
        await asyncio.sleep(POLL_SECONDS)
