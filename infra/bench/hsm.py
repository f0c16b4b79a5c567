"""Keys in a software HSM (SoftHSM): how the product signs with them, how pyHanko does, what the token can do."""

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pkcs11
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from pkcs11 import Mechanism, ObjectClass
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import fields, signers
from pyhanko.sign.pkcs11 import PKCS11Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

from backend.remote_signing.formats import csr
from backend.remote_signing.providers import hsm_keys, hsm_words
from backend.remote_signing.providers.hsm_pool import Pool
from infra.bench.signers import FIELDS, Signer, sign_in_order
from infra.simulators.signing_service.authority import Authority

_MODULE: Final = "/usr/lib/softhsm/libsofthsm2.so"
_LABEL, _PIN, _OFFICER_PIN = "hocba-bench", "246810", "13579024"


class HsmTable:
    """Three signers whose keys are in one token: the product's process of the token, and a session of this process."""

    def __init__(self, folder: Path) -> None:
        authority = Authority(folder / "authority", "http://127.0.0.1:9")
        with hsm_keys.opened(_MODULE, _LABEL, _PIN) as token:
            found = [_certified(token, authority, field) for field in FIELDS]
        self._pool = Pool(hsm_words.Opening(module=_MODULE, token=_LABEL, pin=_PIN), size=1, timeout=30)
        self._signers = [
            Signer(field, certificate, authority.chain(), self._signing(key_id))
            for field, (key_id, certificate) in zip(FIELDS, found, strict=True)
        ]
        session = pkcs11.lib(_MODULE).get_token(token_label=_LABEL).open(user_pin=_PIN)
        self._bare: Any = session.get_key(ObjectClass.PRIVATE_KEY, id=found[0][0])
        self._usual = [
            (field, _usual_signer(session, key_id, certificate, authority))
            for field, (key_id, certificate) in zip(FIELDS, found, strict=True)
        ]

    def sign(self, document: bytes) -> bytes:
        """Three B-B signatures as the product makes them, values through its own process of the token."""
        return sign_in_order(document, self._signers)

    def sign_usually(self, document: bytes) -> bytes:
        """The same fields by pyHanko as its documentation shows it: `sign_pdf` per signature, the first certifying."""
        for position, (field, signer) in enumerate(self._usual):
            allowed = fields.MDPPerm.NO_CHANGES if field == FIELDS[-1] else fields.MDPPerm.FILL_FORMS
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

    def sign_bare(self, number: int) -> bytes:
        """C_Sign and nothing else."""
        digest = hashlib.sha256(number.to_bytes(8, "big")).digest()
        return bytes(self._bare.sign(hsm_words.DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS))

    def _signing(self, key_id: bytes) -> Any:
        def sign(content: bytes) -> bytes:
            request = hsm_words.SignMany(key_id=key_id, digests=(hashlib.sha256(content).digest(),))
            answer = self._pool.ask(request)
            assert isinstance(answer, hsm_words.Values)
            return answer.values[0]

        return sign


@contextmanager
def table(folder: Path) -> Iterator[HsmTable]:
    """A new token with three keys. Raises FileNotFoundError where SoftHSM is not installed."""
    (folder / "tokens").mkdir(parents=True)
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    command = ["softhsm2-util", "--init-token", "--free", "--label", _LABEL, "--pin", _PIN]
    subprocess.run([*command, "--so-pin", _OFFICER_PIN], check=True, capture_output=True)
    made = HsmTable(folder)
    try:
        yield made
    finally:
        made._pool.close()
        pkcs11.lib(_MODULE).finalize()
        del os.environ["SOFTHSM2_CONF"]


def _certified(token: hsm_keys.Token, authority: Authority, field: str) -> tuple[bytes, bytes]:
    key_id = token.generate(field, hsm_keys.RSA, 2048)
    public = serialization.load_der_public_key(csr.public_key_info(token.public_key(key_id)))
    assert isinstance(public, rsa.RSAPublicKey)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"Người ký {field}")])
    certificate = authority.certify(name, x509.random_serial_number(), public)
    der = certificate.public_bytes(serialization.Encoding.DER)
    token.put_certificates(key_id, [der, *authority.chain()])
    return key_id, der


def _usual_signer(session: Any, key_id: bytes, certificate: bytes, authority: Authority) -> PKCS11Signer:
    def loaded(chain: Sequence[bytes]) -> list[asn1_x509.Certificate]:
        return [asn1_x509.Certificate.load(one) for one in chain]

    chain = loaded(authority.chain())
    store: Any = SimpleCertificateStore
    [own] = loaded([certificate])
    return PKCS11Signer(session, signing_cert=own, ca_chain=set(store.from_certs(chain)), key_id=key_id)
