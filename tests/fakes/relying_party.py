"""Our account at an RSSP service: it knows our public key, we sign in with the private one."""

from collections.abc import Mapping
from functools import cache

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from tests.fakes.processes import SigningService


@cache
def _key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)


def relying_party(client_id: str, secret: str) -> Mapping[str, str]:
    """What the adapter's account consists of."""
    key = _key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "rp_name": "Hocba",
        "rp_user": client_id,
        "rp_password": secret,
        "rp_signature": "chu-ky",
        "rp_key": key.decode(),
    }


def register(service: SigningService) -> None:
    """The simulator knows our public key."""
    pem = _key().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    client_id = service.account("").parameters["client_id"]
    service.post("/sandbox/relying-party-key", {"client_id": client_id, "pem": pem.decode()})
