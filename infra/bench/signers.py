"""Three people who sign, under the sandbox's own authority but in this process; and how pyHanko signs for them."""

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Final, NamedTuple

from asn1crypto import keys as asn1_keys
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko_certvalidator.registry import SimpleCertificateStore

from backend.remote_signing.formats import pades, trust
from infra.simulators.signing_service.authority import Authority
from infra.simulators.signing_service.credentials import Credentials, Enrolment, Subject
from infra.simulators.signing_service.revocation import Revocation
from infra.simulators.signing_service.store import Store
from infra.simulators.signing_service.timestamps import TimestampAuthority

FIELDS: Final = ("homeroom_teacher", "principal", "school_seal")
#: Nobody answers there: everything that is needed is in this process.
_ADDRESS: Final = "http://127.0.0.1:9"
_SCHOOL: Final = "Trường THCS và THPT Tư thục Sông Trăng"


class Signer(NamedTuple):
    """One signer: the field that waits for them, key, certificate and issuers (DER, nearest first)."""

    field: str
    key: rsa.RSAPrivateKey
    certificate: bytes
    chain: tuple[bytes, ...]

    def sign(self, attributes: bytes) -> bytes:
        """What an HSM would return: PKCS#1 v1.5 over SHA-256."""
        return self.key.sign(attributes, padding.PKCS1v15(), hashes.SHA256())


class Table:
    """Three signers, a time stamping authority and a responder; `folder` takes their keys."""

    def __init__(self, folder: Path) -> None:
        authority, store = Authority(folder, _ADDRESS), Store(folder)
        credentials = Credentials(store, authority)
        self.signers = tuple(_signer(credentials, field) for field in FIELDS)
        self._stamps = TimestampAuthority(authority, store.next_stamp)
        self._revocation = Revocation(authority, store)
        self.root = authority.root.certificate
        self.trust = folder / "trust"
        self.authorities = (authority.issuing.der, authority.root.der, authority.tsa.der)

    def sign(self, document: bytes, *, stamp: bool = False) -> bytes:
        """Three signatures with our own code: B-B, or B-T with time stamps."""
        for signer in self.signers:
            document = self._one_signature(document, signer, stamp)
        return document

    def _one_signature(self, document: bytes, signer: Signer, stamp: bool) -> bytes:
        room = pades.TOKEN_ROOM if stamp else 0
        prepared = pades.prepare(
            document,
            signer.field,
            signer.certificate,
            signer.chain,
            first=signer is self.signers[0],
            last=signer is self.signers[-1],
            reserve=pades.reserve_for(signer.certificate, signer.chain, token_room=room),
        )
        value = signer.sign(prepared.signed_attributes)
        return pades.embed(prepared, value, self._token(value) if stamp else None)

    def _token(self, value: bytes) -> bytes:
        return pades.read_timestamp(self._stamps.answer(pades.timestamp_request(value)), value)

    def with_material(self, document: bytes) -> bytes:
        """B-T becomes B-LT, as at issue."""
        certificates = [*(signer.certificate for signer in self.signers), *self.authorities]
        answers = [
            self._revocation.answer(trust.ocsp_request(certificate, issuer))
            for certificate, issuer in trust.certificates_to_check(certificates)
        ]
        return pades.add_validation_material(document, certificates, answers, [])


class UsualSigner:
    """pyHanko as its documentation shows it: a signer object per person, `sign_pdf` per signature."""

    def __init__(self, people: Sequence[Signer]) -> None:
        self._people = [(person.field, _simple_signer(person)) for person in people]

    def sign(self, document: bytes) -> bytes:
        """The same fields of the same document, PAdES B-B, the first one certifying."""
        last = self._people[-1][0]
        for position, (field, signer) in enumerate(self._people):
            allowed = fields.MDPPerm.NO_CHANGES if field == last else fields.MDPPerm.FILL_FORMS
            metadata = signers.PdfSignatureMetadata(
                field_name=field,
                md_algorithm="sha256",
                subfilter=fields.SigSeedSubFilter.PADES,
                certify=position == 0,
                docmdp_permissions=allowed,
            )
            writer = IncrementalPdfFileWriter(BytesIO(document))
            document = signers.sign_pdf(writer, metadata, signer, existing_fields_only=True).getvalue()
        return document


def _signer(credentials: Credentials, field: str) -> Signer:
    subject = Subject(common_name=f"Người ký {field}", organisation=_SCHOOL)
    name = credentials.enrol(Enrolment(subject=subject, kind="person", account=field))
    own, *chain = credentials.certificates_der(name)
    return Signer(field, credentials.key(name), own, tuple(chain))


def _simple_signer(person: Signer) -> signers.SimpleSigner:
    key = person.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    store: Any = SimpleCertificateStore
    registry = store.from_certs(map(asn1_x509.Certificate.load, person.chain))
    return signers.SimpleSigner(
        asn1_x509.Certificate.load(person.certificate), asn1_keys.PrivateKeyInfo.load(key), registry
    )
