"""Who may call what, as it was agreed: `access.txt`, a line per address. `python -m tests.tenancy.access` writes it anew.

The file and the guards are two records of one decision: a guard that is lost or widened is seen in the other.
"""

from pathlib import Path

from backend.app import ROUTES, create_app
from backend.tenants.api_clients.schemas import Scope
from backend.tenants.guards import OPTION, Access
from tests.tenancy.addresses import Address, addresses

FILE = Path(__file__).parent / "access.txt"
ANYBODY, SIGNED_IN = "anybody", "signed in"
#: Before the name of a scope: other systems with a key, no person.
KEY = "key "


def found() -> dict[str, str]:
    """Address → who may call it, as the guards of the site say."""
    return {str(address): _words(address) for address in addresses(create_app(ROUTES))}


def _words(address: Address) -> str:
    access: Access = address.handler.opt[OPTION]
    if access.any_of is None:
        return ANYBODY
    names = [f"{KEY}{one}" if isinstance(one, Scope) else one.value for one in access.any_of]
    return " | ".join(sorted(names)) or SIGNED_IN


def agreed() -> dict[str, str]:
    """Address → who may call it, as the file says."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return {address: who for address, _, who in (line.partition(" : ") for line in lines)}


if __name__ == "__main__":
    FILE.write_text("".join(f"{address} : {who}\n" for address, who in found().items()), encoding="utf-8")
