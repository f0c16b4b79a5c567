"""What everybody has signed is complete only when the whole verdict is good, the one that anybody gets."""

from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from backend.core import parked_jobs
from backend.core.database import tenant_session
from backend.remote_signing.requests import service
from backend.remote_signing.requests.rules import RequestState
from backend.remote_signing.requests.schemas import RequestId
from tests.factories.machine import Machine
from tests.factories.pki import Pki
from tests.factories.signing_school import ROLES, SEAL, SigningSchool, changed_settings
from tests.fakes.processes import SigningService
from tests.remote_signing.requests.test_cancelled import request_of


async def told(school: SigningSchool) -> list[str]:
    """Why work of the school has stopped."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return [one.told for one in await parked_jobs.parked(session)]


async def test_a_document_that_nobody_would_believe_is_not_complete_and_goes_on_when_they_do(
    school: SigningSchool, signing: SigningService, tmp_path: Path
) -> None:
    """The anchors of the installation are not those of its signers: each value verifies, and no chain is believed."""
    [subject] = await school.ask(1)
    for role in ROLES[:2]:
        await school.consent(role)
        await Machine(school.tenant_id).rest()
    (tmp_path / "other.pem").write_bytes(Pki().root.certificate.public_bytes(Encoding.PEM))
    with changed_settings(HOCBA_TRUST_DIR=str(tmp_path)):
        await school.consent(SEAL)
        await Machine(school.tenant_id).rest()
    request = await request_of(school, subject)
    assert (request.state, request.completed_at) == (RequestState.SIGNED, None)
    [why] = await told(school)
    assert "không qua được lần kiểm tra đầy đủ" in why
    async with tenant_session(school.tenant_id) as session:
        assert await service.complete_again(session, [RequestId(request.id)]) == 1
    await Machine(school.tenant_id).rest()
    assert (await request_of(school, subject)).state == RequestState.COMPLETED
    assert await told(school) == []
