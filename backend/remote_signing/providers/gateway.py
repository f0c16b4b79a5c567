"""The providers of this installation, by name, and accounts there."""

from collections.abc import Mapping
from functools import lru_cache
from typing import cast

import msgspec

from backend.core import settings
from backend.remote_signing.providers import registry
from backend.remote_signing.providers.port import (
    AccessEnded,
    AccountField,
    LettingInProvider,
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


def lets_in(name: str) -> bool:
    """Whether each user of a provider must let us in before anything is asked there. Raises NotInstalled."""
    return bool(_installed(name).personal)


def letting_in(name: str) -> LettingInProvider:
    """The adapter of one of which `lets_in` is true. Raises NotInstalled."""
    return cast(LettingInProvider, _installed(name).provider)


def provider(name: str) -> SignatureProvider:
    """The adapter of a provider by its name. Raises NotInstalled for one that this installation does not have."""
    return _installed(name).provider


def account(name: str, user_id: str, values: Mapping[str, str] | None = None) -> ProviderAccount:
    """An account at a provider, acting for one of its users; `values` are what the school filled in for `fields`, and
    what the user left where they let us in.

    What the declaration says goes before. Raises NotInstalled, also when a value is missing; AccessEnded when it is the
    user's.
    """
    known, one, given = application(name, user_id, values), _installed(name), values or {}
    if any(not given.get(field.name) for field in one.personal):
        raise AccessEnded(
            f"Chủ tài khoản {user_id} chưa cho phép hệ thống gửi yêu cầu ký tới {one.declared.label}, hoặc quyền đã hết "
            "hạn; chủ tài khoản mở trang Liên kết tài khoản ký số để cấp quyền."
        )
    left = {field.name: given[field.name] for field in one.personal}
    return msgspec.structs.replace(known, parameters={**known.parameters, **left})


def application(name: str, user_id: str, values: Mapping[str, str] | None = None) -> ProviderAccount:
    """The same before its user has let us in. Raises NotInstalled."""
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
