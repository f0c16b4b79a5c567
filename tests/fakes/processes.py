"""The simulators as real processes on free ports, with their own records to count from.

    with start_signing_service(tmp_path, auto_confirm=0.2) as service:
        account = service.account("001199000001")

Controls go over plain urllib, so that nothing of ours stands between a test and the simulator's records.
"""

import base64
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

from backend.integrations.deliveries.channels.port import Endpoint
from backend.integrations.profiles import catalog
from backend.integrations.profiles.schemas import Mtls
from backend.remote_signing.providers.port import CredentialHandle, ProviderAccount
from infra.profile_kit import running
from infra.simulators.province import identities
from infra.simulators.province.__main__ import ADDRESS

SANDBOX = catalog.path_of("vn.sandbox.hocba/2")
_ROOT = Path(__file__).parents[2]
#: Five RSA keys are made at the first start; two cores are shared by many (seconds).
_START_LIMIT = 60.0


#: The PIN of every credential that tests enrol.
PIN = "24681357"


class Process:
    """One simulator: started, killed and started again on the same port and folder."""

    def __init__(self, module: str, directory: Path, flags: dict[str, object]) -> None:
        self.directory = directory
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._log = directory.parent / f"{directory.name}.log"
        options = [text for name, value in flags.items() for text in (_option(name), str(value))]
        where = ["--data", str(directory), "--port", str(self.port)]
        self._command = [sys.executable, "-m", module, *where, *options]
        self._process: subprocess.Popen[bytes] | None = None
        #: How a test gets in where callers must show a certificate.
        self.tls: ssl.SSLContext | None = None

    def start(self) -> Self:
        """Start and wait until it answers. Raises RuntimeError with its output if it does not."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, cwd=_ROOT, stdout=log, stderr=log)
        deadline = time.monotonic() + _START_LIMIT
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.get("/health")
            except OSError:
                time.sleep(0.05)
            else:
                return self
        self.stop()
        raise RuntimeError(f"{self._command} did not start:\n{self.log()}")

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        self._end(signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; answers the exit status."""
        return self._end(signal.SIGTERM)

    def log(self) -> str:
        """What it wrote to stdout and stderr."""
        return self._log.read_text()

    def get(self, path: str) -> Any:
        """GET a JSON answer."""
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, body: object) -> Any:
        """POST JSON, get JSON."""
        return self._ask(urllib.request.Request(self.url + path, json.dumps(body).encode(), method="POST"))

    def fault(self, kind: str, **settings: object) -> None:
        """Switch a fault on: times, seconds, path."""
        self.post("/sandbox/faults", {"kind": kind, **settings})

    def clear_faults(self) -> None:
        """Switch all faults off."""
        self._ask(urllib.request.Request(self.url + "/sandbox/faults", method="DELETE"))

    def settings(self) -> Any:
        """The file that the simulator generated."""
        return json.loads((self.directory / "settings.json").read_text())

    def _ask(self, request: urllib.request.Request) -> Any:
        with urllib.request.urlopen(request, timeout=30, context=self.tls) as answer:
            return json.loads(answer.read())

    def _end(self, number: signal.Signals) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        if process.poll() is None:
            os.kill(process.pid, number)
        try:
            return process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise


class SigningService(Process):
    """The signing service, with what a test needs of it."""

    _signed_twice_before: frozenset[str] = frozenset()

    @property
    def csc_url(self) -> str:
        """Base address of the CSC interface."""
        return f"{self.url}/csc/v2"

    @property
    def trust_root(self) -> Path:
        """The sandbox root, PEM."""
        return self.directory / "trust" / "sandbox-root.pem"

    def account(self, user_id: str) -> ProviderAccount:
        """An account as our adapters want it."""
        party = self.settings()["relying_parties"][0]
        return ProviderAccount(
            base_url=self.csc_url,
            user_id=user_id,
            parameters={name: party[name] for name in ("client_id", "client_secret")},
        )

    def enrol(
        self,
        account: str,
        name: str = "Nguyễn Thị Ví Dụ",
        kind: str = "person",
        tax_code: str | None = None,
        auth: str = "app",
    ) -> CredentialHandle:
        """A credential for the account; the same each time."""
        subject = {
            "common_name": name,
            "organisation": "Trường Tiểu học Tư thục Hoa Ban",
            "tax_code": tax_code,
        }
        asked = {"subject": subject, "kind": kind, "account": account, "auth": auth, "pin": PIN}
        answer = self.post("/sandbox/enrol", asked)
        return CredentialHandle(
            credential_id=answer["credentialID"], certificate=base64.b64decode(answer["certificate"])
        )

    def certify(self, request: bytes) -> list[bytes]:
        """What its authority makes of a certificate request (PEM) of a key elsewhere: certificate and issuers, DER."""
        answer = self.post("/sandbox/certify", {"request": request.decode()})
        return [base64.b64decode(der) for der in (answer["certificate"], *answer["chain"])]

    def ledger(self, transaction: str | None = None) -> Any:
        """The service's own count of signatures; what was signed twice since the last `look_away`."""
        found = self.get("/sandbox/ledger" + (f"?transaction={transaction}" if transaction else ""))
        twice = set(found["signed_more_than_once"]) - self._signed_twice_before
        return found | {"signed_more_than_once": sorted(twice)}

    def look_away(self) -> None:
        """What was signed twice until now was meant to be: documents went back and were consented to anew."""
        self._signed_twice_before |= set(self.ledger()["signed_more_than_once"])

    def otp(self, credential_id: str) -> Any:
        """The one-time code on a person's telephone, and how many were sent: {"code", "sent"}; None before the first."""
        found = self.get("/phone/messages")["messages"]
        return next((one for one in found if one["credential_id"] == credential_id), None)

    def forget_tokens(self) -> None:
        """All access tokens run out at once."""
        self._ask(urllib.request.Request(self.url + "/sandbox/tokens", method="DELETE"))

    def end_accesses(self) -> None:
        """Nobody lets us in any more (`smartca_oauth`)."""
        self._ask(urllib.request.Request(self.url + "/sandbox/accesses", method="DELETE"))

    def pending(self) -> Any:
        """What waits on the telephone."""
        return self.get("/phone/pending")["pending"]

    def press(self, handle: str, button: str) -> Any:
        """The person presses `confirm` or `reject`."""
        return self.post(f"/phone/{handle}/{button}", {})


class Kms(Process):
    """The key management service, with what a test needs of it."""

    def ledger(self) -> Any:
        """Its own count of signatures."""
        return self.get("/sandbox/ledger")


class Province(Process):
    """The province, with what a test needs of it."""

    def __init__(self, directory: Path, profile: Path, flags: dict[str, object]) -> None:
        super().__init__("infra.simulators.province", directory, {**flags, "profile": profile})
        edition = catalog.load(profile, {})
        self.profile, self._edition = edition.profile, edition
        if isinstance(self.profile.auth, Mtls):
            self.url = self.url.replace("http:", "https:")
            self.tls = ssl.create_default_context(cafile=str(identities.AUTHORITY))
            own = directory.with_suffix(".pem")
            own.write_bytes(identities.issue("test"))
            self.tls.load_cert_chain(own)

    def endpoint(self, *, total_timeout: float = 60.0) -> Endpoint:
        """The endpoint as our channel wants it."""
        return running.endpoint_of(self._edition, self.directory, self.url, total_timeout)

    @property
    def address(self) -> str:
        """Where schools find it."""
        by_file = self.directory / ADDRESS
        return by_file.read_text("utf-8") if self.profile.transport.kind == "sftp" else self.url

    def ledger(self) -> Any:
        """The province's own count of messages."""
        return self.get("/sandbox/ledger")


@contextmanager
def start_signing_service(directory: Path, **flags: object) -> Iterator[SigningService]:
    """`flags` are command line options (auto_confirm=0.2). Its data lie in `directory`/signing."""
    service = SigningService("infra.simulators.signing_service", directory / "signing", flags)
    try:
        yield service.start()
    finally:
        service.stop()


@contextmanager
def start_province(directory: Path, profile: Path = SANDBOX, **flags: object) -> Iterator[Province]:
    """`flags` are command line options (processing=0.1). Its data lie in `directory`/province."""
    province = Province(directory / "province", profile, flags)
    try:
        yield province.start()
    finally:
        province.stop()


@contextmanager
def start_kms(directory: Path) -> Iterator[Kms]:
    """Its data lie in `directory`/kms."""
    kms = Kms("infra.simulators.kms", directory / "kms", {})
    try:
        yield kms.start()
    finally:
        kms.stop()


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
