"""The operations of AWS KMS that signing needs (JSON 1.1), over keys made on demand, with a ledger of every signature."""

import base64
import datetime as dt
import json
import time
import uuid
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from infra.simulators.faults import FaultBox
from infra.simulators.kms import sigv4
from infra.simulators.storage import Storage
from infra.simulators.web import App, Handler, Reply, Request, reply_json

REGION, _ACCOUNT = "ap-southeast-1", "000000000000"
ACCESS_KEY, SECRET_KEY = "AKIASANDBOXHOCBA0000", "sandbox-secret-of-the-kms-simulator"
FAULTS = ("delay", "throttled", "internal", "cut_after_sign", "foreign_signature", "garbage_signature")
_SCHEMA = """
create table if not exists key (
  id text primary key, spec text not null, pem blob not null, state text not null
) strict;
create table if not exists ledger (
  n integer primary key autoincrement, made_at real not null, key_id text not null, hash blob not null
) strict;
"""
_SPECS = {"RSA_2048": 2048, "RSA_3072": 3072, "RSA_4096": 4096}
_ALGORITHMS = {
    "RSA": ["RSASSA_PKCS1_V1_5_SHA_256", "RSASSA_PSS_SHA_256"],
    "ECC": ["ECDSA_SHA_256"],
}
_SHA256 = Prehashed(hashes.SHA256())


