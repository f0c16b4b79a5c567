"""One row in every table of a school, made from the metadata: a new table is attacked without anybody remembering it."""

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

from sqlalchemy import (
    ARRAY,
    Boolean,
    Date,
    DateTime,
    Integer,
    LargeBinary,
    Numeric,
    String,
    Table,
    Time,
    Uuid,
    insert,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.schema import Column

from backend.core.database import TenantId, TenantSession
from backend.tables import metadata

Row = dict[str, Any]

#: Every table that holds rows of schools, parents first.
TABLES: list[Table] = [table for table in metadata.sorted_tables if "tenant_id" in table.columns]
#: What PostgreSQL alone writes: the application cannot even name these columns.
_ITS_OWN = {"audit_event": {"n", "prev_hash", "hash", "settled_at"}}
#: What the relay and the dispatcher, which look at all schools, must be able to read and leave alone.
_HARMLESS = {"outbox_event.name": "KnownToAnotherRelease", "job.state": "parked", "job.kind": "no.such.task"}


def named(table: Table) -> str:
    """`schema.table` as SQL writes it."""
    return f"{table.schema or 'public'}.{table.name}"


async def digests(session: TenantSession) -> dict[str, str]:
    """A digest of all rows of each table that this session sees."""
    parts = (
        f"select '{named(table)}', md5(string_agg(t::text, '|' order by t::text)) from {named(table)} t"
        for table in TABLES
    )
    return {row[0]: row[1] for row in await session.execute(text(" union all ".join(parts)))}


def new_token() -> str:
    """A word that is nowhere else."""
    return f"canary{secrets.token_hex(8)}"


@dataclass
class Tenant:
    """A school with one row in every table; each of its texts holds `token`, which is nowhere else."""

    tenant_id: TenantId
    token: str = field(default_factory=new_token)
    rows: dict[str, Row] = field(default_factory=dict)

    def key(self, table: Table) -> Row:
        """The primary key of this school's row."""
        return {column.name: self.rows[named(table)][column.name] for column in table.primary_key}

    async def fill(self, session: TenantSession) -> None:
        """Write the rows."""
        for table in TABLES:
            self.rows[named(table)] = self.new_row(table)
            await session.execute(insert(table).values(self.rows[named(table)]))

    def new_row(self, table: Table) -> Row:
        """One more row of this school; its parents are those that it has."""
        passed_over = _ITS_OWN.get(table.name, set())
        return {
            column.name: self._value(table, column)
            for column in table.columns
            if column.name not in passed_over
        }

    def _value(self, table: Table, column: Column[Any]) -> Any:
        if column.name == "tenant_id":
            return self.tenant_id
        parents = [key.column for key in column.foreign_keys]
        if parents and parents[0].table is table:  # a row beside it, which may be none
            return None
        if parents:
            return self.rows[named(parents[0].table)][parents[0].name]
        fixed = _HARMLESS.get(f"{table.name}.{column.name}")
        return fixed or _made_up(column, f"{self.token}-{secrets.token_hex(4)}")


def _made_up(column: Column[Any], text: str) -> Any:
    match column.type:
        case JSONB():
            return {"text": text}
        case ARRAY(item_type=Uuid()):
            return [uuid.uuid4()]
        case ARRAY(item_type=LargeBinary()):
            return [text.encode()]
        case ARRAY():
            return [text]
        case Uuid():
            return uuid.uuid4()
        case DateTime():
            return datetime.now(UTC)
        case Date():
            return date(2026, 1, 1)
        case Time():
            return time(8, 30)
        case LargeBinary():
            return text.encode()
        case Boolean():
            return True
        case Numeric():
            return Decimal(secrets.randbelow(2**31))
        case Integer():
            return secrets.randbelow(2**31)
        case String():
            return text
    raise NotImplementedError(f"{column.table.name}.{column.name}: say here what such a column may hold")
