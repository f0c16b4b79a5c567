"""All settings in one typed class, read once from the environment (`HOCBA_*`); anything wrong stops the start.

`.env.example` lists every variable with its meaning; the embedded stack sets them all.
"""

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal

import msgspec

Environment = Literal["development", "test", "production"]


class SettingsError(Exception):
    """A setting is missing or unusable. The message names the variable."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Every knob of the product. A field `database_url` is read from `HOCBA_DATABASE_URL`."""

    environment: Environment
    #: postgresql://… of the application role (owns nothing, sees one tenant at a time)
    database_url: str
    #: …of the role that owns the schema; only migrations use it
    database_migrator_url: str = ""
    #: …of the dispatcher's role, which sees the schema `work` and nothing else
    database_dispatcher_url: str = ""
    #: …of the role that reads the audit of all schools; only `hocba audit check` uses it
    database_auditor_url: str = ""
    redis_url: str
    s3_endpoint: str
    s3_access_key: str
    s3_secret_key: str
    s3_bucket: str = "hocba"
    s3_region: str = "us-east-1"
    #: at least 32 characters; session-bound CSRF tokens and the key of the tenant context derive from it
    secret_key: str
    #: remote signing service (CSC v2) and the relying party's credentials there
    signing_url: str
    signing_client_id: str
    signing_client_secret: str
    #: RFC 3161 time stamping authority
    tsa_url: str
    #: folder of PEM trust anchors
    trust_dir: str
    #: endpoint of the Authority that the sandbox profile talks to, and our key there
    province_url: str
    province_api_key: str
    #: address under which people reach the site, printed into QR codes
    public_url: str
    host: str = "127.0.0.1"
    port: int = 8000
    #: threads of one worker process
    worker_threads: int = 4
    #: so many times the requests that `core/admission.py` lets in; above 1 where speed is measured, not in production
    route_limit_factor: int = 1

    @property
    def is_sandbox(self) -> bool:
        """Outside production every document carries the sandbox mark."""
        return self.environment != "production"


def read(source: Mapping[str, str]) -> Settings:
    """Build the settings from environment-like pairs.

    Raises SettingsError naming the variable that is missing or wrong.
    """
    raw = {}
    for field in msgspec.structs.fields(Settings):
        name = f"HOCBA_{field.name.upper()}"
        value = source.get(name, "")
        if value:
            raw[field.name] = value
        elif field.required:
            raise SettingsError(f"{name} is not set; see .env.example")
    try:
        settings = msgspec.convert(raw, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise SettingsError(f"HOCBA_* settings: {error}") from None
    _refuse_unsafe(settings)
    return settings


def _refuse_unsafe(settings: Settings) -> None:
    if len(settings.secret_key) < 32:
        raise SettingsError("HOCBA_SECRET_KEY must have at least 32 characters")
    if settings.environment == "production":
        if settings.route_limit_factor != 1:
            raise SettingsError("HOCBA_ROUTE_LIMIT_FACTOR is for measuring; it must be 1 in production")
        for name in ("public_url", "signing_url", "tsa_url", "province_url"):
            if not getattr(settings, name).startswith("https://"):
                raise SettingsError(f"HOCBA_{name.upper()} must be https:// in production")


@lru_cache(maxsize=1)
def get() -> Settings:
    """The settings of this process."""
    return read(os.environ)
