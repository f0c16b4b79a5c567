"""Requests about personal data from the first note to the answer, and all that is kept about one pupil."""

import io
import re
import uuid
import zipfile
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import select, text

from backend.core import audit_reads, settings
from backend.core.actor import machine
from backend.core.audit import Action, AuditEvent
from backend.core.database import metadata, tenant_session
from backend.records.privacy import queries, service
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.models import TranscriptVersion
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.factories.small_school import SmallSchool, enroll, open_small_school
from tests.records.transcripts.conftest import confirmed_class

ROOT = "/du-lieu-ca-nhan"
FORM = {
    "kind": "copy",
    "requester_name": "Lò Văn Cha",
    "relation": "father",
    "contact": "0900 000 000",
    "wanted": "Xin bản sao mọi dữ liệu về con tôi.",
    "day": "2026-11-02",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(product: settings.Settings) -> SmallSchool:
    """A school with a class that is frozen and rendered."""
    school = await open_small_school("Trường Hỏi Dữ Liệu")
    async with school.session() as session:
        season = await confirmed_class(school, session)
    version = (await season.freeze())[0]
    await season.render(version)
    return school


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def clerk(site: Litestar, place: SmallSchool) -> Browser:
    """The clerk, who writes requests down."""
    return await place.browser(site, "clerk")


async def code_of_a_pupil(place: SmallSchool) -> str:
    async with place.session(read_only=True) as session:
        return sorted(await roster.places_by_code(session))[0]


async def written_down(place: SmallSchool, clerk: Browser, **change: str) -> str:
    """The address of a new request."""
    await clerk.get(ROOT)
    answer = await clerk.post(ROOT, FORM | {"student_code": await code_of_a_pupil(place)} | change)
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def test_from_note_to_answer(place: SmallSchool, clerk: Browser) -> None:
    path = await written_down(place, clerk, day="2026-11-27")
    shown = await clerk.get(path)
    assert "01/12/2026" in shown.text, "two working days after a Friday"
    assert "07/12/2026" in shown.text, "ten days"
    assert (await clerk.post(f"{path}/xac-nhan")).status_code == 303
    assert (await clerk.post(f"{path}/xac-nhan")).status_code == 303, "a second click changes nothing"
    assert (await clerk.post(f"{path}/gia-han", {"text": " "})).status_code == 422
    assert (await clerk.post(f"{path}/gia-han", {"text": "Chờ đối chiếu."})).status_code == 303
    assert "22/12/2026" in (await clerk.get(path)).text
    assert (await clerk.post(f"{path}/gia-han", {"text": "Lần nữa."})).status_code == 409
    assert (await clerk.post(f"{path}/tra-loi", {"text": "Đã giao bản sao."})).status_code == 303
    assert (await clerk.post(f"{path}/tra-loi", {"text": "Lần nữa."})).status_code == 409
    assert "Đã trả lời" in (await clerk.get(path)).text
    async with place.session(read_only=True) as session:
        about = AuditEvent.subject_id == uuid.UUID(path.rpartition("/")[2])
        events = await session.scalars(select(AuditEvent.action).where(about).order_by(AuditEvent.id))
    assert list(events) == [
        Action.DATA_REQUEST_RECORDED,
        Action.DATA_REQUEST_READ,
        Action.DATA_REQUEST_ACKNOWLEDGED,
        Action.DATA_REQUEST_EXTENDED,
        Action.DATA_REQUEST_ANSWERED,
    ]


async def test_what_is_due_stands_first_and_what_is_late_is_said(place: SmallSchool, clerk: Browser) -> None:
    late = await written_down(place, clerk, day="2026-01-05", kind="object")
    listed = await clerk.get(ROOT)
    assert "Quá hạn 07/01/2026" in listed.text
    assert re.findall(rf'href="({ROOT}/[0-9a-f]{{8}}-[^"]*)"', listed.text)[0] == late


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"student_code": "khong-co"}, "không có học sinh mã khong-co"),
        ({"day": "2999-01-01"}, "ở tương lai"),
        ({"day": "hôm qua"}, "ngày nhận yêu cầu"),
        ({"kind": "forget"}, "loại yêu cầu"),
        ({"wanted": " "}, "Nội dung yêu cầu"),
        ({"requester_name": "x" * 2001}, "Người yêu cầu"),
        ({"contact": "x" * 301}, "Cách liên hệ"),
    ],
)
async def test_bad_input_is_said_in_words(
    place: SmallSchool, clerk: Browser, change: dict[str, str], says: str
) -> None:
    await clerk.get(ROOT)
    answer = await clerk.post(ROOT, FORM | {"student_code": await code_of_a_pupil(place)} | change)
    assert answer.status_code == 422
    assert says in answer.text


