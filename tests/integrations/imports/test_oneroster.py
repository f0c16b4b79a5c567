"""OneRoster 1.2 packages: out, in again without a difference, and what is wrong with one named by file and line."""

import csv
import io
import uuid
import zipfile
from collections.abc import Mapping

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import select

from backend.core.audit import Action, AuditEvent
from backend.core.errors import Conflict
from backend.integrations.imports import exporting, service
from backend.integrations.imports.limited import sandbox
from backend.integrations.imports.readers import oneroster, precheck
from backend.integrations.imports.schemas import OneRosterFile, Preview, UnreadableFile
from backend.records.roster import service as roster
from tests.factories.small_school import SmallSchool, enroll, open_small_school
from tests.integrations.partner_api.partners import Client, partner_of


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def school(product: object) -> SmallSchool:
    """A school with 6A1 and 6A2 and three pupils."""
    found = await open_small_school("Trường Trung học cơ sở Tư thục Sông Mã")
    async with found.session() as session:
        for name, names, first in (("6A1", ["Vừ Thị Mai", "Lò Văn Ân"], 1), ("6A2", ["Quàng Thị Hà"], 9)):
            await found.open_class(session, name, 6)
            await enroll(session, name, names, first)
    return found


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def package(school: SmallSchool) -> bytes:
    async with school.session(read_only=True) as session:
        return (await service.oneroster_package(session))[0]


def changed(data: bytes, files: Mapping[str, bytes | None]) -> bytes:
    """The package with other files, or without them."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as new:
        for name in {**dict.fromkeys(old.namelist()), **files}:
            content = files.get(name, b"") if name in files else old.read(name)
            if content is not None:
                new.writestr(name, content)
    return written.getvalue()


def edited(data: bytes, name: str, old: str, new: str) -> bytes:
    """The package with the first such text in one file replaced."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        text = archive.read(name).decode()
    assert old in text
    return changed(data, {name: text.replace(old, new, 1).encode()})


def cells(data: bytes, name: str) -> list[dict[str, str]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return [*csv.DictReader(io.StringIO(archive.read(name).decode(), newline=""))]


async def seen(school: SmallSchool, data: bytes) -> Preview:
    """What the product itself makes of an upload."""
    file = await service.read_workbook(school.tenant_id, data)
    async with school.session() as session:
        actor = await school.actor(session, "it")
        run_id = await service.preview(session, actor, "oneroster.zip", data, file)
        return (await service.get_run(session, run_id)).preview


async def test_a_package_that_went_out_comes_in_without_a_difference(
    school: SmallSchool, package: bytes
) -> None:
    found = await seen(school, package)
    assert (found.layout, found.unchanged, found.new, found.changed, found.moved) == ("oneroster", 3, 0, 0, 0)
    assert found.problems == ()


def test_a_package_names_everything_by_the_ids_of_the_interface(package: bytes) -> None:
    manifest = {line["propertyName"]: line["value"] for line in cells(package, "manifest.csv")}
    assert (manifest["oneroster.version"], manifest["file.users"], manifest["file.results"]) == (
        "1.2",
        "bulk",
        "absent",
    )
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        named = {f"file.{name.removesuffix('.csv')}" for name in archive.namelist()} - {"file.manifest"}
    assert named == {name for name, value in manifest.items() if value == "bulk"}
    users = {line["sourcedId"]: line for line in cells(package, "users.csv")}
    classes = {line["sourcedId"]: line["title"] for line in cells(package, "classes.csv")}
    places = {
        (users[line["userSourcedId"]]["givenName"], classes[line["classSourcedId"]])
        for line in cells(package, "enrollments.csv")
    }
    assert places == {("Mai", "6A1"), ("Ân", "6A1"), ("Hà", "6A2")}
    assert {line["sourcedId"] for line in cells(package, "demographics.csv")} == users.keys()
    assert {line["userSourcedId"] for line in cells(package, "roles.csv")} == users.keys()


async def test_a_new_pupil_and_one_who_moved_are_taken(school: SmallSchool, package: bytes) -> None:
    one, two = [line["sourcedId"] for line in cells(package, "classes.csv")]
    place = next(line for line in cells(package, "enrollments.csv") if line["classSourcedId"] == one)
    moved = ",".join(place.values())
    data = edited(package, "enrollments.csv", moved, moved.replace(f",{one},", f",{two},"))
    file = await service.read_workbook(school.tenant_id, data)
    async with school.session() as session:
        actor = await school.actor(session, "it")
        run_id = await service.preview(session, actor, "oneroster.zip", data, file)
        applied = await service.apply(session, actor, run_id, file)
        assert applied.moved == 1
        run = await service.get_run(session, run_id)
        with pytest.raises(Conflict, match="OneRoster"):
            await exporting.filling_of_run(session, actor, run, file)
        now = {str(found.id): found.class_name for found in (await roster.places_by_code(session)).values()}
        assert now[place["userSourcedId"]] == next(
            line["title"] for line in cells(package, "classes.csv") if line["sourcedId"] == two
        )
        await session.rollback()


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("manifest.csv", "oneroster.version,1.2", "oneroster.version,2.0", "không phải OneRoster"),
        ("manifest.csv", "file.users,bulk", "file.users,delta", "chỉ nhận gói đầy đủ"),
        ("users.csv", "identifier", "ident", "thiếu cột identifier"),
        ("enrollments.csv", ",student,", ",teacher,", ""),
        ("demographics.csv", "20", "19x", "ngày sinh đúng dạng"),
        ("orgs.csv", "Sông Mã", "Sông Đà", "không phải Trường"),
        ("academicSessions.csv", "2026\\r", "2031\\r", "2030-2031"),
    ],
)
async def test_what_is_wrong_is_named(
    school: SmallSchool, package: bytes, name: str, old: str, new: str, words: str
) -> None:
    found = await seen(school, edited(package, name, old.replace("\\r", "\r"), new.replace("\\r", "\r")))
    said = [one.message for one in found.problems]
    assert (not said) if not words else any(words in one for one in said), said


