"""A signing service tells us that a person has answered: it wakes the question, and the answer to that alone counts."""

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from litestar import Litestar

from backend.core import settings
from backend.remote_signing.accounts import notice_addresses
from backend.remote_signing.requests.rules import BatchState, CallState
from backend.remote_signing.requests.schemas import BatchId
from backend.tenants.permissions import Role
from tests.core.site_fixtures import open_test_school
from tests.factories.declared import Declared, declared
from tests.factories.machine import Machine
from tests.factories.signing_school import TEACHER, SigningSchool, changed_settings, open_signing_school
from tests.fakes.processes import SigningService
from tests.remote_signing.credentials.test_pages import Desk
from tests.remote_signing.requests.test_faults import calls_of, made, signed_twice

NAME = "mot_smartca"
#: Without a notice nobody would ask before the test is over.
PATIENT = {"poll_interval": 600.0}


@pytest.fixture(autouse=True)
def smartca(signing: SigningService, tmp_path: Path) -> Iterator[None]:
    with declared(signing, tmp_path, Declared(NAME, "smartca", PATIENT)):
        yield


@pytest_asyncio.fixture(loop_scope="session")
async def patient(signing: SigningService, smartca: None) -> SigningSchool:
    return await open_signing_school(signing, provider=NAME)


class Caller:
    """The service, as it posts to an address that we gave out."""

    def __init__(self, site: Litestar, school: SigningSchool) -> None:
        self._site = site
        self.name = notice_addresses.name_of(school.tenant_id, NAME)

    async def post(self, body: object, name: str = "") -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        transport = httpx.ASGITransport(app=self._site)  # type: ignore[arg-type]
        async with httpx.AsyncClient(transport=transport, base_url=settings.get().public_url) as client:
            return await client.post(f"{notice_addresses.PATH}/{name or self.name}", content=content)


async def waiting(school: SigningSchool) -> tuple[BatchId, str, Machine]:
    """Three documents with the person: the batch, our name of the transaction, and a machine that waits as it is told."""
    await school.ask(3)
    batch_id = await school.consent(TEACHER)
    machine = Machine(school.tenant_id, hurry=False)

    async def asked() -> bool:
        return [call.state for call in await calls_of(school, batch_id)] == [CallState.WAITING]

    await machine.until(asked)
    [call] = await calls_of(school, batch_id)
    return batch_id, str(call.provider_reference), machine


def posted(signing: SigningService, transaction: str) -> Any:
    """What the service would post, once the person has confirmed."""
    for _ in range(200):
        try:
            return signing.get(f"/sandbox/webhook/sp769/{transaction}")
        except OSError:
            continue
    raise AssertionError("never confirmed")


async def state_of(school: SigningSchool, batch_id: BatchId) -> CallState:
    [call] = await calls_of(school, batch_id)
    return CallState(call.state)


async def test_a_notice_brings_the_signatures_at_once_and_twice_is_once(
    site: Litestar, patient: SigningSchool, signing: SigningService
) -> None:
    batch_id, transaction, machine = await waiting(patient)
    notice, caller = posted(signing, transaction), Caller(site, patient)
    for _ in range(3):
        await machine.round()
    assert await state_of(patient, batch_id) is CallState.WAITING, "nothing asks before its time"
    for _ in range(2):
        answer = await caller.post(notice)
        assert (answer.status_code, answer.json()) == (200, {"status_code": "00"})

    async def done() -> bool:
        return (await patient.progress(TEACHER, batch_id)).state == BatchState.COMPLETED

    await machine.until(done)
    assert (await caller.post(notice)).status_code == 200, "late is no error"
    assert await made(patient, signing, batch_id) == [6]
    assert not signed_twice(signing)


async def test_what_a_notice_says_is_not_believed(
    site: Litestar, patient: SigningSchool, signing: SigningService
) -> None:
    """Garbage values under the right name: the service is asked, and its true values are embedded."""
    batch_id, transaction, machine = await waiting(patient)
    posted(signing, transaction)
    forged = {
        "transaction_id": transaction,
        "status_code": 200,
        "signed_files": [{"signature_value": "AAAA"}],
    }
    assert (await Caller(site, patient).post(forged)).status_code == 200

    async def done() -> bool:
        return (await patient.progress(TEACHER, batch_id)).state == BatchState.COMPLETED

    await machine.until(done)
    assert await made(patient, signing, batch_id) == [6]


async def test_a_notice_that_comes_first_or_means_nothing_wakes_nothing(
    site: Litestar, patient: SigningSchool, signing: SigningService
) -> None:
    caller = Caller(site, patient)
    unlike = [{"transaction_id": "\0"}, {"transaction_id": ["x"]}, b"[" * 100_000, b"\xff", b""]
    bodies: list[object] = [{"transaction_id": uuid.uuid4().hex}, {}, [], *unlike]
    for body in bodies:
        answer = await caller.post(body)
        assert (answer.status_code, answer.json()) == (200, {"status_code": "00"}), body
    batch_id, _, machine = await waiting(patient)
    await machine.round()
    assert await state_of(patient, batch_id) is CallState.WAITING


async def test_only_the_address_that_was_given_out_is_heard(
    site: Litestar, patient: SigningSchool, signing: SigningService
) -> None:
    batch_id, transaction, machine = await waiting(patient)
    notice, caller = posted(signing, transaction), Caller(site, patient)
    tenant, provider, secret = caller.name.split(".")
    other = uuid.uuid4()
    for name in (
        f"{tenant}.{provider}.{secret[::-1]}",
        f"{other.hex}.{provider}.{secret}",
        f"{tenant}.sandbox.{secret}",
        f"{tenant}.{provider}",
        "x",
    ):
        assert (await caller.post(notice, name)).status_code == 404, name
    stranger = notice_addresses.name_of(other, NAME)
    assert (await caller.post(notice, stranger)).status_code == 200, (
        "a school that is not there learns nothing"
    )
    await machine.round()
    assert await state_of(patient, batch_id) is CallState.WAITING


async def test_the_school_reads_the_address_where_it_wrote_its_account(
    site: Litestar, signing: SigningService, tmp_path: Path
) -> None:
    """A provider that sends no notices has none."""
    file = tmp_path / "own.toml"
    entries = (("vnpt", "smartca"), ("khac", "csc_v2"))
    file.write_text(
        "".join(
            f'[[provider]]\nname = "{name}"\nkind = "{kind}"\nlabel = "{name}"\nbase_url = "{signing.url}"\n'
            for name, kind in entries
        )
    )
    with changed_settings(HOCBA_SIGNING_PROVIDERS=str(file)):
        desk = Desk(site, await open_test_school("Trường Nhận Tin"))
        shown = (await (await desk.browser(Role.IT_TEACHER)).get("/chung-thu/ket-noi")).text
    tenant_id = desk.school.tenant_id
    assert f"{settings.get().public_url}/bao-tin/{notice_addresses.name_of(tenant_id, 'vnpt')}" in shown
    assert notice_addresses.name_of(tenant_id, "khac") not in shown
