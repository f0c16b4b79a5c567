"""Secrets stay where they are used: none in a log, a job, a row, a cached value or an answer (S8)."""

import logging
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio
from litestar import Litestar

from backend.core import jobs, logs, rate_limit, settings
from backend.core.database import tenant_session
from backend.core.ids import new_id
from backend.tenants.api_clients import service as api_clients
from backend.tenants.api_clients.schemas import ClientKind, NewApiClient, Scope
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from infra.embedded.stack import EmbeddedStack
from tests.core.browser import Browser
from tests.core.probes import PROBES
from tests.core.site_fixtures import PASSWORD, TestSchool, open_test_school, signed_in

WRONG = "mat-khau-go-nham-canary-5f1c"


@pytest.fixture
def written() -> Iterator[list[str]]:
    """Every line that the product logs meanwhile, at the most talkative level."""
    lines: list[str] = []
    formatter = logs.JsonFormatter()

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if not record.name.startswith(("httpx", "httpcore")):  # the browser of these tests
                lines.append(formatter.format(record))

    handler, root = Keep(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(before)


@pytest_asyncio.fixture(loop_scope="session")
async def superuser(embedded_stack: EmbeddedStack) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who sees every row of every table."""
    connection = await asyncpg.connect(embedded_stack.postgres.url("postgres"))
    yield connection
    await connection.close()


async def dump(connection: asyncpg.Connection) -> str:
    """Every row of every table of the product, as text."""
    tables = await connection.fetch(
        "select format('%I.%I', n.nspname, c.relname) as name from pg_class c join pg_namespace n"
        " on n.oid = c.relnamespace where c.relkind = 'r' and n.nspname in ('public', 'work', 'directory')"
    )
    rows = [
        row["line"]
        for table in tables
        for row in await connection.fetch(f"select t::text as line from {table['name']} t")
    ]
    return "\n".join(rows)


async def cached() -> str:
    """Every key and value in Valkey."""
    client = rate_limit._client()
    found = []
    async for key in client.scan_iter("*"):
        kind = await client.type(key)
        value = await client.hgetall(key) if kind == b"hash" else b""
        found.append(f"{key!r} {value!r}")
    return "\n".join(found)


def of_the_installation(config: settings.Settings) -> list[str]:
    """What the installation itself must not tell."""
    password = config.database_url.rpartition("@")[0].rpartition(":")[2]
    kept = [config.secret_key, config.s3_secret_key, config.signing_client_secret, password]
    return [one for one in kept if len(one) >= 12]


async def use(site: Litestar, school: TestSchool) -> list[str]:
    """A day of secrets: typed, drawn, shown once; returns them all."""
    browser = await signed_in(site, school, Role.PRINCIPAL)
    await Browser(site).sign_in(school.login(Role.CLERK), WRONG)
    keys = []
    async with tenant_session(school.tenant_id) as session:
        owner = await people.actor_of(session, school.staff[Role.OWNER])
        for kind in ClientKind:
            new = NewApiClient(name="Khóa", kind=kind, scopes=frozenset(Scope), months=1)
            keys.append(await api_clients.add_client(session, owner, new))
        await jobs.enqueue(session, "transcripts.render", new_id())
    form = {"grant_type": "client_credentials", "client_id": str(keys[1].client_id)}
    other = Browser(site)
    answer = await other.http.post("/api/v1/oauth/token", data=form | {"client_secret": keys[1].secret})
    token = answer.json()["access_token"]
    for secret in (token, keys[0].secret, "hocba_la"):
        await other.http.get("/api/v1/classes", headers={"Authorization": f"Bearer {secret}"})
    await browser.get("/lop")
    await browser.http.get(f"/khong-co?khoa={keys[0].secret}")
    await browser.http.get("/thu/loi/unexpected")
    return [PASSWORD, WRONG, browser.cookie("hocba"), browser.csrf_token, token, *(k.secret for k in keys)]


async def test_no_secret_is_written_down(
    product: settings.Settings,
    probe_site: Litestar,
    written: list[str],
    superuser: asyncpg.Connection,
) -> None:
    school = await open_test_school("Trường Bí Mật")
    secrets = [*of_the_installation(product), *await use(probe_site, school)]
    assert len(secrets) >= 10
    assert all(len(secret) >= 12 for secret in secrets)
    places = {"log": "\n".join(written), "database": await dump(superuser), "Valkey": await cached()}
    await superuser.execute("delete from work.job where tenant_id = $1", school.tenant_id)
    assert str(school.tenant_id) in places["log"]
    assert str(school.tenant_id) in places["database"]
    assert "limit:" in places["Valkey"]
    found = [(place, secret[:6]) for place, text in places.items() for secret in secrets if secret in text]
    assert found == []


def test_a_secret_that_is_written_would_be_seen(written: list[str]) -> None:
    logging.getLogger("backend.planted").warning("signed in with %s", WRONG)
    assert any(WRONG in line for line in written)
    assert PROBES
