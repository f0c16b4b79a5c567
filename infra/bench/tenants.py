"""Pages among many schools: the same page with one school in the database and with 500, and one school with 100,000
transcripts among them."""

import asyncio
import os
import statistics
import tempfile
import uuid
from pathlib import Path
from typing import Any, Final

import asyncpg

# The flow brings every table.
import backend.workflow  # noqa: F401
from backend.core.database import metadata
from infra.bench import samples, servers
from infra.bench import site as pages
from infra.bench.harness import Bench, one_core, say
from infra.bench.servers import OpenSchool
from infra.bench.signers import Table
from infra.bench.site import Load, Target

_SCHOOLS: Final = 500
_TRANSCRIPTS: Final = 100_000
#: The classes of a school: what it costs when the tables hold those of others, too.
_PAGE: Final = "/lop"


def run(bench: Bench) -> None:
    """Servers on one core, whoever asks on another."""
    everywhere = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder, one_core() as core:
        asyncio.run(_measure(bench, Table(Path(folder)), min(everywhere - {core} or everywhere)))


async def _measure(bench: Bench, table: Table, core: int) -> None:
    told = samples.truth()
    async with servers.embedded() as stack:
        school = await servers.open_school(told.secondary, told.secondary_pupils)
        issued = await servers.issue_one(school, table)
        site = await pages.start_site(stack, stack.ports["web"], 1)
        leader = await pages.cookie(site, servers.LOGIN)
        page = Target(url=site + _PAGE, cookie=leader, text=told.secondary.classes[-1].code)
        [alone] = await pages.turns("tenants.scale, one school", [page], 1, bench, core)
        await _fill(school, bench.size(_SCHOOLS, 20), bench.size(_TRANSCRIPTS, 500))
        frame = Target(url=site + pages.FRAME, cookie=leader, text=servers.LOGIN)
        opened = Target(url=f"{site}/hoc-ba/{issued.version_id}", cookie=leader, text=issued.code)
        among, little, whole = await pages.turns("tenants.scale", [page, frame, opened], 1, bench, core)
    _report(bench, alone, among, little, whole)


def _report(
    bench: Bench, alone: list[Load], among: list[Load], little: list[Load], whole: list[Load]
) -> None:
    before, after = (statistics.median(load.p50 for load in found) for found in (alone, among))
    bench.report(
        "tenants.scale",
        after / before,
        n=sum(load.requests for load in among),
        note=f"{_PAGE}, p50 {before:.2f} ms with one school, {after:.2f} ms among {bench.size(_SCHOOLS, 20)}",
    )
    frame, page = (statistics.median(load.p95 for load in found) for found in (little, whole))
    number = bench.size(_TRANSCRIPTS, 500)
    bench.report(
        "tenants.transcript_open",
        page,
        n=sum(load.requests for load in whole),
        ratio=frame / page,
        note=f"{number} transcripts in the school; {page / frame:.1f} times {pages.FRAME} ({frame:.1f} ms)",
    )


async def _fill(school: OpenSchool, schools: int, transcripts: int) -> None:
    """Other schools with the same rows, and many more pupils with a transcript in this one."""
    connection = await asyncpg.connect(os.environ["HOCBA_DATABASE_MIGRATOR_URL"])
    try:
        tables = [
            table for table in metadata.sorted_tables if table.schema is None and "tenant_id" in table.c
        ]
        names = {table.name: [column.name for column in table.c] for table in tables}
        # The owner of the tables, to whom policies apply only by force, writes what no school may write.
        for name in names:
            await connection.execute(f'alter table "{name}" no force row level security')
        filled = [name for name in names if await _rows(connection, name)]
        for name in filled:
            others = [column for column in names[name] if column != "tenant_id"]
            columns = ", ".join(others)
            await connection.execute(
                f'insert into "{name}" (tenant_id, {columns}) '
                f'select md5(nth::text)::uuid, {columns} from "{name}", generate_series(2, $1) other(nth) '
                "where tenant_id = $2",
                schools,
                school.tenant_id,
            )
        await _many_transcripts(connection, school.tenant_id, transcripts)
        for name in names:
            await connection.execute(f'alter table "{name}" force row level security')
    finally:
        await connection.close()
    await servers.look_at_tables()
    say(f"{schools} schools, {transcripts} transcripts")


async def _rows(connection: Any, name: str) -> bool:
    return bool(await connection.fetchval(f'select exists (select from "{name}")'))


async def _many_transcripts(connection: Any, tenant_id: uuid.UUID, number: int) -> None:
    """Pupils like the one whose transcript was issued, each with a transcript and its version."""
    for name, fresh in {
        "student": {"id": "n.id", "student_code": "n.id::text", "personal_id": "null"},
        "transcript": {"id": "n.id", "student_id": "n.id", "lookup_code": "md5(n.id::text)"},
        "transcript_version": {"id": "n.id", "transcript_id": "n.id", "student_id": "n.id"},
    }.items():
        columns = [column.name for column in metadata.tables[name].c]
        values = ", ".join(fresh.get(column, f"one.{column}") for column in columns)
        pattern = "id = (select student_id from transcript_version where tenant_id = $1 limit 1)"
        wanted = pattern if name == "student" else "true"
        await connection.execute(
            f"insert into {name} ({', '.join(columns)}) select {values} "
            f"from (select * from {name} where tenant_id = $1 and {wanted} order by id limit 1) one, "
            "(select md5('pupil' || nth)::uuid as id from generate_series(1, $2) other(nth)) n",
            tenant_id,
            number,
        )
