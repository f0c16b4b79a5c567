"""What a school closed, opened again by other people's code: decrypted, unzipped, its signature checked."""

import base64
import io
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import pkcs7
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from lxml import etree

from backend.integrations.profiles import documents
from backend.integrations.profiles.schemas import Body, Jws, Xades
from infra.simulators.province import identities
from infra.simulators.province.reading import BadEnvelope
from infra.simulators.web import MAX_BODY

_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_PROPERTIES = "http://uri.etsi.org/01903/v1.3.2#:SignedProperties"


def opened(body: Body, content: bytes, files: Mapping[str, bytes]) -> bytes:
    """What was written before it was signed, put away and encrypted. Raises BadEnvelope."""
    try:
        if body.encrypt is not None:
            certificate = x509.load_pem_x509_certificate(files[body.encrypt.certificate])
            content = pkcs7.pkcs7_decrypt_der(content, certificate, identities.key(), [])
        if body.zip is not None:
            [content] = _unzipped(content)
        if isinstance(body.sign, Jws):
            return _verified(content)
        if isinstance(body.sign, Xades):
            _verify_xml(content, body.sign)
            content = _unsigned(content)
    except (ValueError, KeyError, zipfile.BadZipFile, JoseError, InvalidSignature) as error:
        raise BadEnvelope("envelope", f"closed: {type(error).__name__}") from error
    return content


def _unzipped(content: bytes) -> list[bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return [archive.read(name) for name in archive.namelist()]


def _verified(content: bytes) -> bytes:
    """The content of a JWS whose first certificate the authority of the sandbox has issued."""
    registry = jws.JWSRegistry()
    # Headers hold certificates, payloads whole học bạ: more than the library lets through by itself.
    registry.max_header_length = registry.max_payload_length = registry.max_signature_length = MAX_BODY
    [own, *_] = jws.extract_compact(content, registry=registry).headers()["x5c"]
    certificate = x509.load_der_x509_certificate(base64.b64decode(own))
    certificate.verify_directly_issued_by(x509.load_pem_x509_certificate(identities.AUTHORITY.read_bytes()))
    numbers = ECKey.import_key(certificate.public_key())  # type: ignore[arg-type]
    return jws.deserialize_compact(content, numbers, registry=registry).payload


def _unsigned(content: bytes) -> bytes:
    root = etree.fromstring(content, documents.parser())
    for found in root.findall(f".//{_SIGNATURE}"):
        found.getparent().remove(found)
    return bytes(etree.tostring(root))


def _verify_xml(content: bytes, sign: Xades) -> None:
    """Raises ValueError for a signature that xmlsec1 does not take."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "message.xml"
        file.write_bytes(content)
        element = sign.path.rpartition("/")[2]
        ids = ("--id-attr:Id", element, "--id-attr:Id", _PROPERTIES)
        command = ("xmlsec1", "--verify", "--trusted-pem", str(identities.AUTHORITY), *ids, str(file))
        done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise ValueError(done.stderr[:200])
