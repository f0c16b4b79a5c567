"""Which providers an installation has: declared in a TOML file, and the sandbox where nothing is for real.

[[provider]]
name = "viettel"                  # stands with every certificate: never change it
kind = "csc_v2"                   # an adapter, see ADAPTERS
label = "Viettel MySign"          # what people read
base_url = "https://remotesigning.example"
parameters = { client_id = "…" }  # of the adapter's account fields those that are the same for all schools
capabilities = { max_hashes = 20 }  # where this service differs from what the adapter assumes
settings = {}                     # of the adapter itself
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from backend.core.settings import Settings, SettingsError
from backend.remote_signing.providers import (
    aws_kms,
    csc,
    misa,
    mysign,
    pkcs11,
    port,
    rssp,
    smartca,
    smartca_oauth,
    usb_token,
)

#: The adapters, by the kind that a declaration names.
ADAPTERS: Mapping[str, port.Adapter] = {
    "aws_kms": aws_kms.ADAPTER,
    "csc_v1": csc.V1_ADAPTER,
    "csc_v2": csc.V2_ADAPTER,
    "misa": misa.ADAPTER,
    "mysign": mysign.ADAPTER,
    "pkcs11": pkcs11.ADAPTER,
    "rssp": rssp.ADAPTER,
    "smartca": smartca.ADAPTER,
    "smartca_oauth": smartca_oauth.ADAPTER,
    "usb_token": usb_token.ADAPTER,
}


class Declaration(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A provider as the file declares it."""

    name: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,30}$")]
    kind: str
    label: Annotated[str, Meta(min_length=1, max_length=80)]
    base_url: str = ""
    parameters: dict[str, str] = {}
    capabilities: dict[str, str | int | float | bool] = {}
    settings: dict[str, str | int | float | bool] = {}

    def __repr__(self) -> str:
        return f"Declaration(name={self.name!r}, kind={self.kind!r})"


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    provider: tuple[Declaration, ...]


class Installed(msgspec.Struct, frozen=True, kw_only=True):
    """A provider of this installation, ready for use."""

    declared: Declaration
    adapter: port.Adapter
    provider: port.SignatureProvider

    @property
    def fields(self) -> tuple[port.AccountField, ...]:
        """What a school fills in for itself: what the declaration does not say for all."""
        return tuple(one for one in self._open if not one.personal)

    @property
    def personal(self) -> tuple[port.AccountField, ...]:
        """What each account's user leaves us."""
        return tuple(one for one in self._open if one.personal)

    @property
    def _open(self) -> tuple[port.AccountField, ...]:
        return tuple(one for one in self.adapter.fields if one.name not in self.declared.parameters)


def installed(config: Settings) -> dict[str, Installed]:
    """The providers by name, in the order of the file. Raises SettingsError naming what is wrong."""
    declared = [*_sandbox(config), *_declared(config.signing_providers)]
    found = {one.name: _install(one) for one in declared}
    if len(found) < len(declared):
        raise SettingsError("HOCBA_SIGNING_PROVIDERS declares a provider twice")
    if config.environment == "production":
        plain = next((one for one in declared if _is_plain(one)), None)
        if plain is not None:
            raise SettingsError(f"{_where(plain.name)}: addresses must be https:// in production")
    return found


def _is_plain(one: Declaration) -> bool:
    return any(str(text).startswith("http://") for text in (one.base_url, *one.settings.values()))


def _sandbox(config: Settings) -> list[Declaration]:
    if config.environment == "production":
        return []
    return [
        Declaration(
            name=port.SANDBOX,
            kind="csc_v2",
            label="Dịch vụ ký số thử nghiệm",
            base_url=config.signing_url,
            parameters={
                "client_id": config.signing_client_id,
                "client_secret": config.signing_client_secret,
            },
            # There a repeated clientData is the same transaction.
            capabilities={"repeat": port.Repeat.IDEMPOTENT.value, "poll_interval": 0.5},
        )
    ]


def _declared(path: str) -> tuple[Declaration, ...]:
    if not path:
        return ()
    try:
        return msgspec.toml.decode(Path(path).read_bytes(), type=_File).provider
    except OSError as error:
        raise SettingsError(f"HOCBA_SIGNING_PROVIDERS cannot be read: {error.strerror}") from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        # Names the place and what is expected there, never a value.
        raise SettingsError(f"HOCBA_SIGNING_PROVIDERS: {error}") from error


def _install(one: Declaration) -> Installed:
    adapter = ADAPTERS.get(one.kind)
    if adapter is None:
        raise SettingsError(f"{_where(one.name)}: kind must be one of {', '.join(sorted(ADAPTERS))}")
    unknown = one.parameters.keys() - {field.name for field in adapter.fields}
    if unknown:
        raise SettingsError(f"{_where(one.name)}: {one.kind} takes no parameter {min(unknown)}")
    assumed = msgspec.to_builtins(adapter.capabilities)
    try:
        capabilities = msgspec.convert(assumed | one.capabilities, port.Capabilities)
        settings = msgspec.convert(one.settings, adapter.settings)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{_where(one.name)}: {error}") from error
    return Installed(declared=one, adapter=adapter, provider=adapter.build(capabilities, settings))


def _where(name: str) -> str:
    return f"HOCBA_SIGNING_PROVIDERS, provider {name}"
