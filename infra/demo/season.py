"""One school's season through the front door, from the workbooks to the accepted deliveries."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from infra.demo.schools import DemoSchool
from infra.demo.seed import PASSWORD
from infra.demo.visitor import Visitor
from infra.demo.workbooks import DemoFile

_CLASS = re.compile(r'href="/lop/([0-9a-f-]{36})">([^<]+)</a>')
_CONSENT = re.compile(
    r'name="ma" value="([0-9a-f]{64})">\s*<input[^>]*name="so" value="(\d+)">\s*<input[^>]*name="luc" value="([^"]+)"'
)
_BAR = re.compile(r'class="work work-(\w+)"[\s\S]*?<progress[^>]*value="(\d+)" max="(\d+)"')
_VERSION = re.compile(r'href="/hoc-ba/([0-9a-f-]{36})"')
_CODE = re.compile(r"/tra-cuu/([0-9a-f]{32})")
POLL_SECONDS = 0.3
UPLOADS_AT_ONCE = 3

#: Told about each step: label, how many of how many.
Report = Callable[[str, int, int], None]


class StageTime(msgspec.Struct, frozen=True):
    """A row of the table that `make run` prints."""

    stage: str
    count: int
    seconds: float


class Sample(msgspec.Struct, frozen=True):
    """One issued transcript to look at."""

    lookup_path: str
    pdf: bytes


class Season:
    """Drives one school. Every step may be repeated: what is done already is passed over."""

    def __init__(
        self,
        base_url: str,
        school: DemoSchool,
        books: Path,
        done: Path,
        report: Report,
        class_limit: int | None,
    ) -> None:
        self.base_url, self.school, self.books, self.report = base_url, school, books, report
        self._done = done
        self._limit = class_limit
        self.times: list[StageTime] = []
        self._people: dict[str, Visitor] = {}
        self._exits = AsyncExitStack()

    async def run(self, files: list[DemoFile]) -> Sample:
        """From workbooks to accepted deliveries. Raises visitor.Refused with what the site said."""
        async with self._exits:
            await self._import(files)
            classes = await self._classes()
            pupils = sum(one.pupils for one in self.school.classes if one.code in classes)
            await self._lock(classes)
            await self._follow("Tính kết quả", "assessed", pupils)
            await self._confirm(classes)
            await self._freeze(classes)
            await self._follow("Chốt học bạ", "frozen", pupils)
            await self._follow("Kết xuất PDF và XML", "rendered", pupils)
            await self._follow("Đưa đi ký", "signing", pupils)
            await self._sign_all(classes, pupils)
            await self._follow("Phát hành", "issued", pupils)
            await self._delivered(pupils)
            return await self._sample(classes)

    async def _import(self, files: list[DemoFile]) -> None:
        """The register first, then the rest, a few at a time: reading a workbook is work for a process of its own."""
        async with self._stage("Nhập tệp Excel", len(files)) as tick:
            visitor = await self._person("it_teacher")
            known = set(self._done.read_text().splitlines()) if self._done.exists() else set()
            hands = asyncio.Semaphore(UPLOADS_AT_ONCE)

            async def bring_in(file: DemoFile) -> None:
                async with hands:
                    if file.path not in known:
                        preview = await visitor.upload("/nhap", self.books / file.path)
                        await visitor.post(f"{preview}/ghi")
                        with self._done.open("a") as notes:
                            notes.write(f"{file.path}\n")
                    tick()

            register, *others = files
            await bring_in(register)
            await asyncio.gather(*(bring_in(file) for file in others))

    async def _classes(self) -> dict[str, str]:
        visitor = await self._person("principal")
        found = {name: class_id for class_id, name in _CLASS.findall(await visitor.get("/lop"))}
        names = [one.code for one in self.school.classes][: self._limit]
        return {name: found[name] for name in names}

    async def _lock(self, classes: dict[str, str]) -> None:
        async with self._stage("Khóa sổ điểm", len(classes)) as tick:
            visitor = await self._person("principal")
            for class_id in classes.values():
                await visitor.post(f"/lop/{class_id}/khoa-so")
                tick()

    async def _confirm(self, classes: dict[str, str]) -> None:
        async with self._stage("GVCN xác nhận kết quả", len(classes)) as tick:
            for name, class_id in classes.items():
                visitor = await self._homeroom_teacher(name)
                if "Xác nhận kết quả" in await visitor.get(f"/lop/{class_id}/ket-qua"):
                    await visitor.post(f"/lop/{class_id}/xac-nhan")
                tick()

    async def _freeze(self, classes: dict[str, str]) -> None:
        visitor = await self._person("principal")
        for class_id in classes.values():
            await visitor.post(f"/lop/{class_id}/chot")

    async def _sign_all(self, classes: dict[str, str], pupils: int) -> None:
        async with self._stage("Giáo viên chủ nhiệm ký", pupils) as tick:
            teachers = [await self._homeroom_teacher(name) for name in classes]
            await asyncio.gather(*(self._sign(teacher, "homeroom_teacher", tick) for teacher in teachers))
        for role, who, label in (
            ("principal", "principal", "Hiệu trưởng ký"),
            ("school_seal", "clerk", "Đóng dấu số"),
        ):
            async with self._stage(label, pupils) as tick:
                await self._sign(await self._person(who), role, tick)

    async def _sign(self, signer: Visitor, role: str, tick: Callable[[int], None]) -> None:
        """Sign everything that waits, batch after batch, until nothing is left and no batch is under way.

        After a restart there may be batches already, and what a batch did not sign comes back into the tray.
        """
        while True:
            if f"vai={role}" in await signer.get("/ky"):
                found = _CONSENT.search(await signer.get(f"/ky/xem?vai={role}"))
                if found is None:
                    raise RuntimeError(f"the consent page of {role} has no list")
                root, count, as_of = found.groups()
                consent = {"vai": role, "ma": root, "so": count, "luc": as_of, "password": PASSWORD}
                await self._watch(signer, await signer.post("/ky", consent), tick)
            elif not await self._watch_running(signer, tick):
                return

    async def _watch_running(self, signer: Visitor, tick: Callable[[int], None]) -> bool:
        """Watch the batches that are under way to their ends; False when there is none."""
        paths = dict.fromkeys(re.findall(r'href="(/ky/lo/[0-9a-f-]{36})"', await signer.get("/ky")))
        running = [path for path in paths if "work-running" in await signer.get(path)]
        for path in running:
            await self._watch(signer, path, tick)
        return bool(running)

    async def _watch(self, signer: Visitor, path: str, tick: Callable[[int], None]) -> None:
        seen = 0
        while True:
            found = _BAR.search(await signer.get(path))
            if found is None:
                raise RuntimeError(f"{path} shows no progress")
            state, signed = found.group(1), int(found.group(2))
            tick(signed - seen)
            seen = signed
            if state != "running":
                return
            await asyncio.sleep(POLL_SECONDS)

    async def _follow(self, label: str, key: str, total: int) -> None:
        """Watch a stage of the season board until it is complete."""
        visitor = await self._person("principal")
        async with self._stage(label, total) as tick:
            seen = 0
            while seen < total:
                board = await visitor.json("/tien-do")
                now = min(total, next(stage["done"] for stage in board["stages"] if stage["key"] == key))
                tick(now - seen)
                seen = now
                await asyncio.sleep(POLL_SECONDS if seen < total else 0)

    async def _delivered(self, total: int) -> None:
        visitor = await self._person("clerk")
        async with self._stage("Gửi lên Sở, được chấp nhận", total) as tick:
            seen = 0
            while seen < total:
                now = min(total, (await visitor.json("/gui/dem")).get("accepted", 0))
                tick(now - seen)
                seen = now
                await asyncio.sleep(POLL_SECONDS if seen < total else 0)

    async def _sample(self, classes: dict[str, str]) -> Sample:
        visitor = await self._person("principal")
        class_id = next(iter(classes.values()))
        version = _VERSION.findall(await visitor.get(f"/lop/{class_id}/hoc-ba"))[0]
        code = _CODE.findall(await visitor.get(f"/hoc-ba/{version}"))[0]
        return Sample(f"/tra-cuu/{code}", await visitor.bytes(f"/hoc-ba/{version}/tep/pdf"))

    async def _person(self, role: str) -> Visitor:
        return await self._signed_in(next(staff.email for staff in self.school.staff if role in staff.roles))

    async def _homeroom_teacher(self, class_name: str) -> Visitor:
        return await self._signed_in(
            next(staff.email for staff in self.school.staff if staff.homeroom_of == class_name)
        )

    async def _signed_in(self, email: str) -> Visitor:
        if email not in self._people:
            self._people[email] = await self._exits.enter_async_context(
                Visitor(self.base_url, email, PASSWORD)
            )
        return self._people[email]

    @asynccontextmanager
    async def _stage(self, label: str, total: int) -> AsyncIterator[Callable[..., None]]:
        done, started = 0, time.monotonic()
        self.report(label, 0, total)

        def tick(step: int = 1) -> None:
            nonlocal done
            done += step
            self.report(label, done, total)

        yield tick
        self.times.append(StageTime(label, total, time.monotonic() - started))
        self.report(label, total, total)
