"""Migrations of a school that has been at work: what was confirmed before stays confirmed."""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import pytest_asyncio

from backend.core import settings
from backend.core.ids import new_id
from backend.records.assessment.rules.rule_sets import rule_set_for
from backend.records.assessment.schemas import PrimaryYear
from infra.embedded.postgres import SUPERUSER
from infra.embedded.stack import EmbeddedStack
from tests.records.assessment.pupils import Json, averages, primary, secondary

DATABASE = "migrations"
CONFIRMED_AT = datetime(2026, 5, 25, tzinfo=UTC)
_MOVE = """
from alembic import command
from alembic.config import Config
config = Config()
config.set_main_option("script_location", "infra/migrations")
command.{deed}(config, "{revision}")
"""
_ROW = """
    insert into year_result (tenant_id, id, class_id, student_id, state, input, output, computed_at, confirmed_at)
    values ($1, $2, $1, $2, $3, $4, '{}', $5, $6)
"""


class OldDatabase:
    """A database that may go from one revision to another."""

    def __init__(self, stack: EmbeddedStack, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.connection = connection
        self.environment = os.environ | {
            "HOCBA_DATABASE_MIGRATOR_URL": stack.postgres.url("hocba_migrator", DATABASE)
        }

    def go(self, deed: str, revision: str) -> None:
        command = [sys.executable, "-c", _MOVE.format(deed=deed, revision=revision)]
        subprocess.run(command, env=self.environment, check=True)

    async def add(self, asked: Json, *, is_confirmed: bool) -> None:
        """A result as it was kept before there were editions, readings and decisions."""
        state, said = ("confirmed", CONFIRMED_AT) if is_confirmed else ("computed", None)
        number = await self.connection.fetchval("select count(*) from year_result")
        values = (new_id(), uuid.UUID(int=number), state, json.dumps(asked), CONFIRMED_AT, said)
        await self.connection.execute(_ROW, *values)

    async def results(self) -> list[dict[str, Any]]:
        rows = await self.connection.fetch("select * from year_result order by id")
        return [dict(row) | {"input": json.loads(row["input"])} for row in rows]


@pytest_asyncio.fixture(loop_scope="session")
async def old_database(
    product: settings.Settings, embedded_stack: EmbeddedStack
) -> AsyncIterator[OldDatabase]:
    """Its rows need no parents."""
    await embedded_stack.postgres.create_database(DATABASE)
    connection = await asyncpg.connect(embedded_stack.postgres.url(SUPERUSER, DATABASE))
    await connection.execute("set session_replication_role = replica")
    yield OldDatabase(embedded_stack, connection)
    await connection.close()
    await embedded_stack.postgres.drop_database(DATABASE)


def as_kept(asked: Json) -> Json:
    """The input of a year in primary as a result of today keeps it."""
    kept: Json = msgspec.json.decode(msgspec.json.encode(msgspec.convert(asked, PrimaryYear)))
    return kept


async def test_what_was_confirmed_before_stays_confirmed(old_database: OldDatabase) -> None:
    """Computing again compares the input: it says the same, so the result stays as it is."""
    old_database.go("upgrade", "0034")
    today = as_kept(primary(grade=3))
    asked = {key: value for key, value in today.items() if key not in ("supplement", "principal")}
    later = secondary(averages(["8"] * 8), grade=9)
    await old_database.add(asked, is_confirmed=True)
    await old_database.add(later, is_confirmed=True)
    await old_database.add(asked, is_confirmed=False)
    old_database.go("upgrade", "0037")
    old_database.go("downgrade", "0034")
    assert [one["input"] for one in await old_database.results()] == [asked, later, asked]
    old_database.go("upgrade", "head")
    found = await old_database.results()
    assert [one["input"] for one in found] == [today, later, today]
    assert [one["rule_set"] for one in found] == [rule_set_for(2025, grade).name for grade in (3, 9, 3)]
    assert [one["settled_at"] for one in found] == [CONFIRMED_AT, CONFIRMED_AT, None]


async def test_reminders_go_as_they_came(old_database: OldDatabase) -> None:
    old_database.go("upgrade", "0032")
    old_database.go("downgrade", "0031")
    assert await old_database.connection.fetchval("select to_regclass('season_nudge')") is None
    old_database.go("upgrade", "0032")
    assert await old_database.connection.fetchval("select count(*) from season_nudge") == 0
