"""One upload: whose it is, what is kept of it, what its name may be."""

import pytest

from backend.core.actor import machine
from backend.core.errors import Forbidden, NotFound
from backend.core.ids import new_id
from backend.integrations.imports import service
from backend.integrations.imports.schemas import ImportRunId
from tests.factories.demo_school import ImportingSchool, Workbook
from tests.integrations.imports.books import Books


async def test_runs_of_strangers_do_not_exist(
    hoaban: ImportingSchool, songtrang: ImportingSchool, books: Books
) -> None:
    run_id, _ = await hoaban.preview(books.register)
    for unknown in (run_id, ImportRunId(new_id())):
        async with songtrang.session() as session:
            with pytest.raises(NotFound):
                await service.get_run(session, unknown)
        with pytest.raises(NotFound):
            await songtrang.apply(unknown, books.secondary_register)
    async with songtrang.session() as session:
        assert await service.list_runs(session) == []


async def test_the_machine_imports_nothing(hoaban: ImportingSchool, books: Books) -> None:
    async with hoaban.session() as session:
        with pytest.raises(Forbidden):
            await service.preview(
                session, machine(hoaban.tenant_id), "x.xlsx", books.register.data, books.register.parsed
            )


async def test_a_name_of_a_file_is_shown_without_what_is_invisible(
    hoaban: ImportingSchool, books: Books
) -> None:
    for name, shown in (
        (f"{'a' * 300}.xlsx", "a" * 200),
        ("x\x00\u202excod.xlsx", "xxcod.xlsx"),
        ("\n", "tệp không tên"),
    ):
        run_id, _ = await hoaban.preview(Workbook(name, books.register.data))
        async with hoaban.session() as session:
            assert (await service.get_run(session, run_id)).file_name == shown


async def test_the_real_way_reads_once_and_keeps_both(hoaban: ImportingSchool, books: Books) -> None:
    parsed = await service.read_workbook(hoaban.tenant_id, books.register.data)
    assert parsed == books.register.parsed
    run_id, _ = await hoaban.preview(books.register)
    async with hoaban.session() as session:
        run = await service.get_run(session, run_id)
    assert await service.parsed_workbook(hoaban.tenant_id, run.parsed_sha256) == parsed
