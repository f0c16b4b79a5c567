"""Teachers who save one cell after another, each in a sheet of their own. Run as a program.

    python -m infra.bench.save_load --turns 6 --seconds 5 < writers.json

Prints one JSON object for each turn: requests, seconds, p50 and p99 in milliseconds. Any answer but "saved" ends it.
"""

import argparse
import asyncio
import itertools
import json
import statistics
import sys
import time
from urllib.parse import urlsplit

import msgspec

_END_OF_HEAD = b"\r\n\r\n"
#: What is typed into a cell in turn: never what stands there.
_TYPED = ("7,5", "8", "6,5", "9")


class Writer(msgspec.Struct, frozen=True):
    """One person with an open sheet: where it saves, the browser's cookie and token, the pupils of one column."""

    url: str
    cookie: str
    token: str
    column: str
    pupils: list[str]


def main() -> None:
    """Save, then print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--turns", type=int, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    chosen = parser.parse_args()
    writers = msgspec.json.decode(sys.stdin.buffer.read(), type=list[Writer])
    asyncio.run(_save_all([_Teacher(one) for one in writers], chosen.turns, chosen.seconds))


async def _save_all(teachers: list["_Teacher"], turns: int, seconds: float) -> None:
    for _ in range(turns):
        started = time.perf_counter()
        found = await asyncio.gather(*(one.type_until(started + seconds) for one in teachers))
        times = sorted(one for times in found for one in times)
        answer = {
            "requests": len(times),
            "seconds": time.perf_counter() - started,
            "p50": statistics.median(times) * 1000,
            "p99": times[int(len(times) * 0.99)] * 1000,
        }
        print(json.dumps(answer), flush=True)


class _Teacher:
    """Goes down a column and begins again with another mark; knows each cell's revision, as a page does."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._versions = dict.fromkeys(writer.pupils, 0)
        self._next = ((value, pupil) for value in itertools.cycle(_TYPED) for pupil in writer.pupils)
        self._connection: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def type_until(self, until: float) -> list[float]:
        """Seconds that each save took."""
        place, times = urlsplit(self._writer.url), []
        if self._connection is None:
            self._connection = await asyncio.open_connection(place.hostname, place.port or 80)
        while (began := time.perf_counter()) < until:
            value, pupil = next(self._next)
            cell = {
                "student": pupil,
                "column": self._writer.column,
                "value": value,
                "version": self._versions[pupil],
            }
            [answer] = json.loads(await _post(self._connection, self._writer, {"cells": [cell]}))["cells"]
            times.append(time.perf_counter() - began)
            if answer["state"] != "saved":
                raise SystemExit(f"a cell was not saved: {answer}")
            self._versions[pupil] = answer["version"]
        return times


async def _post(
    connection: tuple[asyncio.StreamReader, asyncio.StreamWriter], writer: Writer, sent: object
) -> bytes:
    reader, out = connection
    place = urlsplit(writer.url)
    body = json.dumps(sent).encode()
    head = (
        f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\nCookie: {writer.cookie}\r\n"
        f"X-CSRF-Token: {writer.token}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    out.write(head.encode() + body)
    answer = await reader.readuntil(_END_OF_HEAD)
    if not answer.startswith(b"HTTP/1.1 200 "):
        raise SystemExit(f"unexpected answer: {answer[:300]!r}")
    length = next(
        int(line.partition(b":")[2])
        for line in answer.split(b"\r\n")
        if line.lower().startswith(b"content-length")
    )
    return await reader.readexactly(length)


if __name__ == "__main__":
    main()
