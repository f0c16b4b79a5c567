"""One school's season through the front door, from the workbooks to the accepted deliveries."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import msgspec

from infra.demo import newcomers
from infra.demo.schools import DemoSchool
from infra.demo.seed import PASSWORD
from infra.demo.tray import sign
from infra.demo.visitor import Visitor
from infra.demo.waits import accepted, in_classes, on_board, until
from infra.demo.workbooks import DemoFile

_CLASS = re.compile(r'href="/lop/([0-9a-f-]{36})">([^<]+)</a>')
#: A row of the list of transcripts; before the issue its last cell is blank.
_ROW = re.compile(r'<a href="/hoc-ba/([0-9a-f-]{36})">([\s\S]*?)</tr>')
#: A row of the list of imports whose workbook was taken.
_TAKEN = re.compile(r'<a href="/nhap/[0-9a-f-]{36}">([^<]+)</a>(?:(?!</tr>)[\s\S])*?<span>Đã ghi</span>')
_CODE = re.compile(r"/tra-cuu/([0-9a-f]{32})")
#: A class that stays open to be explored, in which pupils come and go.
_OPEN_CLASS = "7A1"
UPLOADS_AT_ONCE = 3
PEOPLE_AT_ONCE = 4

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
    """Drives the first `class_limit` classes of one school (None: all). `is_ours`: see Visitor.

    Every step may be repeated: what is done already is passed over, by what the site says of it. `times` has no row where
    the whole season was done before.
    """

    def __init__(
        self,
        base_url: str,
        school: DemoSchool,
        books: Path,
        report: Report,
        *,
        is_ours: Callable[[], bool],
        class_limit: int | None,
    ) -> None:
        self.base_url, self.school, self.books, self.report = base_url, school, books, report
        self._is_ours = is_ours
        self._sizes = {one.code: one.pupils for one in school.classes[:class_limit]}
        self.times: list[StageTime] = []
        self._people: dict[str, Visitor] = {}
        self._exits = AsyncExitStack()

    async def run(self, files: list[DemoFile]) -> Sample:
        """From workbooks to accepted deliveries. Raises visitor.Refused with what the site said."""
        async with self._exits:
            classes = await self._classes()
            if not await self._is_done(classes):
                await self._go_through(files, classes)
            return await self._sample(classes)

    async def _is_done(self, classes: dict[str, str]) -> bool:
        """Whether all that can be frozen is issued and the province has taken as much: then nothing is touched."""
        visitor = await self._person("principal")
        issued = 0
        for class_id in classes.values():
            page = await visitor.get(f"/lop/{class_id}/hoc-ba")
            rows = _ROW.findall(page)
            if not rows or len(_issued(page)) < len(rows) or f"/lop/{class_id}/chot" in page:
                return False
            issued += len(rows)
        return await accepted(visitor).ask() >= issued

    async def _go_through(self, files: list[DemoFile], classes: dict[str, str]) -> None:
        await self._import(files)
        await self._come_and_go()
        await self._lock(classes)
        await self._follow("Tính kết quả", "assessed", classes)
        await self._confirm(classes)
        await self._freeze(classes)
        pupils = sum(self._sizes.values())
        await self._follow("Kết xuất PDF và XML", "rendered", classes)
        await self._follow("Đưa đi ký", "signing", classes)
        await self._sign_all(pupils)
        await self._follow("Phát hành", "issued", classes)
        await self._delivered(pupils)

    async def _import(self, files: list[DemoFile]) -> None:
        """The register first, then the rest, a few at a time: reading a workbook is work for a process of its own."""
        async with self._stage("Nhập tệp Excel", len(files)) as tick:
            visitor = await self._person("it_teacher")
            taken = set(_TAKEN.findall(await visitor.get("/nhap")))
            hands = asyncio.Semaphore(UPLOADS_AT_ONCE)

            async def bring_in(file: DemoFile) -> None:
                async with hands:
                    book = self.books / file.path
                    if book.name not in taken:
                        preview = await visitor.upload("/nhap", book)
                        await visitor.post(f"{preview}/ghi")
                    tick()

            register, *others = files
            await bring_in(register)
            await asyncio.gather(*(bring_in(file) for file in others))

    async def _come_and_go(self) -> None:
        """Where only some classes go all the way, pupils come into one of the others, and one leaves it."""
        if len(self._sizes) == len(self.school.classes):
            return
        async with self._stage("Học sinh đến và đi", newcomers.COUNT) as tick:
            clerk = await self._person("clerk")
            found = {name: class_id for class_id, name in _CLASS.findall(await clerk.get("/lop"))}
            await newcomers.come_and_go(clerk, found[_OPEN_CLASS], tick)

    async def _classes(self) -> dict[str, str]:
        visitor = await self._person("principal")
        found = {name: class_id for class_id, name in _CLASS.findall(await visitor.get("/lop"))}
        return {name: found[name] for name in self._sizes}

    async def _lock(self, classes: dict[str, str]) -> None:
        """Teachers hand in their sheets, heads of department check what waits for them, the principal locks."""
        async with self._stage("Khóa sổ điểm", len(classes)) as tick:
            await hand_in(self.school, classes, self._signed_in)
            visitor = await self._person("principal")
            for class_id in classes.values():
                await visitor.post(f"/lop/{class_id}/khoa-so")
                tick()

    async def _confirm(self, classes: dict[str, str]) -> None:
        async with self._stage("GVCN xác nhận kết quả", len(classes)) as tick:
            for name, class_id in classes.items():
                visitor = await self._homeroom_teacher(name)
                if "Xác nhận kết quả" in await visitor.get(f"/lop/{class_id}/ket-qua"):
                    await visitor.press(f"/lop/{class_id}/ket-qua", f"/lop/{class_id}/xac-nhan")
                tick()

    async def _freeze(self, classes: dict[str, str]) -> None:
        async with self._stage("Chốt học bạ", sum(self._sizes.values())) as tick:
            visitor = await self._person("principal")
            for name, class_id in classes.items():
                await visitor.post(f"/lop/{class_id}/chot")
                # Who waits for a result after the summer is frozen later, and not by this season.
                self._sizes[name] = len(_ROW.findall(await visitor.get(f"/lop/{class_id}/hoc-ba")))
                tick(self._sizes[name])

    async def _sign_all(self, pupils: int) -> None:
        groups = {f"Lớp {name}" for name in self._sizes}
        await self._sign_subjects(groups)
        async with self._stage("Giáo viên chủ nhiệm ký", pupils) as tick:
            teachers = [await self._homeroom_teacher(name) for name in self._sizes]
            await asyncio.gather(*(sign(teacher, "homeroom_teacher", groups, tick) for teacher in teachers))
        for role, who, label in (
            ("principal", "principal", "Hiệu trưởng ký"),
            ("school_seal", "clerk", "Đóng dấu số"),
        ):
            async with self._stage(label, pupils) as tick:
                await sign(await self._person(who), role, groups, tick)

    async def _sign_subjects(self, groups: set[str]) -> None:
        """Where subject teachers sign, each the own rows of every pupil, all at the same time."""
        if not self.school.signs_subjects:
            return
        rows = sum(
            self._sizes[one.code] * len(one.subjects)
            for one in self.school.classes
            if one.code in self._sizes
        )
        async with self._stage("Giáo viên bộ môn ký", rows) as tick:
            emails = [
                staff.email
                for staff in self.school.staff
                if any(code in self._sizes for code, _ in staff.teaches)
            ]
            teachers = [await self._signed_in(email) for email in emails]
            await asyncio.gather(*(sign(teacher, "subject_teacher", groups, tick) for teacher in teachers))

    async def _follow(self, label: str, key: str, classes: dict[str, str]) -> None:
        """Watch a stage until the season's classes have come through."""
        total, visitor = sum(self._sizes.values()), await self._person("principal")
        is_whole = len(classes) == len(self.school.classes)
        watch = on_board(visitor, key) if is_whole else in_classes(visitor, key, classes.values())
        async with self._stage(label, total) as tick:
            await until(total, watch, tick)

    async def _delivered(self, total: int) -> None:
        visitor = await self._person("clerk")
        async with self._stage("Gửi lên Sở, được chấp nhận", total) as tick:
            await until(total, accepted(visitor), tick)

    async def _sample(self, classes: dict[str, str]) -> Sample:
        visitor = await self._person("principal")
        class_id = next(iter(classes.values()))
        version = _issued(await visitor.get(f"/lop/{class_id}/hoc-ba"))[0]
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
                Visitor(self.base_url, email, PASSWORD, self._is_ours)
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


def _issued(page: str) -> list[str]:
    """The issued versions on the page of a class."""
    return [version for version, row in _ROW.findall(page) if "is-blank" not in row]


async def hand_in(
    school: DemoSchool, classes: dict[str, str], signed_in: Callable[[str], Awaitable[Visitor]]
) -> None:
    """The teachers of these classes (name → id) hand in their sheets, then the heads of department check them."""
    taught = {
        staff.email: [name for name in classes if name in {code for code, _ in staff.teaches}]
        for staff in school.staff
    }
    checked = {
        one.head: [
            name
            for name in classes
            if any(name in taught[member] for member in one.members if member != one.head)
        ]
        for one in school.departments
    }
    hands = asyncio.Semaphore(PEOPLE_AT_ONCE)

    async def send(email: str, names: list[str], deed: str) -> None:
        async with hands:
            visitor = await signed_in(email)
            for name in names:
                await visitor.post(f"/lop/{classes[name]}/{deed}")

    for work, deed in ((taught, "nop-so"), (checked, "duyet-so")):
        await asyncio.gather(*(send(email, names, deed) for email, names in work.items() if names))
