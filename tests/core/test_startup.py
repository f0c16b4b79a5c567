"""What the site refuses to start with, and what it says when it cannot work."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from litestar import Litestar

from backend import app as the_app
from backend.core import csrf, database, lookups, settings
from infra.embedded.stack import EmbeddedStack
from tests.core.browser import Browser


@pytest_asyncio.fixture(loop_scope="session")
async def other_database(product: settings.Settings) -> AsyncIterator[pytest.MonkeyPatch]:
    """A change of HOCBA_DATABASE_URL counts from the next query on, and is undone afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        await _forget()
        yield patch
        await _forget()
    settings.get.cache_clear()


async def _forget() -> None:
    await database.engine().dispose()
    await lookups.close()
    settings.get.cache_clear()
    database.engine.cache_clear()


@pytest.mark.parametrize(
    "role", ["hocba_migrator", "hocba_dispatcher", "hocba_auditor", "hocba_operator", "postgres"]
)
async def test_an_unsafe_role(
    other_database: pytest.MonkeyPatch, embedded_stack: EmbeddedStack, role: str
) -> None:
    other_database.setenv("HOCBA_DATABASE_URL", embedded_stack.postgres.url(role))
    with pytest.raises(database.UnsafeRole, match="too powerful"):
        await the_app.prepare()


@pytest.mark.parametrize(
    "granted",
    [
        "hocba_migrator",
        "hocba_ctx",
        "hocba_dispatcher",
        "hocba_auditor",
        "hocba_operator",
        "pg_read_all_data",
    ],
)
async def test_a_member_of_an_unsafe_role(
    other_database: pytest.MonkeyPatch, embedded_stack: EmbeddedStack, granted: str
) -> None:
    """Also one that neither inherits nor may switch: that is one `grant … with` away."""
    admin = await asyncpg.connect(embedded_stack.postgres.url("postgres"))
    await admin.execute("create role tries_more login password 'x'")
    try:
        await admin.execute(f"grant {granted} to tries_more with inherit false, set false")
        database_name = embedded_stack.postgres.database
        await admin.execute(f'grant connect on database "{database_name}" to tries_more')
        app_url = embedded_stack.postgres.url("hocba_app")
        password = embedded_stack.postgres.password("hocba_app")
        other_database.setenv(
            "HOCBA_DATABASE_URL", app_url.replace(f"hocba_app:{password}@", "tries_more:x@")
        )
        with pytest.raises(database.UnsafeRole, match=granted):
            await the_app.prepare()
        await database.engine().dispose()
    finally:
        await admin.execute("drop owned by tries_more")
        await admin.execute("drop role tries_more")
        await admin.close()


async def test_the_application_role_may_start(product: settings.Settings) -> None:
    await the_app.prepare()


async def test_without_a_database(probe_site: Litestar, other_database: pytest.MonkeyPatch) -> None:
    other_database.setenv("HOCBA_DATABASE_URL", "postgresql://hocba_app:x@127.0.0.1:1/hocba")
    browser = Browser(probe_site)
    assert (await browser.get("/healthz")).status_code == 200
    assert (await browser.get("/readyz")).json()["database"] == "down"
    browser.http.cookies.set("hocba", "x" * 43)
    down = await browser.get("/thu/trang")
    assert down.status_code == 503
    assert "Máy chủ dữ liệu đang không trả lời" in down.text
    token = csrf.token_for("x" * 43)
    assert (await browser.post("/dang-xuat", X_CSRF_Token=token)).status_code == 503
