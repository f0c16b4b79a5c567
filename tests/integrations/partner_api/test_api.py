"""What a key opens, and what it does not."""

import base64
import hashlib
import re
import uuid
from operator import itemgetter

import pytest
from litestar import Litestar
from sqlalchemy import select, text

from backend.core import admission
from backend.core.audit import Action, AuditEvent
from backend.core.database import public_session, tenant_session
from backend.core.rate_limit import Limit
from backend.records.transcripts import queries as transcripts
from backend.tenants.api_clients import service as api_clients
from backend.tenants.api_clients.schemas import Scope
from tests.factories.small_school import open_small_school
from tests.integrations.partner_api.partners import Client, Partner, partner_of
from tests.records.transcripts.conftest import confirmed_class

LISTS = {
    Scope.CLASSES_READ: "/classes",
    Scope.STUDENTS_READ: "/classes/{class_id}/students",
    Scope.TRANSCRIPTS_READ: "/transcripts",
    Scope.DELIVERIES_READ: "/deliveries",
    Scope.RESULTS_READ: "/classes/{class_id}/results",
}


def path_of(scope: Scope, partner: Partner) -> str:
    return LISTS[scope].format(class_id=partner.class_id)


@pytest.mark.parametrize("scope", LISTS)
async def test_a_scope_opens_its_list_and_no_other(site: Litestar, a: Partner, scope: Scope) -> None:
    client = Client(site, (await a.key(scope)).secret)
    statuses = {one: (await client.get(path_of(one, a))).status_code for one in LISTS}
    assert statuses == {one: 200 if one is scope else 403 for one in LISTS}


@pytest.mark.parametrize("scope", LISTS)
async def test_lists_come_part_by_part(site: Litestar, a: Partner, scope: Scope) -> None:
    client = Client(site, a.token)
    whole = await client.all_of(path_of(scope, a), 200)
    expected = {Scope.CLASSES_READ: 1, Scope.RESULTS_READ: 0}
    assert len(whole) == expected.get(scope, len(a.versions))
    assert await client.all_of(path_of(scope, a), 2) == whole
    assert await client.all_of(path_of(scope, a), 1) == whole


async def test_transcripts_say_state_and_digests(site: Litestar, a: Partner) -> None:
    client = Client(site, a.token)
    [*found] = await client.all_of("/transcripts", 200)
    assert {uuid.UUID(one["id"]) for one in found} == set(a.versions)
    assert {one["state"] for one in found} == {"issued"}
    assert found[0] == (await client.get(f"/transcripts/{found[0]['id']}")).json()
    assert (await client.get("/transcripts", in_state="frozen")).json()["items"] == []
    for state, is_issued in (("packaged", True), ("accepted", False), ("recalled", False)):
        async with tenant_session(a.tenant_id) as session:
            await transcripts.update_versions(session, {uuid.UUID(found[0]["id"]): {"state": state}})
        issued = (await client.get("/transcripts", in_state="issued")).json()["items"]
        assert (found[0]["id"] in [one["id"] for one in issued]) is is_issued, state
        standing = (await client.get("/transcripts", in_force="true")).json()["items"]
        assert (found[0]["id"] in [one["id"] for one in standing]) is (state != "recalled"), state
    async with tenant_session(a.tenant_id) as session:
        await transcripts.update_versions(session, {uuid.UUID(found[0]["id"]): {"state": "issued"}})
    assert (await client.get("/transcripts", class_id=str(uuid.uuid4()))).status_code == 404


async def test_a_delivery_names_what_is_sent_as_the_list_of_transcripts_does(
    site: Litestar, a: Partner
) -> None:
    client = Client(site, a.token)
    names = ("version_id", "transcript_id", "student_id")
    versions = [one | {"version_id": one["id"]} for one in await client.all_of("/transcripts", 200)]
    sent = await client.all_of("/deliveries", 200)
    assert {*map(itemgetter(*names), sent)} == {*map(itemgetter(*names), versions)}
    assert {(one["action"], one["refers_to"]) for one in sent} == {("submit", None)}
    assert (await client.get(f"/transcripts/{sent[0]['version_id']}")).json()["effective_on"] is None


