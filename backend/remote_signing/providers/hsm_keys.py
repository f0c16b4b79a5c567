"""What a key ceremony does in a PKCS#11 token: generate a pair that stays there, prove that, put certificates beside it.

For commands of the operator, one process and one session each; the product itself only signs (`hsm_child`).
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec
import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, TokenFlag
from pkcs11.util.ec import encode_named_curve_parameters

from backend.remote_signing.providers.hsm_child import public_key, put_certificates, signer_of

RSA, EC = "rsa", "ec"
#: It signs and does nothing else, in the token alone; nobody takes it out.
_PRIVATE = {
    Attribute.PRIVATE: True,
    Attribute.SENSITIVE: True,
    Attribute.EXTRACTABLE: False,
    Attribute.SIGN: True,
    Attribute.DECRYPT: False,
    Attribute.UNWRAP: False,
}
_PUBLIC = {Attribute.VERIFY: True, Attribute.ENCRYPT: False, Attribute.WRAP: False}
#: What a key must say of itself: made in this token, never anywhere else.
_PROMISES = {
    "local": (Attribute.LOCAL, True),
    "sensitive": (Attribute.SENSITIVE, True),
    "always_sensitive": (Attribute.ALWAYS_SENSITIVE, True),
    "extractable": (Attribute.EXTRACTABLE, False),
    "never_extractable": (Attribute.NEVER_EXTRACTABLE, True),
    "sign": (Attribute.SIGN, True),
    "decrypt": (Attribute.DECRYPT, False),
    "unwrap": (Attribute.UNWRAP, False),
}
_SECRET_PART = {KeyType.RSA: Attribute.PRIVATE_EXPONENT, KeyType.EC: Attribute.VALUE}


class TokenTrouble(Exception):
    """The token cannot do it; the text is a Vietnamese sentence."""


class TokenFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Which token it is."""

    label: str
    serial: str
    manufacturer: str
    model: str


class Proof(msgspec.Struct, frozen=True, kw_only=True):
    """That a key stays in its token: what it says of itself, and what became of two tries to take it out."""

    attributes: dict[str, bool]
    reading: str
    wrapping: str


class KeyLine(msgspec.Struct, frozen=True, kw_only=True):
    """One private key of the token."""

    key_id: bytes
    label: str
    kind: str
    certificates: int


class Held(msgspec.Struct, frozen=True, kw_only=True):
    """A certificate (DER) in the token, and whether its key is there, too."""

    key_id: bytes
    certificate: bytes
    has_key: bool


