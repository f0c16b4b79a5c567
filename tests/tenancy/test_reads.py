"""Whoever is shown a pupil's record is recorded, and so is who was refused. The addresses come from the site itself."""

import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from backend.app import ROUTES, create_app
from backend.core import audit, audit_reads, settings
from backend.core.audit import Action
from backend.core.database import TenantSession, tenant_session
from tests.core.browser import Browser
from tests.tenancy.addresses import addresses
from tests.tenancy.places import Place, asking_place
from tests.tenancy.visitors import Visitor

#: Addresses without an id that list people's work by the names of pupils and show nothing else of them.
LISTS_OF_WORK = {
    "/ky": "documents that wait for a signer",
    "/ky/xem": "the documents of one consent, which is recorded",
    "/nhat-ky": "the audit itself; looking into it is recorded",
    "/du-lieu-ca-nhan": "requests by pupil; each one's page is recorded",
    "/gui": "deliveries by pupil and class; each one's page is recorded",
}
#: Addresses of pages and files.
PAGES = [one for one in addresses(create_app(ROUTES)) if one.method == "GET"]
_READS = text(
    "select action, subject_id, about from audit_event where (actor_id = :actor or actor_id in (select id from "
    "api_client)) and (action like '%.read' or action like '%.download') and id > :after"
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


async def test_a_page_that_names_pupils_is_recorded(
    place: Place, visitor: Visitor, pupils: dict[uuid.UUID, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """To a person, or to another system with a key of the school, which is told of pupils by lists, too."""
    shown = set()
    for address in (one for one in PAGES if one.slots or one.is_for_systems):
        for one in place.ids_for(address.slots) if address.slots else [uuid.uuid4()]:
            monkeypatch.setattr(audit_reads, "_written", {})
            before = await newest(place)
            answer = await visitor.ask(address, address.own(one))
            named = {
                pupil for pupil, name in pupils.items() if name in answer.text or str(pupil) in answer.text
            }
            recorded = {pupil for row in await reads(place, before) for pupil in row.about}
            assert named - {one} <= recorded, str(address)
            shown |= {str(address)} if named else set()
            assert answer.status_code == 200 or recorded == set(), str(address)
    assert len(shown) >= 8, f"the control: pages do name pupils: {shown}"


async def test_pages_without_an_id_name_nobody(
    principal: Browser, pupils: dict[uuid.UUID, str], site: Litestar
) -> None:
    paths = {route.path for route in site.routes if "{" not in route.path} - {*LISTS_OF_WORK}
    assert len(paths) > 8
    for path in sorted(paths):
        answer = await principal.http.get(path)
        assert [name for name in pupils.values() if name in answer.text] == [], path


async def test_a_file_taken_away_is_recorded(place: Place, principal: Browser) -> None:
    version = place.ids["transcript_version"]
    before = await newest(place)
    for kind in ("xml", "pdf"):
        answer = await principal.get(f"/hoc-ba/{version}/tep/{kind}")
        assert answer.status_code == 200
    [row] = await reads(place, before)
    assert (row.action, row.subject_id) == (Action.TRANSCRIPT_DOWNLOADED, version)


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


async def test_what_cannot_be_recorded_is_not_shown(
    place: Place, principal: Browser, pupils: dict[uuid.UUID, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    class_id = place.ids["school_class"]

    async def away(*_: object, **__: object) -> None:
        raise OperationalError("insert", {}, ConnectionError())

    with monkeypatch.context() as patch:
        patch.setattr(audit, "record", away)
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