async def test_the_copy_holds_everything(place: SmallSchool, clerk: Browser) -> None:
    path = await written_down(place, clerk)
    await clerk.get(path)
    answer = await clerk.post(f"{path}/ban-sao")
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        names = archive.namelist()
        tables: dict[str, list[dict[str, Any]]] = msgspec.json.decode(archive.read("du-lieu.json"))
        xml = next(archive.read(name) for name in names if name.endswith(".xml"))
    assert xml.startswith(b"<?xml")
    expected = {"student", "enrollment", "mark", "year_result", "transcript", "transcript_version"}
    assert expected <= set(tables)
    assert {"data_request", "audit_event"} <= set(tables)
    [pupil] = tables["student"]
    assert len(tables["mark"]) > 10
    others = {row["student_id"] for name in ("mark", "enrollment", "transcript") for row in tables[name]}
    assert others == {pupil["id"]}
    assert Action.RESULTS_CONFIRMED in {row["action"] for row in tables["audit_event"]}, (
        "a deed about the class"
    )
    assert not any("about" in row for row in tables["audit_event"]), "that names other pupils"
    async with place.session(read_only=True) as session:
        taken = select(AuditEvent).where(AuditEvent.action == Action.PUPIL_DATA_EXPORTED)
        [event] = await session.scalars(taken)
    assert str(event.subject_id) == pupil["id"]
    assert [str(one) for one in event.about] == [path.rpartition("/")[2]], "for which request"
    assert event.details["rows"] == sum(map(len, tables.values()))


async def test_of_other_requests_the_copy_holds_that_they_were_made(
    place: SmallSchool, clerk: Browser
) -> None:
    """What the mother gave as her telephone is nothing for the father, who asks later."""
    hers = await written_down(
        place, clerk, requester_name="Lò Thị Mẹ", contact="0911 222 333", wanted="Không giao cho cha cháu."
    )
    his = await written_down(place, clerk, wanted="Xin bản sao.")
    await clerk.get(his)
    answer = await clerk.post(f"{his}/ban-sao")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        said = archive.read("du-lieu.json").decode()
    rows = {row["id"]: row for row in msgspec.json.decode(said)["data_request"]}
    own, other = (rows[path.rpartition("/")[2]] for path in (his, hers))
    assert own["wanted"] == "Xin bản sao."
    assert {"kind", "received_on", "state"} <= set(other)
    assert [words for words in ("Lò Thị Mẹ", "0911 222 333", "Không giao") if words in said] == []


async def test_a_closed_request_gives_no_copy(place: SmallSchool, clerk: Browser) -> None:
    path = await written_down(place, clerk)
    await clerk.get(path)
    await clerk.post(f"{path}/tra-loi", {"text": "Không đủ giấy tờ.", "refused": "1"})
    refused = await clerk.post(f"{path}/ban-sao")
    assert (refused.status_code, "hãy ghi một yêu cầu mới" in refused.text) == (409, True)


async def test_a_pupil_of_many_deeds_has_a_copy(place: SmallSchool) -> None:
    """More of them than one statement of PostgreSQL takes values."""
    code = await code_of_a_pupil(place)
    async with place.session() as session:
        pupil = await queries.student_by_code(session, code)
        assert pupil is not None
        deeds = text(
            "insert into audit_event (tenant_id, id, at, actor_name, action, subject_id, subject_label, outcome,"
            " about, details) select :tenant, gen_random_uuid(), now(), '', 'x', :pupil, '', 'done', '{}', '{}'"
            " from generate_series(1, 33000)"
        )
        await session.execute(deeds, {"tenant": place.tenant_id, "pupil": pupil})
        found = await queries.rows_about(session, pupil)
        await session.rollback()
    assert len(found["audit_event"]) > 33_000