@pytest.mark.parametrize(("kind", "begins"), [("pdf", b"%PDF"), ("xml", b"<?xml"), ("json", b"{")])
async def test_files_carry_their_digest(site: Litestar, a: Partner, kind: str, begins: bytes) -> None:
    client = Client(site, a.token)
    answer = await client.get(f"/transcripts/{a.versions[0]}/{kind}")
    assert answer.status_code == 200
    assert answer.content.startswith(begins)
    digest = base64.b64encode(hashlib.sha256(answer.content).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert answer.headers["content-disposition"].startswith("attachment")
    if kind == "pdf":
        shown = (await client.get(f"/transcripts/{a.versions[0]}")).json()["signed_pdf_sha256"]
        assert shown == hashlib.sha256(answer.content).hexdigest()


@pytest.mark.parametrize(
    "path", ["/classes/{class_id}/students", "/transcripts/{version}", "/transcripts/{version}/pdf"]
)
async def test_what_another_school_has_is_what_nobody_has(
    site: Litestar, a: Partner, b: Partner, path: str
) -> None:
    client = Client(site, a.token)
    theirs, nobodys = [
        await client.get(path.format(class_id=class_id, version=version))
        for class_id, version in ((b.class_id, b.versions[0]), (uuid.uuid4(), uuid.uuid4()))
    ]
    assert theirs.status_code == nobodys.status_code == 404
    assert theirs.json() | {"request_id": ""} == nobodys.json() | {"request_id": ""}


async def test_without_a_key_that_lasts_there_is_a_problem(site: Litestar, a: Partner) -> None:
    ended = await a.key(Scope.CLASSES_READ)
    assert (await Client(site, ended.secret).get("/classes")).status_code == 200
    async with tenant_session(a.tenant_id) as session:
        await api_clients.end_client(session, a.owner, ended.client_id)
    for token in ("", "hocba_khong-co", ended.secret, "é"):
        key = f"Bearer {token}".encode()
        refused = await Client(site, "").http.get(
            "/classes", headers={b"Authorization": key} if token else {}
        )
        assert refused.status_code == 401, token
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.headers["content-type"] == "application/problem+json"
        assert "mã truy cập" in refused.json()["detail"]


async def test_a_key_ends_with_its_time(site: Litestar, a: Partner, embedded_stack: object) -> None:
    key = await a.key(Scope.CLASSES_READ)
    async with tenant_session(a.tenant_id) as session:
        expired = text("select directory.add_api_token(:digest, :client, :scopes, now() - interval '1 s')")
        digest = hashlib.sha256(b"hocba_expired").hexdigest()
        await session.execute(
            expired, {"digest": digest, "client": key.client_id, "scopes": ["classes:read"]}
        )
    assert (await Client(site, "hocba_expired").get("/classes")).status_code == 401


async def test_the_school_sees_who_read_what(site: Litestar, a: Partner) -> None:
    key = await a.key(*Scope)
    client = Client(site, key.secret)
    await client.get(f"/classes/{a.class_id}/students")
    await client.get(f"/transcripts/{a.versions[0]}/pdf")
    await client.get("/deliveries")
    async with tenant_session(a.tenant_id, read_only=True) as session:
        query = select(AuditEvent).where(AuditEvent.actor_id == key.client_id).order_by(AuditEvent.id)
        events = (await session.scalars(query)).all()
        [shown] = [one for one in await api_clients.list_clients(session) if one.id == key.client_id]
    assert [(one.action, one.subject_id, one.details) for one in events] == [
        (Action.API_READ, a.class_id, {"what": "students", "count": 3}),
        (Action.API_READ, a.versions[0], {"what": "file pdf", "count": 1}),
        (Action.API_READ, None, {"what": "deliveries", "count": 3}),
    ]
    assert [len(one.about) for one in events] == [3, 1, 3], "the class, the pupil of the file, those sent"
    assert {*events[0].about} == {*events[2].about}
    assert {one.actor_name for one in events} == {"Kết nối Phần mềm tuyển sinh"}
    assert shown.seen_at is not None


async def test_keys_are_nowhere_in_the_database(a: Partner) -> None:
    async with public_session() as session:
        for table in ("api_client", "api_token"):
            with pytest.raises(Exception, match="permission denied"):
                await session.execute(text(f"select * from directory.{table}"))
            await session.rollback()


@pytest.mark.parametrize("query", ["limit=0", "limit=201", "limit=x", "cursor=1", "in_state=lost"])
async def test_wrong_parameters_are_named(site: Litestar, a: Partner, query: str) -> None:
    client = Client(site, a.token)
    name, _, value = query.partition("=")
    answer = await client.get("/transcripts", **{name: value})
    assert answer.status_code == 422
    assert f"ở mục: {name}" in answer.json()["detail"]


async def test_a_key_is_no_session_and_a_session_no_key(site: Litestar, a: Partner) -> None:
    client = Client(site, a.token)
    page = await client.http.get("http://127.0.0.1:8000/lop", headers=client.headers)
    assert (page.status_code, page.headers["location"][:10]) == (303, "/dang-nhap")
    cookie = await client.http.get("/classes", headers={"Cookie": f"hocba={a.token}"})
    assert cookie.status_code == 401


async def test_sheets_name_the_columns_that_marks_go_into_and_results_are_the_confirmed_ones(
    site: Litestar, product: object
) -> None:
    school = await open_small_school("Trường Có Kết Quả")
    async with school.session() as session:
        season = await confirmed_class(school, session)
    partner = await partner_of(school.tenant_id, school.name)
    client = Client(site, partner.token)
    sheets = await client.all_of(f"/classes/{season.class_id}/sheets", 3)
    [math] = [one for one in sheets if one["subject_code"] == "TOAN"]
    assert (math["term"], math["state"]) == (0, "locked")
    assert {("level", ""), ("test", "1")} <= {(one["kind"], one["slot"]) for one in math["columns"]}
    path = f"/classes/{season.class_id}/results"
    confirmed = await client.all_of(path, 1)
    assert {one["result"]["circular"] for one in confirmed} == {"27/2020"}
    assert len(confirmed) == len(await client.all_of(f"/classes/{season.class_id}/students", 200)) > 0
    async with school.session() as session:
        await session.execute(text("update year_result set state = 'computed'"))
    assert await client.all_of(path, 1) == []


async def test_answers_say_how_much_is_left(site: Litestar, b: Partner) -> None:
    client = Client(site, (await b.key(Scope.CLASSES_READ)).secret)
    told = [(await client.get("/classes")).headers for _ in range(2)]
    named = r'"person";q=(\d+);w=60, "school";q=\d+;w=60'
    [burst] = {re.fullmatch(named, one["ratelimit-policy"])[1] for one in told}  # type: ignore[index]
    states = [re.fullmatch(r'"person";r=(\d+);t=\d+, "school";r=\d+;t=\d+', one["ratelimit"]) for one in told]
    assert [int(one[1]) for one in states if one] == [int(burst) - 1, int(burst) - 2]
    page = await client.http.get("http://127.0.0.1:8000/tra-cuu")
    assert "ratelimit" not in page.headers, "people are told in words, once it is too much"


async def test_who_asks_too_often_is_told_when_to_ask_again(
    site: Litestar, b: Partner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        admission, "_limit", lambda name, *_: Limit(name=f"{name}-few", burst=1, per_seconds=60)
    )
    client = Client(site, (await b.key(Scope.CLASSES_READ)).secret)
    assert (await client.get("/classes")).status_code == 200
    refused = await client.get("/classes")
    assert (refused.status_code, refused.headers["content-type"]) == (429, "application/problem+json")
    assert 0 < int(refused.headers["retry-after"]) <= 60
    assert refused.headers["ratelimit"].startswith('"person";r=0;t=60')
