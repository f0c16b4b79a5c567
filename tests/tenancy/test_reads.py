"""Whoever is shown a pupil's record is recorded, and so is who was refused. The addresses come from the site itself."""

import json
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import insert, text
from sqlalchemy.exc import OperationalError

from backend.core import audit, audit_reads, jobs, settings
from backend.core.audit import Action
from backend.core.database import TenantSession, tenant_session
from backend.integrations.imports.schemas import Form
from tests.core.browser import Browser
from tests.tenancy.addresses import Address, Ask, addresses
from tests.tenancy.places import Place, asking_place
from tests.tenancy.visitors import Visitor

#: Addresses that name pupils in this school, each for another reason: the test sees whether it sees them.
NAMING = (
    "GET /api/v1/deliveries",
    "GET /api/v1/classes/{class_id:uuid}/students",
    "GET /api/v1/transcripts",
    "GET /du-lieu-ca-nhan",
    "GET /duyet-so",
    "GET /gui",
    "GET /hoc-ba/{version_id:uuid}",
    "GET /hoc-ba/{version_id:uuid}/nhat-ky",
    "GET /hoc-sinh",
    "GET /hoc-sinh/{student_id:uuid}",
    "GET /hoc-sinh/{student_id:uuid}/den-di",
    "GET /hoc-sinh/{student_id:uuid}/nhat-ky",
    "GET /hoc-sinh/{student_id:uuid}/sua",
    "GET /ky/xem",
    "GET /lop/{class_id:uuid}",
    "GET /lop/{class_id:uuid}/hoc-ba",
    "GET /lop/{class_id:uuid}/cong-bo",
    "GET /lop/{class_id:uuid}/ket-qua",
    "GET /lop/{class_id:uuid}/mien-hoc",
    "GET /ket-qua/{result_id:uuid}",
    "GET /nhap/{run_id:uuid}",
    "GET /nhat-ky",
    "GET /so-diem/{sheet_id:uuid}",
    "GET /viec-dung",
)
#: Addresses of pages and files.
PAGES = [one for one in addresses() if one.method == "GET"]
_READS = text(
    "select action, subject_id, about, details from audit_event where (actor_id = :actor or actor_id in (select id from "
    "api_client)) and (action like '%.read' or action like '%.download') and id > :after order by id"
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(product: settings.Settings) -> Place:
    """A school of its own: whatever was looked at elsewhere is not counted here."""
    return await asking_place()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visitor(site: Litestar, place: Place) -> Visitor:
    return await Visitor.of(site, place.school, "principal", place.key)


@pytest.fixture
def principal(visitor: Visitor) -> Browser:
    return visitor.browser


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def pupils(place: Place) -> dict[uuid.UUID, str]:
    async with place.school.session(read_only=True) as session:
        found = await session.execute(text("select id, full_name from student"))
        return {row.id: row.full_name for row in found}


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_reads, "_written", {})


async def newest(place: Place) -> uuid.UUID:
    async with place.school.session(read_only=True) as session:
        found: uuid.UUID = await session.scalar(text("select id from audit_event order by id desc limit 1"))
        return found


async def reads(place: Place, after: uuid.UUID, who: str = "principal") -> list[Any]:
    async with place.school.session(read_only=True) as session:
        values = {"actor": place.school.staff[who], "after": after}
        return list(await session.execute(_READS, values))


