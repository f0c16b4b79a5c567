"""The embedded servers on an empty folder, migrated, and one demo school in them; gone when the block ends."""

import asyncio
import atexit
import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from datetime import date
from functools import cache
from pathlib import Path
from typing import NamedTuple

import asyncpg
import msgspec

from backend import cli
from backend.core import bucket, clock, database, lookups, rate_limit, settings, storage
from backend.core.actor import Actor, StaffId, machine
from backend.core.database import TenantSession, tenant_session
from backend.records.gradebook import service as gradebook
from backend.records.roster import service as roster
from backend.records.roster.curriculum import AssessedBy, find_subject
from backend.records.roster.schemas import ClassId, ClassSummary, NewStudent
from backend.records.transcripts import canonical, queries
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import VersionState
from backend.remote_signing.formats import pades
from backend.tenants.access import service as access
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from infra.bench import samples
from infra.bench.harness import say
from infra.bench.render import make
from infra.bench.signers import FIELDS, Table
from infra.demo.people import Pupil
from infra.demo.schools import ACADEMIC_YEAR, DemoSchool
from infra.embedded import ready_made
from infra.embedded.stack import EmbeddedStack

LOGIN, PASSWORD = "hieutruong@do.hocba.test", "mat-khau-de-do"
_YEAR_STARTS, _YEAR_ENDS = date(2025, 9, 5), date(2026, 5, 31)


class Teacher(msgspec.Struct, frozen=True, kw_only=True):
    """Who teaches one subject to one class, and nothing else; signs in by `login` and the school's one password."""

    login: str
    class_id: ClassId
    subject_code: str


class OpenSchool(msgspec.Struct, frozen=True, kw_only=True):
    """A school with its classes, pupils and empty sheets. `actor` may write everywhere."""

    tenant_id: uuid.UUID
    actor: Actor
    classes: tuple[ClassSummary, ...]
    teachers: tuple[Teacher, ...]


@asynccontextmanager
async def embedded() -> AsyncIterator[EmbeddedStack]:
    """PostgreSQL, Valkey and S3, started and migrated; what is committed is on the disk, as in production."""
    with tempfile.TemporaryDirectory(prefix="hocba-bench-") as folder:
        await asyncio.to_thread(ready_made.copy, _made(), Path(folder))
        async with EmbeddedStack(Path(folder), say=say, configured={}) as stack:
            with _settings(environment(stack)):
                if await asyncio.to_thread(cli.main, ["migrate"]):
                    raise RuntimeError("the schema could not be migrated")
                yield stack
                await _let_go()


