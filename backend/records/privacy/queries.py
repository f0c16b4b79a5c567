"""SQL of requests, and the walk along references that finds every row about one pupil."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    ARRAY,
    Column,
    ColumnElement,
    ForeignKeyConstraint,
    LargeBinary,
    Table,
    Uuid,
    and_,
    any_,
    insert,
    literal,
    or_,
    select,
    update,
)

from backend.core.database import TenantSession, metadata
from backend.records.privacy.models import DataRequest
from backend.records.roster.models import Student

#: Columns that name a subject without a reference: what is signed, what was done to; and others that a deed was about.
_SUBJECT, _ABOUT = "subject_id", "about"


async def insert_request(session: TenantSession, row: dict[str, Any]) -> None:
    """Add a request."""
    await session.execute(insert(DataRequest).values(tenant_id=session.tenant_id, **row))


async def update_request(session: TenantSession, request_id: uuid.UUID, **values: object) -> None:
    """Change columns of a request."""
    own = (DataRequest.tenant_id == session.tenant_id, DataRequest.id == request_id)
    await session.execute(update(DataRequest).where(*own).values(**values))


async def hold_request(session: TenantSession, request_id: uuid.UUID) -> Any | None:
    """One request with its pupil, held against change until the transaction ends."""
    query = _requests().where(DataRequest.tenant_id == session.tenant_id, DataRequest.id == request_id)
    return (await session.execute(query.with_for_update(of=DataRequest))).one_or_none()


async def find_request(session: TenantSession, request_id: uuid.UUID) -> Any | None:
    """One request with its pupil."""
    query = _requests().where(DataRequest.tenant_id == session.tenant_id, DataRequest.id == request_id)
    return (await session.execute(query)).one_or_none()


async def all_requests(session: TenantSession) -> Sequence[Any]:
    """Every request with its pupil, newest first."""
    query = _requests().where(DataRequest.tenant_id == session.tenant_id)
    return (await session.execute(query.order_by(DataRequest.id.desc()))).all()


def _requests() -> Any:
    return select(
        DataRequest, Student.full_name.label("student_name"), Student.student_code.label("student_code")
    ).join(Student, and_(Student.tenant_id == DataRequest.tenant_id, Student.id == DataRequest.student_id))


async def student_by_code(session: TenantSession, student_code: str) -> uuid.UUID | None:
    """The pupil with a code."""
    own = (Student.tenant_id == session.tenant_id, Student.student_code == student_code)
    return await session.scalar(select(Student.id).where(*own))


async def rows_about(session: TenantSession, student_id: uuid.UUID) -> dict[str, list[dict[str, Any]]]:
    """Every row that is the pupil's or refers to such a row, by table; without bytes, which are parts of files, and
    without the other pupils that a deed was about.

    Tables are found by their references, so that a new one is not forgotten. Deeds come last: nothing refers to one.
    """
    known: dict[str, set[uuid.UUID]] = {Student.__tablename__: {student_id}}
    found: dict[str, list[dict[str, Any]]] = {}
    before = -1
    while before < (before := sum(map(len, known.values()))):
        for table in metadata.sorted_tables:
            rows = [] if _ABOUT in table.columns else await _rows_of(session, table, known)
            if rows:
                found[table.name] = rows
                known.setdefault(table.name, set()).update(row["id"] for row in rows if "id" in row)
    deeds = [table for table in metadata.sorted_tables if _ABOUT in table.columns]
    return found | {table.name: await _rows_of(session, table, known) for table in deeds}


async def _rows_of(
    session: TenantSession, table: Table, known: dict[str, set[uuid.UUID]]
) -> list[dict[str, Any]]:
    links = [] if table.schema else list(_links(table, known))
    if not links:
        return []
    shown = [
        column
        for column in table.columns
        if not isinstance(column.type, LargeBinary) and column.name != _ABOUT
    ]
    query = select(*shown).where(table.columns.tenant_id == session.tenant_id, or_(*links))
    return [dict(row._mapping) for row in await session.execute(query)]


def _links(table: Table, known: dict[str, set[uuid.UUID]]) -> list[ColumnElement[bool]]:
    if table.name == Student.__tablename__:  # the pupil, and records of theirs that were entered twice
        own = known[table.name]
        return [_is_one_of(table.columns.id, own), _is_one_of(table.columns.merged_into_id, own)]
    links = [
        _is_one_of(
            table.columns[next(name for name in key.column_keys if name != "tenant_id")],
            known[key.referred_table.name],
        )
        for key in table.constraints
        if isinstance(key, ForeignKeyConstraint) and key.referred_table.name in known
    ]
    everything = set[uuid.UUID]().union(*known.values())
    if _SUBJECT in table.columns:
        links.append(_is_one_of(table.columns[_SUBJECT], everything))
    if _ABOUT in table.columns:
        links.append(table.columns[_ABOUT].op("&&")(_array(everything)))
    return links


def _is_one_of(column: Column[Any], ids: set[uuid.UUID]) -> ColumnElement[bool]:
    """One value, however many ids: a statement takes no more than 32,767."""
    return column == any_(_array(ids))


def _array(ids: set[uuid.UUID]) -> ColumnElement[Any]:
    return literal(list(ids), ARRAY(Uuid))
