"""Questions that many requests ask: written with SQLAlchemy, compiled once, answered by the driver itself.

Building, compiling and wrapping a statement costs SQLAlchemy more than PostgreSQL needs for a short answer.
"""

import asyncio
from collections import namedtuple
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property, lru_cache
from typing import Any

from sqlalchemy import ARRAY, Boolean, text
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.expression import ClauseElement
from sqlalchemy.types import TypeEngine

_DIALECT = asyncpg.dialect()  # type: ignore[no-untyped-call]


class Question:
    """A statement whose values are bind parameters. Ask it by `TenantSession.ask` or `lookups.ask`.

    One that writes many rows and answers nothing is told by `TenantSession.tell`.
    Values and columns are what the driver takes and gives (str, int, UUID, bool, date, datetime, list): no JSON, no
    lists in IN (`= any(…)` takes one). Raises TypeError, when first asked, for a type that needs SQLAlchemy.
    """

    def __init__(self, statement: ClauseElement) -> None:
        self._statement = statement

    @cached_property
    def _compiled(self) -> SQLCompiler:
        compiled = self._statement.compile(dialect=_DIALECT)
        assert isinstance(compiled, SQLCompiler)
        columns = getattr(self._statement, "selected_columns", ())
        types = [part.type for part in (*compiled.bind_names, *columns)]
        if compiled.post_compile_params or any(map(_is_converted, types)):
            raise TypeError(f"a question with values that need SQLAlchemy: {compiled}")
        return compiled

    @cached_property
    def sql(self) -> str:
        """The text for the driver, with `$1`, `$2`, …"""
        return str(self._compiled)

    @cached_property
    def _fixed(self) -> dict[str, object]:
        return {name: value for name, value in self._compiled.params.items() if value is not None}

    async def answer(self, driver: Any, values: Mapping[str, object]) -> list[Any]:
        """The rows as named tuples, asked on a connection of the driver. Raises KeyError for a missing value."""
        records: Sequence[Any] = await driver.fetch(self.sql, *self._arguments(values))
        return list(map(_row(tuple(records[0].keys()))._make, records)) if records else []

    async def write(self, driver: Any, rows: Iterable[Mapping[str, object]]) -> None:
        """Run the statement once for each row, on a connection of the driver. Raises KeyError for a missing value."""
        await driver.executemany(self.sql, [self._arguments(row) for row in rows])

    def _arguments(self, values: Mapping[str, object]) -> list[object]:
        known = {**self._fixed, **values}
        return [known[name] for name in self._compiled.positiontup or ()]


class Lines(Question):
    """A statement about many rows of a school: PostgreSQL takes each of their columns as one list, the rows as `new`."""

    def __init__(self, before: str, columns: Mapping[str, str], after: str = "") -> None:
        lists = ", ".join(f"cast(:{name} as {of}[])" for name, of in columns.items())
        super().__init__(text(f"{before} from unnest({lists}) as new ({', '.join(columns)}) {after}"))
        self._columns = tuple(columns)

    def values(self, rows: Sequence[Mapping[str, object]]) -> dict[str, list[object]]:
        """What `ask` takes. Raises KeyError for a row without one of the columns."""
        return {name: [row[name] for row in rows] for name in self._columns}


class Adding(Lines):
    """Adds many rows to a table.

    `columns` are names with their types; `then` may say what to do about rows that are there, and what to answer.
    """

    def __init__(self, table: str, columns: Mapping[str, str], then: str = "") -> None:
        before = f"insert into {table} (tenant_id, {', '.join(columns)}) select cast(:tenant as uuid), new.*"
        super().__init__(before, columns, then)


class Changing(Lines):
    """Changes many rows of a table `t`, each its own way; `id` among the `columns` says which. `sets`: column → what."""

    def __init__(self, table: str, columns: Mapping[str, str], sets: Mapping[str, str]) -> None:
        told = ", ".join(f"{name} = {value}" for name, value in sets.items())
        after = "where t.tenant_id = cast(:tenant as uuid) and t.id = new.id"
        super().__init__(f"update {table} t set {told}", columns, after)


@contextmanager
def told_when_gone(driver: Any) -> Iterator[None]:
    """Raise ConnectionError in place of the driver's own error when PostgreSQL has closed the connection.

    A connection whose statement was cut off is closed: whether a BEGIN that nobody heard the end of has opened the
    transaction of a school cannot be known before the next one borrows the connection.
    """
    try:
        yield
    except asyncio.CancelledError:
        driver.terminate()
        raise
    except Exception as error:
        if driver.is_closed():
            raise ConnectionError("PostgreSQL closed the connection") from error
        raise


def _is_converted(of: TypeEngine[Any]) -> bool:
    """Whether SQLAlchemy would change a value of that type on its way; a truth value it only checks."""
    plain = (of.item_type if isinstance(of, ARRAY) else of).dialect_impl(_DIALECT)
    if isinstance(plain, Boolean):
        return False
    return bool(plain.bind_processor(_DIALECT) or plain.result_processor(_DIALECT, None))


@lru_cache(maxsize=256)
def _row(columns: tuple[str, ...]) -> Any:
    return namedtuple("Row", columns)