@cache
def _made() -> Path:
    """What each block copies: made once for all groups, gone at the end."""
    folder = Path(tempfile.mkdtemp(prefix="hocba-bench-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    ready_made.make(folder)
    return folder


def environment(stack: EmbeddedStack) -> dict[str, str]:
    """The product's settings; templates are not read again at every request, which only development does.

    Limits are counted as ever, and never reached: all that is measured comes from one network.
    """
    return stack.environment() | {"HOCBA_ENVIRONMENT": "test", "HOCBA_ROUTE_LIMIT_FACTOR": "1000000"}


@contextmanager
def _settings(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


async def _let_go() -> None:
    """Another block has other servers: forget what belongs to these."""
    await database.engine().dispose()
    await lookups.close()
    if rate_limit._client.cache_info().currsize:
        await rate_limit.close()
    for remembered in (settings.get, database.engine, database._key, bucket.client):
        remembered.cache_clear()


async def open_school(
    school: DemoSchool, pupils: Mapping[str, Sequence[Pupil]], teachers: int = 0
) -> OpenSchool:
    """Open a demo school, take in its principal, classes and pupils, and open the sheets of every class.

    So many `teachers` have a subject of a class each, which is assessed by marks; the rest is the principal's.
    """
    tenant_id, hired = uuid.uuid4(), list[Teacher]()
    operator = machine(tenant_id)
    await schools.open_school(tenant_id, samples.profile(school))
    async with tenant_session(tenant_id) as session:
        staff = await people.add_staff(session, operator, "Hiệu trưởng Đo", LOGIN, "", [Role.PRINCIPAL])
        await access.create_account(session, staff, LOGIN, PASSWORD)
        year_id = await roster.open_year(session, ACADEMIC_YEAR, _YEAR_STARTS, _YEAR_ENDS)
        for one in school.classes:
            class_id = await roster.open_class(session, year_id, one.code, one.grade, staff)
            assigned: dict[str, StaffId | None] = dict.fromkeys(one.subjects, staff)
            for subject in [code for code in one.subjects if _takes_marks(one.grade, code)]:
                if len(hired) < teachers:
                    login = f"gv{len(hired)}@do.hocba.test"
                    assigned[subject] = await hire(session, operator, login)
                    hired.append(Teacher(login=login, class_id=class_id, subject_code=subject))
            await roster.assign_teachers(session, class_id, assigned)
            await gradebook.open_sheets(session, class_id)
        register = [_new_student(pupil) for members in pupils.values() for pupil in members]
        await roster.take_register(session, register)
        classes = tuple(await roster.list_classes(session))
    await look_at_tables()
    return OpenSchool(tenant_id=tenant_id, actor=operator, classes=classes, teachers=tuple(hired))


async def hire(session: TenantSession, operator: Actor, login: str) -> StaffId:
    """A subject teacher with an account; all of the measured schools sign in with the same password."""
    staff = await people.add_staff(session, operator, "Giáo viên Đo", login, "", [Role.SUBJECT_TEACHER])
    await access.create_account(session, staff, login, PASSWORD)
    return staff


def _takes_marks(grade: int, code: str) -> bool:
    subject = find_subject(grade, code)
    return subject is not None and subject.assessed_by is AssessedBy.SCORE


class Issued(NamedTuple):
    """A version that is issued, the code by which it is looked up, and its signed file."""

    version_id: uuid.UUID
    code: str
    document: bytes


async def issue_one(school: OpenSchool, table: Table) -> Issued:
    """An issued transcript of some pupil, in the database and in the store."""
    document = samples.books(1)[0]
    pdf = table.with_material(table.sign(pades.place_fields(make(document), FIELDS), stamp=True))
    signed_sha256 = await storage.put(school.tenant_id, pdf)
    async with tenant_session(school.tenant_id) as session:
        chosen = school.classes[0]
        [student, *_] = await roster.list_students(session, chosen.id)
        transcript = {
            "tenant_id": school.tenant_id,
            "id": uuid.uuid4(),
            "student_id": student.id,
            "level": document.snapshot.level.value,
            "lookup_code": document.snapshot.lookup_code,
            "created_at": clock.now(),
        }
        version_id = uuid.uuid4()
        version: dict[str, object] = {
            "tenant_id": school.tenant_id,
            "id": version_id,
            "transcript_id": transcript["id"],
            "academic_year_id": chosen.academic_year_id,
            "class_id": chosen.id,
            "student_id": student.id,
            "number": 1,
            "state": VersionState.ISSUED,
            "snapshot": document.content.decode(),
            "content_sha256": canonical.content_sha256(document.content),
            "signed_sha256": signed_sha256,
            "frozen_at": clock.now(),
            "issued_at": clock.now(),
            "corrections": [],
        }
        await queries.insert_transcripts(session, [transcript])
        await queries.insert_versions(session, [version])
        code = document.snapshot.lookup_code
        transcript_id = uuid.UUID(str(transcript["id"]))
        await queries.publish_codes(session, {transcript_id: transcripts.code_digest(code)})
    return Issued(version_id, code, pdf)


async def look_at_tables() -> None:
    """What autovacuum does within a minute: tell the planner what is in the tables."""
    connection = await asyncpg.connect(settings.get().database_migrator_url)
    try:
        await connection.execute("analyze")
    finally:
        await connection.close()


def _new_student(pupil: Pupil) -> NewStudent:
    return NewStudent(
        student_code=pupil.student_code,
        full_name=pupil.full_name,
        date_of_birth=pupil.date_of_birth,
        class_name=pupil.class_code,
        personal_id=pupil.personal_id,
        gender=pupil.gender,
    )
