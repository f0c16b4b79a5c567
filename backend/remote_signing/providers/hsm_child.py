"""The process that holds one session with a PKCS#11 token. Run by `hsm_pool`, one request at a time, no threads.

A module may be broken for good after one error, in ways that only a new process mends; so this one ends itself after any
error that the request is not to blame for, and says so. It also ends when the product does.
"""

import signal
import socket
import sys
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pkcs11
from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.util.ec import encode_ec_public_key, encode_ecdsa_signature
from pkcs11.util.rsa import encode_rsa_public_key
from pkcs11.util.x509 import decode_x509_certificate

from backend.remote_signing.providers import hsm_words
from backend.remote_signing.providers.hsm_words import Fault

_PIN_TROUBLE = (
    pkcs11.PinIncorrect,
    pkcs11.PinInvalid,
    pkcs11.PinLenRange,
    pkcs11.PinLocked,
    pkcs11.PinExpired,
    pkcs11.UserPinNotInitialized,
)
_ABSENT = (
    pkcs11.NoSuchToken,
    pkcs11.MultipleTokensReturned,
    pkcs11.TokenNotPresent,
    pkcs11.DeviceRemoved,
    OSError,
    RuntimeError,
)
_DATA_TROUBLE = (pkcs11.DataInvalid, pkcs11.DataLenRange)
#: Certificates of issuers stand beside a key's own under this label, in the order of their ids.
CHAIN_LABEL = "chain:{}"


class TokenSession:
    """One session, and the keys that were found in it."""

    def __init__(self, session: pkcs11.Session) -> None:
        self._session = session
        self._signers: dict[bytes, Callable[[bytes], bytes]] = {}

    def sign_many(self, request: hsm_words.SignMany) -> hsm_words.Values | Fault:
        """The values, or which fault. Raises PKCS11Error."""
        if any(len(digest) != 32 for digest in request.digests):
            return Fault(kind="data", detail="only SHA-256 digests are signed")
        try:
            sign = self._signer(request.key_id)
            return hsm_words.Values(values=tuple(sign(digest) for digest in request.digests))
        except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as error:
            return Fault(kind="key", detail=f"{_name(error)}: id {request.key_id.hex()}")
        except _DATA_TROUBLE as error:
            return Fault(kind="data", detail=_name(error))

    def list_keys(self, request: hsm_words.ListKeys) -> hsm_words.Keys:
        """Certificates under a label. Raises PKCS11Error."""
        found = []
        for key_id, certificate in self._certificates(request.label):
            chain = self._certificates(CHAIN_LABEL.format(key_id.hex()))
            held = self._session.get_objects(
                {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.ID: key_id, Attribute.SIGN: True}
            )
            found.append(
                hsm_words.TokenKey(
                    key_id=key_id,
                    certificate=certificate,
                    chain=tuple(issuer for _, issuer in sorted(chain)),
                    has_key=bool(list(held)),
                )
            )
        return hsm_words.Keys(keys=tuple(found))

    def list_public(self, request: hsm_words.ListPublic) -> hsm_words.PublicKeys:
        """Keys under a label. Raises PKCS11Error."""
        wanted = {Attribute.LABEL: request.label, Attribute.SIGN: True}
        # A session has one search at a time.
        held = list(self._session.get_objects({Attribute.CLASS: ObjectClass.PRIVATE_KEY, **wanted}))
        ids = [key[Attribute.ID] for key in held]
        return hsm_words.PublicKeys(
            keys={one: public_key(self._session.get_key(ObjectClass.PUBLIC_KEY, id=one)) for one in ids}
        )

    def put(self, request: hsm_words.PutCertificates) -> hsm_words.Put | Fault:
        """In a session of its own that may write: this one only signs. Raises PKCS11Error."""
        try:
            key = self._session.get_key(ObjectClass.PRIVATE_KEY, id=request.key_id)
        except (pkcs11.NoSuchKey, pkcs11.MultipleObjectsReturned) as error:
            return Fault(kind="key", detail=f"{_name(error)}: id {request.key_id.hex()}")
        with self._session.token.open(rw=True) as writing:
            put_certificates(writing, request.key_id, str(key.label), request.chain)
        return hsm_words.Put()

    def _certificates(self, label: str) -> list[tuple[bytes, bytes]]:
        wanted = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.LABEL: label}
        return [(one[Attribute.ID], one[Attribute.VALUE]) for one in self._session.get_objects(wanted)]

    def _signer(self, key_id: bytes) -> Callable[[bytes], bytes]:
        if key_id not in self._signers:
            key = self._session.get_key(ObjectClass.PRIVATE_KEY, id=key_id)
            self._signers[key_id] = signer_of(key)
        return self._signers[key_id]