async def test_the_list_of_requests_is_a_read_of_its_pupils(
    place: SmallSchool, clerk: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    await written_down(place, clerk)
    monkeypatch.setattr(audit_reads, "_written", {})
    assert (await clerk.get(ROOT)).status_code == 200
    async with place.session(read_only=True) as session:
        pupil = await queries.student_by_code(session, await code_of_a_pupil(place))
        newest = select(AuditEvent).order_by(AuditEvent.id.desc()).limit(1)
        [event] = await session.scalars(newest)
    assert (event.actor_id, event.action) == (place.staff["clerk"], Action.DATA_REQUEST_READ)
    assert pupil in event.about


async def test_every_table_about_pupils_is_reached(place: SmallSchool) -> None:
    """Whatever refers to a pupil, directly or not, is found by the walk: nobody keeps a list."""
    reached = {"student"}
    for _ in metadata.sorted_tables:
        for table in metadata.sorted_tables:
            parents = {key.column.table.name for column in table.columns for key in column.foreign_keys}
            if parents & reached:
                reached.add(table.name)
    known: dict[str, set[uuid.UUID]] = {name: set() for name in reached}
    missed = [name for name in reached if not queries._links(metadata.tables[name], known)]
    assert missed == []
    assert {"delivery", "delivery_attempt", "signing_request", "data_request"} - reached == {
        "signing_request"
    }
    assert queries._links(metadata.tables["signing_request"], known), "by the subject that it names"


@pytest.mark.parametrize("who", ["homeroom", "it"])
async def test_not_everybody_handles_requests(site: Litestar, place: SmallSchool, who: str) -> None:
    browser = await place.browser(site, who)
    assert (await browser.get(ROOT)).status_code == 403
    assert (await browser.get(f"{ROOT}/danh-muc")).status_code == 403


async def test_the_register_says_what_why_and_how_long(clerk: Browser) -> None:
    shown = await clerk.get(f"{ROOT}/danh-muc")
    assert shown.status_code == 200
    for words in ("Sổ danh bạ học sinh", "personal_id", "Nhạy cảm:", "password_hash", "24 tháng"):
        assert words in shown.text


async def test_a_pupil_of_another_school_is_nobody(place: SmallSchool, clerk: Browser) -> None:
    other = await open_small_school("Trường Khác")
    async with other.session() as session:
        await other.open_class(session, "1A", 1)
        await enroll(session, "1A", ["Lò Thị Khác"], first=777)
    await clerk.get(ROOT)
    answer = await clerk.post(ROOT, FORM | {"student_code": "9900000777"})
    assert answer.status_code == 422
    async with tenant_session(place.tenant_id, read_only=True) as session:
        assert await queries.student_by_code(session, "9900000777") is None


async def test_the_personal_number_is_shown_when_somebody_asks(site: Litestar, place: SmallSchool) -> None:
    principal = await place.browser(site, "principal")
    async with place.session(read_only=True) as session:
        version = await session.scalar(select(TranscriptVersion.id).limit(1))
    page = await principal.get(f"/hoc-ba/{version}")
    assert "000319" not in page.text
    assert "••••••••" in page.text
    token = {"X_CSRF_Token": principal.csrf_token, "HX_Request": "true"}
    shown = await principal.post(f"/hoc-ba/{version}/so-dinh-danh", {}, **token)
    assert "000319" in shown.text
    async with place.session(read_only=True) as session:
        asked = select(AuditEvent.actor_name).where(AuditEvent.action == Action.PERSONAL_ID_SHOWN)
        assert list(await session.scalars(asked)) == ["Nghiêm Thế Khải"]


async def test_the_personal_number_is_for_the_homeroom_teacher_and_for_who_keeps_records(
    site: Litestar, place: SmallSchool, clerk: Browser
) -> None:
    async with place.session() as session:
        [version] = await session.scalars(select(TranscriptVersion.id).limit(1))
        homeroom = await place.actor(session, "homeroom")
        assert "000319" in await transcripts.show_personal_id(session, homeroom, version)
    music = await place.browser(site, "music")
    for browser, status in ((clerk, 200), (music, 403)):
        page = await browser.get(f"/hoc-ba/{version}")
        assert (page.status_code, "Hiện đủ số" in page.text) == (200, status == 200)
        token = {"X_CSRF_Token": browser.csrf_token, "HX_Request": "true"}
        shown = await browser.post(f"/hoc-ba/{version}/so-dinh-danh", {}, **token)
        assert (shown.status_code, "000319" in shown.text) == (status, status == 200)


async def test_who_wrote_it_down_and_left_is_still_named(place: SmallSchool, clerk: Browser) -> None:
    path = await written_down(place, clerk)
    owner = msgspec.structs.replace(machine(place.tenant_id), roles=frozenset({Role.OWNER.value}))
    async with place.session() as session:
        await people.leave(session, owner, place.staff["clerk"])
        named = {one.recorded_by for one in await service.list_requests(session, owner)}
        one = await service.get_request(session, uuid.UUID(path.rpartition("/")[2]))
        await people.come_back(session, owner, place.staff["clerk"])
    assert named == {one.recorded_by} == {"Lò Thị Văn Thư"}
