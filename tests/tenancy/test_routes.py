"""Every address with an id in it, asked by somebody of school A who may do everything there, with every id of school B.

The answer is that to an id which nobody has: same status, same page. Addresses come from the site itself.
"""

import re
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.routes import HTTPRoute
from sqlalchemy import Uuid, insert, select, text

from backend import workflow
from backend.app import ROUTES, create_app
from backend.core import jobs, settings
from backend.core.database import tenant_session
from backend.core.errors import NotFound
from backend.core.jobs import Job, Work
from backend.tables import metadata
from backend.tenants.api_clients import service as api_clients
from backend.tenants.api_clients.schemas import ClientKind, NewApiClient, Scope
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.factories.small_school import SmallSchool, open_small_school
from tests.records.transcripts.conftest import confirmed_class
from tests.tenancy.rows import Tenant, digests, named

#: Every kind of work that the flow knows.
TASKS = [task for task in jobs.declared() if workflow.FLOW]
#: States of made-up rows that pages show.
_STATES = {"delivery": "queued", "signing_batch": "running", "import_run": "previewed"}
_PREVIEW = {"layout": "pupils", "new": 0, "changed": 0, "unchanged": 0, "moved": 0, "bad": 0, "problems": []}


@dataclass
class Place:
    """A school with a class on its way to the signatures, and rows of everything that comes later."""

    school: SmallSchool
    ids: dict[str, list[uuid.UUID]] = field(default_factory=dict)

    @property
    def all_ids(self) -> list[uuid.UUID]:
        return [one for ids in self.ids.values() for one in ids]

    async def fingerprint(self) -> dict[str, str]:
        """A digest of each table's rows."""
        async with self.school.session(read_only=True) as session:
            return await digests(session)


async def furnished(name: str) -> Place:
    """A school with at least one row of every kind that an address may name."""
    school = await open_small_school(name)
    async with school.session() as session:
        season = await confirmed_class(school, session)
    version = (await season.freeze())[0]
    await season.render(version)
    await season.ask_for_signatures(version)
    place = Place(school)
    async with school.session() as session:
        await later_rows(session, school, version.id)
        for table in metadata.sorted_tables:
            if "id" in table.columns and isinstance(table.columns.id.type, Uuid) and not table.schema:
                place.ids[table.name] = list(await session.scalars(select(table.columns.id).limit(1)))
    place.ids["transcript_version"] = [version.id]
    return place


async def later_rows(session: Any, school: SmallSchool, version_id: uuid.UUID) -> None:
    """Certificates, consents, deliveries and imports, as they would be stored."""
    made_up = Tenant(school.tenant_id)
    made_up.rows["public.staff_member"] = {"id": school.staff["principal"]}
    made_up.rows["public.transcript_version"] = {"id": version_id}
    for name in (
        "credential",
        "signing_batch",
        "provider_call",
        "delivery",
        "delivery_attempt",
        "import_run",
        "invoice",
    ):
        table = metadata.tables[name]
        row = made_up.new_row(table)
        if name in _STATES:
            row["state"] = _STATES[name]
        row |= {"errors": []} if name == "delivery" else {}
        row |= {"preview": _PREVIEW} if name == "import_run" else {}
        row |= {"outcome": None} if name == "delivery_attempt" else {}
        made_up.rows[named(table)] = row
        await session.execute(insert(table).values(row))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def places(product: settings.Settings) -> tuple[Place, Place]:
    """School A, who asks, and school B."""
    return await furnished("Trường A"), await furnished("Trường B")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def visitor(site: Litestar, places: tuple[Place, Place]) -> Browser:
    """The principal of school A, to whom every other role was given as well."""
    school = places[0].school
    async with school.session() as session:
        for role in Role:
            statement = "insert into staff_role values (:tenant, :staff, :role) on conflict do nothing"
            values = {"tenant": school.tenant_id, "staff": school.staff["principal"], "role": role.value}
            await session.execute(text(statement), values)
    browser = await school.browser(site, "principal")
    everything = NewApiClient(name="Mọi quyền", kind=ClientKind.TOKEN, scopes=frozenset(Scope), months=1)
    async with school.session() as session:
        actor = await school.actor(session, "principal")
        key = await api_clients.add_client(session, actor, everything)
    # Pages look at the cookie alone, the interface for other systems at this alone.
    browser.http.headers["Authorization"] = f"Bearer {key.secret}"
    return browser


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def nothing_of_b_moves(places: tuple[Place, Place]) -> AsyncIterator[None]:
    before = await places[1].fingerprint()
    yield
    assert await places[1].fingerprint() == before


