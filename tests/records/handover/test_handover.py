"""All data of a school in archives, taken away by its owner alone; and a school that closes."""

import asyncio
import csv
import hashlib
import io
import re
import zipfile
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import LargeBinary, insert, text

from backend.core import clock, settings, storage
from backend.core.actor import Actor
from backend.core.database import metadata, tenant_session
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.core.rate_limit import TooManyTries
from backend.records.handover import flow, packing, queries, rules, service
from backend.records.handover.schemas import ExportState, NextPart, StoredFile
from backend.tenants.federation.models import IdentityProvider
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in
from tests.factories.machine import Death, Machine


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(product: settings.Settings) -> TestSchool:
    """A school that closes in the end."""
    return await open_test_school("Trường Bàn Giao")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def owner(site: Litestar, place: TestSchool) -> Browser:
    """Its owner's browser."""
    return await signed_in(site, place, Role.OWNER)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def second(site: Litestar, place: TestSchool) -> Browser:
    """The browser of whoever approves: the principal."""
    return await signed_in(site, place, Role.PRINCIPAL)


async def approve(second: Browser) -> httpx.Response:
    """The second person approves the one request that waits."""
    shown = await second.get("/duyet")
    [action] = set(re.findall(r"/duyet/[0-9a-f-]{36}/dong-y", shown.text))
    return await second.post(action)


