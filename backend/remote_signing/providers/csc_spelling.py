"""What CSC API v1.0.4 and v2 call the same things. Pure: bodies out, facts in."""

import base64
import json
from collections.abc import Mapping
from typing import Protocol

import msgspec

from backend.remote_signing.providers import port, wire

SHA256_OID = "2.16.840.1.101.3.4.2.1"
RSA_OID = "1.2.840.113549.1.1.1"


class Key(msgspec.Struct, frozen=True):
    """The key in an answer of `credentials/info`."""

    status: str
    algo: tuple[str, ...] = ()
    bits: int = msgspec.field(name="len", default=0)


class Certificate(msgspec.Struct, frozen=True):
    """The certificate there, with its chain in base64."""

    certificates: tuple[str, ...] = ()
    status: str = "valid"


class Presence(msgspec.Struct, frozen=True):
    """PIN or OTP of v1: false, true or optional."""

    presence: bool | str = False

    @property
    def wanted(self) -> bool:
        """Whether it must be given."""
        return self.presence is True or str(self.presence).lower() == "true"


class AuthObject(msgspec.Struct, frozen=True):
    """One factor of v2."""

    id: str
    type: str


class Auth(msgspec.Struct, frozen=True):
    """How v2 wants a credential to be authorised."""

    mode: str = ""
    objects: tuple[AuthObject, ...] = ()


class Info(msgspec.Struct, frozen=True):
    """Answer of `credentials/info`, both versions."""

    key: Key
    cert: Certificate
    multisign: int = 1
    pin: Presence = msgspec.field(name="PIN", default=Presence())
    otp: Presence = msgspec.field(name="OTP", default=Presence())
    auth: Auth = Auth()


class Spelling(Protocol):
    """The differences between the versions."""

    path: str

    def hashes(self, batch: port.HashBatch) -> dict[str, object]:
        """The hashes as `authorize` wants them."""
        ...

    def signing(self, batch: port.HashBatch) -> dict[str, object]:
        """The hashes and algorithms as `signHash` wants them."""
        ...

    def asks(self, info: Info) -> tuple[port.Ask, ...]:
        """What the person must give for this credential."""
        ...

    def answers(self, info: Info, values: Mapping[str, str]) -> dict[str, object]:
        """What the person gave, for `authorize`."""
        ...

    def send_code(self, info: Info) -> tuple[str, dict[str, object]]:
        """The call that has an OTP sent."""
        ...

    def consent(self, credential_id: str, batch: port.HashBatch) -> dict[str, str]:
        """What the service's own page is to ask the person, as parameters of its address."""
        ...


class V1:
    """CSC API 1.0.4."""

    path = "/csc/v1"

    def hashes(self, batch: port.HashBatch) -> dict[str, object]:
        """`hash`, SHA-256 understood."""
        return {"hash": [wire.to_base64(digest) for digest in batch.hashes]}

    def signing(self, batch: port.HashBatch) -> dict[str, object]:
        """`hash` and `hashAlgo`, wanted where the algorithm of the signature does not name it (11.9)."""
        return {**self.hashes(batch), "hashAlgo": SHA256_OID, "signAlgo": RSA_OID}

    def asks(self, info: Info) -> tuple[port.Ask, ...]:
        """By `PIN.presence` and `OTP.presence` (11.5)."""
        found = ((port.Ask.PIN, info.pin), (port.Ask.OTP, info.otp))
        return tuple(ask for ask, presence in found if presence.wanted)

    def answers(self, info: Info, values: Mapping[str, str]) -> dict[str, object]:
        """`PIN` and `OTP` (11.6)."""
        return {ask.name: values.get(ask.value, "") for ask in self.asks(info)}

    def send_code(self, info: Info) -> tuple[str, dict[str, object]]:
        """`credentials/sendOTP` (11.8)."""
        return "credentials/sendOTP", {}

    def consent(self, credential_id: str, batch: port.HashBatch) -> dict[str, str]:
        """Hashes in base64url, separated by commas (8.3.2)."""
        return {
            "credentialID": credential_id,
            "numSignatures": str(len(batch.hashes)),
            "hash": ",".join(
                base64.urlsafe_b64encode(digest).decode().rstrip("=") for digest in batch.hashes
            ),
        }


class V2:
    """CSC API 2.0 to 2.2."""

    path = "/csc/v2"

    def hashes(self, batch: port.HashBatch) -> dict[str, object]:
        """`hashes` with their algorithm."""
        return {
            "hashes": [wire.to_base64(digest) for digest in batch.hashes],
            "hashAlgorithmOID": SHA256_OID,
        }

    def signing(self, batch: port.HashBatch) -> dict[str, object]:
        """The same, and the algorithm of the signature."""
        return {**self.hashes(batch), "signAlgo": RSA_OID}

    def asks(self, info: Info) -> tuple[port.Ask, ...]:
        """By the types of `auth.objects`."""
        known = {"PIN": port.Ask.PIN, "PASSWORD": port.Ask.PIN, "OTP": port.Ask.OTP}
        found = (known.get(one.type.upper()) for one in info.auth.objects)
        return tuple(ask for ask in found if ask is not None)

    def answers(self, info: Info, values: Mapping[str, str]) -> dict[str, object]:
        """`authData`, an entry for each object."""
        asked = zip(self.asks(info), self._typed(info), strict=True)
        return {"authData": [{"id": one.id, "value": values.get(ask.value, "")} for ask, one in asked]}

    def send_code(self, info: Info) -> tuple[str, dict[str, object]]:
        """`credentials/getChallenge` of the OTP."""
        one = next(one for one in info.auth.objects if one.type.upper() == "OTP")
        return "credentials/getChallenge", {"authObjectID": one.id}

    def consent(self, credential_id: str, batch: port.HashBatch) -> dict[str, str]:
        """`authorization_details` (RFC 9396): each hash with the number under which the page shows it."""
        details = {
            "type": "credential",
            "credentialID": credential_id,
            "documentDigests": [
                {"hash": wire.to_base64(digest), "label": str(number)}
                for number, digest in enumerate(batch.hashes, 1)
            ],
            "hashAlgorithmOID": SHA256_OID,
        }
        return {"authorization_details": json.dumps([details], separators=(",", ":"))}

    def _typed(self, info: Info) -> tuple[AuthObject, ...]:
        return tuple(one for one in info.auth.objects if one.type.upper() in ("PIN", "PASSWORD", "OTP"))
