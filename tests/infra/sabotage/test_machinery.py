"""The sabotage is honest: what is whole is green, what is broken is caught, what does not fit or run is neither."""

import ast
import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from backend.core import settings
from infra.embedded.postgres import SUPERUSER
from infra.embedded.stack import EmbeddedStack
from infra.sabotage.breakages import PROJECT, Breakage, CannotBreak, load
from infra.sabotage.copies import TEMPLATE, break_there
from infra.sabotage.verdict import Verdict, failures
from infra.sabotage.workshop import Workshop

#: Tests that need no database, so that a session of them is short.
LOGS = "tests/core/test_logs.py"
_REPORT = '<testsuites><testsuite><testcase name="one">{}</testcase></testsuite></testsuites>'

in_source = pytest.mark.parametrize("breakage", [one for one in load() if one.file], ids=lambda one: one.name)
in_database = pytest.mark.parametrize(
    "breakage", [one for one in load() if one.sql], ids=lambda one: one.name
)


@in_source
def test_every_breakage_fits_the_source_of_today(breakage: Breakage) -> None:
    """Where the code has moved on, the breakage moves with it: else nobody would break anything there."""
    ast.parse(breakage.patched(PROJECT))


@in_database
async def test_every_breakage_fits_the_database_of_today(
    product: settings.Settings, embedded_stack: EmbeddedStack, breakage: Breakage
) -> None:
    """What it names is there. Nothing of it stays."""
    connection = await asyncpg.connect(embedded_stack.postgres.url(SUPERUSER, "hocba"))
    transaction = connection.transaction()
    await transaction.start()
    try:
        await break_there(connection, breakage)
    except CannotBreak as reason:  # rows of other tests may stand against a key; a copy has none
        if not isinstance(reason.__cause__, asyncpg.UniqueViolationError):
            raise
    await transaction.rollback()
    await connection.close()


def test_there_are_enough_and_every_named_test_exists() -> None:
    assert len(load()) >= 95
    for test in {test for one in load() for test in one.caught_by}:
        path, _, name = test.partition("::")
        function = name.partition("[")[0]
        assert f"def {function}(" in (PROJECT / path).read_text(encoding="utf-8"), test


def test_a_breakage_that_does_not_fit_says_so() -> None:
    gone = Breakage(name="gone", caught_by=(LOGS,), file="backend/core/logs.py", old="no such line", new="")
    with pytest.raises(CannotBreak, match="stands 0 times"):
        gone.patched(PROJECT)
    idle = msgspec.structs.replace(gone, old="FIELDS = frozenset(", new="FIELDS = frozenset(")
    with pytest.raises(CannotBreak):
        idle.patched(PROJECT)


@pytest.mark.parametrize(
    ("ends", "failed"),
    [
        ('<failure message="assert 1 == 2"/>', ["one"]),
        ('<error message="failed on teardown with assert"/>', ["one"]),
        ('<error message="failed on setup with ImportError"/>', []),
        ("<skipped/>", []),
        ("", []),
    ],
)
def test_a_test_that_could_not_begin_has_noticed_nothing(
    tmp_path: Path, ends: str, failed: list[str]
) -> None:
    report = tmp_path / "report.xml"
    report.write_text(_REPORT.format(ends))
    assert failures(report) == failed


@pytest_asyncio.fixture(loop_scope="session")
async def workshop(embedded_stack: EmbeddedStack) -> AsyncIterator[Workshop]:
    """A workshop on the stack of this session; its template is empty, which is enough for tests without a database."""
    folder = PROJECT / ".hocba" / "sabotage-test"
    folder.mkdir(parents=True, exist_ok=True)
    await embedded_stack.postgres.create_database(TEMPLATE)
    yield Workshop(embedded_stack, folder)
    await embedded_stack.postgres.drop_database(TEMPLATE)
    for report in folder.iterdir():
        report.unlink()
    folder.rmdir()


async def test_what_is_whole_is_green_and_what_is_broken_is_caught(workshop: Workshop) -> None:
    """And the project stays as it is."""
    [breakage] = [one for one in load() if one.name == "logs quote failures"]
    before = (PROJECT / breakage.file).read_bytes()
    attempts = (workshop.attempt(None, [LOGS]), workshop.attempt(breakage, breakage.caught_by))
    whole, broken = await asyncio.gather(*attempts)
    assert whole[0] is Verdict.MISSED, whole[1]
    assert broken == (Verdict.CAUGHT, "test_the_words_of_a_failure_are_left_out")
    assert (PROJECT / breakage.file).read_bytes() == before


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("drop policy tenant on no_such_table", "no_such_table"),
        ("do $$ begin execute pg_get_functiondef('same()'::regprocedure); end $$", "stands in no function"),
    ],
)
async def test_sql_that_does_nothing_breaks_nothing(
    workshop: Workshop, embedded_stack: EmbeddedStack, sql: str, says: str
) -> None:
    connection = await asyncpg.connect(embedded_stack.postgres.url(SUPERUSER, TEMPLATE))
    await connection.execute("create function same() returns int language sql as 'select 1'")
    await connection.close()
    gone = Breakage(name="gone", caught_by=(LOGS,), sql=sql)
    verdict, said = await workshop.attempt(gone, gone.caught_by)
    assert verdict is Verdict.UNCLEAR
    assert says in said
