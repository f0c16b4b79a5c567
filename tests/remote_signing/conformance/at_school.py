"""A seal's token at a school, as the suite sees it: the site on a port, and the program in a process of its own.

The adapter only says for how long the question stays open; values come in from the computer, through the site. Both
together keep what the port promises, so the suite gets them as one provider: what it submits is in rows, as a consent
makes them, and what it polls is what the site has taken.
"""

import asyncio
import os
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
from litestar import Litestar

from backend.core import audit, clock, storage
from backend.core.actor import StaffId, machine
from backend.core.audit import Action, Outcome
from backend.core.crypto import sha256_hex
from backend.core.database import TenantId, TenantSession, tenant_session
from backend.core.errors import Conflict
from backend.core.ids import new_id
from backend.remote_signing.credentials import inspection
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CredentialStatus, CredentialView
from backend.remote_signing.formats.schemas import CertificateSubject
from backend.remote_signing.providers import port
from backend.remote_signing.providers.usb_token import CAPABILITIES, UsbTokenProvider
from backend.remote_signing.requests import batches, flow, queries
from backend.remote_signing.requests import service as requests
from backend.remote_signing.requests.rules import BatchState, CallState
from backend.remote_signing.requests.schemas import PDF_TYPE, NewRequest, NewSigner
from backend.remote_signing.token_helpers import queries as helper_rows
from backend.remote_signing.token_helpers import service as helpers
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.site_fixtures import open_test_school
from tests.factories.signing_school import SEAL, settings_for
from tests.fakes.processes import SigningService
from tests.fakes.served import served
from tests.fakes.softhsm import PIN, SoftHsm, another_token

ROOT = Path(__file__).resolve().parents[3]
NAME, TAX_CODE = "Trường Có Token", "0100000000"
DECLARED = '[[provider]]\nname = "token"\nkind = "usb_token"\nlabel = "Token USB tại trường"\n'
#: So long somebody may come and type the PIN, and so long where nobody does (seconds).
PATIENT, IMPATIENT = 60.0, 0.5
_TIDY_SECONDS = 20.0
_LIES = ("garbage_signature", "foreign_signature", "half_batch", "wrong_order", "duplicate")