async def actor(school: TestSchool) -> Actor:
    """The owner."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return await people.actor_of(session, school.staff[Role.OWNER])


async def store(school: TestSchool, data: bytes) -> str:
    """A file of the school."""
    sha256 = await storage.put(school.tenant_id, data)
    async with tenant_session(school.tenant_id) as session:
        await storage.register(session, storage.file_of(data, "application/pdf"))
    return sha256


async def test_everything_of_the_school_and_nothing_else(
    owner: Browser, second: Browser, place: TestSchool, school: TestSchool
) -> None:
    data = b"%PDF a file of the school"
    digest = await store(place, data)
    await store(school, b"%PDF a file of another school")
    await owner.get("/chu-truong/ban-giao")
    assert (await owner.post("/chu-truong/ban-giao/xuat", {"ly_do": "Cuối năm"})).status_code == 303
    async with tenant_session(place.tenant_id, read_only=True) as session:
        assert await service.list_exports(session) == [], "nothing is packed before a second person says so"
    assert (await approve(second)).status_code == 303
    again = await owner.post("/chu-truong/ban-giao/xuat", {"ly_do": "Cuối năm"})
    assert (again.status_code, "Đang có một bản xuất" in again.text) == (409, True)
    async with tenant_session(place.tenant_id, read_only=True) as session:
        [asked] = await service.list_exports(session)
        announced = await session.scalar(
            text("select name from work.outbox_event where subject_id = :id"), {"id": asked.id}
        )
    assert announced == "SchoolExportAsked"
    early = await owner.post(f"/chu-truong/ban-giao/xuat/{asked.id}/tai", {"phan": "1"})
    assert early.status_code == 404
    await Machine(place.tenant_id).rest()
    shown = (await owner.get("/chu-truong/ban-giao")).text
    assert re.search(r"Sẵn sàng đến", shown)

    first = await owner.post(f"/chu-truong/ban-giao/xuat/{asked.id}/tai", {"phan": "1"})
    assert first.headers["content-type"] == "application/zip"
    archive = zipfile.ZipFile(io.BytesIO(first.content))
    names = set(archive.namelist())
    assert {"DOC-TRUOC.txt", "muc-luc.json", "bang/staff_member.csv", "bang/audit_event.csv"} <= names
    rows = list(csv.DictReader(io.StringIO(archive.read("bang/staff_member.csv").decode())))
    assert {row["tenant_id"] for row in rows} == {str(place.tenant_id)}
    assert len(rows) == len(Role)
    contents = msgspec.json.decode(archive.read("muc-luc.json"))
    listed = contents["bang/staff_member.csv"]
    assert listed["sha256"] == hashlib.sha256(archive.read("bang/staff_member.csv")).hexdigest()
    assert "mọi bảng cùng một thời điểm" in archive.read("DOC-TRUOC.txt").decode()
    everything = b"".join(archive.read(name) for name in names)
    assert str(school.tenant_id).encode() not in everything

    last = await owner.post(f"/chu-truong/ban-giao/xuat/{asked.id}/tai", {"phan": "2"})
    files = zipfile.ZipFile(io.BytesIO(last.content))
    assert files.namelist() == [f"tep/{digest}.pdf"]
    assert files.read(f"tep/{digest}.pdf") == data
    async with tenant_session(place.tenant_id, read_only=True) as session:
        deeds = await session.scalars(
            text("select action from audit_event where subject_id = :id order by at, id"), {"id": asked.id}
        )
        assert list(deeds) == ["handover.export.ask"] + ["handover.export.download"] * 2


@pytest.mark.parametrize("death", Death, ids=lambda death: death.name.lower())
async def test_a_worker_that_dies_leaves_no_archive_twice(product: settings.Settings, death: Death) -> None:
    school = await open_test_school("Trường Máy Hỏng")
    digests = {await store(school, f"%PDF {number}".encode()) for number in range(3)}
    async with tenant_session(school.tenant_id) as session:
        await service.export(session, await people.actor_of(session, school.staff[Role.OWNER]), {})
    machine = Machine(school.tenant_id, death=death)
    await machine.rest()
    assert machine.done.count("handover.export") == 4, "each of two archives is begun twice"
    async with tenant_session(school.tenant_id, read_only=True) as session:
        [packed] = await service.list_exports(session)
    assert (packed.state, [part.name for part in packed.parts]) == (
        ExportState.READY,
        ["1-bang.zip", "2-tep.zip"],
    )
    files = zipfile.ZipFile(io.BytesIO(await storage.get(school.tenant_id, packed.parts[1].sha256)))
    assert set(files.namelist()) == {f"tep/{digest}.pdf" for digest in digests}


async def test_the_tables_are_all_tables(place: TestSchool) -> None:
    """What the application may read of schools is exported, whenever it was added."""
    async with tenant_session(place.tenant_id, read_only=True) as session:
        names = {table.name for table in await queries.tables(session)}
    of_schools = {
        table.name for table in metadata.sorted_tables if not table.schema and "tenant_id" in table.columns
    }
    assert names == of_schools
    assert [name for name in names if "account" in name or "session" in name] == ["provider_account"]


def test_bytes_leave_only_where_somebody_has_said_so() -> None:
    """Whoever adds a column of bytes says here whether it may leave, or in the rules why it stays."""
    leave = {
        "credential.certificate",
        "archive_stamp.xml_token",
        # Digests of the public log, and what opens the school's own entries there.
        *(f"transparency_entry.{name}" for name in ("salt", "entry")),
        "log_entry.entry",
        *(f"signing_item.{name}" for name in ("signed_attributes", "digest", "value", "signature", "proof")),
        *(f"token_helper.{name}" for name in ("certificate", "public_key")),
    }
    found = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if isinstance(column.type, LargeBinary)
    }
    assert found - leave == {f"{table}.{name}" for table, names in rules.STAYS.items() for name in names}


async def test_the_secret_at_the_identity_provider_stays(place: TestSchool, tmp_path: Path) -> None:
    async with tenant_session(place.tenant_id) as session:
        provider = {"tenant_id": place.tenant_id, "id": new_id(), "sealed_secret": b"sealed" * 8}
        texts = dict.fromkeys(("kind", "name", "issuer", "restriction", "client_id"), "google")
        await session.execute(insert(IdentityProvider).values(provider | texts | {"added_at": clock.now()}))
    part = NextPart(name="1-bang.zip", with_tables=True, files=(), cursor="", is_last=True)
    archive = zipfile.ZipFile(await flow.pack(place.tenant_id, part, tmp_path))
    [row] = csv.DictReader(io.StringIO(archive.read("bang/identity_provider.csv").decode()))
    assert (row["client_id"], "sealed_secret" in row) == ("google", False)


async def test_the_tables_are_of_one_moment(place: TestSchool) -> None:
    """What is written while they are packed is in none of them."""
    count = text("select count(*) from stored_object")
    async with tenant_session(place.tenant_id, read_only=True, one_moment=True) as session:
        before = await session.scalar(count)
        await store(place, b"%PDF a file of later")
        assert await session.scalar(count) == before


async def test_two_clicks_are_one_export(product: settings.Settings) -> None:
    """The second waits for the first, and is told that it is being packed."""
    school = await open_test_school("Trường Bấm Hai Lần")

    async def click(committed: asyncio.Event) -> bool:
        async with tenant_session(school.tenant_id) as session:
            values: dict[str, object] = {"asked_at": clock.now(), "state": ExportState.RUNNING}
            values |= {"id": new_id(), "parts": [], "cursor": "", "asked_by": school.staff[Role.OWNER]}
            began = await queries.insert_export(session, values)
            await committed.wait()
        return began

    committed = asyncio.Event()
    clicks = [asyncio.create_task(click(committed)) for _ in range(2)]
    await asyncio.sleep(0.3)
    committed.set()
    assert sorted(await asyncio.gather(*clicks)) == [False, True]


async def test_who_may_not(site: Litestar, second: Browser, place: TestSchool, school: TestSchool) -> None:
    async with tenant_session(place.tenant_id, read_only=True) as session:
        [known] = await service.list_exports(session)
    await second.get("/")
    assert (await second.get("/chu-truong/ban-giao")).status_code == 403
    assert (await second.post(f"/chu-truong/ban-giao/xuat/{known.id}/tai")).status_code == 403
    stranger = await signed_in(site, school, Role.OWNER)
    await stranger.get("/")
    assert (await stranger.post(f"/chu-truong/ban-giao/xuat/{known.id}/tai")).status_code == 404
    async with tenant_session(school.tenant_id) as session:
        with pytest.raises(NotFound):
            await flow.next_part(session, known.id)


async def test_old_archives_and_too_many(place: TestSchool) -> None:
    asker = await actor(place)
    async with tenant_session(place.tenant_id, read_only=True) as session:
        [known] = await service.list_exports(session)
    assert known.ends_at is not None
    with pytest.raises(Conflict, match="chỉ tải được đến"):
        rules.part_of(known, 1, known.ends_at + timedelta(seconds=1))
    with pytest.raises(NotFound):
        rules.part_of(known, 3, clock.now())
    async with tenant_session(place.tenant_id) as session:
        await service.export(session, asker, {})
        export_id = (await service.list_exports(session))[0].id
        await flow.give_up(session, export_id, "Kho không trả lời")
        assert (await service.list_exports(session))[0].problem == "Kho không trả lời"
        with pytest.raises(TooManyTries):
            await service.export(session, asker, {})


def test_the_same_files_are_the_same_archive(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(b"a")
        packing.zip_files(tmp_path / f"{name}.zip", {"a.txt": tmp_path / name})
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_how_files_are_cut() -> None:
    files = [StoredFile(sha256=f"{n:064}", size=25_000_000, content_type="application/pdf") for n in range(5)]
    assert len(rules.first_files(files)) == 2
    huge = [StoredFile(sha256="a", size=rules.MOST_BYTES * 2, content_type="text/plain")]
    assert rules.first_files(huge) == tuple(huge)
    assert rules.name_of(huge[0]) == "tep/a.bin"
    assert rules.first_files([]) == ()


async def test_a_school_closes_and_its_owner_takes_the_data(
    site: Litestar, owner: Browser, second: Browser, place: TestSchool
) -> None:
    clerk = await signed_in(site, place, Role.CLERK)
    today = clock.today()
    await owner.get("/chu-truong/ban-giao")
    day = today + timedelta(days=40)
    form = {"ngay_dong": f"{day}", "noi_nhan": "UBND phường Thử Nghiệm", "ly_do": "Sáp nhập"}
    for changed, said in (
        ({"ngay_dong": f"{today + timedelta(days=5)}"}, "từ 30 đến 400 ngày"),
        ({"ngay_dong": ""}, "chưa phải là một ngày"),
        ({"noi_nhan": " "}, "đang trống"),
        ({"ly_do": " "}, "đang trống"),
    ):
        answer = await owner.post("/chu-truong/ban-giao/dong", form | changed)
        assert (answer.status_code, said in answer.text) == (422, True)
    assert (await owner.post("/chu-truong/ban-giao/dong", form)).status_code == 303
    async with tenant_session(place.tenant_id, read_only=True) as session:
        assert await schools.closing(session) is None, "nothing is planned before a second person says so"
    assert (await approve(second)).status_code == 303
    assert f"Trường sẽ đóng từ ngày {day:%d/%m/%Y}" in (await owner.get("/chu-truong/ban-giao")).text
    assert (await owner.post("/chu-truong/ban-giao/dong", form)).status_code == 409
    assert (await clerk.get("/lop")).status_code == 200, "until the day everybody works on"
    assert (await owner.post("/chu-truong/ban-giao/khong-dong")).status_code == 303
    await owner.post("/chu-truong/ban-giao/dong", form)
    await approve(second)
    async with tenant_session(place.tenant_id) as session:
        await session.execute(text("update school set closes_on = :day"), {"day": today})
    refused = await clerk.get("/lop")
    assert (refused.status_code, "đã đóng từ ngày" in refused.text) == (403, True)
    assert (await clerk.get("/")).headers["location"] == "/chon-truong"
    assert "đã đóng từ ngày" in (await clerk.get("/chon-truong")).text
    assert (await clerk.get("/tai-khoan")).status_code == 200
    assert (await clerk.post("/dang-xuat")).headers["location"] == "/dang-nhap"
    assert (await owner.get("/nhan-su")).status_code == 403
    assert [(await second.get(path)).status_code for path in ("/duyet", "/lop")] == [200, 403]
    assert "Trường đã đóng" in (await owner.get("/chu-truong/ban-giao")).text
    assert (await owner.get("/chu-truong")).status_code == 200
    async with tenant_session(place.tenant_id, read_only=True) as session:
        [*_, first] = await service.list_exports(session)
    assert first.state is ExportState.READY
    taken = await owner.post(f"/chu-truong/ban-giao/xuat/{first.id}/tai", {"phan": "1"})
    assert taken.status_code == 200
    asker = await actor(place)
    async with tenant_session(place.tenant_id) as session:
        with pytest.raises(Conflict, match="đã đóng"):
            await schools.cancel_closing(session, asker)
