"""What leaves: a message written, held to its schemas, signed, put into an archive, encrypted, as its profile says."""

import base64
import binascii
import io
import zipfile
from collections.abc import Mapping
from datetime import datetime

import msgspec

from backend.integrations.profiles import conformity, messages
from backend.integrations.profiles.mapping import BadMapping, Known
from backend.integrations.profiles.schemas import Answer, Body, Jws, Message, Xades
from backend.remote_signing.formats import service as formats
from backend.remote_signing.formats.schemas import XmlTarget

#: Signed XML is half base64, of which more work makes little less.
_FAST = 1
#: Name of the signature in a document.
_SIGNATURE = "GUI"


class Material(msgspec.Struct, frozen=True):
    """What a package is made with besides its message: files beside the profile, the school's secrets, our key (PEM)."""

    files: Mapping[str, bytes] = {}
    secrets: Mapping[str, str] = {}
    platform: bytes | None = None

    def __repr__(self) -> str:
        return "Material(…)"


def pack(body: Body, message: Message, known: Known, material: Material) -> bytes:
    """The bytes that leave. Raises BadMapping, and formats.BadKey for a key that is none."""
    content = messages.write(body, message, known)
    require(body, content, material.files)
    if body.sign is not None:
        content = _signed(body.sign, content, message, material)
    if body.zip is not None:
        content = _zipped(body.zip.format(message_id=message.message_id), content)
    if body.encrypt is not None:
        content = formats.encrypt_for(material.files[body.encrypt.certificate], content)
    return content


def require(body: Body, content: bytes, files: Mapping[str, bytes]) -> None:
    """Raises BadMapping for what does not hold to the schemas of the profile."""
    for schema in body.schemas:
        if reason := conformity.reason_against(schema.kind, files[schema.file], content):
            raise BadMapping("", f"không đúng {schema.file}: {reason}")


def opened(answer: Answer, content: bytes, files: Mapping[str, bytes]) -> bytes:
    """What an answer says; where it has to be signed and is not by whom the profile names, nothing."""
    if answer.signed is None:
        return content
    try:
        return formats.open_jws(content, files[answer.signed.certificate])
    except formats.BadSignature:
        return b""


def pem_of(secret: str) -> bytes:
    """A key with its certificates as a school fills it in: PEM in base64, in one line. Raises formats.BadKey."""
    try:
        return base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError) as error:
        raise formats.BadKey("khóa phải là tệp PEM mã hóa base64 trên một dòng") from error


def target_of(sign: Xades) -> XmlTarget:
    """What is signed, and where the signature stands."""
    return XmlTarget(name=_SIGNATURE, place=sign.place, path=sign.path, id=sign.id)


def _signed(sign: Xades | Jws, content: bytes, message: Message, material: Material) -> bytes:
    pem = material.platform if sign.key is None else pem_of(material.secrets[sign.key])
    if pem is None:
        raise formats.BadKey("nền tảng chưa có khóa ký thông điệp")
    identity = formats.read_identity(pem)
    if isinstance(sign, Jws):
        return formats.sign_jws(content, identity)
    try:
        signed_at = datetime.fromisoformat(message.queued_at)
        return formats.sign_xml(content, target_of(sign), identity, signed_at)
    except formats.Unsuitable as error:
        raise BadMapping("", f"không có chỗ để ký ({error})") from error


def _zipped(name: str, content: bytes) -> bytes:
    """An archive of one file; the same content is the same archive."""
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, content, compresslevel=_FAST)
    return into.getvalue()
