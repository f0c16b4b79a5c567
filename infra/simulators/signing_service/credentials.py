"""Credentials: enrolment (a sandbox extra), revocation, and the keys in memory."""

import secrets
import time
from typing import Any, Literal

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from infra.simulators.signing_service.authority import Authority, from_pem, to_pem
from infra.simulators.signing_service.errors import invalid
from infra.simulators.signing_service.store import Store


class Subject(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who the certificate names. `personal_id`: citizen id; `tax_code`: of the organisation."""

    common_name: str
    organisation: str
    title: str | None = None
    personal_id: str | None = None
    tax_code: str | None = None


class Enrolment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What /sandbox/enrol takes. The same account always gets the same credential.

    `auth`: how its owner authorises where a dialect leaves the choice.
    """

    subject: Subject
    kind: Literal["person", "seal"]
    account: str
    auth: Literal["app", "pin", "otp", "pin+otp", "oauth2code"] = "app"
    pin: str = "24681357"


#: After so many wrong PINs or OTPs in a row a credential is locked.
MAX_WRONG = 3


class Credentials:
    """Issues credentials and holds their keys, loaded once."""

    def __init__(self, store: Store, authority: Authority) -> None:
        self._store = store
        self._authority = authority
        self._keys: dict[str, rsa.RSAPrivateKey] = {}

    def enrol(self, enrolment: Enrolment) -> str:
        """The id of the account's credential; a new key and certificate if it has none."""
        row = self._store.row("select id from credential where account = ?", enrolment.account)
        if row is not None:
            return str(row["id"])
        serial = x509.random_serial_number()
        holder = self._authority.issue(_name(enrolment), serial)
        credential_id = f"hb-{secrets.token_hex(12)}"
        self._store.run(
            "insert into credential (id, account, kind, subject, serial, pem, certificate, created_at)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            credential_id, enrolment.account, enrolment.kind, enrolment.subject.common_name, f"{serial:x}",
            to_pem(holder), holder.der, time.time(),
        )  # fmt: skip
        self._store.run(
            "insert into owner (credential_id, auth, pin) values (?, ?, ?)",
            credential_id,
            enrolment.auth,
            enrolment.pin,
        )
        return credential_id

    def certify(self, request_pem: bytes) -> tuple[bytes, ...]:
        """Certificate, issuing CA, root for a request whose key is elsewhere, named as the request says."""
        try:
            request = x509.load_pem_x509_csr(request_pem)
        except ValueError as error:
            raise invalid(f"Invalid certificate request: {error}") from error
        key = request.public_key()
        if not request.is_signature_valid or not isinstance(
            key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey
        ):
            raise invalid("The certificate request is not signed by its own key")
        serial = x509.random_serial_number()
        certificate = self._authority.certify(request.subject, serial, key)
        der = certificate.public_bytes(serialization.Encoding.DER)
        self._store.run(
            "insert into certified (serial, certificate, issued_at) values (?, ?, ?)",
            f"{serial:x}",
            der,
            time.time(),
        )
        return (der, *self._authority.chain())

    def revoke(self, credential_id: str) -> None:
        """From now on; a second call changes nothing."""
        self.certificate(credential_id)
        self._store.run(
            "update credential set revoked_at = ? where id = ? and revoked_at is null",
            time.time(),
            credential_id,
        )

    def ids_of(self, account: str | None) -> list[str]:
        """Credentials of an account, or all of them."""
        rows = self._store.rows(
            "select id from credential where ? is null or account = ? order by created_at", account, account
        )
        return [str(row["id"]) for row in rows]

    def certificate(self, credential_id: str) -> x509.Certificate:
        """Raises invalid_request for an unknown id."""
        return x509.load_der_x509_certificate(self.certificates_der(credential_id)[0])

    def certificates_der(self, credential_id: str) -> tuple[bytes, ...]:
        """Certificate, issuing CA, root."""
        row = self._store.credential(credential_id)
        if row is None:
            raise invalid("Invalid parameter credentialID")
        return (row["certificate"], *self._authority.chain())

    def is_revoked(self, credential_id: str) -> bool:
        """Whether the certificate was revoked."""
        row = self._store.credential(credential_id)
        return row is not None and row["revoked_at"] is not None

    def key(self, credential_id: str) -> rsa.RSAPrivateKey:
        """The private key of an existing credential."""
        if credential_id not in self._keys:
            row = self._store.credential(credential_id)
            if row is None:
                raise invalid("Invalid parameter credentialID")
            self._keys[credential_id] = from_pem(row["pem"]).key
        return self._keys[credential_id]

    def auth(self, credential_id: str) -> str:
        """How its owner authorises."""
        self.certificate(credential_id)
        row = self._store.row("select auth from owner where credential_id = ?", credential_id)
        return "app" if row is None else str(row["auth"])

    def send_otp(self, credential_id: str) -> None:
        """Onto the telephone, see `/phone/messages`; the one before is worth nothing any more."""
        self.auth(credential_id)
        self._store.run(
            "insert into otp values (?, ?, 1) on conflict (credential_id)"
            " do update set code = excluded.code, sent = sent + 1",
            credential_id,
            f"{secrets.randbelow(1_000_000):06}",
        )

    def prove(self, credential_id: str, pin: str | None, otp: str | None) -> str | None:
        """`pin`, `otp` or `locked`: what is wrong; None when what was given is what `auth` wants."""
        row = self._store.row("select * from owner where credential_id = ?", credential_id)
        sent = self._store.row("select code from otp where credential_id = ?", credential_id)
        if row is None or row["wrong"] >= MAX_WRONG:
            return "locked"
        wrong = None
        if "pin" in row["auth"] and pin != row["pin"]:
            wrong = "pin"
        elif "otp" in row["auth"] and (sent is None or otp != sent["code"]):
            wrong = "otp"
        self._store.run(
            "update owner set wrong = ? where credential_id = ?",
            row["wrong"] + 1 if wrong else 0,
            credential_id,
        )
        if not wrong:
            self._store.run("delete from otp where credential_id = ?", credential_id)
        return wrong

    def describe(self, credential_id: str, multisign: int) -> dict[str, Any]:
        """The answer of credentials/info, without the certificates."""
        certificate = self.certificate(credential_id)
        revoked = self.is_revoked(credential_id)
        return {
            "description": "SANDBOX",
            "key": {
                "status": "enabled",
                "algo": ["1.2.840.113549.1.1.1", "1.2.840.113549.1.1.11"],
                "len": 2048,
            },
            "cert": {
                "status": "revoked" if revoked else "valid",
                "issuerDN": certificate.issuer.rfc4514_string(),
                "subjectDN": certificate.subject.rfc4514_string(),
                "serialNumber": f"{certificate.serial_number:x}",
                "validFrom": certificate.not_valid_before_utc.strftime("%Y%m%d%H%M%SZ"),
                "validTo": certificate.not_valid_after_utc.strftime("%Y%m%d%H%M%SZ"),
            },
            "SCAL": "2",
            "multisign": multisign,
            "lang": "vi-VN",
        }


def _name(enrolment: Enrolment) -> x509.Name:
    """Names as Vietnamese CAs write them: citizen id and tax code in the attribute UID."""
    subject = enrolment.subject
    parts = [
        (NameOID.COUNTRY_NAME, "VN"),
        (NameOID.ORGANIZATION_NAME, subject.organisation),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, "SANDBOX"),
        (NameOID.TITLE, subject.title),
        (NameOID.COMMON_NAME, subject.common_name),
        (NameOID.USER_ID, subject.personal_id and f"CCCD:{subject.personal_id}"),
        (NameOID.USER_ID, subject.tax_code and f"MST:{subject.tax_code}"),
    ]
    try:
        return x509.Name([x509.NameAttribute(oid, value) for oid, value in parts if value])
    except ValueError as error:
        raise invalid(f"Invalid subject: {error}") from error