@dataclass
class Office:
    """One school, its token, and the computer that holds it. Whoever sits there types `pin` once for each call."""

    tenant_id: TenantId
    clerk: StaffId
    manager: StaffId
    token: SoftHsm
    folder: Path
    pin: str = PIN
    helper: uuid.UUID = field(default_factory=uuid.uuid4)
    answered: set[uuid.UUID] = field(default_factory=set)
    program: subprocess.Popen[bytes] | None = None
    liars: list["subprocess.Popen[bytes]"] = field(default_factory=list)

    @property
    def prompt(self) -> Path:
        """Where the program reads the PIN, and waits until somebody has typed it."""
        return self.folder / "prompt"

    def run(self, *words: str, pin_file: Path, lie: str = "") -> "subprocess.Popen[bytes]":
        """The program, or one that somebody has tampered with, in a process of its own."""
        names = ("PATH", "SOFTHSM2_CONF", "PKCS11SPY", "PKCS11SPY_OUTPUT")
        kept = {name: os.environ[name] for name in names} | {"LANG": "C.UTF-8"}
        which = ("tests.fakes.lying_computer", lie) if lie else ("backend.cli", "token-helper")
        where = ("--state", str(self.folder / "state.json"), "--pin-file", str(pin_file))
        with (self.folder / "console").open("ab") as console:
            command = [sys.executable, "-m", *which, *words, *where]
            return subprocess.Popen(command, cwd=ROOT, env=kept, stdout=console, stderr=console)

    async def pair(self, url: str) -> None:
        """By a code, and what two people have agreed to."""
        by = machine(self.tenant_id)
        async with tenant_session(self.tenant_id) as session:
            code = await helpers.offer(session, by)
        words = ("--site", url, "--code", code, "--module", self.token.module, "--token", self.token.label)
        pairing = self.run("pair", *words, pin_file=self.token.pin_file)
        status = await asyncio.to_thread(pairing.wait, 60)
        assert status == 0, (self.folder / "console").read_text()
        async with tenant_session(self.tenant_id) as session:
            [shown] = await helpers.helpers(session)
            row = await helper_rows.helper(session, shown.id)
            assert row is not None
            facts = {
                "helper": str(row.id),
                "key": sha256_hex(row.public_key),
                "sha256": inspection.read(row.certificate).fingerprint,
                "holder": "",
            }
            await helpers.pair(session, by, facts)
            self.helper = row.id
        os.mkfifo(self.prompt)
        self.program = self.run("run", pin_file=self.prompt)

    def come(self, call_id: uuid.UUID) -> None:
        """Somebody sits down, and answers the program once it asks."""
        if call_id not in self.answered and self._type(self.pin):
            self.answered.add(call_id)

    async def leave_nothing(self) -> None:
        """What a test has left waiting is declined, by whoever sits there, before the next one."""
        left = await self._waiting()
        async with asyncio.timeout(_TIDY_SECONDS):
            while left:
                self._type("")
                await asyncio.sleep(0.02)
                left = await self._waiting()

    async def seal(self, session: TenantSession) -> CredentialView:
        """The certificate in the token, as the school has taken it over."""
        [held] = [one for one in await credentials.list_credentials(session) if one.staff_id is None]
        return held

    async def put(self, session: TenantSession, batch: port.HashBatch) -> None:
        """A consent of the clerk's over these hashes, about to be submitted."""
        subject_id, file = uuid.uuid4(), storage.file_of(batch.transaction_id.encode(), PDF_TYPE)
        await storage.register(session, file)
        name = file.sha256
        signer = NewSigner(role=SEAL, staff_id=None, name="Con dấu", xml=())
        request = NewRequest(
            subject_id=subject_id, label="Học sinh", group="Lớp 4A", sort_key="1",
            document_sha256=name, signers=(signer,),
        )  # fmt: skip
        await requests.open_requests(session, [request])
        [step] = await queries.steps_of(session, subject_id)
        batch_id, call_id = new_id(), uuid.UUID(hex=batch.transaction_id)
        here = {"tenant_id": session.tenant_id}
        rows = [
            here | {"id": new_id(), "step_id": step.id, "call_id": call_id, "part": number,
                    "position": number, "base_sha256": name, "digest": digest}
            for number, digest in enumerate(batch.hashes)
        ]  # fmt: skip
        consent = here | {
            "id": batch_id, "role": SEAL, "credential_id": (await self.seal(session)).id,
            "consented_by": self.clerk, "consented_at": clock.now(), "merkle_root": name, "count": 1,
            "proved_by": "password", "state": BatchState.RUNNING,
        }  # fmt: skip
        call = here | {"id": call_id, "batch_id": batch_id, "number": 1, "state": CallState.SUBMITTING}
        await batches.insert_batch(session, consent, [call], rows)

    async def refused(self, session: TenantSession, call_id: uuid.UUID) -> bool:
        """Whether the site has recorded that what the computer handed in is not the seal's."""
        return any(
            one.action == Action.TOKEN_HELPER_SIGNED
            and one.outcome == Outcome.REFUSED
            and one.details["transaction"] == call_id.hex
            and "không khớp" in one.details["reason"]
            for one in await audit.history(session, [self.helper])
        )

    def close(self) -> None:
        """The computer is switched off."""
        for program in (*self.liars, *filter(None, [self.program])):
            program.kill()
            program.wait()

    async def _waiting(self) -> list[uuid.UUID]:
        async with tenant_session(self.tenant_id, read_only=True) as session:
            held = await self.seal(session)
            return list(await batches.calls_of_credential(session, held.id, CallState.WAITING))

    def _type(self, text: str) -> bool:
        """Whether the program was asking just now, and got this."""
        try:
            typing = os.open(self.prompt, os.O_WRONLY | os.O_NONBLOCK)
        except OSError:
            return False
        with os.fdopen(typing, "w") as console:
            console.write(text)
        return True


@dataclass
class AtSchool:
    """Schools with a token, each account one; the site serves their computers on a port."""

    site: Litestar
    service: SigningService
    hsm: SoftHsm
    folder: Path
    offices: dict[str, Office] = field(default_factory=dict)
    lie: str = ""
    is_watched: bool = True
    url: str = ""
    _open: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def enrol(self, user: str) -> None:
        office = self.offices.get(user)
        if office is not None:
            await office.leave_nothing()
            return
        self.url = self.url or await self._serve()
        opened = await open_test_school(NAME)
        token = another_token(self.hsm, f"truong-{len(self.offices)}")
        token.certified(CertificateSubject(name=NAME, tax_code=TAX_CODE), self.service.certify)
        folder = self.folder / f"may-{len(self.offices)}"
        folder.mkdir()
        made = Office(
            opened.tenant_id, opened.staff[Role.CLERK], opened.staff[Role.IT_TEACHER], token, folder
        )
        self.offices[user] = made
        await made.pair(self.url)

    async def withdraw(self, user: str) -> None:
        office = self.offices[user]
        async with tenant_session(office.tenant_id) as session:
            manager = await people.actor_of(session, office.manager)
            await helpers.end(session, manager, office.helper)

    def fault(self, kind: str, path: str) -> None:
        if kind in _LIES:
            self.lie = kind
        elif kind == "reject":
            for office in self.offices.values():
                office.pin = ""
        elif kind == "expire":
            self.is_watched = False
        else:
            raise AssertionError(f"a token cannot be told to do {kind}")

    def clear_faults(self) -> None:
        self.lie, self.is_watched = "", True
        for office in self.offices.values():
            office.pin = PIN

    def signed(self) -> Counter[str]:
        return self.hsm.records.signed()

    def consents(self) -> int:
        return self.hsm.records.log_ins()

    async def close(self) -> None:
        """Switch everything off."""
        for office in self.offices.values():
            office.close()
        await self._open.aclose()

    async def _serve(self) -> str:
        declared = self.folder / "providers.toml"
        declared.write_text(DECLARED)
        self._open.enter_context(settings_for(self.service, HOCBA_SIGNING_PROVIDERS=str(declared)))
        return await self._open.enter_async_context(served(self.site))