def signer_of(key: Any) -> Callable[[bytes], bytes]:
    """How a private key of the token signs a SHA-256 digest. Raises NoSuchKey for a kind that signs no documents."""
    if key.key_type is KeyType.RSA:
        return lambda digest: bytes(key.sign(hsm_words.DIGEST_INFO + digest, mechanism=Mechanism.RSA_PKCS))
    if key.key_type is KeyType.EC:
        return lambda digest: encode_ecdsa_signature(key.sign(digest, mechanism=Mechanism.ECDSA))
    raise pkcs11.NoSuchKey(f"a key of type {key.key_type}")


def public_key(key: Any) -> bytes:
    """A public key of the token (DER: SubjectPublicKeyInfo, or of RSA its PKCS#1 form)."""
    return bytes(encode_rsa_public_key(key) if key.key_type is KeyType.RSA else encode_ec_public_key(key))


def put_certificates(session: pkcs11.Session, key_id: bytes, label: str, chain: Sequence[bytes]) -> None:
    """Certificates (DER) beside the key that is called so, the own one first; those of before go."""
    issuers = CHAIN_LABEL.format(key_id.hex())
    own = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.LABEL: label, Attribute.ID: key_id}
    beside = {Attribute.CLASS: ObjectClass.CERTIFICATE, Attribute.LABEL: issuers}
    for one in [*session.get_objects(own), *session.get_objects(beside)]:
        one.destroy()
    places = [(label, key_id), *((issuers, bytes([number])) for number in range(len(chain) - 1))]
    for (where, object_id), certificate in zip(places, chain, strict=True):
        place = {Attribute.TOKEN: True, Attribute.LABEL: where, Attribute.ID: object_id}
        session.create_object(decode_x509_certificate(certificate) | place)


def serve(line: socket.socket) -> None:
    """Log in, then answer until the other side goes or the token fails."""
    opening = msgspec.msgpack.decode(hsm_words.receive(line), type=hsm_words.Opening)
    opened = _open(opening)
    if isinstance(opened, Fault):
        hsm_words.send(line, opened)
        return
    hsm_words.send(line, hsm_words.Opened())
    while True:
        request = msgspec.msgpack.decode(hsm_words.receive(line), type=hsm_words.Request)
        try:
            match request:
                case hsm_words.SignMany():
                    answer: hsm_words.Answer = opened.sign_many(request)
                case hsm_words.ListKeys():
                    answer = opened.list_keys(request)
                case hsm_words.ListPublic():
                    answer = opened.list_public(request)
                case hsm_words.PutCertificates():
                    answer = opened.put(request)
        except pkcs11.PKCS11Error as error:
            hsm_words.send(line, Fault(kind="device", detail=_name(error)))
            return
        hsm_words.send(line, answer)


def _open(opening: hsm_words.Opening) -> TokenSession | Fault:
    try:
        token = pkcs11.lib(opening.module).get_token(token_label=opening.token)
        return TokenSession(token.open(user_pin=opening.pin))
    except _PIN_TROUBLE as error:
        return Fault(kind="pin", detail=_name(error))
    except _ABSENT as error:
        return Fault(kind="absent", detail=_name(error))
    except pkcs11.PKCS11Error as error:
        return Fault(kind="device", detail=_name(error))


def _name(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def main() -> None:
    """Serve the socket whose number is the first argument."""
    # Ctrl-C reaches a whole group of processes; this one ends when its parent lets go of the socket.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with socket.socket(fileno=int(sys.argv[1])) as line:
        try:
            serve(line)
        except (EOFError, OSError):
            return


if __name__ == "__main__":
    main()
