"""The school's seal in an HSM: certificate through two people, one consent of the clerk, sealed without a telephone."""

import asyncio
import os
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from backend.core import settings, storage
from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.errors import Conflict
from backend.remote_signing.accounts.schemas import OwnValues
from backend.remote_signing.credentials import decisions, inspection
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.formats.schemas import CertificateSubject
from backend.remote_signing.formats.trust import TrustStore
from backend.remote_signing.formats.validation import validate_pdf
from backend.remote_signing.providers.port import CredentialHandle
from backend.remote_signing.requests import service
from backend.remote_signing.requests.rules import BatchState, CallState
from tests.factories.machine import Death, Machine
from tests.factories.signing_school import PRINCIPAL, ROLES, SEAL, TEACHER, SigningSchool, changed_settings
from tests.fakes.processes import SigningService
from tests.fakes.softhsm import PACKAGE, SoftHsm, token_in
from tests.remote_signing.providers.test_pkcs11 import children
from tests.remote_signing.requests.test_faults import calls_of

pytestmark = pytest.mark.needs(PACKAGE)

SCHOOL = CertificateSubject(name="Trường Ký Thử", tax_code="0100000000")
ACCOUNT = f"{SCHOOL.tax_code}/con-dau"


@pytest.fixture(scope="module")
def hsm(signing: SigningService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """A token that this installation declares as the provider `hsm`."""
    folder = tmp_path_factory.mktemp("hsm")
    with token_in(folder) as token:
        declared = folder / "providers.toml"
        declared.write_text(token.declaration())
        with changed_settings(HOCBA_SIGNING_PROVIDERS=str(declared)):
            yield token


@pytest.fixture(scope="module")
def key(hsm: SoftHsm, signing: SigningService) -> CredentialHandle:
    return hsm.certified(SCHOOL, signing.certify)


@pytest_asyncio.fixture(loop_scope="session")
async def sealing(school: SigningSchool, key: CredentialHandle) -> SigningSchool:
    """Its seal is the key in the token, taken over as the deed of two people does."""
    fingerprint = inspection.read(key.certificate).fingerprint
    facts = {"holder": "", "provider": "hsm", "account": ACCOUNT, "sha256": fingerprint}
    async with tenant_session(school.tenant_id) as session:
        await decisions.take_over_seal(session, machine(school.tenant_id), facts)
    return school


async def before_the_seal(school: SigningSchool, count: int) -> list[uuid.UUID]:
    """Documents that everybody but the seal has signed."""
    subjects = await school.ask(count)
    for role in (TEACHER, PRINCIPAL):
        await school.consent(role)
        await Machine(school.tenant_id).rest()
    return subjects


async def test_the_seal_in_a_token_completes_a_transcript(
    sealing: SigningSchool, key: CredentialHandle
) -> None:
    subjects = await before_the_seal(sealing, 3)
    batch_id = await sealing.consent(SEAL)
    await Machine(sealing.tenant_id).rest()
    progress = await sealing.progress(SEAL, batch_id)
    assert (progress.state, progress.signed, progress.problem) == (BatchState.COMPLETED, 3, None)
    [call] = await calls_of(sealing, batch_id)
    assert (call.state, call.provider_reference) == (CallState.DONE, call.id.hex)
    assert call.submitted_at is not None
    async with tenant_session(sealing.tenant_id, read_only=True) as session:
        documents = await service.signed_documents(session, subjects)
        pdf = await storage.get(sealing.tenant_id, documents[subjects[0]])
    trust = TrustStore.from_folder(Path(settings.get().trust_dir))
    report = await asyncio.to_thread(validate_pdf, pdf, trust, None, ROLES)
    assert (report.verdict, len(report.signatures), report.problems) == ("valid", 3, ())
    serial = inspection.read(key.certificate).serial
    assert report.signatures[2].serial == serial


@pytest.mark.parametrize("death", list(Death))
async def test_a_worker_that_dies_while_the_token_signs_seals_each_document_once(
    sealing: SigningSchool, death: Death
) -> None:
    await before_the_seal(sealing, 2)
    batch_id = await sealing.consent(SEAL)
    await Machine(sealing.tenant_id, death=death).rest()
    progress = await sealing.progress(SEAL, batch_id)
    assert (progress.state, progress.signed) == (BatchState.COMPLETED, 2)


async def test_a_killed_process_of_the_token_is_replaced_and_nobody_notices(sealing: SigningSchool) -> None:
    await before_the_seal(sealing, 2)
    for child in children():
        os.kill(child, signal.SIGKILL)
    batch_id = await sealing.consent(SEAL)
    await Machine(sealing.tenant_id).rest()
    progress = await sealing.progress(SEAL, batch_id)
    assert (progress.state, progress.signed) == (BatchState.COMPLETED, 2)


async def test_while_the_token_is_away_the_clerk_reads_why_it_takes_so_long(
    sealing: SigningSchool, hsm: SoftHsm
) -> None:
    await before_the_seal(sealing, 1)
    batch_id = await sealing.consent(SEAL)
    work = Machine(sealing.tenant_id)
    tokens, aside = hsm.folder / "tokens", hsm.folder / "aside"

    async def in_trouble() -> bool:
        return (await sealing.progress(SEAL, batch_id)).problem is not None

    for child in children():
        os.kill(child, signal.SIGKILL)
    tokens.rename(aside)
    await work.until(in_trouble)
    progress = await sealing.progress(SEAL, batch_id)
    assert (progress.state, progress.signed) == (BatchState.RUNNING, 0)
    assert "HSM" in (progress.problem or "")
    aside.rename(tokens)
    await work.rest()
    progress = await sealing.progress(SEAL, batch_id)
    assert (progress.state, progress.problem) == (BatchState.COMPLETED, None)


async def test_a_wrong_pin_gives_the_documents_back(
    sealing: SigningSchool, hsm: SoftHsm, tmp_path: Path
) -> None:
    await before_the_seal(sealing, 1)
    wrong = tmp_path / "pin"
    wrong.write_text("000000")
    declared = tmp_path / "providers.toml"
    declared.write_text(hsm.declaration().replace(str(hsm.pin_file), str(wrong)))
    with changed_settings(HOCBA_SIGNING_PROVIDERS=str(declared)):
        batch_id = await sealing.consent(SEAL)
        await Machine(sealing.tenant_id).rest()
        progress = await sealing.progress(SEAL, batch_id)
    assert (progress.state, progress.signed) == (BatchState.PARTIAL, 0)
    assert "mã PIN" in (progress.problem or "")
    assert await sealing.waiting(SEAL) == 1


async def test_a_key_that_asks_nobody_is_no_persons(
    school: SigningSchool, hsm: SoftHsm, signing: SigningService
) -> None:
    """Even one whose certificate names exactly that person."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        holder = await credentials.holder_of(session, school.staff[PRINCIPAL])
    named = hsm.certified(CertificateSubject(name=holder.name, tax_code="0200000000"), signing.certify)
    fingerprint = inspection.read(named.certificate).fingerprint
    with pytest.raises(Conflict, match="chỉ dùng làm con dấu số"):
        await inspection.chosen("hsm", "0200000000/con-dau", fingerprint, holder, OwnValues({}))


async def test_another_schools_key_does_not_fit(
    school: SigningSchool, hsm: SoftHsm, signing: SigningService
) -> None:
    """Two schools of one name: the tax code tells them apart, whatever account somebody types."""
    other = CertificateSubject(name=SCHOOL.name, tax_code="0999999999")
    foreign = hsm.certified(other, signing.certify)
    async with tenant_session(school.tenant_id, read_only=True) as session:
        holder = await credentials.holder_of(session, None)
    fingerprint = inspection.read(foreign.certificate).fingerprint
    with pytest.raises(Conflict, match="mã số thuế"):
        await inspection.chosen("hsm", "0999999999/con-dau", fingerprint, holder, OwnValues({}))
