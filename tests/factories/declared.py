"""Providers as an installation declares them, all of them faces of one signing service process."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.factories.signing_school import changed_settings
from tests.fakes import relying_party
from tests.fakes.processes import SigningService

#: Where the faces of the service are that are not at its root.
_BASES = {"rssp": "/rssp/v2", "smartca_oauth": "/smartca"}


class Declared(NamedTuple):
    """One entry; `capabilities` and `settings` where it differs from what the adapter assumes."""

    name: str
    kind: str
    capabilities: Mapping[str, object] = {}
    settings: Mapping[str, object] = {}


@contextmanager
def declared(signing: SigningService, folder: Path, *entries: Declared) -> Iterator[None]:
    """The product has these providers, besides the sandbox, while the block lasts."""
    file = folder / "providers.toml"
    file.write_text("".join(_entry(one, signing) for one in entries))
    with changed_settings(HOCBA_SIGNING_PROVIDERS=str(file)):
        yield


def _entry(one: Declared, signing: SigningService) -> str:
    ours = signing.account("").parameters
    parameters = ours
    if one.kind == "smartca":
        parameters = {"sp_id": ours["client_id"], "sp_password": ours["client_secret"]}
    elif one.kind == "rssp":
        relying_party.register(signing)
        parameters = relying_party.relying_party(ours["client_id"], ours["client_secret"])
    values = {
        "name": one.name,
        "kind": one.kind,
        "label": "Nhà cung cấp hỏi người ký",
        "base_url": signing.url + _BASES.get(one.kind, ""),
        "parameters": parameters,
        "capabilities": one.capabilities,
        "settings": one.settings,
    }
    return "[[provider]]\n" + "".join(f"{name} = {_toml(value)}\n" for name, value in values.items())


def _toml(value: object) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{name} = {_toml(one)}" for name, one in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)