class Token:
    """An open session that may write."""

    def __init__(self, session: pkcs11.Session) -> None:
        self._session = session

    @property
    def facts(self) -> TokenFacts:
        """Which token it is."""
        token = self._session.token
        return TokenFacts(
            label=token.label.strip(),
            serial=token.serial.decode(errors="replace").strip(),
            manufacturer=token.manufacturer_id.strip(),
            model=token.model.strip(),
        )

    def generate(self, label: str, kind: str, bits: int) -> bytes:
        """A new pair under a label; its id. Keys of before stay: they overlap until the school has changed over."""
        key_id = os.urandom(8)
        options: dict[str, Any] = {
            "id": key_id,
            "label": label,
            "store": True,
            "capabilities": MechanismFlag.SIGN | MechanismFlag.VERIFY,
            "private_template": _PRIVATE,
            "public_template": _PUBLIC,
        }
        if kind == EC:
            curve = {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}
            parameters = self._session.create_domain_parameters(KeyType.EC, curve, local=True)
            parameters.generate_keypair(**options)
        else:
            self._session.generate_keypair(KeyType.RSA, bits, **options)
        return key_id

    def destroy(self, key_id: bytes) -> None:
        """Take a pair away for good, with everything that has its id."""
        for one in list(self._session.get_objects({Attribute.ID: key_id})):
            one.destroy()

    def public_key(self, key_id: bytes) -> bytes:
        """The public key (DER: SubjectPublicKeyInfo, or of RSA its PKCS#1 form). Raises TokenTrouble."""
        return public_key(self._key(ObjectClass.PUBLIC_KEY, key_id))

    def label_of(self, key_id: bytes) -> str:
        """Whose key it is. Raises TokenTrouble."""
        return str(self._key(ObjectClass.PRIVATE_KEY, key_id).label)

    def sign(self, key_id: bytes, digest: bytes) -> bytes:
        """The value over a SHA-256 digest. Raises TokenTrouble."""
        return signer_of(self._key(ObjectClass.PRIVATE_KEY, key_id))(digest)

    def prove(self, key_id: bytes) -> Proof:
        """Try to take the key out, in both ways there are. Raises TokenTrouble when it can be, or could have been."""
        key = self._key(ObjectClass.PRIVATE_KEY, key_id)
        said = {name: bool(key[attribute]) for name, (attribute, _) in _PROMISES.items()}
        broken = [name for name, (_, wanted) in _PROMISES.items() if said[name] is not wanted]
        if broken:
            raise TokenTrouble(
                f"Khóa {key_id.hex()} không đạt yêu cầu “không lấy ra được” ({', '.join(broken)}); xin tạo khóa khác."
            )
        return Proof(
            attributes=said,
            reading=self._refusal_of_reading(key),
            wrapping=self._refusal_of_wrapping(key),
        )

    def put_certificates(self, key_id: bytes, chain: Sequence[bytes]) -> None:
        """Put a key's certificate and those of its issuers (DER, the own one first) beside it, for those of before."""
        put_certificates(self._session, key_id, self.label_of(key_id), chain)

    def certificates(self) -> list[Held]:
        """Every certificate."""
        keys = {key.key_id for key in self.list_keys()}
        found = self._session.get_objects({Attribute.CLASS: ObjectClass.CERTIFICATE})
        pairs = [(one[Attribute.ID], one[Attribute.VALUE]) for one in found]
        return [Held(key_id=one, certificate=value, has_key=one in keys) for one, value in pairs]

    def list_keys(self) -> list[KeyLine]:
        """Every private key."""
        found = []
        # A session has one search at a time.
        for key in list(self._session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY})):
            key_id = key[Attribute.ID]
            beside = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.ID: key_id}
            count = len(list(self._session.get_objects(beside)))
            kind = KeyType(key[Attribute.KEY_TYPE]).name
            found.append(KeyLine(key_id=key_id, label=key[Attribute.LABEL], kind=kind, certificates=count))
        return found

    def _key(self, kind: ObjectClass, key_id: bytes) -> Any:
        try:
            return self._session.get_key(kind, id=key_id)
        except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned):
            raise TokenTrouble(
                f"Token không có đúng một khóa mang mã {key_id.hex()}; xin xem `hocba hsm list`."
            ) from None

    def _refusal_of_reading(self, key: Any) -> str:
        try:
            key[_SECRET_PART[key.key_type]]
        except pkcs11.PKCS11Error as error:
            return type(error).__name__
        raise TokenTrouble("Đọc được phần bí mật của khóa; token này không dùng để giữ khóa được.")

    def _refusal_of_wrapping(self, key: Any) -> str:
        wrapping: Any = self._session.generate_key(KeyType.AES, 256, capabilities=MechanismFlag.WRAP)
        try:
            wrapping.wrap_key(key, mechanism=Mechanism.AES_KEY_WRAP_PAD)
        except pkcs11.PKCS11Error as error:
            return type(error).__name__
        raise TokenTrouble("Lấy được khóa ra ngoài dưới dạng đã bọc; token này không dùng để giữ khóa được.")


@contextmanager
def opened(module: str, token: str, pin: str) -> Iterator[Token]:
    """A session with the token of that label, or with the only one (""), while the block lasts. Raises TokenTrouble."""
    try:
        library = pkcs11.lib(module)
        found = library.get_token(token_label=token) if token else _only_token(library)
        session = found.open(rw=True, user_pin=pin)
    except (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange):
        raise TokenTrouble(
            "Mã PIN không đúng; xin kiểm tra trước khi thử lại, vì nhập sai vài lần token sẽ tự khóa."
        ) from None
    except (pkcs11.PKCS11Error, OSError, RuntimeError) as error:
        raise TokenTrouble(f"Không mở được token “{token}”: {type(error).__name__} {error}.") from error
    try:
        with session:
            yield Token(session)
    finally:
        library.finalize()


def _only_token(library: Any) -> Any:
    found = [slot.get_token() for slot in library.get_slots(token_present=True)]
    ready = [token for token in found if TokenFlag.TOKEN_INITIALIZED in token.flags]
    if len(ready) != 1:
        raise TokenTrouble(
            f"Máy này đang cắm {len(ready)} token; xin cắm đúng một token, hoặc ghi nhãn của nó."
        )
    return ready[0]