class Problem(Exception):
    """An error as the service words it."""

    def __init__(self, kind: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.kind, self.status = kind, status


class Service:
    """Keys and what is done with them."""

    def __init__(self, store: Storage, faults: FaultBox) -> None:
        self._store = store
        self._faults = faults
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateKey": self._create_key,
            "DescribeKey": self._describe_key,
            "GetPublicKey": self._get_public_key,
            "DisableKey": self._disable_key,
            "Sign": self._sign,
        }

    def handle(self, request: Request) -> Reply:
        """One call of the interface; everything about it in the header X-Amz-Target."""
        operation = request.headers.get("x-amz-target", "").removeprefix("TrentService.")
        try:
            secrets = {ACCESS_KEY: SECRET_KEY}
            sigv4.check(request, secrets, REGION, "kms", dt.datetime.now(dt.UTC))
            self._misbehave(operation)
            if operation not in self._operations:
                raise Problem("UnknownOperationException", operation)
            reply = _json(self._operations[operation](request.json()))
        except sigv4.Refused as refused:
            return _json({"__type": refused.kind, "message": str(refused)}, 400)
        except Problem as problem:
            return _json({"__type": problem.kind, "message": str(problem)}, problem.status)
        if operation == "Sign" and self._faults.take("cut_after_sign", operation):
            reply.cut = True
        delay = self._faults.take("delay", operation)
        reply.delay = delay.seconds if delay else 0.0
        return reply

    def ledger(self, request: Request) -> Reply:
        """How many signatures, of which hashes."""
        rows = self._store.rows("select hash, count(*) as made from ledger group by hash")
        return reply_json(
            {
                "count": sum(row["made"] for row in rows),
                "hashes": {row["hash"].hex(): row["made"] for row in rows},
            }
        )

    def _misbehave(self, operation: str) -> None:
        if self._faults.take("throttled", operation):
            raise Problem("ThrottlingException", "You have exceeded the rate at which you may call KMS.")
        if self._faults.take("internal", operation):
            raise Problem("KMSInternalException", "An internal exception occurred.", 500)

    def _create_key(self, asked: dict[str, Any]) -> dict[str, Any]:
        spec = str(asked.get("KeySpec", ""))
        if asked.get("KeyUsage") != "SIGN_VERIFY":
            raise Problem("ValidationException", "only SIGN_VERIFY keys are made here")
        key_id = str(uuid.uuid4())
        pem = _new_key(spec).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        self._store.run(
            "insert into key (id, spec, pem, state) values (?, ?, ?, 'Enabled')", key_id, spec, pem
        )
        return self._describe_key({"KeyId": key_id})

    def _describe_key(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._row(asked)
        return {
            "KeyMetadata": {
                "KeyId": row["id"],
                "Arn": _arn(row["id"]),
                "AWSAccountId": _ACCOUNT,
                "Enabled": row["state"] == "Enabled",
                "KeyState": row["state"],
                "KeyUsage": "SIGN_VERIFY",
                "KeySpec": row["spec"],
                "Origin": "AWS_KMS",
                "SigningAlgorithms": _ALGORITHMS[row["spec"][:3]],
            }
        }

    def _disable_key(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._store.run("update key set state = 'Disabled' where id = ?", self._row(asked)["id"])
        return {}

    def _get_public_key(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._enabled(asked)
        public = _loaded(row["pem"]).public_key()
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        return {
            "KeyId": _arn(row["id"]),
            "KeySpec": row["spec"],
            "KeyUsage": "SIGN_VERIFY",
            "PublicKey": base64.b64encode(der).decode(),
            "SigningAlgorithms": _ALGORITHMS[row["spec"][:3]],
        }

    def _sign(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._enabled(asked)
        algorithm, message = str(asked.get("SigningAlgorithm")), base64.b64decode(asked["Message"])
        if algorithm not in _ALGORITHMS[row["spec"][:3]]:
            raise Problem("InvalidKeyUsageException", f"{algorithm} is not of this key")
        if asked.get("MessageType", "RAW") != "DIGEST":
            message = _sha256(message)
        if len(message) != 32:
            raise Problem("ValidationException", "Digest is invalid length for algorithm " + algorithm)
        key = _loaded(row["pem"])
        if self._faults.take("foreign_signature", "Sign"):
            key = _new_key(row["spec"])
        value = _value(key, algorithm, message)
        if self._faults.take("garbage_signature", "Sign"):
            value = bytes(byte ^ 0x5A for byte in value)
        self._store.run(
            "insert into ledger (made_at, key_id, hash) values (?, ?, ?)", time.time(), row["id"], message
        )
        signature = base64.b64encode(value).decode()
        return {"KeyId": _arn(row["id"]), "Signature": signature, "SigningAlgorithm": algorithm}

    def _row(self, asked: dict[str, Any]) -> Any:
        name = str(asked.get("KeyId", "")).rpartition("/")[2]
        row = self._store.row("select * from key where id = ?", name)
        if row is None:
            raise Problem("NotFoundException", f"Key '{_arn(name)}' does not exist")
        return row

    def _enabled(self, asked: dict[str, Any]) -> Any:
        row = self._row(asked)
        if row["state"] != "Enabled":
            raise Problem("DisabledException", f"{_arn(row['id'])} is disabled.")
        return row


def build(data: Path) -> App:
    """The whole application over the folder `data`."""
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    store, faults = Storage(data / "kms.sqlite3", _SCHEMA), FaultBox(FAULTS)

    def around(request: Request, handler: Handler) -> Reply:
        with store.transaction():
            return handler(request)

    app, service = App(around), Service(store, faults)
    app.add("POST", "/", service.handle)
    app.add("GET", "/health", lambda request: reply_json({"status": "ok"}))
    app.add("GET", "/sandbox/ledger", service.ledger)
    for method, handler in (("POST", faults.post), ("GET", faults.get), ("DELETE", faults.delete)):
        app.add(method, "/sandbox/faults", handler)
    return app


def _sha256(message: bytes) -> bytes:
    """What the service does with a message that is no digest."""
    digest = hashes.Hash(hashes.SHA256())
    digest.update(message)
    return digest.finalize()


def _value(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, algorithm: str, digest: bytes) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(digest, ec.ECDSA(_SHA256))
    if algorithm == "RSASSA_PSS_SHA_256":
        pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
        return key.sign(digest, pss, _SHA256)
    return key.sign(digest, padding.PKCS1v15(), _SHA256)


def _new_key(spec: str) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    if spec in _SPECS:
        return rsa.generate_private_key(65537, _SPECS[spec])
    if spec == "ECC_NIST_P256":
        return ec.generate_private_key(ec.SECP256R1())
    raise Problem("ValidationException", f"KeySpec {spec} is not known here")


@lru_cache(maxsize=32)
def _loaded(pem: bytes) -> rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, None)
    assert isinstance(key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey)
    return key


def _arn(key_id: str) -> str:
    return f"arn:aws:kms:{REGION}:{_ACCOUNT}:key/{key_id}"


def _json(value: dict[str, Any], status: int = 200) -> Reply:
    body = json.dumps(value).encode()
    return Reply(status=status, body=body, content_type="application/x-amz-json-1.1")
