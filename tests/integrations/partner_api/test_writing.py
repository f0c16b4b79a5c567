"""What other systems write: by the rules of the school's own imports, all of a request or nothing, and once."""

import asyncio
import uuid
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import select, text

from backend.core.audit import Action, AuditEvent
from backend.core.database import tenant_session
from backend.integrations.partner_api import queries
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, MarkKind
from backend.records.roster import service as roster
from backend.tenants.api_clients.schemas import Scope
from tests.factories.small_school import SmallSchool, open_small_school
from tests.integrations.partner_api.partners import Client, Partner, partner_of

PUPIL = {
    "student_code": "PUSH-1",
    "full_name": "Vừ Thị Mai",
    "date_of_birth": "2014-03-01",
    "class_name": "6A1",
}
MARK = {
    "class_name": "6A1",
    "subject_code": "TOAN",
    "term": 1,
    "student_code": "PUSH-1",
    "full_name": "Vừ Thị Mai",
    "kind": "regular",
    "slot": "1",
    "value": "8,5",
}
#: Address → a request of it that can be written into the school of these tests.
GOOD: dict[str, dict[str, Any]] = {
    "/classes": {"classes": [{"name": "6A1", "grade_level": 6}]},
    "/students": {"students": [PUPIL]},
    "/marks": {"marks": [MARK]},
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def school(product: object) -> SmallSchool:
    return await open_small_school("Trường Nhận Dữ Liệu")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def writer(school: SmallSchool) -> Partner:
    """A school whose other system has opened 6A1 and entered one pupil."""
    return await partner_of(school.tenant_id, school.name)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(site: Litestar, writer: Partner) -> Client:
    found = Client(site, writer.token)
    for path in ("/classes", "/students"):
        assert (await found.post(path, GOOD[path])).status_code == 200
    return found


def row(path: str, **said: Any) -> dict[str, Any]:
    """A good request with other values in its row."""
    [(name, [first])] = GOOD[path].items()
    return {name: [first | said]}


async def test_classes_pupils_and_marks_come_in(client: Client, school: SmallSchool) -> None:
    [again] = (await client.post("/classes", GOOD["/classes"])).json()["classes"]
    assert (again["name"], again["opened"]) == ("6A1", False)
    moved = await client.post("/students", row("/students", hometown="Sơn La"))
    assert moved.json() == {"new": 0, "changed": 1, "moved": 0, "unchanged": 0}
    answer = await client.post("/marks", GOOD["/marks"])
    assert answer.json() == {"new": 1, "changed": 0, "unchanged": 0}, answer.text
    async with school.session(read_only=True) as session:
        pupil = (await roster.places_by_code(session))["PUSH-1"]
        cells = (await gradebook.class_marks(session, uuid.UUID(again["id"])))[pupil.id]["TOAN", 1]
    assert (pupil.class_name, cells) == ("6A1", {Cell(MarkKind.REGULAR, "1"): "8.5"})


async def test_the_audit_names_the_system_and_whom_it_wrote_about(
    client: Client, school: SmallSchool
) -> None:
    await client.post("/students", row("/students", hometown="Mường La"))
    async with school.session(read_only=True) as session:
        query = (
            select(AuditEvent).where(AuditEvent.action == Action.API_WRITTEN).order_by(AuditEvent.id.desc())
        )
        event = (await session.scalars(query)).first()
        pupil = (await roster.places_by_code(session))["PUSH-1"]
    assert event is not None
    assert (event.actor_name, event.about) == ("Kết nối Phần mềm tuyển sinh", [pupil.id])
    assert event.details == {"what": "students", "new": 0, "changed": 1}


@pytest.mark.parametrize(
    ("path", "said", "words"),
    [
        ("/classes", {"name": "7A1"}, "Tên lớp gồm khối"),
        ("/classes", {"name": "10A1", "grade_level": 10}, "chọn đúng 4 môn"),
        ("/students", {"class_name": "6Z"}, "chưa có lớp đó"),
        ("/students", {"student_code": "PUSH-9", "date_of_birth": "1890-01-01"}, "không thể là của học sinh"),
        ("/marks", {"value": "11"}, "Vừ Thị Mai"),
        ("/marks", {"subject_code": "ANCIENT"}, "không có sổ môn ANCIENT"),
        ("/marks", {"student_code": "NOBODY"}, "không có học sinh đang học mang mã NOBODY"),
        (
            "/marks",
            {"full_name": "Lò Thị Lan"},
            "PUSH-1 trong danh sách của trường không phải của Lò Thị Lan",
        ),
    ],
)
async def test_a_refused_row_is_named_and_nothing_is_written(
    client: Client, school: SmallSchool, path: str, said: dict[str, Any], words: str
) -> None:
    [(name, [good])], [bad] = GOOD[path].items(), next(iter(row(path, **said).values()))
    fresh = {"/classes": {"name": "6A7"}, "/students": {"student_code": "PUSH-7"}, "/marks": {"slot": "2"}}
    before = await counts(school)
    answer = await client.post(path, {name: [good | fresh[path], bad]})
    assert answer.status_code == 422, answer.text
    problem = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert [one["pointer"] for one in problem["errors"]] == [f"#/{name}/1"]
    assert words in problem["errors"][0]["detail"]
    assert await counts(school) == before


async def counts(school: SmallSchool) -> list[int | None]:
    """How much there is of what may be written, and of kept answers."""
    tables = ("school_class", "student", "mark", "api_answer")
    async with school.session(read_only=True) as session:
        return [await session.scalar(text(f"select count(*) from {table}")) for table in tables]


@pytest.mark.parametrize(
    ("path", "said", "pointer"),
    [
        ("/students", {"date_of_birth": "hôm qua"}, "#/students/0/date_of_birth"),
        ("/marks", {"kind": "guess"}, "#/marks/0/kind"),
        ("/marks", {"student": "x"}, "#/marks/0"),
    ],
)
async def test_what_is_not_of_the_schema_is_led_to(
    client: Client, path: str, said: dict[str, Any], pointer: str
) -> None:
    answer = await client.post(path, row(path, **said))
    assert answer.status_code == 422
    assert [one["pointer"] for one in answer.json()["errors"]] == [pointer]


async def test_who_may_write_marks_is_told_no_names(client: Client) -> None:
    answer = await client.post("/marks", row("/marks", full_name="Lò Thị Lan"))
    assert (answer.status_code, "Vừ Thị Mai" in answer.text) == (422, False)


async def test_a_locked_sheet_takes_nothing(client: Client, school: SmallSchool) -> None:
    async with school.session() as session:
        code = next(
            one.subject_code for one in await gradebook.list_sheets(session) if one.subject_code != "TOAN"
        )
        lock = text("update grade_sheet set state = 'locked' where subject_code = :code")
        await session.execute(lock, {"code": code})
    answer = await client.post("/marks", row("/marks", subject_code=code))
    assert answer.status_code == 422
    assert "đã khóa" in answer.json()["errors"][0]["detail"]


async def test_the_same_request_twice_is_one_deed(client: Client, school: SmallSchool) -> None:
    body, key = row("/students", student_code="PUSH-2"), str(uuid.uuid4())
    first = await client.post("/students", body, key)
    before = await counts(school)
    second = await client.post("/students", body, key)
    assert first.json() == second.json() == {"new": 1, "changed": 0, "moved": 0, "unchanged": 0}
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert await counts(school) == before
    other = await client.post("/students", row("/students", student_code="PUSH-3"), key)
    assert (other.status_code, await counts(school)) == (422, before)
    assert "nội dung khác" in other.json()["detail"]
    elsewhere = await client.post("/marks", GOOD["/marks"], key)
    assert elsewhere.status_code == 422, "a key names one address, too"


async def test_what_was_refused_may_be_mended_under_its_key(client: Client) -> None:
    key = str(uuid.uuid4())
    refused = await client.post("/students", row("/students", student_code="PUSH-4", class_name="6Z"), key)
    mended = await client.post("/students", row("/students", student_code="PUSH-4"), key)
    assert (refused.status_code, mended.status_code) == (422, 200)


async def test_while_a_key_is_worked_on_nobody_else_works_on_it(client: Client, writer: Partner) -> None:
    key = str(uuid.uuid4())
    body = row("/students", student_code="PUSH-5")
    async with tenant_session(writer.tenant_id) as session:
        assert await queries.hold_key(session, writer.client_id, key)
        answer = await client.post("/students", body, key)
    assert answer.status_code == 409
    assert (await client.post("/students", body, key)).status_code == 200, "after that one has ended"


async def test_of_many_at_once_one_is_done(client: Client, school: SmallSchool) -> None:
    body, key = row("/students", student_code="PUSH-6"), str(uuid.uuid4())
    answers = await asyncio.gather(*(client.post("/students", body, key) for _ in range(6)))
    done = [one for one in answers if one.status_code == 200]
    assert {one.status_code for one in answers} <= {200, 409}
    assert len([one for one in done if "idempotent-replayed" not in one.headers]) == 1
    async with school.session(read_only=True) as session:
        assert "PUSH-6" in await roster.places_by_code(session)


async def test_a_deed_that_dies_before_its_answer_is_kept_was_not_done(
    client: Client, school: SmallSchool, writer: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a process that is killed there: its transaction goes, and with it the hold on the key."""
    body, key = row("/students", student_code="PUSH-8"), str(uuid.uuid4())
    with monkeypatch.context() as patch:

        async def die(*_: object) -> None:
            raise ConnectionError

        patch.setattr(queries, "insert_answer", die)
        assert (await client.post("/students", body, key)).status_code == 503
    async with school.session(read_only=True) as session:
        assert "PUSH-8" not in await roster.places_by_code(session)
    assert (await client.post("/students", body, key)).json()["new"] == 1


@pytest.mark.parametrize("key", ["", "có dấu", "x" * 256, None])
async def test_a_deed_without_a_key_is_refused(client: Client, key: str | None) -> None:
    sent = {name.encode(): value.encode() for name, value in client.headers.items()}
    sent |= {} if key is None else {b"Idempotency-Key": key.encode()}
    answer = await client.http.post("/students", json=GOOD["/students"], headers=sent)
    assert answer.status_code == 422, answer.text
    assert "Idempotency-Key" in answer.json()["detail"]


async def test_each_deed_asks_for_its_scope(site: Litestar, writer: Partner) -> None:
    wanted = {"/classes": Scope.ROSTER_WRITE, "/students": Scope.ROSTER_WRITE, "/marks": Scope.MARKS_WRITE}
    for scope in Scope:
        narrow = Client(site, (await writer.key(scope)).secret)
        statuses: dict[str, httpx.Response] = {path: await narrow.post(path, GOOD[path]) for path in GOOD}
        assert {path for path, one in statuses.items() if one.status_code == 200} == {
            path for path, needed in wanted.items() if needed is scope
        }
        refused = {one.status_code for one in statuses.values()} - {200}
        assert refused <= {403}