def addresses(method: str) -> list[str]:
    """All addresses of the site that take an id, with `{id}` in its place."""
    found = set()
    for route in create_app(ROUTES).routes:
        if isinstance(route, HTTPRoute) and ":uuid}" in route.path:
            methods = {one for handler in route.route_handlers for one in handler.http_methods}
            if method in methods:
                found.add(re.sub(r"{\w+:uuid}", "{id}", route.path).replace("{kind:str}", "pdf"))
    return sorted(found)


#: What an address expects beside the id; everything else is an empty form.
_BODIES = {
    "/so-diem/{id}/o": lambda cell: {
        "cells": [{"student": str(cell), "column": "level:", "value": "T", "version": 0}]
    }
}


async def ask(visitor: Browser, method: str, address: str, one: uuid.UUID) -> httpx.Response:
    path = address.replace("{id}", str(one))
    if method == "GET":
        return await visitor.http.get(path)
    headers = {"X-CSRF-Token": visitor.csrf_token}
    if address in _BODIES:
        return await visitor.http.post(path, json=_BODIES[address](uuid.uuid4()), headers=headers)
    return await visitor.http.post(path, data={"csrf_token": visitor.csrf_token}, headers=headers)


def page_of(answer: httpx.Response, one: uuid.UUID) -> str:
    """The answer without what is new in each."""
    said = re.sub(r'(name="csrf-token" content|name="csrf_token" value)="[^"]*"', "", answer.text)
    return said.replace(answer.headers["x-request-id"], "").replace(str(one), "")


def test_the_site_has_such_addresses() -> None:
    assert len(addresses("GET")) >= 9
    assert len(addresses("POST")) >= 6


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_ids_of_another_school_are_ids_that_nobody_has(
    places: tuple[Place, Place], visitor: Browser, method: str
) -> None:
    a, b = places
    await visitor.get("/lop")
    for address in addresses(method):
        nobody = uuid.uuid4()
        expected = await ask(visitor, method, address, nobody)
        assert expected.status_code == 404, f"{method} {address}: {expected.status_code}"
        for one in b.all_ids:
            answer = await ask(visitor, method, address, one)
            assert answer.status_code == 404, f"{method} {address} {one}"
            assert page_of(answer, one) == page_of(expected, nobody), f"{method} {address} {one}"
            assert {*answer.headers} == {*expected.headers}
    assert set(a.all_ids).isdisjoint(b.all_ids)


async def test_ones_own_ids_are_answered(places: tuple[Place, Place], visitor: Browser) -> None:
    """The control: without it, a site that answers 404 to everything would pass."""
    a, b = places
    tokens = [b.school.name, *(str(one) for one in b.all_ids)]
    for address in addresses("GET"):
        answers = [await ask(visitor, "GET", address, one) for one in a.all_ids]
        good = [answer for answer in answers if answer.status_code != 404]
        assert good, address
        # 409: a file of a transcript that has not been issued.
        assert {answer.status_code for answer in answers} <= {200, 404, 409}, address
        for answer in good:
            assert [token for token in tokens if token in answer.text] == [], address


async def test_lists_and_counts_are_of_ones_own_school(places: tuple[Place, Place], visitor: Browser) -> None:
    _, b = places
    tokens = [b.school.name, *(str(one) for one in b.all_ids)]
    for path in ("/", "/tien-do", "/lop", "/ky", "/nhap", "/gui", "/gui/dem"):
        answer = await visitor.get(path)
        assert answer.status_code == 200, path
        assert [token for token in tokens if token in answer.text] == [], path


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.kind)
async def test_a_job_of_one_school_about_another(places: tuple[Place, Place], task: jobs.Task) -> None:
    """A job's school comes from its row: with an id of B in it, a job of A finds nothing."""
    a, b = places
    for subject in [*b.all_ids, uuid.uuid4()]:
        [job] = jobs.rows(a.school.tenant_id, task, [subject])
        job |= {"state": "leased", "fence": 1}
        async with a.school.session() as session:
            await session.execute(insert(Job).values(job))
        job_id = uuid.UUID(str(job["id"]))
        work = Work(
            tenant_id=a.school.tenant_id,
            job_id=job_id,
            kind=task.kind,
            fence=1,
            subject_ids=(subject,),
            attempts=0,
        )
        with pytest.raises(NotFound):
            await task.run(work)
        async with tenant_session(a.school.tenant_id) as session:
            await session.execute(text("delete from work.job where id = :id"), {"id": job_id})
