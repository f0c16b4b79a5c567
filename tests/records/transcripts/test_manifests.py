"""Manifests in an older database: a later version ends those before it, and a day of effect is found again."""

import uuid
from datetime import date

import msgspec
import pytest

from backend.core import clock
from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.settings import Settings
from backend.records.transcripts import flow, manifests, queries, service
from backend.records.transcripts.models import TranscriptVersion
from backend.records.transcripts.schemas import Deed, IssuedManifest, VersionState
from tests.factories.issued_versions import issue, open_delivering_school
from tests.factories.machine import Machine


def next_of(row: TranscriptVersion) -> IssuedManifest:
    """A manifest of the version after that one."""
    return IssuedManifest(
        tenant_id=row.tenant_id,
        school_code="",
        version_id=uuid.uuid4(),
        transcript_id=row.transcript_id,
        level="primary",
        code_sha256="",
        number=row.number + 1,
        student_id=row.student_id,
        class_id=row.class_id,
        academic_year_id=row.academic_year_id,
        content_sha256="1" * 64,
        pdf_sha256=None,
        xml_sha256=None,
        signed_sha256="2" * 64,
        corrections_sha256="3" * 64,
        signing_request_id=uuid.uuid4(),
        transcript_created_at=clock.now(),
        frozen_at=clock.now(),
        issued_at=clock.now(),
        files=(),
    )


@pytest.mark.parametrize(
    ("known", "ended"),
    [
        ({}, VersionState.REPLACED),
        ({"signed_sha256": None, "state": VersionState.SIGNING}, VersionState.CANCELLED),
        ({"state": VersionState.RECALLED}, VersionState.RECALLED),
    ],
)
async def test_a_later_version_ends_those_before_it(
    product: Settings, known: dict[str, str | None], ended: VersionState
) -> None:
    tenant_id = await open_delivering_school()
    before, of_another = await issue(tenant_id, 2)
    await Machine(tenant_id).forget()
    async with tenant_session(tenant_id) as session:
        if known:
            await queries.update_versions(session, {before: known})
        [row] = await queries.versions(session, [before])
        later = next_of(row)
        await queries.end_versions_before(session, later)
        corrections = [{"what": "Toán", "old": "8", "new": "9"}]
        await queries.restore_version(session, later, "{}", "code", corrections)
    async with tenant_session(tenant_id, read_only=True) as session:
        found = {
            one.id: one for one in await queries.versions(session, [before, of_another, later.version_id])
        }
    assert found[before].state == ended
    assert found[of_another].state == VersionState.ISSUED
    assert (found[later.version_id].state, found[later.version_id].corrections) == (
        VersionState.ISSUED,
        corrections,
    )


@pytest.mark.parametrize("known", [None, date(2026, 6, 30)])
async def test_what_was_handed_over_is_in_force_from_the_day_that_the_authority_locked_it(
    product: Settings, monkeypatch: pytest.MonkeyPatch, known: date | None
) -> None:
    """Accepted after the copy was made, or before it, and locked by the Authority before the plan's last day."""
    monkeypatch.setattr(clock, "today", lambda: date(2026, 6, 1))
    tenant_id = await open_delivering_school()
    [version_id] = await issue(tenant_id)
    await Machine(tenant_id).forget()
    async with tenant_session(tenant_id) as session:
        [row] = await queries.versions(session, [version_id])
        actor = machine(tenant_id)
        await service.hand_over(session, actor, Deed.TAKE_OVER, row.student_id, "Trường nhận: Trường Mới")
    for deed in (Deed.ACCEPT, Deed.LOCK):
        async with tenant_session(tenant_id) as session:
            await flow.advance(session, [version_id], deed)
    made = next_of(row)
    made = msgspec.structs.replace(made, version_id=version_id, signed_sha256=row.signed_sha256)
    since = await service.since_issued(tenant_id)
    async with tenant_session(tenant_id) as session:
        await queries.update_versions(session, {version_id: {"effective_on": known}})
        await manifests.restore(session, made, since, "Người trực", recall_sent=False)
        found = await service.get_version(session, version_id)
    assert (found.state, found.effective_on) == ("transferred_out", date(2026, 6, 1))
