"""A load: some connections that each ask for one page again and again. Run as a program, on a core of its own.

    python -m infra.bench.load URL --connections 16 --seconds 2 [--cookie name=value]

Prints one JSON object: requests, seconds, p50, p95 and p99 in milliseconds. Any answer but the expected status ends it.
"""

import argparse
import asyncio
import json
import os
import statistics
import time
from urllib.parse import urlsplit

_END_OF_HEAD = b"\r\n\r\n"


def main() -> None:
    """Ask, then print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--connections", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--cookie", default="")
    parser.add_argument("--core", type=int)
    parser.add_argument("--status", type=int, default=200)
    chosen = parser.parse_args()
    if chosen.core is not None:
        os.sched_setaffinity(0, {chosen.core})
    asked = _ask_all(chosen.url, chosen.cookie, chosen.connections, chosen.seconds, chosen.status)
    times, seconds = asyncio.run(asked)
    times.sort()
    answer = {
        "requests": len(times),
        "seconds": seconds,
        "p50": statistics.median(times) * 1000,
        "p95": times[int(len(times) * 0.95)] * 1000,
        "p99": times[int(len(times) * 0.99)] * 1000,
    }
    print(json.dumps(answer))


async def _ask_all(
    url: str, cookie: str, connections: int, seconds: float, status: int
) -> tuple[list[float], float]:
    place = urlsplit(url)
    head = f"GET {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nAccept: text/html\r\n"
    request = (head + (f"Cookie: {cookie}\r\n" if cookie else "") + "\r\n").encode()
    started = time.perf_counter()
    port = place.port or 80
    found = await asyncio.gather(
        *(_ask(place.hostname or "", port, request, started + seconds, status) for _ in range(connections))
    )
    return [one for times in found for one in times], time.perf_counter() - started


async def _ask(host: str, port: int, request: bytes, until: float, status: int) -> list[float]:
    reader, writer = await asyncio.open_connection(host, port)
    times = []
    while (began := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(_END_OF_HEAD)
        if not head.startswith(b"HTTP/1.1 %d " % status):
            raise SystemExit(f"unexpected answer: {head[:200]!r}")
        await reader.readexactly(_length(head))
        times.append(time.perf_counter() - began)
    writer.close()
    return times


def _length(head: bytes) -> int:
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    raise SystemExit("an answer without Content-Length")


if __name__ == "__main__":
    main()
