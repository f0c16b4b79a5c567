"""The seal on a USB token (SoftHSM): the program at the school, over real HTTP, paired by a code and two people."""

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import pytest_asyncio
from litestar import Litestar

from backend.core import clock, settings, storage
from backend.core.actor import machine
from backend.core.database import tenant_session
from backend.core.errors import Conflict, Invalid, Unauthenticated
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials import trial
from backend.remote_signing.credentials.schemas import CredentialStatus
from backend.remote_signing.formats.schemas import CertificateSubject
from backend.remote_signing.formats.trust import TrustStore
from backend.remote_signing.formats.validation import validate_pdf
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import SANDBOX, CredentialHandle
from backend.remote_signing.requests import service as requests
from backend.remote_signing.requests.rules import BatchState, CallState
from backend.remote_signing.token_helpers import device_keys, service
from backend.remote_signing.token_helpers.program import Memory
from backend.remote_signing.token_helpers.schemas import HelperState, Pairing, said
from backend.tenants.approvals import service as approvals
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import open_test_school, signed_in
from tests.factories.machine import Machine
from tests.factories.signing_school import PRINCIPAL, ROLES, SEAL, TEACHER, SigningSchool, changed_settings
from tests.fakes.processes import SigningService
from tests.fakes.served import served
from tests.fakes.softhsm import MODULE, PACKAGE, SPY_PACKAGE, SoftHsm, watched_token_in
from tests.remote_signing.requests.test_faults import calls_of

pytestmark = pytest.mark.needs(PACKAGE, SPY_PACKAGE)

ROOT = Path(__file__).resolve().parents[3]
NAME = "Trường Có Token"
PAGE = "/chung-thu/con-dau/token"
DECLARED = '[[provider]]\nname = "token"\nkind = "usb_token"\nlabel = "Token USB tại trường"\n'


