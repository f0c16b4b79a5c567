"""All SQL of issued copies."""

import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, func, insert, or_, select, update

from backend.core.database import TenantSession
from backend.records.copies import rules
from backend.records.copies.models import IssuedCopy
from backend.records.roster.models import Student
from backend.records.transcripts.models import Transcript

#: By number, as the register has them: an id is given out with a form, which may lie open for long.
_NEWEST_FIRST = (IssuedCopy.register_year.desc(), IssuedCopy.number.desc())


async def last_number(session: TenantSession, register_year: int) -> int:
    """The highest number of a year's register, 0 before the first."""
    query = select(func.max(IssuedCopy.number)).where(
        IssuedCopy.tenant_id == session.tenant_id, IssuedCopy.register_year == register_year
    )
    return await session.scalar(query) or 0


async def insert_copy(session: TenantSession, row: dict[str, Any]) -> IssuedCopy:
    query = insert(IssuedCopy).values(tenant_id=session.tenant_id, **row).returning(IssuedCopy)
    return (await session.scalars(query)).one()


async def in_the_way(
    session: TenantSession, copy_id: uuid.UUID, register_year: int, number: int
) -> Sequence[IssuedCopy]:
    """The lines that have this id or this number."""
    numbered = and_(IssuedCopy.register_year == register_year, IssuedCopy.number == number)
    query = select(IssuedCopy).where(
        IssuedCopy.tenant_id == session.tenant_id, or_(IssuedCopy.id == copy_id, numbered)
    )
    return (await session.scalars(query)).all()


async def has_transcript(session: TenantSession, transcript_id: uuid.UUID) -> bool:
    return await session.get(Transcript, (session.tenant_id, transcript_id)) is not None


async def record_print(session: TenantSession, copy_id: uuid.UUID, sha256: str) -> IssuedCopy | None:
    """The copy, where it had no print until now."""
    query = update(IssuedCopy).where(
        IssuedCopy.tenant_id == session.tenant_id, IssuedCopy.id == copy_id, IssuedCopy.sha256.is_(None)
    )
    return (await session.scalars(query.values(sha256=sha256).returning(IssuedCopy))).first()


def _lines() -> Any:
    return (
        select(IssuedCopy, Student.id.label("student_id"), Student.full_name, Student.student_code)
        .join(
            Transcript,
            and_(Transcript.tenant_id == IssuedCopy.tenant_id, Transcript.id == IssuedCopy.transcript_id),
        )
        .join(Student, and_(Student.tenant_id == Transcript.tenant_id, Student.id == Transcript.student_id))
    )


async def one(session: TenantSession, copy_id: uuid.UUID) -> Any | None:
    """A line of the register."""
    query = _lines().where(IssuedCopy.tenant_id == session.tenant_id, IssuedCopy.id == copy_id)
    return (await session.execute(query)).one_or_none()


async def of_transcript(session: TenantSession, transcript_id: uuid.UUID) -> Sequence[Any]:
    """The copies of one transcript, newest first."""
    query = _lines().where(
        IssuedCopy.tenant_id == session.tenant_id, IssuedCopy.transcript_id == transcript_id
    )
    return (await session.execute(query.order_by(*_NEWEST_FIRST))).all()


async def search(
    session: TenantSession, typed: str, words: Sequence[str], first: int, size: int
) -> tuple[Sequence[Any], int]:
    """One page of the register, newest first, and the number of lines in all.

    `words` are folded and stand in the pupil's name or code; or `typed` stands in the recipient, or is the number,
    with or without its year.
    """
    wanted = [IssuedCopy.tenant_id == session.tenant_id]
    if words:
        pupil = and_(*(Student.search_key.contains(f" {word}", autoescape=True) for word in words))
        wanted.append(or_(pupil, IssuedCopy.recipient.icontains(typed, autoescape=True), *_numbered(typed)))
    query = _lines().where(*wanted)
    total = await session.scalar(select(func.count()).select_from(query.subquery())) or 0
    rows = await session.execute(query.order_by(*_NEWEST_FIRST).offset(first).limit(size))
    return rows.all(), total


def _numbered(typed: str) -> list[ColumnElement[bool]]:
    found = rules.numbered(typed)
    if found is None:
        return []
    number, year = found
    of_year = [] if year is None else [IssuedCopy.register_year == year]
    return [and_(IssuedCopy.number == number, *of_year)]
