"""`hocba console-link`: the way into the operator's console."""

from typing import TextIO

from backend.core import settings
from backend.integrations.operations import service


def print_link(operator: str, out: TextIO) -> None:
    """Print an address that lets an operator in once. Raises Invalid for a name that cannot be written down."""
    config = settings.get()
    link = service.new_link(operator)
    print(f"http://{config.host}:{config.console_port}/van-hanh/vao/{link}", file=out)
    print("Dùng một lần, trong 10 phút, khi hocba console đang chạy.", file=out)
