"""`make run`: the embedded stack, two demo schools, and a whole season through the front door.

Everything is kept in `.hocba/`; a second start finds the work done and is there in seconds.
"""

import argparse
import asyncio
import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from backend.tenants.permissions import ROLE_NAMES, Role
from infra.demo.schools import DemoSchool
from infra.demo.season import Sample, Season, StageTime
from infra.demo.seed import PASSWORD, seed
from infra.demo.visitor import Refused
from infra.demo.workbooks import DemoPlan, read_plan, write_workbooks
from infra.embedded.errors import StartRefused
from infra.embedded.interrupt import first_of, until_interrupted
from infra.embedded.leash import leashed
from infra.embedded.ports import LOOPBACK
from infra.embedded.stack import EmbeddedStack

#: Classes of the second school that go all the way; the others stay open to be explored.
CLASSES_OF_SECONDARY = 1
#: Where `hocba verify` finds its anchors by itself.
_OWN_DATA = Path(__file__).resolve().parents[2] / ".hocba"


def main() -> int:
    """Exit status 1 with one sentence where something cannot start or the site refused a step."""
    parser = argparse.ArgumentParser(prog="make run", description="Chạy Hocba với hai trường mẫu.")
    parser.add_argument(
        "--data", type=Path, default=Path(".hocba"), help="thư mục dữ liệu (mặc định: .hocba)"
    )
    parser.add_argument(
        "--scale", type=float, default=1.0, help="cỡ của trường mẫu, cho kiểm thử (mặc định: 1)"
    )
    parser.add_argument(
        "--once", action="store_true", help="dừng lại sau khi in bảng, không giữ trang web chạy"
    )
    chosen = parser.parse_args()
    console = Console(file=sys.stdout, highlight=False, width=None if sys.stdout.isatty() else 110)
    try:
        return asyncio.run(_run(chosen.data, chosen.scale, chosen.once, console))
    except (StartRefused, Refused) as refusal:
        console.print(f"[red]{refusal}[/red]")
        return 1


async def _run(data: Path, scale: float, once: bool, console: Console) -> int:
    started = time.monotonic()
    with until_interrupted():
        async with EmbeddedStack(data, say=lambda line: console.print(line, style="dim")) as stack:
            await stack.start_simulators()
            environment = stack.environment()
            os.environ.update(environment)
            await _hocba(environment, "migrate")
            plan = await asyncio.to_thread(_workbooks, data / "demo", scale)
            await seed(plan.schools, plan.academic_year)
            await stack.start_product(workers=2)
            console.print(
                f"Trang web chạy tại [bold]{environment['HOCBA_PUBLIC_URL']}[/bold] · Ctrl-C để dừng."
            )
            work = _seasons(plan, data, stack, console)
            await first_of(work, stack.supervisor.failure())
            console.print(f"Thư đã gửi (không đi đâu cả): http://{LOOPBACK}:{stack.ports['mail']}")
            console.print(f"Tổng thời gian: {time.monotonic() - started:.0f} giây.")
            if not once:
                await stack.supervisor.failure()
    return 0


