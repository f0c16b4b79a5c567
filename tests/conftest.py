"""What every test has: a closed network, named skips, and on demand one embedded stack per session."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from infra.embedded.stack import EmbeddedStack
from tests.factories.migrated import lay_down

pytest_plugins = (
    "tests.plugins.collector",
    "tests.plugins.network",
    "tests.plugins.system_packages",
    "tests.plugins.turns",
    "tests.core.site_fixtures",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make sabotage` runs many short sessions against one stack, each with a database of its own."""
    parser.addoption("--stack", type=Path, help="folder of an embedded stack that runs already")
    parser.addoption("--database", default="hocba", help="the product's database there")
    parser.addoption("--agree", action="store_true", help="write tests/tenancy/objects.txt anew")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def embedded_stack(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> AsyncIterator[EmbeddedStack]:
    """Real PostgreSQL, Valkey and S3, empty, started when the first test asks for them."""
    running = pytestconfig.getoption("--stack")
    if running:
        yield EmbeddedStack.running(running, pytestconfig.getoption("--database"))
        return
    said: list[str] = []
    folder = lay_down(tmp_path_factory.mktemp("stack"), tmp_path_factory)
    async with EmbeddedStack(folder, say=said.append, durable=False, configured={}) as stack:
        yield stack
    assert said == [], "a server died during the tests"
