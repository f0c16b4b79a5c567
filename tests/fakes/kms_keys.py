"""Keys in the simulator of AWS KMS, each with a certificate, as an operator makes them."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from backend.remote_signing.providers import aws_kms, port
from backend.remote_signing.providers.aws_kms import AwsKmsProvider
from infra.simulators.kms.app import ACCESS_KEY, REGION, SECRET_KEY
from infra.simulators.signing_service.authority import Authority
from tests.fakes.processes import Kms, start_kms

SPECS = {"rsa": "RSA_2048", "ec": "ECC_NIST_P256"}


@dataclass
class KmsWorld:
    """The service, the operator's own client of it, and the folder with the list of keys."""

    service: Kms
    operator: Any
    folder: Path
    handles: dict[str, port.CredentialHandle]

    def settings(self, **changed: object) -> aws_kms.Settings:
        values = {
            "region": REGION,
            "endpoint": self.service.url,
            "access_key": ACCESS_KEY,
            "secret_file": str(self.folder / "secret"),
            "keys": str(self.folder / "keys.toml"),
            "timeout": 3.0,
        }
        return msgspec.convert(values | changed, aws_kms.Settings)

    def provider(self, **changed: object) -> AwsKmsProvider:
        return AwsKmsProvider(aws_kms.CAPABILITIES, self.settings(**changed))

    def add_key(self, authority: Authority, kind: str, account: str) -> port.CredentialHandle:
        """A key in KMS with a certificate, named in the list of keys."""
        made = self.operator.create_key(KeySpec=SPECS[kind], KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
        public = serialization.load_der_public_key(self.operator.get_public_key(KeyId=made)["PublicKey"])
        assert isinstance(public, rsa.RSAPublicKey | ec.EllipticCurvePublicKey)
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Trường Thử Nghiệm")])
        certificate = authority.certify(name, x509.random_serial_number(), public)
        chain = [certificate, authority.issuing.certificate, authority.root.certificate]
        file = self.folder / f"{kind}-{account.partition('/')[0]}.pem"
        file.write_bytes(b"".join(one.public_bytes(serialization.Encoding.PEM) for one in chain))
        with (self.folder / "keys.toml").open("a") as keys:
            keys.write(f'[[key]]\naccount = "{account}"\nkey = "{made}"\ncertificates = "{file}"\n')
        der = certificate.public_bytes(serialization.Encoding.DER)
        return port.CredentialHandle(credential_id=made, certificate=der)


@contextmanager
def kms_world(folder: Path) -> Iterator[KmsWorld]:
    """The service as a process, without keys yet."""
    (folder / "secret").write_text(f"{SECRET_KEY}\n")
    (folder / "keys.toml").touch()
    with start_kms(folder) as service:
        operator = boto3.session.Session().client(
            "kms",
            region_name=REGION,
            endpoint_url=service.url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        yield KmsWorld(service, operator, folder, {})
        operator.close()
