"""A school whose class 1A is assessed and confirmed: ready to be frozen."""

from dataclasses import dataclass

import pytest_asyncio

from backend.core import storage
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.records.assessment import service as assessment
from backend.records.gradebook import service as gradebook
from backend.records.roster.schemas import ClassId
from backend.records.transcripts import forms, service
from backend.records.transcripts.schemas import VersionSummary
from backend.remote_signing.requests import service as signing
from tests.factories.small_school import Otherwise, SmallSchool, enroll, fill

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
            content = await service.due_for_rendering(session, version.id)
        assert content is not None
        pdf, xml = await forms.both(content)
        for data in (pdf, xml):
            await storage.put(self.school.tenant_id, data)
        async with self.school.session() as session:
            await service.record_rendering(session, version.id, pdf, xml)
        return pdf, xml

    async def ask_for_signatures(self, version: VersionSummary) -> bytes:
        """What the task `transcripts.ask_for_signatures` does; the document with its empty fields."""
        async with self.school.session() as session:
            digest = await service.due_for_signing(session, version.id)
        assert digest is not None
        rendered = await storage.get(self.school.tenant_id, digest)
        document = signing.with_fields(rendered, service.SIGNING_ORDER)
        await storage.put(self.school.tenant_id, document)
        async with self.school.session() as session:
            await service.ask_for_signatures(session, version.id, document)
        return document


async def confirmed_class(
    school: SmallSchool,
    session: TenantSession,
    name: str = "1A",
    grade: int = 1,
    names: list[str] = NAMES,
    first: int = 1,
    otherwise: Otherwise = lambda *_: None,
) -> Season:
    """A class with full sheets, assessed and confirmed as far as it can be; pupils are numbered from `first`."""
    class_id = await school.open_class(session, name, grade)
    await enroll(session, name, names, first)
    principal = await school.actor(session, "principal")
    homeroom = await school.actor(session, "homeroom")
    await fill(session, await school.actor(session, "it"), class_id, otherwise)
    await gradebook.lock_class(session, principal, class_id)
    await assessment.assess_class(session, class_id)
    await assessment.confirm_class(session, homeroom, class_id)
    return Season(school, class_id, principal, homeroom)


@pytest_asyncio.fixture(loop_scope="session")
async def season(small_school: SmallSchool) -> Season:
    """Class 1A with three confirmed pupils."""
    async with small_school.session() as session:
        return await confirmed_class(small_school, session)
