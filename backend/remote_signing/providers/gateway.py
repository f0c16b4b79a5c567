"""The providers of this installation, by name, and accounts there."""

from collections.abc import Mapping
from functools import lru_cache

from backend.core import settings
from backend.remote_signing.providers import registry
from backend.remote_signing.providers.port import (
    AccountField,
    NotInstalled,
    ProviderAccount,
    RemoteCredential,
    SignatureProvider,
)


def names() -> dict[str, str]:
    """Name → what people call it, of every provider that this installation has.

    Raises SettingsError when the declarations cannot work.
    """
    return {name: one.declared.label for name, one in _all().items()}


def name_of_kind(kind: str) -> str | None:
    """The first provider of a kind, if this installation has one."""
    return next((name for name, one in _all().items() if one.declared.kind == kind), None)


def certifiable() -> dict[str, str]:
    """Name → what people call it, of every provider that is given a key's certificate by us."""
    return {name: one.declared.label for name, one in _all().items() if one.adapter.takes_certificates}


def label(name: str) -> str:
    """What people call a provider; one that this installation does not have (any more) is called by its name."""
    return names().get(name, name)


def fields(name: str) -> tuple[AccountField, ...]:
    """What a school must fill in to use its own account at a provider; none when ours serves all schools.

    Raises NotInstalled.
    """
    return _installed(name).fields


def provider(name: str) -> SignatureProvider:
    """The adapter of a provider by its name. Raises NotInstalled for one that this installation does not have."""
    return _installed(name).provider


def account(name: str, user_id: str, values: Mapping[str, str] | None = None) -> ProviderAccount:
    """An account at a provider, acting for one of its users; `values` are what the school filled in for `fields`.

    What the declaration says goes before. Raises NotInstalled, also when a value is missing.
    """
    one = _installed(name)
    given = values or {}
    missing = [field.label for field in one.fields if not given.get(field.name)]
    if missing:
        raise NotInstalled(
            f"Chưa khai báo đủ thông tin kết nối với {one.declared.label}: còn thiếu {', '.join(missing)}."
        )
    return ProviderAccount(
        base_url=one.declared.base_url,
        user_id=user_id,
        parameters={field.name: given[field.name] for field in one.fields} | one.declared.parameters,
    )


async def credentials_at(
    name: str, user_id: str, values: Mapping[str, str] | None = None
) -> list[RemoteCredential]:
    """What a provider lists for one of its users. Raises ProviderError."""
    return await provider(name).list_credentials(account(name, user_id, values))


def _all() -> dict[str, registry.Installed]:
    return _installed_by(settings.get())


@lru_cache(maxsize=4)
def _installed_by(config: settings.Settings) -> dict[str, registry.Installed]:
    """Built once, since adapters keep tokens."""
    return registry.installed(config)


def _installed(name: str) -> registry.Installed:
    found = _all().get(name)
    if found is None:
        raise NotInstalled(
            f"Hệ thống không kết nối với nhà cung cấp chữ ký số “{name}”; người quản trị cần khai báo lại."
        )
    return found
