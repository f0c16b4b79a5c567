"""Completed documents get a time stamp by night, once; another when its proof ages; whatever is down meanwhile."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select

from backend import workflow
from backend.core import clock, storage
from backend.core.audit import Action, AuditEvent
from backend.core.database import tenant_session
from backend.remote_signing.archiving import service, tasks
from backend.remote_signing.archiving.models import ArchiveStamp
from backend.remote_signing.formats import document_stamp
from backend.remote_signing.formats.timestamps import check_token
from backend.remote_signing.requests import service as requests
from backend.remote_signing.validation import service as validation
from tests.factories.machine import Death, Machine
from tests.factories.signing_school import ROLES, SigningSchool, changed_settings
from tests.fakes.processes import SigningService


async def completed(school: SigningSchool, count: int = 1) -> list[uuid.UUID]:
    """Documents that everybody has signed."""
    subjects = await school.ask(count)
    machine = Machine(school.tenant_id)
    for role in ROLES:
        await school.consent(role)
        await machine.rest()
    return subjects


async def night(school: SigningSchool, death: Death | None = None) -> None:
    """The daily look, and the work that it asks for."""
    async with tenant_session(school.tenant_id) as session:
        await service.queue_due(session)
    await Machine(school.tenant_id, death=death).rest()


async def stamps(school: SigningSchool) -> list[ArchiveStamp]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return list(await session.scalars(select(ArchiveStamp).order_by(ArchiveStamp.number)))


async def newest(school: SigningSchool, subject_id: uuid.UUID) -> bytes:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        archived = await service.archived(session, subject_id)
    assert archived is not None
    return await storage.get(school.tenant_id, archived.document_sha256)


def test_the_stamp_is_a_task_of_the_night() -> None:
    assert tasks.stamp in workflow.BY_NIGHT


@pytest.mark.parametrize("death", [None, *Death], ids=lambda death: death.name.lower() if death else "alive")
async def test_each_document_is_stamped_once_and_stays_as_issued(
    death: Death | None, school: SigningSchool
) -> None:
    subjects = await completed(school, 2)
    await night(school, death)
    await night(school)
    assert [one.number for one in await stamps(school)] == [1, 1]
    async with tenant_session(school.tenant_id, read_only=True) as session:
        issued = await requests.signed_documents(session, subjects)
        xml = await requests.signed_xml(session, subjects)
        for subject in subjects:
            before = await storage.get(school.tenant_id, issued[subject])
            archived = await service.archived(session, subject)
            assert archived is not None
            after = await storage.get(school.tenant_id, archived.document_sha256)
            assert after.startswith(before)
            assert after != before
            assert await service.issued_form(session, archived.document_sha256) == issued[subject]
            assert await service.issued_form(session, issued[subject]) is None
            report = await validation.check_own(after, ROLES)
            assert report.verdict == "valid", report.problems
            assert {one.level for one in report.signatures} == {"B-LTA"}
            [token] = archived.tokens
            check_token(token, await storage.get(school.tenant_id, xml[subject] or ""))
        deeds = select(AuditEvent.subject_id).where(AuditEvent.action == Action.DOCUMENT_ARCHIVED)
        assert set(await session.scalars(deeds)) == set(subjects)
        standing = await service.standing(session)
    assert (standing.stamped, standing.waiting, standing.ageing) == (2, 0, 0)


async def test_what_is_not_signed_by_all_waits_for_that(school: SigningSchool) -> None:
    await school.ask(1)
    await night(school)
    assert await stamps(school) == []


async def test_without_the_authority_it_waits_and_is_not_given_up(
    school: SigningSchool, signing: SigningService
) -> None:
    await completed(school)
    with changed_settings(HOCBA_TSA_URL="http://127.0.0.1:1/tsa"):
        async with tenant_session(school.tenant_id) as session:
            await service.queue_due(session)
            assert (await service.standing(session)).waiting == 1
        machine = Machine(school.tenant_id)
        await machine.round()
        [job] = await machine.left()
    assert (job["state"], job["attempts"]) == ("due", 0)
    assert "dấu thời gian" in job["last_error"].lower()
    assert await stamps(school) == []


async def test_a_stamp_is_renewed_before_its_authority_ends(
    school: SigningSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    [subject] = await completed(school)
    await night(school)
    first = await newest(school, subject)
    [stamp] = await stamps(school)
    left = stamp.expires_at - clock.now()
    monkeypatch.setattr(service, "RENEW_BEFORE", left + timedelta(days=1))
    async with tenant_session(school.tenant_id) as session:
        assert (await service.standing(session)).ageing == 1
        due = await service.to_stamp(session, [stamp.request_id])
        assert [one.number for one in due] == [2]
        await service.queue_due(session)
    machine = Machine(school.tenant_id)
    await machine.rest()
    monkeypatch.undo()
    assert [one.number for one in await stamps(school)] == [1, 2]
    second = await newest(school, subject)
    assert second.startswith(first)
    report = await validation.check_own(second, ROLES)
    assert report.verdict == "valid", report.problems
    async with tenant_session(school.tenant_id, read_only=True) as session:
        archived = await service.archived(session, subject)
        xml = (await requests.signed_xml(session, [subject]))[subject]
    assert archived is not None
    data = await storage.get(school.tenant_id, xml or "")
    for number, token in enumerate(archived.tokens):
        check_token(token, document_stamp.chained(data, archived.tokens[:number]))
