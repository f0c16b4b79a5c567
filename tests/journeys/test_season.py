"""The season that `make run` drives, on a site where people work as well: it touches its own classes, and them once."""

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import httpx
import msgspec
import pytest_asyncio

from infra.demo import tray
from infra.demo.season import Sample, Season, hand_in
from infra.demo.seed import PASSWORD
from infra.demo.visitor import Visitor
from infra.demo.workbooks import DemoFile, read_plan
from tests.journeys.conftest import Site

#: The class that people bring to the principal's tray by hand; the season has 6A1 alone.
BY_HAND = "8A1"
PUPILS = 4
BY_HAND_WAITS = {f"Lớp {BY_HAND}"}


class Hands(msgspec.Struct):
    """People of the secondary school, signed in."""

    it_teacher: Visitor
    principal: Visitor
    clerk: Visitor
    teacher: Visitor


@pytest_asyncio.fixture(loop_scope="session")
async def hands(site: Site) -> AsyncIterator[Hands]:
    staff = site.other_school.staff
    roles = ("it_teacher", "principal", "clerk")
    logins = [next(one.email for one in staff if role in one.roles) for role in roles]
    logins.append(next(one.email for one in staff if one.homeroom_of == BY_HAND))
    async with AsyncExitStack() as exits:
        people = (Visitor(site.url, login, PASSWORD, lambda: True) for login in logins)
        yield Hands(*[await exits.enter_async_context(one) for one in people])


async def test_what_people_left_in_their_trays_stays_there(site: Site, hands: Hands) -> None:
    await documents_wait_for_the_principal(site, hands)

    season, _ = await a_start(site, hands, frozen_before=PUPILS)
    assert [row.stage for row in season.times].count("Chốt học bạ") == 1
    assert await in_tray(hands.principal, "principal") == BY_HAND_WAITS
    assert await in_tray(hands.clerk, "school_seal") == set()
    names = re.findall(r'<a href="/nhap/[^"]+">([^<]+\.xlsx)</a>', await hands.it_teacher.get("/nhap"))
    assert len(names) == len(set(names)) == len(files_of(site))

    again, sample = await a_start(site, hands, frozen_before=2 * PUPILS)
    assert again.times == []
    assert sample.pdf.startswith(b"%PDF")
    assert await in_tray(hands.principal, "principal") == BY_HAND_WAITS


async def a_start(site: Site, hands: Hands, frozen_before: int) -> tuple[Season, Sample]:
    """One start of the season; its bar of the freezing begins before anything is frozen and ends when all is."""
    frozen: list[int] = []

    def watch(label: str, done: int, total: int) -> None:
        if label == "Chốt học bạ":
            frozen.append(frozen_now(site, hands.principal))

    season = Season(site.url, site.other_school, site.books, watch, is_ours=lambda: True, class_limit=1)
    sample = await season.run(files_of(site))
    assert frozen == ([frozen_before, *[frozen_before + PUPILS] * 2] if season.times else [])
    return season, sample


def files_of(site: Site) -> list[DemoFile]:
    return [file for file in read_plan(site.books).files if file.school == site.other_school.key]


def frozen_now(site: Site, principal: Visitor) -> int:
    """Asked without the event loop: a bar is moved in the middle of things."""
    stages = httpx.get(f"{site.url}/tien-do", cookies=principal.cookies, trust_env=False).json()["stages"]
    return int(next(stage["done"] for stage in stages if stage["key"] == "frozen"))


async def documents_wait_for_the_principal(site: Site, hands: Hands) -> None:
    """One class goes through marks, results, freezing and its teacher's signature."""
    register = files_of(site)[0]
    for file in (register, *(one for one in files_of(site) if one.classes == (BY_HAND,))):
        preview = await hands.it_teacher.upload("/nhap", site.books / file.path)
        await hands.it_teacher.post(f"{preview}/ghi")
    found = re.search(rf'href="(/lop/[0-9a-f-]+)">{BY_HAND}<', await hands.principal.get("/lop"))
    assert found is not None
    path = found.group(1)
    async with AsyncExitStack() as exits:

        async def signed_in(login: str) -> Visitor:
            return await exits.enter_async_context(Visitor(site.url, login, PASSWORD, lambda: True))

        await hand_in(site.other_school, {BY_HAND: path.removeprefix("/lop/")}, signed_in)
    await hands.principal.post(f"{path}/khoa-so")
    await until(lambda: says(hands.teacher, f"{path}/ket-qua", "Xác nhận kết quả"))
    await hands.teacher.press(f"{path}/ket-qua", f"{path}/xac-nhan")
    await hands.principal.post(f"{path}/chot")
    await until(lambda: says(hands.teacher, "/ky", f"Lớp {BY_HAND}"))
    async with AsyncExitStack() as exits:
        taught = [
            one.email for one in site.other_school.staff if any(code == BY_HAND for code, _ in one.teaches)
        ]
        for login in taught:
            subject = await exits.enter_async_context(Visitor(site.url, login, PASSWORD, lambda: True))
            await tray.sign(subject, "subject_teacher", BY_HAND_WAITS, lambda step: None)
    await until(lambda: in_role(hands.teacher, "homeroom_teacher"))
    await tray.sign(hands.teacher, "homeroom_teacher", BY_HAND_WAITS, lambda step: None)
    await until(lambda: says(hands.principal, "/ky", f"Lớp {BY_HAND}"))


async def in_tray(signer: Visitor, role: str) -> set[str]:
    return tray.waiting(await signer.get("/ky"), role)


async def in_role(signer: Visitor, role: str) -> bool:
    return bool(await in_tray(signer, role))


async def says(visitor: Visitor, path: str, words: str) -> bool:
    return words in await visitor.get(path)


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(60):
        while not await true():
            await asyncio.sleep(0.1)