def test_a_reference_that_leads_nowhere_is_named_by_file_and_line(package: bytes) -> None:
    user = cells(package, "users.csv")[0]["sourcedId"]
    found = oneroster.read(edited(package, "enrollments.csv", f",{user},", f",{uuid.uuid4()},"))
    [problem] = found.problems
    assert (problem.sheet, problem.column) == ("enrollments.csv", "userSourcedId")
    assert f"dòng {problem.row}" in problem.message


def test_a_code_of_two_pupils_is_named_by_both_lines(package: bytes) -> None:
    first, second = (line["identifier"] for line in cells(package, "users.csv")[:2])
    found = oneroster.read(edited(package, "users.csv", f",{second},,,,", f",{first},,,,"))
    [problem] = found.problems
    assert (problem.sheet, problem.column, problem.value) == ("users.csv", "identifier", first)
    assert "ở dòng 2" in problem.message


@pytest.mark.parametrize(
    "files",
    [
        {"users.csv": None},
        {"users.csv": b"\xff\xfe\x00"},
        {"users.csv": b'sourcedId,givenName\n"a'},
        {"users.csv": b""},
    ],
)
def test_a_broken_file_is_one_sentence(package: bytes, files: dict[str, bytes | None]) -> None:
    found = oneroster.read(changed(package, files))
    assert [one.sheet for one in found.problems] == ["users.csv"]
    assert found.rows == ()


@pytest.mark.parametrize(
    "files",
    [
        {"../users.csv": b"a"},
        {"a.exe": b"a"},
        {"inner.zip": b"PK\x03\x04"},
        {"manifest.csv": None},
        {f"f{number}.csv": b"" for number in range(40)},
        {"users.csv": b"0" * 2_000_000},
    ],
)
def test_a_zip_that_is_no_package_is_not_opened(package: bytes, files: dict[str, bytes | None]) -> None:
    assert precheck.refusal(package) is None
    refused = changed(package, files)
    assert precheck.refusal(refused) is not None
    assert isinstance(sandbox.parse(refused), UnreadableFile)


def test_the_limited_process_reads_a_package(package: bytes) -> None:
    found = sandbox.parse(package)
    assert isinstance(found, OneRosterFile)
    assert [row.class_code for row in found.rows].count("6A1") == 2


async def test_another_system_and_a_person_take_it_away(site: Litestar, school: SmallSchool) -> None:
    partner = await partner_of(school.tenant_id, school.name)
    answer = await Client(site, partner.token).get("/oneroster")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert oneroster.is_package(answer.content)
    browser = await school.browser(site, "it")
    assert "/nhap/oneroster.zip" in (await browser.get("/nhap")).text
    taken = await browser.get("/nhap/oneroster.zip")
    assert taken.content == answer.content, "the same roster is the same bytes"
    async with school.session(read_only=True) as session:
        query = select(AuditEvent).where(AuditEvent.action == Action.WORKBOOK_TAKEN)
        [event] = await session.scalars(query)
    assert (event.details, len(event.about)) == ({"kind": "oneroster"}, 3)
    empty = await open_small_school("Trường Chưa Có Học Sinh")
    async with empty.session() as session:
        with pytest.raises(Conflict, match="chưa có học sinh"):
            await service.oneroster_package(session)
