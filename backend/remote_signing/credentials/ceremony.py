"""A key ceremony: a seal's key is made in a token before two people, and its record signed by that very key.

The record says who, when, what, and how it was tried to take the key out; whoever has it can check it offline.
"""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec

from backend.core.errors import Invalid
from backend.core.text import check_text
from backend.remote_signing.formats import certificates, csr
from backend.remote_signing.formats.schemas import CertificateFacts, CertificateSubject
from backend.remote_signing.providers.hsm_keys import RSA as RSA
from backend.remote_signing.providers.hsm_keys import Proof, TokenFacts
from backend.remote_signing.providers.hsm_keys import Token as Token
from backend.remote_signing.providers.hsm_keys import TokenTrouble as TokenTrouble
from backend.remote_signing.providers.hsm_keys import opened as opened

KIND = "hocba.key-ceremony.1"
#: So many people look on, besides the operator whose hands do it.
WITNESSES = 2
_HARMLESS = "Hocba: chuỗi thử khóa, không phải văn bản".encode()


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What happened. `public_key` is SubjectPublicKeyInfo in base64."""

    what: str
    at: datetime
    people: tuple[str, ...]
    school: CertificateSubject
    token: TokenFacts
    key_id: str
    label: str
    key: str
    public_key: str
    proof: Proof


class SignedRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A record and the signature (base64) of its key over the record's JSON: keys sorted, no spaces."""

    record: Record
    signature: str


def label_of(school: CertificateSubject) -> str:
    """The label of a school's seal keys, and its account at the provider."""
    return f"{school.tax_code}/con-dau"


def generate(
    token: Token, school: CertificateSubject, kind: str, bits: int, people: Sequence[str], at: datetime
) -> SignedRecord:
    """Make a pair, try to take it out, and have it sign the record of that. A pair that does not hold is taken away.

    Raises Invalid unless two different people are named, TokenTrouble.
    """
    witnesses = _checked_people(people)
    label = label_of(school)
    key_id = token.generate(label, kind, bits)
    try:
        proof = token.prove(key_id)
        record = Record(
            what=KIND,
            at=at,
            people=witnesses,
            school=school,
            token=token.facts,
            key_id=key_id.hex(),
            label=label,
            key=f"{kind}-{bits}" if kind == "rsa" else kind,
            public_key=base64.b64encode(csr.public_key_info(token.public_key(key_id))).decode(),
            proof=proof,
        )
        value = _signed(token, key_id, _content(record))
    except Exception:
        token.destroy(key_id)
        raise
    return SignedRecord(record=record, signature=base64.b64encode(value).decode())


def to_file(signed: SignedRecord) -> bytes:
    """The record as it is kept: JSON that a person can read."""
    return msgspec.json.format(msgspec.json.encode(signed, order="sorted"), indent=2) + b"\n"


def from_file(content: bytes) -> Record:
    """A record that its own key has signed. Raises Invalid for anything else."""
    try:
        signed = msgspec.json.decode(content, type=SignedRecord)
        key, value = base64.b64decode(signed.record.public_key), base64.b64decode(signed.signature)
        is_genuine = signed.record.what == KIND and csr.is_signed_by(key, _content(signed.record), value)
    except (msgspec.MsgspecError, ValueError) as error:
        raise Invalid("Tệp này không phải biên bản tạo khóa.") from error
    if not is_genuine:
        raise Invalid("Biên bản đã bị sửa: chữ ký của khóa không khớp với nội dung.")
    return signed.record


def record_of(content: bytes, certificate: bytes) -> Record:
    """The record of the very key that a certificate (DER) is of. Raises Invalid for another's, and for what is none."""
    record = from_file(content)
    if base64.b64decode(record.public_key) != csr.key_in(certificate):
        raise Invalid(
            f"Biên bản trong tệp là của khóa {record.key_id}, không phải khóa của chứng thư số này; xin chọn tệp khác."
        )
    return record


def request(token: Token, key_id: bytes, school: CertificateSubject) -> bytes:
    """A request (PEM) that asks an authority to certify the key as the school's seal. Raises Invalid, TokenTrouble."""
    if token.label_of(key_id) != label_of(school):
        raise Invalid(
            f"Khóa {key_id.hex()} mang nhãn {token.label_of(key_id)}, không phải của mã số thuế {school.tax_code}."
        )
    return csr.build(school, token.public_key(key_id), lambda content: _signed(token, key_id, content))


def put(token: Token, key_id: bytes, pem: bytes) -> CertificateFacts:
    """Put what the authority has issued beside its key. Raises Invalid when it belongs to another, TokenTrouble."""
    try:
        chain = csr.chain_in(pem)
    except ValueError as error:
        raise Invalid(
            "Tệp phải gồm chứng thư của khóa rồi đến các chứng thư cấp trên, mỗi chứng thư do chứng thư sau nó cấp."
        ) from error
    if csr.key_in(chain[0]) != csr.public_key_info(token.public_key(key_id)):
        raise Invalid(f"Chứng thư đầu tiên trong tệp không phải của khóa {key_id.hex()}.")
    token.put_certificates(key_id, chain)
    return certificates.read(chain[0])


def check(token: Token, key_id: bytes) -> Proof:
    """Sign a harmless text, verify it, and try to take the key out. Raises Invalid, TokenTrouble."""
    value = _signed(token, key_id, _HARMLESS)
    if not csr.is_signed_by(token.public_key(key_id), _HARMLESS, value):
        raise Invalid(f"Khóa {key_id.hex()} ký ra giá trị không kiểm được bằng khóa công khai của nó.")
    return token.prove(key_id)


def _content(record: Record) -> bytes:
    return msgspec.json.encode(record, order="sorted")


def _signed(token: Token, key_id: bytes, content: bytes) -> bytes:
    return token.sign(key_id, hashlib.sha256(content).digest())


def _checked_people(people: Sequence[str]) -> tuple[str, ...]:
    found = [check_text(one, field="Người chứng kiến", person="biên bản", limit=200) for one in people]
    if len(found) != WITNESSES or not all(found) or len({one.casefold() for one in found}) < WITNESSES:
        raise Invalid(
            "Việc tạo khóa cần đúng hai người khác nhau chứng kiến; xin ghi họ tên, chức vụ từng người bằng --person."
        )
    return tuple(found)
