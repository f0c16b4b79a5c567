"""Who may call what, as it was agreed: `access.txt`, a line per role and per address.

The file is a second record of what permissions.py and the guards say: a guard that is lost or widened, a role that
gains a permission is seen in the other. `python -m tests.tenancy.access` writes it anew.
"""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from backend.tenants.permissions import ROLE_PERMISSIONS, Role
from tests.tenancy.addresses import Address, addresses

FILE = Path(__file__).parent / "access.txt"
ANYBODY, SIGNED_IN = "anybody", "signed in"
_PROOF = " + proof"


def found() -> dict[str, str]:
    """Role → its permissions; address → who may call it, as the guards of the site say."""
    roles = {_line_of(role): " | ".join(sorted(ROLE_PERMISSIONS[role])) for role in Role}
    return roles | {str(address): _words(address) for address in addresses()}


def _line_of(role: Role) -> str:
    return f"role {role}"


def _words(address: Address) -> str:
    if address.who is None:
        return ANYBODY
    proof = _PROOF if address.asks_for_a_proof else ""
    return (" | ".join(sorted(address.who)) or SIGNED_IN) + proof


@cache
def agreed() -> Mapping[str, str]:
    """The same, as the file says."""
    lines = FILE.read_text(encoding="utf-8").splitlines()
    return {address: who for address, _, who in (line.partition(" : ") for line in lines)}


def who_is_agreed(address: Address) -> str:
    """Who may call it, as the file says; nobody where it says nothing."""
    return agreed().get(str(address), "").removesuffix(_PROOF)


def permissions_agreed(role: Role) -> set[str]:
    """What a role may, as the file says."""
    return set(agreed()[_line_of(role)].split(" | "))


def proof_is_agreed(address: Address) -> bool:
    """Whether the file asks for a proof there."""
    return agreed()[str(address)].endswith(_PROOF)


if __name__ == "__main__":
    FILE.write_text("".join(f"{whose} : {may}\n" for whose, may in found().items()), encoding="utf-8")