class AtTheSite:
    """The port `SignatureProvider`: the adapter as the machine asks it, and what computers have handed in."""

    def __init__(self, school: AtSchool) -> None:
        self._school = school

    @property
    def capabilities(self) -> port.Capabilities:
        return self._adapter.capabilities

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        office = self._school.offices.get(account.user_id)
        if office is None:
            return []
        async with tenant_session(office.tenant_id, read_only=True) as session:
            held = await office.seal(session)
        return [
            port.RemoteCredential(
                credential_id=held.reference,
                certificate=held.certificate,
                chain=held.chain,
                key_algorithms=(),
                key_bits=2048,
                usable=held.status is CredentialStatus.ACTIVE,
                status=held.status,
                max_hashes=self.capabilities.max_hashes,
            )
        ]

    async def sign_hashes(
        self, account: port.ProviderAccount, credential: port.CredentialHandle, batch: port.HashBatch
    ) -> port.SubmitResult:
        asked = await self._adapter.sign_hashes(account, credential, batch)
        office, call_id = self._school.offices[account.user_id], uuid.UUID(hex=batch.transaction_id)
        try:
            async with tenant_session(office.tenant_id) as session:
                if await batches.call(session, call_id) is None:
                    await office.put(session, batch)
                await flow.call_to_send(session, call_id, CallState.SUBMITTING)
                await flow.record_answer(session, call_id, asked)
        except Conflict as error:
            raise port.AccountProblem(error.message) from error
        if self._school.lie:
            liar = office.run("run", "--once", pin_file=office.token.pin_file, lie=self._school.lie)
            office.liars.append(liar)
        return asked

    async def poll(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        provider_tx: str,
    ) -> port.PollResult:
        office, call_id = self._school.offices[account.user_id], uuid.UUID(hex=batch.transaction_id)
        try:
            async with tenant_session(office.tenant_id, read_only=True) as session:
                ended = await self._taken(session, office, call_id)
        except Conflict as error:
            raise port.AccountProblem(error.message) from error
        if ended is not None:
            return ended
        if self._school.is_watched and not self._school.lie:
            office.come(call_id)
        return await self._adapter.poll(account, credential, batch, provider_tx)

    async def answer(
        self,
        account: port.ProviderAccount,
        credential: port.CredentialHandle,
        batch: port.HashBatch,
        challenge: port.Challenge,
        values: Mapping[str, str],
    ) -> port.SubmitResult:
        return await self._adapter.answer(account, credential, batch, challenge, values)

    async def cancel(self, account: port.ProviderAccount, provider_tx: str) -> None:
        await self._adapter.cancel(account, provider_tx)

    def read_webhook(self, headers: Mapping[str, str], body: bytes) -> port.WebhookHint | None:
        return self._adapter.read_webhook(headers, body)

    async def _taken(
        self, session: TenantSession, office: Office, call_id: uuid.UUID
    ) -> port.PollResult | None:
        """What has become of a call; None while it waits."""
        call = await batches.call(session, call_id)
        assert call is not None
        reference = call.provider_reference or ""
        if call.state == CallState.EMBEDDING:
            values = [row.value for row in await batches.items_of(session, call_id)]
            return port.Signed(provider_tx=reference, values=tuple(values))
        if call.state == CallState.DECLINED:
            return port.Declined(provider_tx=reference, reason=call.problem or "")
        await flow.call_to_send(session, call_id, CallState.WAITING)
        if await office.refused(session, call_id):
            raise port.UntrustedAnswer("Giá trị chữ ký không khớp với chứng thư của con dấu.")
        return None

    @property
    def _adapter(self) -> UsbTokenProvider:
        wait = PATIENT if self._school.is_watched else IMPATIENT
        return UsbTokenProvider(
            msgspec.structs.replace(CAPABILITIES, authorization_ttl=wait, poll_interval=0.03)
        )