async def _hocba(environment: Mapping[str, str], *arguments: str) -> None:
    # A session of its own, like every child: a Ctrl-C is ours to hear, and we end it then.
    command = await asyncio.create_subprocess_exec(
        *leashed(signal.SIGTERM, sys.executable, "-m", "backend.cli", *arguments),
        env=os.environ | environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, errors = await command.communicate()
    except asyncio.CancelledError:
        command.kill()
        await command.wait()
        raise
    if command.returncode:
        reason = errors.decode("utf-8", "replace").strip()[-500:]
        raise StartRefused(f"hocba {' '.join(arguments)} không chạy được: {reason}")


def _workbooks(folder: Path, scale: float) -> DemoPlan:
    """The demo's workbooks, written at the first start."""
    if not (folder / "books" / "plan.json").exists():
        write_workbooks(folder / "books", scale=scale)
    return read_plan(folder / "books")


async def _seasons(plan: DemoPlan, data: Path, stack: EmbeddedStack, console: Console) -> None:
    folder, url = data / "demo", stack.environment()["HOCBA_PUBLIC_URL"]
    for school, limit in zip(plan.schools, (None, CLASSES_OF_SECONDARY), strict=True):
        files = [file for file in plan.files if file.school == school.key]
        with ExitStack() as screen:
            bars = Bars(console, screen.enter_context(_progress(console)))
            season = Season(
                url,
                school,
                folder / "books",
                bars.show,
                is_ours=_for_a_second(lambda: stack.supervisor.answers("web")),
                class_limit=limit,
            )
            sample = await season.run(files)
        pdf = _sample_path(data, school)
        pdf.write_bytes(sample.pdf)
        await _hocba({}, "verify", str(pdf))
        _print_school(console, school, season.times, sample, data, url)


def _for_a_second(ask: Callable[[], bool]) -> Callable[[], bool]:
    """`ask`, whose yes holds for a second: it reads the machine's table of connections, which a busy site makes long."""
    yes_until = 0.0

    def answer() -> bool:
        nonlocal yes_until
        if time.monotonic() >= yes_until:
            if not ask():
                return False
            yes_until = time.monotonic() + 1
        return True

    return answer


def _sample_path(data: Path, school: DemoSchool) -> Path:
    return data / "demo" / f"hoc-ba-{school.key}.pdf"


def verify_command(data: Path, pdf: Path) -> str:
    """What checks `pdf` in another window; names the anchors where they are not the installation's own."""
    named = [] if data.resolve() == _OWN_DATA else ["--trust", str(data / "trust")]
    return shlex.join([".venv/bin/hocba", "verify", str(pdf), *named])


def _print_school(
    console: Console, school: DemoSchool, times: list[StageTime], sample: Sample, data: Path, url: str
) -> None:
    pdf = _sample_path(data, school)
    console.print(_table(school, times) if times else f"{school.name}: đã xong mùa học bạ từ lần chạy trước.")
    console.print(f"  Tra cứu một học bạ:  {url}{sample.lookup_path}")
    console.print(f"  Một tệp PDF đã ký:   {pdf}")
    console.print(f"  Kiểm tra ngoại tuyến: {verify_command(data, pdf)}", soft_wrap=True)
    console.print(f"  Đăng nhập (mật khẩu {PASSWORD}):")
    for role in Role:
        staff = next((one for one in school.staff if role in one.roles), None)
        if staff:
            console.print(f"    {ROLE_NAMES[role]:<28} {staff.email}")
    console.print()


def _table(school: DemoSchool, times: list[StageTime]) -> Table:
    table = Table(title=school.name, title_justify="left")
    table.add_column("Bước")
    table.add_column("Số lượng", justify="right")
    table.add_column("Giây", justify="right")
    for row in times:
        table.add_row(row.stage, str(row.count), f"{row.seconds:.1f}")
    return table


class Bars:
    """One bar per stage; where nobody watches a screen, one line per finished stage."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._tasks: dict[str, TaskID] = {}
        self._said: set[str] = set()

    def show(self, label: str, done: int, total: int) -> None:
        """Move the bar of a stage."""
        if label not in self._tasks:
            self._tasks[label] = self._progress.add_task(label, total=total)
        self._progress.update(self._tasks[label], completed=done, total=total)
        if done >= total and label not in self._said and not self._console.is_terminal:
            self._said.add(label)
            self._console.print(f"{label}: {done}/{total}")


class RateColumn(ProgressColumn):
    """Items per second."""

    def render(self, task: Task) -> Text:
        """The speed so far, or nothing before there is one."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.0f}/giây" if speed else "")


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<28}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        RateColumn(),
        TextColumn("còn"),
        TimeRemainingColumn(),
        console=console,
        disable=not console.is_terminal,
        refresh_per_second=4,
    )


if __name__ == "__main__":
    sys.exit(main())
