"""`hocba reset-link LOGIN`: what the operator does for somebody whom nobody at the school can help."""

from typing import TextIO

from backend.tenants.account import recovery


async def reset_link(operator: str, login: str, out: TextIO) -> None:
    """Print the link. Raises NotFound."""
    print(await recovery.issue_link_by_operator(operator, login), file=out)
