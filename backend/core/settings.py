"""All settings in one typed class, read once from the environment (`HOCBA_*`); anything wrong stops the start.

`.env.example` lists every variable with its meaning; the embedded stack sets them all.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

import msgspec
from msgspec import Meta

from backend.core import egress

# A description completes the sentence "HOCBA_… must be".
Environment = Annotated[
    Literal["development", "test", "production"], Meta(description="development, test or production")
]
Port = Annotated[int, Meta(ge=1, le=65535, description="a whole number from 1 to 65535")]
Count = Annotated[int, Meta(ge=1, le=1000, description="a whole number from 1 to 1000")]
Factor = Annotated[int, Meta(ge=1, le=1_000_000, description="a whole number from 1 to 1000000")]
_HOST = r"(\[[0-9A-Fa-f:.]+\]|[^\s/?#@:\[\]]+)(:\d{1,5})?"
ObjectLock = Annotated[Literal["off", "required"], Meta(description="off or required")]
Years = Annotated[int, Meta(ge=1, le=100, description="a whole number from 1 to 100")]
Seed = Annotated[
    str, Meta(pattern=r"^[0-9a-f]{64}$(?!\n)", description="32 bytes as 64 lower-case hexadecimal digits")
]
WebAddress = Annotated[
    str, Meta(pattern=rf"^https?://{_HOST}([/?#]\S*)?$", description="an address http(s)://host:port/…")
]
DatabaseAddress = Annotated[
    str,
    Meta(
        pattern=rf"^postgresql://([^\s/?#@]*@)?({_HOST})?/[^\s/?#]+(\?\S*)?$",
        description="an address postgresql://role:password@host:port/database",
    ),
]
MailAddress = Annotated[
    str,
    Meta(
        pattern=rf"^smtps?://([^\s/?#@]*@)?{_HOST}/?$",
        description="an address smtps://name:password@host:port or smtp://name:password@host:port",
    ),
]
RedisAddress = Annotated[
    str,
    Meta(
        pattern=rf"^(rediss?://([^\s/?#@]*@)?{_HOST}(/\S*)?|unix://\S+)$",
        description="an address redis://:password@host:port/number",
    ),
]


class SettingsError(Exception):
    """A setting is missing or unusable. The message names the variable."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every knob of the product. A field `database_url` is read from `HOCBA_DATABASE_URL`."""

    environment: Environment
    #: postgresql://… of the application role (owns nothing, sees one tenant at a time)
    database_url: DatabaseAddress
    #: …of the role that owns the schema; only migrations use it
    database_migrator_url: DatabaseAddress = ""
    #: …of the dispatcher's role, which sees the schema `work` and nothing else
    database_dispatcher_url: DatabaseAddress = ""
    #: …of the operator's role, which calls the platform's functions; `hocba school` and `restore-forward` use it
    database_operator_url: DatabaseAddress = ""
    redis_url: RedisAddress
    s3_endpoint: WebAddress
    s3_access_key: str
    s3_secret_key: str
    s3_bucket: str = "hocba"
    s3_region: str = "us-east-1"
    #: required: signed files are locked in the store, and nothing is issued unless a probe has shown that locks hold
    s3_object_lock: ObjectLock = "off"
    #: for so long a lock holds; locking again makes it longer, never shorter
    s3_lock_years: Years = 10
    #: at least 32 characters; session-bound CSRF tokens and the key of the tenant context derive from it
    secret_key: str
    #: the secret before the last change; small secrets sealed with it still open
    old_secret_key: str = ""
    #: TOML file that declares the providers of remote signing (remote_signing/providers/registry.py); may hold secrets
    signing_providers: str = ""
    #: the sandbox, which is a provider outside production: a CSC v2 service and the relying party's credentials there
    signing_url: WebAddress
    signing_client_id: str
    signing_client_secret: str
    #: RFC 3161 time stamping authority
    tsa_url: WebAddress
    #: folder of PEM trust anchors
    trust_dir: str
    #: endpoint of the Authority that the sandbox profile talks to, and our key there
    province_url: WebAddress
    province_api_key: str
    #: where simulators of other Authorities are: profile=address, separated by spaces
    authority_urls: str = ""
    #: file with the platform's own key and its certificates (PEM), which signs messages where a profile wants it
    sending_identity: str = ""
    #: where Authorities have a place for trials (their sandbox, or a simulator): profile=address, separated by spaces
    trial_urls: str = ""
    #: profiles of Authorities without TLS to which the platform has consented in writing, separated by spaces
    plain_http: str = ""
    #: Ed25519 keys that may publish profiles of Authorities, name=public key in base64, separated by spaces
    profile_keys: str = ""
    #: the Ed25519 key that signs the public log (core/log_keeper.py), 32 random bytes as hex; only `hocba dispatch` needs
    #: it, and without it no log is published
    log_key: Seed = ""
    #: address under which people reach the site, printed into QR codes
    public_url: WebAddress
    #: issuers of Google Workspace and Microsoft Entra (`{tid}` is the school's directory there); and further OpenID
    #: issuers that schools may choose, separated by spaces: the product asks no other address
    google_issuer: WebAddress = "https://accounts.google.com"
    entra_issuer: str = "https://login.microsoftonline.com/{tid}/v2.0"
    other_issuers: str = ""
    #: hosts that are not at a public address, or not at the usual port, and where they are: host=network or
    #: host:port=network, separated by spaces; all else is reached at public addresses alone, at the usual port
    egress_tunnels: str = ""
    #: e-mail server, smtps://name:password@host:port or smtp:// (TLS by STARTTLS, in production always); none: no e-mail
    mail_url: MailAddress = ""
    #: address from which the product writes; none: hoc-ba-so@ the host of `public_url`
    mail_from: str = ""
    host: str = "127.0.0.1"
    port: Port = 8000
    #: of the operator's console, at `host` (`hocba console`)
    console_port: Port = 8010
    #: threads of one worker process
    worker_threads: Count = 4
    #: so many times the requests that `core/admission.py` lets in; above 1 where speed is measured, not in production
    route_limit_factor: Factor = 1

    @property
    def locks_files(self) -> bool:
        """Whether signed files are locked in the store."""
        return self.s3_object_lock == "required"

    @property
    def is_sandbox(self) -> bool:
        """Outside production every document carries the sandbox mark."""
        return self.environment != "production"


class AuditorSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What `hocba audit check` needs, and nothing else: it runs where the product's secrets are not."""

    environment: Environment = "production"
    #: …of the role that reads the audit of all schools
    database_auditor_url: DatabaseAddress
    s3_endpoint: WebAddress
    s3_access_key: str
    s3_secret_key: str
    s3_bucket: str = "hocba"
    s3_region: str = "us-east-1"
    trust_dir: str


class EgressSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What every way out needs (`core/egress.py`), also of programs that run where the product's settings are not."""

    egress_tunnels: str = ""


S = TypeVar("S", bound=msgspec.Struct)


def read(source: Mapping[str, str]) -> Settings:
    """Build the product's settings from environment-like pairs. Raises SettingsError."""
    settings = _read_as(Settings, source)
    _refuse_unsafe(settings)
    return settings


def read_auditor(source: Mapping[str, str]) -> AuditorSettings:
    """Build the auditor's settings, as `read` does the product's."""
    settings = _read_as(AuditorSettings, source)
    if settings.environment == "production":
        _refuse_plain(settings, "s3_endpoint")
    return settings


def _read_as(kind: type[S], source: Mapping[str, str]) -> S:
    """The fields of one class of settings.

    Raises SettingsError naming the variable that is missing or wrong.
    """
    values = {}
    for field in msgspec.structs.fields(kind):
        name = f"HOCBA_{field.name.upper()}"
        value = source.get(name, "")
        if value:
            values[field.name] = _converted(name, value, field.type)
        elif field.required:
            raise SettingsError(f"{name} is not set; see .env.example")
    return kind(**values)


def _converted(name: str, value: str, kind: Any) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False)
    except msgspec.ValidationError:
        # The value is not repeated: an address may hold a password.
        wanted = next(part.description for part in get_args(kind) if isinstance(part, Meta))
        raise SettingsError(f"{name} must be {wanted}") from None


_ISSUERS = ("google_issuer", "entra_issuer", "other_issuers")


def _refuse_unsafe(settings: Settings) -> None:
    if len(settings.secret_key) < 32:
        raise SettingsError("HOCBA_SECRET_KEY must have at least 32 characters")
    _refuse_tunnels(settings)
    if settings.sending_identity and not Path(settings.sending_identity).is_file():
        raise SettingsError("HOCBA_SENDING_IDENTITY must be a file that exists")
    if settings.environment == "production":
        if settings.route_limit_factor != 1:
            raise SettingsError("HOCBA_ROUTE_LIMIT_FACTOR is for measuring; it must be 1 in production")
        if settings.s3_object_lock != "required":
            raise SettingsError("HOCBA_S3_OBJECT_LOCK must be required in production")
        _refuse_plain(
            settings, "public_url", "s3_endpoint", "signing_url", "tsa_url", "province_url", *_ISSUERS
        )
        if not Path(settings.trust_dir).is_dir():
            raise SettingsError("HOCBA_TRUST_DIR must be a folder that exists in production")


def _refuse_tunnels(settings: Settings) -> None:
    try:
        tunnels = egress.outlets(settings.egress_tunnels).tunnels
    except ValueError:
        raise SettingsError("HOCBA_EGRESS_TUNNELS must be pairs host=network or host:port=network") from None
    if settings.environment == "production" and any(one.is_of_this_machine for one in tunnels):
        raise SettingsError("HOCBA_EGRESS_TUNNELS must not lead to this machine or its link in production")


def _refuse_plain(settings: Settings | AuditorSettings, *names: str) -> None:
    for name in names:
        if not all(address.startswith("https://") for address in getattr(settings, name).split()):
            raise SettingsError(f"HOCBA_{name.upper()} must be https:// in production")


def outlets() -> egress.Outlets:
    """The ways out that the platform names, also for programs that have no other settings."""
    return egress.outlets(_read_as(EgressSettings, os.environ).egress_tunnels)


@lru_cache(maxsize=1)
def get() -> Settings:
    """The settings of this process."""
    return read(os.environ)