@dataclass
class Office:
    """A school whose seal is on a token, the people who decide about it, and the computer that holds it."""

    school: SigningSchool
    browsers: dict[Role, Browser]
    hsm: SoftHsm
    url: str
    state: Path

    async def helper(self, *words: str, pin_file: Path | None = None, lie: str = "") -> tuple[int, str, str]:
        """The program as somebody runs it at the school, or tampered with: exit status and what it says."""
        names = ("PATH", "SOFTHSM2_CONF", "PKCS11SPY", "PKCS11SPY_OUTPUT")
        kept = {name: os.environ[name] for name in names} | {"LANG": "C.UTF-8"}
        pin = pin_file or self.hsm.pin_file
        where = ("--state", str(self.state), "--pin-file", str(pin))
        which = ("tests.fakes.lying_computer", lie) if lie else ("backend.cli", "token-helper")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *which, *words, *where,
            cwd=ROOT, env=kept, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()

    async def code(self) -> str:
        """A code, as the page shows it."""
        await self.browsers[Role.IT_TEACHER].get(PAGE)
        shown = await self.browsers[Role.IT_TEACHER].post(PAGE, {})
        assert shown.status_code == 200, shown.text
        return shown.text.partition("--code ")[2].split()[0]

    async def show_code(self) -> str:
        """Run the program with a new code; what it says."""
        self.state.unlink(missing_ok=True)
        status, out, err = await self.helper(
            "pair", "--site", self.url, "--code", await self.code(), "--module", self.hsm.module
        )
        assert status == 0, err
        return out

    async def pair(self) -> str:
        """Code, program, request, second person; the computer's name at the site."""
        await self.show_code()
        [pending] = [one for one in await self.helpers() if one.state is HelperState.PENDING]
        asked = await self.browsers[Role.IT_TEACHER].post(f"{PAGE}/{pending.id}/de-nghi", {"ly_do": "Mới"})
        assert asked.status_code == 303, asked.text
        approved = await self.approve()
        assert approved.status_code == 303, approved.text
        return str(pending.id)

    async def approve(self) -> httpx.Response:
        """The second person agrees to what waits."""
        async with tenant_session(self.school.tenant_id, read_only=True) as session:
            [request] = await approvals.waiting(session)
        return await self.browsers[Role.PRINCIPAL].post(f"/duyet/{request.id}/dong-y", {})

    async def helpers(self) -> list[Any]:
        """What the page lists."""
        async with tenant_session(self.school.tenant_id, read_only=True) as session:
            return await service.helpers(session)

    async def before_the_seal(self, count: int) -> list[uuid.UUID]:
        """Documents that everybody but the seal has signed; their subjects."""
        subjects = await self.school.ask(count)
        for role in (TEACHER, PRINCIPAL):
            await self.school.consent(role)
            await Machine(self.school.tenant_id).rest()
        return subjects

    async def until_waiting(self, batch_id: Any) -> None:
        """The machine works until the hashes wait for the token."""

        async def waiting() -> bool:
            return all(call.state == CallState.WAITING for call in await calls_of(self.school, batch_id))

        await Machine(self.school.tenant_id).until(waiting)

    def memory(self) -> Memory:
        """What the computer keeps."""
        return msgspec.json.decode(self.state.read_bytes(), type=Memory)

    async def ask(
        self, what: str, body: object, *, key: bytes | None = None, late: float = 0
    ) -> httpx.Response:
        """A request as the program makes it, with another key or clock if wanted."""
        memory = self.memory()
        path = f"/may-ky/{memory.name}/{what}"
        content, moment = json.dumps(body).encode(), str(time.time() + late)
        signature = device_keys.sign(key or memory.private_key, said(path, moment, content))
        headers = {
            "accept": "application/json",
            "x-helper-time": moment,
            "x-helper-signature": msgspec.json.decode(msgspec.json.encode(signature)),
        }
        async with httpx.AsyncClient() as client:
            return await client.post(self.url + path, content=content, headers=headers)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def url(site: Litestar) -> AsyncIterator[str]:
    """The site on a port of its own, in this loop."""
    async with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def declared(signing: SigningService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    file = tmp_path_factory.mktemp("providers") / "providers.toml"
    file.write_text(DECLARED)
    with changed_settings(HOCBA_SIGNING_PROVIDERS=str(file)):
        yield


@pytest.fixture
def hsm(tmp_path: Path) -> Iterator[SoftHsm]:
    with watched_token_in(tmp_path / "token", "token-truong") as token:
        yield token


@pytest_asyncio.fixture(loop_scope="session")
async def office(
    site: Litestar, url: str, signing: SigningService, declared: None, hsm: SoftHsm, tmp_path: Path
) -> Office:
    opened = await open_test_school(NAME)
    people = {Role.HOMEROOM_TEACHER: TEACHER, Role.PRINCIPAL: PRINCIPAL, Role.CLERK: SEAL}
    school = SigningSchool(opened.tenant_id, {name: opened.staff[role] for role, name in people.items()})
    async with tenant_session(school.tenant_id) as session:
        for name in (TEACHER, PRINCIPAL):
            signing.enrol(name, f"{NAME} {name}")
            [found] = await gateway.credentials_at(SANDBOX, name)
            by = machine(school.tenant_id)
            await credentials.enrol(
                session, by, found, provider=SANDBOX, account=name, staff_id=school.staff[name]
            )
    browsers = {role: await signed_in(site, opened, role) for role in (Role.IT_TEACHER, Role.PRINCIPAL)}
    await browsers[Role.PRINCIPAL].get("/duyet")
    return Office(school, browsers, hsm, url, tmp_path / "state.json")


@pytest.fixture
def key(hsm: SoftHsm, signing: SigningService) -> CredentialHandle:
    return hsm.certified(CertificateSubject(name=NAME, tax_code="0100000000"), signing.certify)


async def seal_of(office: Office) -> CredentialStatus | None:
    async with tenant_session(office.school.tenant_id, read_only=True) as session:
        held = [one for one in await credentials.list_credentials(session) if one.staff_id is None]
    return held[0].status if held else None


async def test_from_the_code_to_a_sealed_document(office: Office, key: CredentialHandle) -> None:
    said_at_console = await office.show_code()
    [pending] = await office.helpers()
    assert pending.fingerprint in said_at_console, "what two people compare"
    page = await office.browsers[Role.IT_TEACHER].get(PAGE)
    assert pending.fingerprint in page.text
    await office.before_the_seal(3)
    with pytest.raises(Conflict):
        await office.school.consent(SEAL)
    await office.browsers[Role.IT_TEACHER].post(f"{PAGE}/{pending.id}/de-nghi", {"ly_do": "Con dấu mới"})
    assert (await office.approve()).status_code == 303
    batch_id = await office.school.consent(SEAL)
    await office.until_waiting(batch_id)
    before, log_ins = office.hsm.records.signed(), office.hsm.records.log_ins()
    status, out, err = await office.helper("run", "--once")
    assert (status, err) == (0, "")
    assert "ký 3 học bạ" in out
    made = office.hsm.records.signed() - before
    assert (made.total(), set(made.values())) == (6, {1}), "page and XML of each, by the token's own log"
    assert office.hsm.records.log_ins() - log_ins == 1, "one PIN for the whole call"
    assert (await office.school.progress(SEAL, batch_id)).short_code in out, "the code of our own page"
    await Machine(office.school.tenant_id).rest()
    progress = await office.school.progress(SEAL, batch_id)
    assert (progress.state, progress.signed) == (BatchState.COMPLETED, 3)
    again, _, _ = await office.helper("run", "--once")
    assert (again, office.hsm.records.signed() - before) == (0, made), (
        "what was handed in is not signed again"
    )
    [helper] = await office.helpers()
    assert helper.last_seen_at is not None
    assert oct(office.state.stat().st_mode)[-3:] == "600"


async def test_a_program_that_is_not_running_only_makes_it_wait_until_it_is_too_late(
    office: Office, key: CredentialHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    await office.pair()
    await office.before_the_seal(1)
    batch_id = await office.school.consent(SEAL)
    await office.until_waiting(batch_id)
    later = clock.now() + timedelta(hours=3)
    monkeypatch.setattr(clock, "now", lambda: later)
    await Machine(office.school.tenant_id).rest()
    progress = await office.school.progress(SEAL, batch_id)
    assert (progress.state, progress.signed) == (BatchState.PARTIAL, 0)
    assert "máy giữ token" in (progress.problem or "")
    assert await office.school.waiting(SEAL) == 1


async def test_values_of_another_token_are_not_taken(office: Office, key: CredentialHandle) -> None:
    await office.pair()
    await office.before_the_seal(1)
    batch_id = await office.school.consent(SEAL)
    await office.until_waiting(batch_id)
    asked = (await office.ask("viec", {"wait": 0})).json()
    [work] = asked["work"]
    refused = await office.ask("ket-qua", {"call": work["call"], "values": ["AAAA"]})
    assert (refused.status_code, "đúng token" in refused.json()["detail"]) == (422, True)
    none = await office.ask("ket-qua", {"call": work["call"], "values": []})
    assert none.status_code == 422
    [call] = await calls_of(office.school, batch_id)
    assert call.state == CallState.WAITING, "the call goes on waiting for the right one"
    status, out, _ = await office.helper("run", "--once")
    assert (status, f"Đã ký và gửi {len(work['hashes'])} chữ ký" in out) == (0, True)
    again = await office.ask("ket-qua", {"call": work["call"], "values": ["AAAA"]})
    assert (again.status_code, again.json()) == (200, {"taken": 0})


async def test_only_the_paired_key_is_heard_and_only_fresh(office: Office, key: CredentialHandle) -> None:
    await office.pair()
    assert (await office.ask("viec", {"wait": 0})).json() == {"active": True, "work": []}
    foreign = await office.ask("viec", {"wait": 0}, key=device_keys.new_key())
    assert foreign.status_code == 401
    old = await office.ask("viec", {"wait": 0}, late=-600)
    assert (old.status_code, "Đồng hồ" in old.json()["detail"]) == (401, True)
    name = office.memory().name
    _, _, helper = name.partition(".")
    async with httpx.AsyncClient(headers={"accept": "application/json"}) as client:
        for other in (name, f"{helper}.{helper}", helper, "x"):
            unsigned = await client.post(f"{office.url}/may-ky/{other}/viec", content=b"{}")
            assert unsigned.status_code == 401, other


async def test_before_two_people_agree_a_computer_gets_no_work(office: Office, key: CredentialHandle) -> None:
    await office.show_code()
    assert (await office.ask("viec", {"wait": 0})).json() == {"active": False, "work": []}
    status, out, _ = await office.helper("run", "--once")
    assert (status, "chờ hai người" in out) == (0, True)
    handed = await office.ask("ket-qua", {"call": str(uuid.uuid4()), "values": []})
    assert handed.status_code == 404


async def test_a_computer_that_was_taken_off_is_heard_no_more_and_the_seal_stops(
    office: Office, key: CredentialHandle
) -> None:
    helper_id = await office.pair()
    assert await seal_of(office) is CredentialStatus.ACTIVE
    ended = await office.browsers[Role.IT_TEACHER].post(f"{PAGE}/{helper_id}/go", {})
    assert ended.status_code == 303
    assert await seal_of(office) is CredentialStatus.SUSPENDED
    assert (await office.ask("viec", {"wait": 0})).status_code == 401
    status, _, err = await office.helper("run", "--once")
    assert (status, "đã bị gỡ" in err) == (1, True)
    assert await office.helpers() == []


async def test_the_same_token_is_paired_again_in_another_computer(
    office: Office, key: CredentialHandle
) -> None:
    """The computer broke, or was taken off and its seal suspended: the token and its certificate are still good."""
    first = await office.pair()
    second = await office.pair()
    assert [one.state for one in await office.helpers()] == [HelperState.ACTIVE]
    ended = await office.browsers[Role.IT_TEACHER].post(f"{PAGE}/{second}/go", {})
    assert (ended.status_code, await seal_of(office)) == (303, CredentialStatus.SUSPENDED)
    third = await office.pair()
    assert len({first, second, third}) == 3
    assert await seal_of(office) is CredentialStatus.ACTIVE
    async with tenant_session(office.school.tenant_id, read_only=True) as session:
        held = [one for one in await credentials.list_credentials(session) if one.staff_id is None]
    assert len(held) == 1, "one certificate, taken over once"
    await office.before_the_seal(1)
    batch_id = await office.school.consent(SEAL)
    await office.until_waiting(batch_id)
    assert (await office.helper("run", "--once"))[0] == 0
    await Machine(office.school.tenant_id).rest()
    assert (await office.school.progress(SEAL, batch_id)).state == BatchState.COMPLETED


async def test_a_token_is_not_tried_on_a_telephone(office: Office, key: CredentialHandle) -> None:
    await office.pair()
    clerk = await office.school.actor(SEAL)
    async with tenant_session(office.school.tenant_id) as session:
        seal = await credentials.usable(session, None)
        with pytest.raises(Conflict, match="token USB không thử ký được"):
            await trial.begin(session, clerk, seal.id)


async def test_a_code_is_used_once_and_not_for_long(
    office: Office, key: CredentialHandle, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = await office.code()
    tenant, helper, secret = service.place_of(code)
    shown = Pairing(
        code=code, machine="Máy A", public_key=device_keys.public_key(device_keys.new_key()),
        key_id="01", certificate=key.certificate, chain=(),
    )  # fmt: skip
    wrong = [(helper, "khac"), (tenant, secret)]
    for named, said_secret in wrong:
        with pytest.raises(Invalid, match="Mã ghép máy"):
            async with tenant_session(office.school.tenant_id) as session:
                await service.receive(session, named, said_secret, shown)
    with monkeypatch.context() as patch:
        late = clock.now() + service.CODE_LASTS + timedelta(seconds=1)
        patch.setattr(clock, "now", lambda: late)
        with pytest.raises(Invalid, match="hết hạn"):
            async with tenant_session(office.school.tenant_id) as session:
                await service.receive(session, helper, secret, shown)
    async with tenant_session(office.school.tenant_id) as session:
        await service.receive(session, helper, secret, shown)
    with pytest.raises(Invalid, match="đã dùng"):
        async with tenant_session(office.school.tenant_id) as session:
            await service.receive(session, helper, secret, shown)
    for malformed in ("", "a.b.c", "x"):
        with pytest.raises(Invalid):
            service.place_of(malformed)


async def test_the_tokens_certificate_must_be_the_schools(office: Office, signing: SigningService) -> None:
    office.hsm.certified(CertificateSubject(name=NAME, tax_code="0999999999"), signing.certify)
    await office.show_code()
    [pending] = await office.helpers()
    refused = await office.browsers[Role.IT_TEACHER].post(f"{PAGE}/{pending.id}/de-nghi", {"ly_do": "x"})
    assert (refused.status_code, "mã số thuế" in refused.text) == (409, True)


async def test_a_wrong_pin_ends_the_program_at_once(
    office: Office, key: CredentialHandle, tmp_path: Path
) -> None:
    await office.pair()
    await office.before_the_seal(1)
    batch_id = await office.school.consent(SEAL)
    await office.until_waiting(batch_id)
    wrong = tmp_path / "wrong"
    wrong.write_text("000000")
    before, log_ins = office.hsm.records.signed(), office.hsm.records.log_ins()
    status, _, err = await office.helper("run", "--once", pin_file=wrong)
    assert (status, "Mã PIN không đúng" in err) == (1, True)
    assert (office.hsm.records.signed(), office.hsm.records.log_ins() - log_ins) == (before, 1)
    [call] = await calls_of(office.school, batch_id)
    assert call.state == CallState.WAITING


async def test_who_types_no_pin_declines_and_the_seals_keeper_reads_it(
    office: Office, key: CredentialHandle, tmp_path: Path
) -> None:
    await office.pair()
    await office.before_the_seal(2)
    batch_id = await office.school.consent(SEAL)
    await office.until_waiting(batch_id)
    nothing = tmp_path / "nothing"
    nothing.write_text("\n")
    before = office.hsm.records.signed()
    status, out, err = await office.helper("run", "--once", pin_file=nothing)
    assert (status, err, "Đã từ chối ký" in out) == (0, "", True)
    assert office.hsm.records.signed() == before
    progress = await office.school.progress(SEAL, batch_id)
    assert (progress.state, progress.signed) == (BatchState.PARTIAL, 0)
    assert "từ chối nhập mã PIN" in (progress.problem or "")
    assert await office.school.waiting(SEAL) == 2
    [call] = await calls_of(office.school, batch_id)
    again = await office.ask("tu-choi", {"call": str(call.id)})
    assert (again.status_code, again.json()) == (200, {"taken": 0})


async def test_a_program_that_dies_before_it_hands_in_seals_each_document_once(
    office: Office, key: CredentialHandle
) -> None:
    """The token signs the same hashes again, nobody is charged, and one value of each is in a document."""
    await office.pair()
    subjects = await office.before_the_seal(1)
    batch_id = await office.school.consent(SEAL)
    await office.until_waiting(batch_id)
    status, _, _ = await office.helper("run", "--once", lie="dies")
    assert status == 9
    [call] = await calls_of(office.school, batch_id)
    assert call.state == CallState.WAITING
    assert (await office.helper("run", "--once"))[0] == 0
    await Machine(office.school.tenant_id).rest()
    progress = await office.school.progress(SEAL, batch_id)
    assert (progress.state, progress.signed) == (BatchState.COMPLETED, 1)
    async with tenant_session(office.school.tenant_id, read_only=True) as session:
        documents = await requests.signed_documents(session, subjects)
        pdf = await storage.get(office.school.tenant_id, documents[subjects[0]])
    trust = TrustStore.from_folder(Path(settings.get().trust_dir))
    report = await asyncio.to_thread(validate_pdf, pdf, trust, None, ROLES)
    assert (report.verdict, len(report.signatures), report.problems) == ("valid", 3, ())


async def test_the_program_pairs_over_https_alone(office: Office, key: CredentialHandle) -> None:
    words = ("pair", "--site", "http://truong.example", "--code", "x", "--module", MODULE)
    status, _, err = await office.helper(*words)
    assert (status, "https://" in err) == (1, True)


async def test_a_request_without_a_time_is_refused(office: Office, key: CredentialHandle) -> None:
    await office.pair()
    _, helper_id = service.named(office.memory().name)
    async with tenant_session(office.school.tenant_id) as session:
        with pytest.raises(Unauthenticated):
            await service.identify(session, helper_id, "/x", {"x-helper-time": "nan"}, b"")
