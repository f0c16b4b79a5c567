"""What every test has: a closed network, named skips, and on demand one embedded stack per session."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from infra.embedded.stack import EmbeddedStack

pytest_plugins = ("tests.plugins.network", "tests.plugins.system_packages", "tests.core.site_fixtures")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def embedded_stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[EmbeddedStack]:
    """Real PostgreSQL, Valkey and S3 on an empty folder, started when the first test asks for them."""
    said: list[str] = []
    folder = tmp_path_factory.mktemp("stack")
    async with EmbeddedStack(folder, say=said.append, durable=False, configured={}) as stack:
        yield stack
    assert said == [], "a server died during the tests"
