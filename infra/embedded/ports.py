"""Which loopback port each service listens on: set by the environment, else as last time, else a free one."""

import json
import random
import socket
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

from infra.embedded.errors import StartRefused

LOOPBACK = "127.0.0.1"

Say = Callable[[str], None]

# Below the range from which Linux takes the local ports of outgoing connections (32768 and up): a service
# that is restarted finds its port still free.
_FREE_RANGE = range(20000, 32000)

# Tried first on a first run, so that the address of the site is one that people can remember.
_PREFERRED = {"web": 8000}


class Place(NamedTuple):
    """Where a service listens: its name here, and its port."""

    service: str
    port: int


def variable(name: str) -> str:
    """The environment variable that fixes the port of service `name`."""
    return f"HOCBA_PORT_{name.upper()}"


def choose(names: Iterable[str], memory: Path, environment: Mapping[str, str], say: Say) -> dict[str, int]:
    """One port per name, all free now, and written to `memory` for next time.

    Says so if a port of last time has been taken meanwhile: addresses in documents made then name it.
    Raises `StartRefused` if a port fixed by the environment is no port number or is taken.
    """
    remembered = recall(memory)
    chosen: dict[str, int] = {}
    for name in names:
        fixed = environment.get(variable(name), "").strip()
        chosen[name] = _configured(name, fixed, chosen) if fixed else _own(remembered, name, chosen)
        if not fixed and chosen[name] != remembered.get(name, chosen[name]):
            say(f"Cổng {remembered[name]} của {name} ở lần chạy trước đã bị chiếm; dùng cổng {chosen[name]}.")
    memory.write_text(json.dumps(remembered | chosen, indent=1), encoding="ascii")
    return chosen


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def taken(place: Place) -> StartRefused:
    """What to say when another program listens there."""
    setting = variable(place.service)
    return StartRefused(
        f"Cổng {place.port} ({setting}) đang được dùng bởi chương trình khác; "
        f"hãy tắt chương trình đó hoặc đặt {setting} thành một cổng còn trống."
    )


def _configured(name: str, text: str, chosen: Mapping[str, int]) -> int:
    setting = variable(name)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) < 65536:
        raise StartRefused(f"{setting}={text} không phải số cổng; hãy đặt số từ 1 đến 65535 hoặc bỏ trống.")
    port = int(text)
    other = next((other for other, theirs in chosen.items() if theirs == port), None)
    if other is not None:
        raise StartRefused(
            f"{setting}={port} trùng với cổng của {other} ({variable(other)}); "
            "hãy đặt cho mỗi dịch vụ một cổng riêng hoặc bỏ trống."
        )
    if not is_free(port):
        raise taken(Place(name, port))
    return port


def _own(remembered: Mapping[str, int], name: str, chosen: Mapping[str, int]) -> int:
    wishes = [port for port in (remembered.get(name), _PREFERRED.get(name)) if port is not None]
    for port in (*wishes, *random.sample(_FREE_RANGE, 200)):
        if port not in chosen.values() and is_free(port):
            return port
    raise StartRefused(f"Không tìm được cổng trống nào trên {LOOPBACK} cho {name}; hãy đặt {variable(name)}.")


def recall(memory: Path) -> dict[str, int]:
    """The ports that `choose` wrote there; empty where it did not."""
    try:
        stored = json.loads(memory.read_text(encoding="ascii"))
    except (FileNotFoundError, ValueError):
        return {}
    if not isinstance(stored, dict):
        return {}
    return {name: port for name, port in stored.items() if isinstance(port, int) and 0 < port < 65536}
