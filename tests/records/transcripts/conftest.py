"""A school whose class 1A is assessed and confirmed: ready to be frozen."""

from dataclasses import dataclass

import pytest_asyncio

from backend.core import storage
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.records.assessment import service as assessment
from backend.records.roster.schemas import ClassId
from backend.records.transcripts import flow, forms, service
from backend.records.transcripts.schemas import VersionSummary
from tests.factories.small_school import MUSIC, Otherwise, SmallSchool, enroll, fill, lock_class

NAMES = ["Lò Thị An", "Cầm Văn Bình", "Quàng Thị Chi"]


@dataclass
class Season:
    """One class on its way, step by step."""

    school: SmallSchool
    class_id: ClassId
    principal: Actor
    homeroom: Actor

    async def freeze(self) -> list[VersionSummary]:
        """Freeze the class; its versions in the order of names."""
        async with self.school.session() as session:
            await service.freeze_class(session, self.principal, self.class_id)
            return await service.list_versions(session, self.class_id)

    async def render(self, version: VersionSummary) -> tuple[bytes, bytes]:
        """What the task `transcripts.render` does: PDF and XML, stored and recorded."""
        async with self.school.session() as session:
            contents = await flow.due_for_rendering(session, [version.id])
        made = await forms.both(version.id, contents[version.id])
        for data in (made.pdf, made.xml):
            await storage.put(self.school.tenant_id, data)
        async with self.school.session() as session:
            await flow.record_renderings(session, [made])
        return made.pdf, made.xml

    async def ask_for_signatures(self, version: VersionSummary) -> bytes:
        """What the task `transcripts.ask_for_signatures` does; the document with its empty fields."""
        async with self.school.session() as session:
            await flow.ask_for_signatures(session, [version.id])
            digest = await service.digest_of_file(session, version.id, "pdf")
        return await storage.get(self.school.tenant_id, digest)


async def confirmed_class(
    school: SmallSchool,
    session: TenantSession,
    name: str = "1A",
    grade: int = 1,
    names: list[str] = NAMES,
    first: int = 1,
    otherwise: Otherwise = lambda *_: None,
    taken_by_music: str = MUSIC,
) -> Season:
    """A class with full sheets, assessed and confirmed as far as it can be; pupils are numbered from `first`."""
    class_id = await school.open_class(session, name, grade, taken_by_music)
    await enroll(session, name, names, first)
    principal = await school.actor(session, "principal")
    homeroom = await school.actor(session, "homeroom")
    await fill(session, await school.actor(session, "it"), class_id, otherwise)
    await lock_class(session, school, class_id)
    await assessment.assess_class(session, class_id)
    await assessment.confirm_class(session, homeroom, class_id)
    return Season(school, class_id, principal, homeroom)


@pytest_asyncio.fixture(loop_scope="session")
async def season(small_school: SmallSchool) -> Season:
    """Class 1A with three confirmed pupils."""
    async with small_school.session() as session:
        return await confirmed_class(small_school, session)
