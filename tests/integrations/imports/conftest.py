"""The demo's workbooks, written once at full size, and cells by hand."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from backend.core import settings
from backend.integrations.imports.readers.grid import Cell, Sheet
from infra.demo.truth import Truth, tell
from infra.demo.workbooks import DemoPlan, write_workbooks
from tests.factories.demo_school import ImportingSchool, open_importing_school
from tests.integrations.imports.books import Books, write_books


class Demo(NamedTuple):
    folder: Path
    plan: DemoPlan
    truth: Truth
    cpu_seconds: float


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    folder = tmp_path_factory.mktemp("workbooks")
    began = time.process_time()
    plan = write_workbooks(folder)
    return Demo(folder, plan, tell(), time.process_time() - began)


@pytest.fixture(scope="session")
def sheet() -> Callable[..., Sheet]:
    """sheet("Toán", [row, row, …]): rows of plain values, as the grid gives them."""

    def make(name: str, rows: Sequence[Sequence[Cell]]) -> Sheet:
        return Sheet(name=name, rows=tuple(tuple(row) for row in rows))

    return make


@pytest.fixture(scope="session")
def books(tmp_path_factory: pytest.TempPathFactory) -> Books:
    return write_books(tmp_path_factory.mktemp("small-workbooks"))


@pytest_asyncio.fixture(loop_scope="session")
async def hoaban(product: settings.Settings, books: Books) -> ImportingSchool:
    return await open_importing_school(books.truth.primary)


@pytest_asyncio.fixture(loop_scope="session")
async def songtrang(product: settings.Settings, books: Books) -> ImportingSchool:
    return await open_importing_school(books.truth.secondary)
