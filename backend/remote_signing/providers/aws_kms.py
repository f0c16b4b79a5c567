"""AWS KMS: keys of seals in Amazon's HSMs, which sign a digest each.

KMS keeps no certificates. A file beside the declaration says which key is whose and where its certificates lie; it is
read each time somebody looks, so that a new school needs no restart.
"""

import asyncio
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
)
from msgspec import Meta

from backend.core.settings import SettingsError
from backend.remote_signing.providers import port
from backend.remote_signing.providers.immediate import ImmediateProvider
from backend.remote_signing.providers.values import (
    EC_OID,
    certificates_in,
    key_facts,
    public_key_of,
)

CAPABILITIES = port.Capabilities(
    max_hashes=50,
    interactive=False,
    async_result=False,
    webhook=False,
    # Each call costs a fraction of a cent; a value that was lost leaves nothing behind.
    repeat=port.Repeat.IDEMPOTENT,
    result_key=port.ResultKey.POSITION,
    authorization_ttl=0.0,
    settle=0.0,
)
#: So many requests of one batch are on their way at once.
_AT_ONCE = 8
_UNREACHED = "Chưa kết nối được dịch vụ giữ khóa KMS; hệ thống sẽ tự thử lại."
_SILENT = "Dịch vụ giữ khóa KMS không trả lời; hệ thống sẽ thử lại."
_REFUSED = "Dịch vụ giữ khóa KMS không nhận tài khoản của hệ thống; bên vận hành cần kiểm tra quyền."
_NO_KEY = (
    "Khóa của chứng thư số này ở KMS đã bị khóa hoặc không còn; bên vận hành cần kiểm tra trước khi ký tiếp."
)
_WRONG = "Dịch vụ giữ khóa KMS không nhận yêu cầu ký này; bên vận hành cần kiểm tra."
_ERRORS: Mapping[str, tuple[type[port.ProviderError], str]] = {
    **dict.fromkeys(("ThrottlingException", "LimitExceededException"), (port.NotReached, _UNREACHED)),
    **dict.fromkeys(
        ("DisabledException", "KMSInvalidStateException", "NotFoundException", "KeyUnavailableException"),
        (port.AccountProblem, _NO_KEY),
    ),
    **dict.fromkeys(
        (
            "AccessDeniedException",
            "ExpiredTokenException",
            "IncompleteSignatureException",
            "InvalidClientTokenId",
            "InvalidSignatureException",
            "MissingAuthenticationTokenException",
            "UnrecognizedClientException",
        ),
        (port.LoginRefused, _REFUSED),
    ),
}


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where the keys are. Without `access_key` boto3 finds the machine's own role; `secret_file` holds its secret alone.

    `keys` is a TOML file of [[key]] with `account`, `key` (id or ARN) and `certificates` (PEM, the own one first).
    """

    region: Annotated[str, Meta(min_length=1)]
    keys: Annotated[str, Meta(min_length=1)]
    endpoint: str = ""
    access_key: str = ""
    secret_file: str = ""
    timeout: Annotated[float, Meta(gt=0, le=60)] = 10.0


class _Key(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    account: str
    key: str
    certificates: str


class _Keys(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: tuple[_Key, ...] = ()


class AwsKmsProvider(ImmediateProvider):
    """The port `SignatureProvider` over one account and region of KMS."""

    def __init__(self, capabilities: port.Capabilities, settings: Settings) -> None:
        """Raises SettingsError for a secret or a list of keys that cannot be read."""
        super().__init__(capabilities)
        self._settings = settings
        self._secret = _read(settings.secret_file, "secret_file").strip() if settings.secret_file else None
        self._keys()
        self._made: Any = None
        self._making = threading.Lock()

    async def list_credentials(self, account: port.ProviderAccount) -> list[port.RemoteCredential]:
        """The keys that the file names for the account, and whether KMS still signs with them."""
        try:
            wanted = [one for one in self._keys() if one.account == account.user_id]
            return [await asyncio.to_thread(self._credential, one) for one in wanted]
        except SettingsError as error:
            raise port.RequestRefused(
                "Danh sách khóa KMS của hệ thống không đọc được; bên vận hành cần kiểm tra.", str(error)
            ) from error

    async def _values(self, credential: port.CredentialHandle, digests: Sequence[bytes]) -> tuple[bytes, ...]:
        return await asyncio.to_thread(self._sign_all, credential, digests)

    def _sign_all(self, credential: port.CredentialHandle, digests: Sequence[bytes]) -> tuple[bytes, ...]:
        kinds, _ = key_facts(credential.certificate)
        algorithm = "ECDSA_SHA_256" if kinds == (EC_OID,) else "RSASSA_PKCS1_V1_5_SHA_256"
        client = self._client()

        def sign(digest: bytes) -> bytes:
            call = partial(client.sign, Message=digest, MessageType="DIGEST", SigningAlgorithm=algorithm)
            return bytes(_asked(partial(call, KeyId=credential.credential_id), "Signature"))

        with ThreadPoolExecutor(max_workers=_AT_ONCE) as several:
            return tuple(several.map(sign, digests))

    def _credential(self, one: _Key) -> port.RemoteCredential:
        try:
            certificate, *chain = certificates_in(_read(one.certificates, "certificates").encode())
        except ValueError as error:
            raise SettingsError(f"certificates of key {one.key}: {error}") from error
        client = self._client()
        facts = _asked(lambda: client.describe_key(KeyId=one.key), "KeyMetadata")
        state = str(facts["KeyState"])
        usable = state == "Enabled" and facts["KeyUsage"] == "SIGN_VERIFY"
        if usable:
            held = _asked(lambda: client.get_public_key(KeyId=one.key), "PublicKey")
            usable = held == public_key_of(certificate)
            state = state if usable else "the certificate is of another key"
        algorithms, bits = key_facts(certificate)
        return port.RemoteCredential(
            credential_id=str(facts["Arn"]),
            certificate=certificate,
            chain=tuple(chain),
            key_algorithms=algorithms,
            key_bits=bits,
            usable=usable,
            status=state,
            max_hashes=self._capabilities.max_hashes,
        )

    def _keys(self) -> tuple[_Key, ...]:
        try:
            return msgspec.toml.decode(_read(self._settings.keys, "keys"), type=_Keys).key
        except msgspec.MsgspecError as error:
            raise SettingsError(f"keys of an aws_kms provider: {error}") from error

    def _client(self) -> Any:
        """Shared by threads; making one is not safe in several at once."""
        with self._making:
            if self._made is None:
                self._made = boto3.session.Session().client(
                    "kms",
                    region_name=self._settings.region,
                    endpoint_url=self._settings.endpoint or None,
                    aws_access_key_id=self._settings.access_key or None,
                    aws_secret_access_key=self._secret,
                    config=Config(
                        connect_timeout=self._settings.timeout,
                        read_timeout=self._settings.timeout,
                        retries={"max_attempts": 2, "mode": "standard"},
                        max_pool_connections=_AT_ONCE * 2,
                    ),
                )
            return self._made


def _asked(call: Callable[[], Mapping[str, Any]], part: str) -> Any:
    """One part of what KMS answers. Raises ProviderError: which, says what to do next."""
    try:
        return call()[part]
    except KeyError as error:
        # botocore takes an answer that was cut off for an empty one.
        raise port.OutcomeUnknown(_SILENT, f"no {part}") from error
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if error.response["ResponseMetadata"]["HTTPStatusCode"] >= 500:
            raise port.OutcomeUnknown(_SILENT, code) from error
        kind, message = _ERRORS.get(code, (port.RequestRefused, _WRONG))
        raise kind(message, code) from error
    except NoCredentialsError as error:
        raise port.LoginRefused(_REFUSED, "no credentials") from error
    except (EndpointConnectionError, ConnectTimeoutError) as error:
        raise port.NotReached(_UNREACHED, type(error).__name__) from error
    except BotoCoreError as error:
        raise port.OutcomeUnknown(_SILENT, type(error).__name__) from error


def _read(path: str, name: str) -> str:
    try:
        return Path(path).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{name} of an aws_kms provider cannot be read: {type(error).__name__}"
        ) from error


ADAPTER = port.Adapter(
    capabilities=CAPABILITIES,
    fields=(),
    build=AwsKmsProvider,
    settings=Settings,
)
