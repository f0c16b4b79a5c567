"""Documents signed with the test's own keys in place of the signing service's: quick, and with nobody to wait for."""

import uuid

from sqlalchemy import text

from backend.core import storage
from backend.core.crypto import sha256_hex
from backend.records.transcripts import flow
from backend.records.transcripts.schemas import VersionSummary
from tests.factories.small_school import SmallSchool
from tests.records.transcripts.conftest import Season
from tests.remote_signing.formats.world import World

_COMPLETED = text(
    "update signing_request set state = 'completed', current_sha256 = :sha256, signed_xml_sha256 = :xml, "
    "completed_at = now() where subject_id = :subject returning id"
)


def sign(world: World, document: bytes) -> bytes:
    """Three signatures with time stamps, and the material to check them later."""
    for name, identity in world.signers:
        document = world.sign(document, name, identity)
    return world.add_material(document)


async def complete(
    school: SmallSchool, subject_id: uuid.UUID, signed: bytes, xml: bytes | None = None
) -> uuid.UUID:
    """All that the signing flow leaves behind for a document, and its XML if that is signed; its signing request."""
    kinds = {signed: "application/pdf"} | ({xml: "application/xml"} if xml else {})
    for data in kinds:
        await storage.put(school.tenant_id, data)
    async with school.session() as session:
        await storage.register(session, *(storage.file_of(data, kind) for data, kind in kinds.items()))
        done = {
            "sha256": sha256_hex(signed),
            "xml": sha256_hex(xml) if xml else None,
            "subject": subject_id,
        }
        request_id: uuid.UUID = (await session.execute(_COMPLETED, done)).scalar_one()
    return request_id


async def issue(season: Season, version: VersionSummary, signed: bytes, xml: bytes | None = None) -> None:
    """The product issues a version that was signed so."""
    await complete(season.school, version.id, signed, xml)
    async with season.school.session() as session:
        await flow.note_signed(session, [version.id])
        await flow.issue(session, [version.id])
