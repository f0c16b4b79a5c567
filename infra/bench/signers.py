"""Three people who sign, under the sandbox's own authority but in this process."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from backend.remote_signing.formats import document_stamp, pades, trust
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
    """One signer: the field that waits for them, certificate, issuers (DER, nearest first), and how their key signs."""

    field: str
    certificate: bytes
    chain: tuple[bytes, ...]
    sign: Callable[[bytes], bytes]


class Table:
    """Three signers, a time stamping authority and a responder; `folder` takes their keys."""

    def __init__(self, folder: Path) -> None:
        authority, store = Authority(folder, _ADDRESS), Store(folder)
        credentials = Credentials(store, authority)
        names = {field: _enrolled(credentials, field) for field in FIELDS}
        self.signers = tuple(_signer(credentials, *one) for one in names.items())
        #: For a yardstick that wants the key itself.
        self.keys = {field: credentials.key(name) for field, name in names.items()}
        self._stamps = TimestampAuthority(authority, store.next_stamp)
        self._revocation = Revocation(authority, store)
        self.root = authority.root.certificate
        self.trust = folder / "trust"
        self.authorities = (authority.issuing.der, authority.root.der, authority.tsa.der)

    def sign(self, document: bytes, *, stamp: bool = False) -> bytes:
        """Three signatures with our own code: B-B, or B-T with time stamps."""
        return sign_in_order(document, self.signers, self._token if stamp else None)

    def archived(self, document: bytes) -> bytes:
        """B-LT becomes B-LTA, as by night."""
        prepared = document_stamp.prepare(document)
        return document_stamp.embed(prepared, self._token(prepared.stamped))

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


def sign_in_order(
    document: bytes, signers: Sequence[Signer], token: Callable[[bytes], bytes] | None = None
) -> bytes:
    """A signature of each; `token` makes a time stamp over a value."""
    for signer in signers:
        prepared = pades.prepare(
            document,
            signer.field,
            signer.certificate,
            signer.chain,
            first=signer is signers[0],
            last=signer is signers[-1],
            reserve=pades.reserve_for(
                signer.certificate, signer.chain, token_room=pades.TOKEN_ROOM if token else 0
            ),
        )
        value = signer.sign(prepared.signed_attributes)
        document = pades.embed(prepared, value, token(value) if token else None)
    return document


def _enrolled(credentials: Credentials, field: str) -> str:
    subject = Subject(common_name=f"Người ký {field}", organisation=_SCHOOL)
    return credentials.enrol(Enrolment(subject=subject, kind="person", account=field))


def _signer(credentials: Credentials, field: str, name: str) -> Signer:
    own, *chain = credentials.certificates_der(name)
    key = credentials.key(name)
    return Signer(
        field, own, tuple(chain), lambda content: key.sign(content, padding.PKCS1v15(), hashes.SHA256())
    )
