"""Keeps children running: starts them in order, restarts those that die, stops them all."""

import asyncio
import signal
from pathlib import Path

from infra.embedded import logs
from infra.embedded.child import Child, ChildSpec
from infra.embedded.errors import StartRefused
from infra.embedded.ports import Say

FIRST_DELAY = 0.2
LONGEST_DELAY = 10.0
MOST_RESTARTS = 6
#: A child that has lived this long, in seconds, has its earlier deaths forgiven.
FORGIVEN_AFTER = 60.0


class Supervisor:
    """A set of children with their logs in one folder. `say` gets one Vietnamese line per event."""

    def __init__(self, log_folder: Path, say: Say) -> None:
        self._logs = log_folder
        self._say = say
        self._children: dict[str, Child] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._gave_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, *specs: ChildSpec) -> None:
        """Start these together, return when all are ready. Raises `StartRefused`; the others run on."""
        outcomes = await asyncio.gather(*(self._start(spec) for spec in specs), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    def pid(self, name: str) -> int:
        """Process id of the child as it runs now; changes when it is restarted."""
        return self._children[name].pid

    def answers(self, name: str) -> bool:
        """Whether who answers on the child's port now is the child, and not a program that took it over."""
        return self._children[name].speaks_for_itself()

    async def failure(self) -> None:
        """Wait for the moment when a child cannot be kept alive, and raise `StartRefused` then."""
        await asyncio.shield(self._gave_up)

    async def stop(self) -> None:
        """Stop the children, the last started first, and leave no process behind."""
        for watcher in self._watchers.values():
            watcher.cancel()
        await asyncio.gather(*self._watchers.values(), return_exceptions=True)
        self._watchers.clear()
        while self._children:
            _, child = self._children.popitem()
            await child.stop()
        self._gave_up.cancel()

    async def _start(self, spec: ChildSpec) -> None:
        log = logs.rotated(self._logs, spec.name)
        self._children[spec.name] = await Child.start(spec, log)
        self._watchers[spec.name] = asyncio.create_task(self._watch(spec.name), name=f"watch {spec.name}")

    async def _watch(self, name: str) -> None:
        clock = asyncio.get_running_loop().time
        deaths = 0
        while deaths <= MOST_RESTARTS:
            child, since = self._children[name], clock()
            ending = _ending(await child.wait())
            await child.stop()
            deaths = 1 if clock() - since > FORGIVEN_AFTER else deaths + 1
            deaths = await self._revive(child, ending, deaths)
        self._give_up(name)

    async def _revive(self, dead: Child, ending: str, deaths: int) -> int:
        """Start a dead child again, waiting twice as long after each failure. Returns the deaths counted."""
        name = dead.spec.name
        while deaths <= MOST_RESTARTS:
            delay = min(FIRST_DELAY * 2 ** (deaths - 1), LONGEST_DELAY)
            seconds = f"{delay:.1f}".replace(".", ",")
            self._say(f"{name} đã dừng ({ending}); khởi động lại sau {seconds} giây, lần {deaths}.")
            await asyncio.sleep(delay)
            try:
                self._children[name] = await Child.start(dead.spec, dead.log)
            except StartRefused as refusal:
                self._say(str(refusal))
                ending, deaths = "không khởi động được", deaths + 1
            else:
                self._say(f"{name} đã chạy lại.")
                break
        return deaths

    def _give_up(self, name: str) -> None:
        log = self._children[name].log
        message = f"{name} liên tục dừng và không chạy lại được; nguyên nhân ở cuối tệp {log}."
        self._say(message)
        if not self._gave_up.done():
            self._gave_up.set_exception(StartRefused(message))
            # Asked for here so that asyncio does not complain where nobody waits in `failure`.
            self._gave_up.exception()


def _ending(code: int) -> str:
    if code >= 0:
        return f"mã thoát {code}"
    try:
        return f"tín hiệu {signal.Signals(-code).name}"
    except ValueError:
        return f"tín hiệu {-code}"
