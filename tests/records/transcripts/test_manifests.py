"""Manifests in an older database: a later version that was issued ends those before it."""

import uuid

import pytest

from backend.core import clock
from backend.core.database import tenant_session
from backend.core.settings import Settings
from backend.records.transcripts import queries
from backend.records.transcripts.models import TranscriptVersion
from backend.records.transcripts.schemas import IssuedManifest, VersionState
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