async def test_whoever_is_shown_a_pupil_is_recorded(
    place: Place, visitor: Visitor, pupils: dict[uuid.UUID, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By every address that answers a GET, new ones included: to a person, or to another system with a key.

    Recorded is what a pupil's own page of the audit finds: by the pupil, or by a document of theirs.
    """
    await name_them_everywhere(place, pupils)
    async with place.school.session(read_only=True) as session:
        found = await session.execute(text("select id, student_id from transcript_version"))
        documents = {row.id: row.student_id for row in found}
    shown = {}
    for address in PAGES:
        for one in place.ids_for(address.slots) if address.slots else [uuid.uuid4()]:
            monkeypatch.setattr(audit_reads, "_written", {})
            before = await newest(place)
            answer = await visitor.ask(address, asked(address, one))
            named = {
                pupil
                for pupil, name in pupils.items()
                if name in answer.text or (str(pupil) in answer.text and pupil != one)
            }
            if address.is_for_systems:
                named |= {pupil for document, pupil in documents.items() if str(document) in answer.text}
            if not named:
                continue
            ids = {id_ for row in await reads(place, before) for id_ in (row.subject_id, *row.about)}
            recorded = ids | {documents[id_] for id_ in ids & documents.keys()}
            assert named <= recorded, str(address)
            assert answer.status_code == 200, str(address)
            shown[str(address)] = len(named)
    assert set(NAMING) <= shown.keys(), "the control: these do name pupils"


def asked(address: Address, one: uuid.UUID) -> Ask:
    """The request, with what an address without an id needs to show anything."""
    ask = address.own(one)
    return replace(ask, query=ask.query | {"vai": "school_seal"}) if address.path == "/ky/xem" else ask


async def name_them_everywhere(place: Place, pupils: dict[uuid.UUID, str]) -> None:
    """A workbook, a sheet to be checked and stopped work about a pupil; all documents wait for the seal."""
    version = place.ids["transcript_version"]
    async with place.school.session() as session:
        pupil = await session.scalar(
            text("select student_id from transcript_version where id = :id"), {"id": version}
        )
        difference = {"pupil": pupils[pupil], "place": "Toán", "old": "8", "new": "9"}
        preview = {"differences": [difference], "differing": 1, "pupils": [str(pupil)]}
        await session.execute(
            text("update import_run set preview = preview || cast(:more as jsonb)"),
            {"more": json.dumps(preview)},
        )
        await let_a_sheet_wait(place, session)
        await session.execute(
            text(
                "update signing_step set state = case role when 'school_seal' then 'ready' else 'signed' end"
            )
        )
        await session.execute(text("update signing_step set ready_at = now() where state = 'ready'"))
        [job] = jobs.rows(session.tenant_id, jobs.find("transcripts.issue"), [version])
        parked = {"state": jobs.JobState.PARKED.value, "told": "Máy chủ dấu thời gian không trả lời."}
        await session.execute(insert(jobs.Job).values(job | parked))


async def let_a_sheet_wait(place: Place, session: TenantSession) -> None:
    """The homeroom teacher of the principal's department hands in a sheet in which a mark is missing."""
    [sheet_id, *_] = await session.scalars(
        text("select id from grade_sheet where subject_code = 'TOAN' order by id")
    )
    for change in (
        "update department_member set staff_id = :teacher",
        "update grade_sheet set state = 'submitted', submitted_at = now() where id = :sheet",
        "update mark set value = '' where sheet_id = :sheet and kind = 'level'",
    ):
        values = {"teacher": place.school.staff["homeroom"], "sheet": sheet_id}
        statement = text(change)
        await session.execute(statement, {name: values[name] for name in statement.compile().params})


async def test_a_file_taken_away_is_recorded(place: Place, principal: Browser) -> None:
    version = place.ids["transcript_version"]
    before = await newest(place)
    for kind in ("xml", "pdf", "pdf"):
        answer = await principal.get(f"/hoc-ba/{version}/tep/{kind}")
        assert answer.status_code == 200
    taken = await reads(place, before)
    assert [(row.action, row.subject_id) for row in taken] == [(Action.TRANSCRIPT_DOWNLOADED, version)] * 3
    assert [row.details["file"] for row in taken] == ["xml", "pdf", "pdf"], "a copy more is a deed more"


async def test_a_workbook_taken_away_is_recorded_each_time(place: Place, principal: Browser) -> None:
    class_id = place.ids["school_class"]
    before = await newest(place)
    for _ in range(2):
        answer = await principal.get(f"/lop/{class_id}/bang-tinh/{Form.RESULTS.value}")
        assert answer.status_code == 200
    taken = await reads(place, before)
    assert [(row.action, row.subject_id) for row in taken] == [(Action.WORKBOOK_TAKEN, class_id)] * 2


async def test_looking_again_is_not_recorded_again_for_a_while(
    place: Place, principal: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    class_id = place.ids["school_class"]
    before = await newest(place)
    for _ in range(3):
        await principal.get(f"/lop/{class_id}")
    assert len(await reads(place, before)) == 1
    monkeypatch.setattr(audit_reads, "READ_AGAIN", audit_reads.READ_AGAIN * 0)
    await principal.get(f"/lop/{class_id}")
    assert len(await reads(place, before)) == 2


async def test_another_page_of_the_same_is_recorded(place: Place, principal: Browser) -> None:
    """One pupil, one action: by another path, and by another query of the same path."""
    pupil, class_id = place.ids["student"], place.ids["school_class"]
    before = await newest(place)
    for address in (
        f"/hoc-sinh/{pupil}",
        f"/hoc-sinh/{pupil}/den-di",
        f"/lop/{class_id}/ket-qua",
        f"/lop/{class_id}/ket-qua?trang=2",
    ) * 2:
        assert (await principal.get(address)).status_code == 200
    expected = [Action.PUPIL_READ] * 2 + [Action.RESULTS_READ] * 2
    assert [row.action for row in await reads(place, before)] == expected


async def test_another_pupil_on_the_same_page_is_recorded(place: Place, pupils: dict[uuid.UUID, str]) -> None:
    one, other = pupils
    class_id = place.ids["school_class"]
    before = await newest(place)
    for shown in ([one], [other, one], [one, other]):
        async with place.school.session() as session:
            actor = await place.school.actor(session, "principal")
            audit_reads.record_read(session, actor, Action.CLASS_READ, class_id, "Lớp 1A", shown)
    assert [len(row.about) for row in await reads(place, before)] == [1, 2]


async def test_what_cannot_be_recorded_is_not_shown(
    place: Place, principal: Browser, pupils: dict[uuid.UUID, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class_id = place.ids["school_class"]

    async def away(*_: object, **__: object) -> None:
        raise OperationalError("insert", {}, ConnectionError())

    with monkeypatch.context() as patch:
        patch.setattr(audit, "record_many", away)
        answer = await principal.http.get(f"/lop/{class_id}")
    assert answer.status_code == 503
    assert [name for name in pupils.values() if name in answer.text] == []


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stranger_of_class(site: Litestar, place: Place) -> AsyncIterator[Browser]:
    yield await place.school.browser(site, "stranger")


async def test_refusals_are_recorded(place: Place, stranger_of_class: Browser) -> None:
    """By the guard (no permission) and by the service (no duty in this class); once in a while."""
    version, class_id = place.ids["transcript_version"], place.ids["school_class"]
    for _ in range(2):
        assert (await stranger_of_class.get("/gui")).status_code == 403
        assert (await stranger_of_class.get(f"/hoc-ba/{version}")).status_code == 403
        assert (await stranger_of_class.post(f"/lop/{class_id}/chot")).status_code == 403
    async with tenant_session(place.school.tenant_id, read_only=True) as session:
        found = await refusals(session, place.school.staff["stranger"])
    assert {(row.actor_name, row.outcome) for row in found} == {("Tạ Khánh Linh", "refused")}
    assert [(row.details["route"], row.subject_id) for row in found] == [
        ("/gui", None),
        ("/hoc-ba/{version_id}", version),
        ("/lop/{class_id}/chot", class_id),
    ]
    assert "chỉ xem được học bạ của lớp" in found[1].subject_label


async def refusals(session: TenantSession, who: uuid.UUID) -> list[Any]:
    query = "select * from audit_event where action = :action and actor_id = :who order by id"
    return list(await session.execute(text(query), {"action": Action.ACCESS_REFUSED.value, "who": who}))
