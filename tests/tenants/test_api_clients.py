"""The page of connections: a key is shown once, its end counts at once, and bad input is said in words."""

import re
import uuid

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import select, text

from backend.core import clock
from backend.core.audit import Action, AuditEvent, Outcome
from backend.core.database import tenant_session
from backend.tenants.api_clients import service
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, open_test_school, signed_in
from tests.tenants.people import found

FORM = {"name": "Phần mềm tuyển sinh", "kind": "token", "classes:read": "1", "months": "3"}


@pytest_asyncio.fixture(loop_scope="session")
async def own_school() -> TestSchool:
    """A school without connections."""
    return await open_test_school("Trường Kết Nối")


@pytest_asyncio.fixture(loop_scope="session")
async def it_teacher(site: Litestar, own_school: TestSchool) -> Browser:
    """Their IT teacher at the page."""
    browser = await signed_in(site, own_school, Role.IT_TEACHER)
    await browser.get("/ket-noi")
    return browser


async def test_a_key_is_shown_once_and_works_until_it_is_ended(
    site: Litestar, own_school: TestSchool, it_teacher: Browser
) -> None:
    made = await it_teacher.post("/ket-noi", FORM)
    assert made.status_code == 200
    [key] = re.findall(r"hocba_[\w-]{43}", made.text)
    again = await it_teacher.get("/ket-noi")
    assert key not in again.text
    assert "Phần mềm tuyển sinh" in again.text
    assert "chưa dùng" in again.text
    other = Browser(site)
    assert (await other.get("/api/v1/classes", Authorization=f"Bearer {key}")).status_code == 200
    assert "chưa dùng" not in (await it_teacher.get("/ket-noi")).text
    [path] = re.findall(r"/ket-noi/[0-9a-f-]{36}/ngat", again.text)
    assert (await it_teacher.post(path)).status_code == 303
    assert "mã của nó không dùng được nữa" in (await it_teacher.get("/ket-noi")).text
    assert (await other.get("/api/v1/classes", Authorization=f"Bearer {key}")).status_code == 401
    assert (await it_teacher.post(path)).status_code == 404, "a second click"
    async with tenant_session(own_school.tenant_id, read_only=True) as session:
        events = (await session.scalars(select(AuditEvent).order_by(AuditEvent.id))).all()
    done = [(one.action, one.actor_name) for one in events if one.action.startswith("api.")]
    assert done == [
        (Action.API_CLIENT_ADDED, "Cô Giáo viên phụ trách CNTT"),
        (Action.API_CLIENT_ENDED, "Cô Giáo viên phụ trách CNTT"),
    ]
    assert not any(key in str(one.details) for one in events)


async def test_a_closed_school_lets_no_system_in(
    site: Litestar, own_school: TestSchool, it_teacher: Browser
) -> None:
    [key] = re.findall(r"hocba_[\w-]{43}", (await it_teacher.post("/ket-noi", FORM)).text)
    made = (await it_teacher.post("/ket-noi", FORM | {"kind": "oauth"})).text
    [secret], other = re.findall(r"hocba_[\w-]{43}", made), Browser(site)
    async with tenant_session(own_school.tenant_id) as session:
        [client, *_] = await service.list_clients(session)
        form = {"grant_type": "client_credentials", "client_id": str(client.id), "client_secret": secret}
        assert (await other.http.post("/api/v1/oauth/token", data=form)).status_code == 200
        await session.execute(text("update school set closes_on = :day"), {"day": clock.today()})
    assert (await other.get("/api/v1/classes", Authorization=f"Bearer {key}")).status_code == 401
    told = await other.http.post("/api/v1/oauth/token", data=form)
    assert (told.status_code, told.json()["error_description"]) == (
        401,
        "The school of this client is closed.",
    )
    assert (await other.http.post("/api/v1/oauth/token", data=form | {"client_secret": "x"})).json()[
        "error_description"
    ] == "Unknown client or wrong secret."
    async with tenant_session(own_school.tenant_id, read_only=True) as session:
        query = select(AuditEvent.action, AuditEvent.details).where(AuditEvent.outcome == Outcome.REFUSED)
        refused = (await session.execute(query.order_by(AuditEvent.id))).all()
    assert [(one.action, one.details.get("reason")) for one in refused] == [
        (Action.API_TOKEN_ISSUED, "Trường đã đóng trên hệ thống"),
        (Action.API_SECRET_REFUSED, None),
    ]


async def test_who_made_a_connection_and_leaves_is_named(
    site: Litestar, own_school: TestSchool, it_teacher: Browser
) -> None:
    await it_teacher.post("/ket-noi", FORM)
    owner = await signed_in(site, own_school, Role.OWNER)
    leaving = f"/nhan-su/{own_school.staff[Role.IT_TEACHER]}/thoi-viec"
    shown = await owner.get(leaving)
    assert "do người này tạo vẫn chạy" in shown.text
    assert FORM["name"] in shown.text
    assert (await owner.post(leaving)).status_code == 303
    listed = await owner.get("/ket-noi")
    assert (listed.status_code, "Cô Giáo viên phụ trách CNTT" in listed.text) == (200, True)
    await owner.get("/nhat-ky")
    offered = found(owner, "//select[@name='nguoi']/option/text()")
    assert {"Cô Giáo viên phụ trách CNTT", f"Kết nối {FORM['name']}"} <= set(offered)


async def test_oauth_shows_id_and_secret(it_teacher: Browser) -> None:
    made = await it_teacher.post("/ket-noi", FORM | {"kind": "oauth"})
    assert "client_id" in made.text
    assert re.search(r"hocba_[\w-]{43}", made.text)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"name": " "}, "Tên kết nối phải có"),
        ({"name": "x" * 81}, "Tên kết nối phải có"),
        ({"classes:read": ""}, "chưa được chọn dữ liệu nào"),
        ({"months": "600"}, "phải là 1, 3, 6 hoặc 12 tháng"),
        ({"months": "²"}, "phải là 1, 3, 6 hoặc 12 tháng"),
    ],
)
async def test_bad_input_is_said_in_words(it_teacher: Browser, change: dict[str, str], says: str) -> None:
    answer = await it_teacher.post("/ket-noi", FORM | change)
    assert answer.status_code == 422
    assert says in answer.text
    assert "hocba_" not in answer.text


async def test_not_more_than_can_be_watched(it_teacher: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_OPEN", 1)
    assert (await it_teacher.post("/ket-noi", FORM)).status_code == 200
    refused = await it_teacher.post("/ket-noi", FORM)
    assert refused.status_code == 409
    assert "ngắt bớt kết nối cũ" in refused.text


@pytest.mark.parametrize("role", Role)
async def test_owner_and_it_teacher_alone(site: Litestar, school: TestSchool, role: Role) -> None:
    browser = await signed_in(site, school, role)
    expected = 200 if role in (Role.OWNER, Role.IT_TEACHER) else 403
    assert (await browser.get("/ket-noi")).status_code == expected


async def test_another_schools_connection_is_nobodys(it_teacher: Browser) -> None:
    assert (await it_teacher.post(f"/ket-noi/{uuid.uuid4()}/ngat")).status_code == 404
