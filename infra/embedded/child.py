"""One child process: how it is started, how it is seen to be ready, how it is stopped."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from infra.embedded.errors import StartRefused
from infra.embedded.leash import leashed
from infra.embedded.listeners import listens
from infra.embedded.ports import Place, is_free, taken


async def _at_once() -> bool:
    return True


async def _nothing() -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class ChildSpec:
    """What the supervisor must know of a child. Times are in seconds.

    `prepare` runs before each start, `ready` is asked again and again after it, `settle` runs once it has
    said yes. With a `place`, a yes counts only while the child itself listens there: whoever else has the
    port would answer just as well. `environment` is the whole environment of the child.
    """

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    place: Place | None = None
    prepare: Callable[[], Awaitable[None]] = _nothing
    ready: Callable[[], Awaitable[bool]] = _at_once
    settle: Callable[[], Awaitable[None]] = _nothing
    ready_within: float = 90.0
    stop_signal: signal.Signals = signal.SIGTERM
    stop_within: float = 10.0


class Child:
    """A started child. Its output goes to `log`; it dies with its parent, however the parent dies."""

    def __init__(self, spec: ChildSpec, process: asyncio.subprocess.Process, log: Path) -> None:
        self.spec = spec
        self.log = log
        self._process = process

    @classmethod
    async def start(cls, spec: ChildSpec, log: Path) -> "Child":
        """Start it and wait until it is ready.

        Raises `StartRefused` if it ends, stays silent too long, or another program has its port.
        """
        await spec.prepare()
        with log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *leashed(spec.stop_signal, *spec.command),
                env=dict(spec.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        child = cls(spec, process, log)
        try:
            await child._become_ready()
        except BaseException:
            await child.stop()
            raise
        return child

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    def speaks_for_itself(self) -> bool:
        """Whether it lives and, where it has a port, listens there itself: nobody else answers for it then."""
        return not self.ended and (self.spec.place is None or listens(self.pid, self.spec.place.port))

    async def wait(self) -> int:
        """Exit code; negative is the number of the signal that killed it."""
        return await self._process.wait()

    async def stop(self) -> None:
        """Ask the whole process group to end, and insist after `stop_within`."""
        if not self.ended:
            self._signal(self.spec.stop_signal)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.wait(), self.spec.stop_within)
        self._signal(signal.SIGKILL)
        await self.wait()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    async def _become_ready(self) -> None:
        clock = asyncio.get_running_loop().time
        deadline = clock() + self.spec.ready_within
        while not (await self.spec.ready() and self.speaks_for_itself()):
            if self.ended or clock() > deadline:
                raise self._refusal()
            await asyncio.sleep(0.01)
        await self.spec.settle()

    def _refusal(self) -> StartRefused:
        name, place = self.spec.name, self.spec.place
        if place and not is_free(place.port) and not listens(self.pid, place.port):
            return taken(place)
        if self.ended:
            return StartRefused(f"{name} không khởi động được; nguyên nhân ở cuối tệp {self.log}.")
        return StartRefused(
            f"{name} không trả lời sau {self.spec.ready_within:g} giây; hãy xem tệp {self.log}."
        )
