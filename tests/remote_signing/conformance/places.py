"""Where the keys of a provider are: how somebody gets one, what can be made to fail, and what was recorded there."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from pkcs11 import ObjectClass

from backend.remote_signing.formats.schemas import CertificateSubject
from backend.remote_signing.providers import port
from backend.remote_signing.providers.aws_kms import AwsKmsProvider
from backend.remote_signing.providers.hsm_pool import Pool
from infra.simulators.signing_service.authority import Authority
from tests.fakes.kms_keys import KmsWorld
from tests.fakes.processes import SigningService
from tests.fakes.softhsm import SoftHsm

#: Longest that a test of the suite waits for a process of a token (seconds).
_TOKEN_SECONDS = 20
#: What the suite calls a fault → what the simulator of KMS calls it.
_IN_KMS = {"rate_limit": "throttled", "http500": "internal", "cut_after_accept": "cut_after_sign"}


class Place(Protocol):
    """What the suite asks of every place."""

    async def enrol(self, user: str) -> None:
        """Give the user a key with a certificate; the same each time."""
        ...

    async def withdraw(self, user: str) -> None:
        """From now on the user's key signs nothing."""
        ...

    def fault(self, kind: str, path: str) -> None:
        """What goes wrong, until faults are cleared or it has happened."""
        ...

    def clear_faults(self) -> None:
        """Nothing goes wrong."""
        ...

    def signed(self) -> Counter[str]:
        """How often each hash (hex) was signed, by the place's own records."""
        ...

    def consents(self) -> int:
        """How often a person was, or would be, asked."""
        ...


@dataclass
class AtService:
    """Keys of people at the simulator of the signing services, who authorise by `auth`."""

    service: SigningService
    auth: str

    async def enrol(self, user: str) -> None:
        self.service.enrol(user, auth=self.auth)

    async def withdraw(self, user: str) -> None:
        name = self.service.enrol(user, auth=self.auth).credential_id
        self.service.post("/sandbox/revoke", {"credentialID": name})

    def fault(self, kind: str, path: str) -> None:
        self.service.fault(kind, path=path)

    def clear_faults(self) -> None:
        self.service.clear_faults()

    def signed(self) -> Counter[str]:
        return Counter(self.service.ledger()["hashes"])

    def consents(self) -> int:
        found: int = self.service.ledger()["consents"]
        return found


@dataclass
class InKms:
    """Keys of seals in the simulator of KMS. Nobody is asked."""

    world: KmsWorld
    authority: Authority
    kind: str
    provider: AwsKmsProvider
    held: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, world: KmsWorld, authority: Authority, kind: str) -> "InKms":
        """With one client, which takes a while to make."""
        return cls(world, authority, kind, world.provider())

    async def enrol(self, user: str) -> None:
        if user not in self.held:
            self.held[user] = self.world.add_key(self.authority, self.kind, user).credential_id

    async def withdraw(self, user: str) -> None:
        self.world.operator.disable_key(KeyId=self.held[user])

    def fault(self, kind: str, path: str) -> None:
        # boto3 asks twice, and once for each hash: trouble must last.
        times = 20 if kind in _IN_KMS else 1
        self.world.service.fault(_IN_KMS.get(kind, kind), path=path, times=times)

    def clear_faults(self) -> None:
        self.world.service.clear_faults()

    def signed(self) -> Counter[str]:
        return Counter(self.world.service.ledger()["hashes"])

    def consents(self) -> int:
        return 0


@dataclass
class InToken:
    """Keys of seals in SoftHSM, watched by a module between. Nobody is asked; it can only fail whole."""

    hsm: SoftHsm
    authority: Authority
    kind: str
    pool: Pool
    held: dict[str, port.CredentialHandle] = field(default_factory=dict)

    @classmethod
    def of(cls, hsm: SoftHsm, authority: Authority, kind: str) -> "InToken":
        """With one process, so that its calls stand in their order."""
        return cls(hsm, authority, kind, Pool(hsm.opening(), size=1, timeout=_TOKEN_SECONDS))

    async def enrol(self, user: str) -> None:
        if user not in self.held:
            school = CertificateSubject(name="Trường Thử Nghiệm", tax_code=user.removesuffix("/con-dau"))
            self.held[user] = self.hsm.certified(school, self._certify, kind=self.kind)

    async def withdraw(self, user: str) -> None:
        with self.hsm.opened() as token:
            token._session.get_key(
                id=bytes.fromhex(self.held[user].credential_id), object_class=ObjectClass.PRIVATE_KEY
            ).destroy()
        self.pool.close()

    def fault(self, kind: str, path: str) -> None:
        raise AssertionError(f"a token cannot be told to do {kind}")

    def clear_faults(self) -> None:
        pass

    def signed(self) -> Counter[str]:
        return self.hsm.records.signed()

    def consents(self) -> int:
        return 0

    def _certify(self, request: bytes) -> list[bytes]:
        asked = x509.load_pem_x509_csr(request)
        key = asked.public_key()
        assert isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        made = self.authority.certify(asked.subject, x509.random_serial_number(), key)
        return [made.public_bytes(serialization.Encoding.DER), *self.authority.chain()]
