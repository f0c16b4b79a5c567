"""Deliveries: packages made on one core; 20,000 of a school through dispatcher, workers and an Authority's simulator."""

import asyncio
import base64
import itertools
import json
import os
import statistics
import tempfile
import time
import urllib.request
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy import select

from backend import workflow
from backend.core import outbox, settings, storage
from backend.core.actor import machine
from backend.core.database import TenantId, tenant_session
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import keeping, opening, queries, service, troubles
from backend.integrations.deliveries.channels import rest
from backend.integrations.deliveries.models import Delivery
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.profiles import catalog
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.events import TranscriptIssued
from infra.bench import issued, servers
from infra.bench.batch import two_cores
from infra.bench.harness import Bench, one_core, say
from infra.bench.issued import IssuedSchool
from infra.bench.processes import cpu_seconds
from infra.embedded import programs
from infra.embedded.stack import EmbeddedStack
from infra.simulators.province import identities
from infra.simulators.province.settings import load_or_create

#: Written to XML Schema and Schematron, XAdES, ZIP: all that a package may need but encryption.
_SIGNED: Final = "vn.sftp.hocba/2"
_REST: Final = authorities.SANDBOX_PROFILE
_PACKAGES: Final = 100
_DELIVERIES: Final = 20_000
_TOGETHER: Final = 25
#: Deliveries before the clock starts: workers load what they need.
_WARM: Final = 96
_CORES: Final = 2
_QUIET_SCHOOLS: Final = 10
#: One of the quiet schools has something to send so often (s).
_EVERY: Final = 0.5
#: How often, and for how long, is looked whether it is done (seconds).
_BREATH: Final = 1.0
_PATIENCE: Final = 3600.0


#: Their tasks are declared.
assert workflow.FLOW


def run(bench: Bench) -> None:
    """deliver.package on one core with its servers; deliver.rest and deliver.replay on two."""
    with one_core():
        asyncio.run(_packages(bench, bench.size(_PACKAGES, _TOGETHER)))
    with two_cores():
        asyncio.run(_through_the_simulator(bench, bench.size(_DELIVERIES, 50)))


async def _packages(bench: Bench, count: int) -> None:
    batch = min(_TOGETHER, count)
    rounds = (bench.repetitions + 1) * (count // batch)
    async with servers.embedded():
        with tempfile.TemporaryDirectory() as folder, _changed(_sending(Path(folder))):
            school = await issued.open_school(rounds * batch)
            await _bind(school.tenant_id, _SIGNED, _bound(Path(folder), _SIGNED))
            packages = await _files(school)
            await servers.look_at_tables()

            async def work(number: int) -> None:
                ids = school.version_ids[number * batch : (number + 1) * batch]
                async with tenant_session(school.tenant_id) as session:
                    await opening.open_deliveries(session, ids)
                async with tenant_session(school.tenant_id) as session:
                    rows = (await session.scalars(select(Delivery).where(Delivery.version_id.in_(ids)))).all()
                    sendings = await keeping.sendings_of(session, rows)
                for sending in sendings:
                    package = packages[sending.package_sha256]
                    rest.encode(sending.endpoint, sending.message(package))

            [timing] = await bench.compare_async(
                "deliver.package", [(work, count // batch)], before_each=_nothing
            )
    bench.report(
        "deliver.package",
        batch / timing.seconds,
        n=timing.items * batch,
        note=(
            f"{_SIGNED}: XML of {len(next(iter(packages.values()))) // 1024} KiB in an envelope held to XML Schema and "
            f"Schematron, XAdES, ZIP; row, manifest, audit, job, {batch} in a transaction; PostgreSQL and S3 on the same "
            f"core; by processor time {batch / timing.cpu_seconds:.0f}/s"
        ),
    )


async def _nothing() -> None:
    return None


async def _files(school: IssuedSchool) -> dict[str, bytes]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        digests = await transcripts.digests_of_files(session, school.version_ids, "xml")
    return {sha256: await storage.get(school.tenant_id, sha256) for sha256 in digests.values()}


def _sending(folder: Path) -> dict[str, str]:
    """The platform has a key that signs, and knows an address; nothing is sent there."""
    identity = folder / "sending.pem"
    identity.write_bytes(identities.issue("Hocba đo"))
    address = "sftp://127.0.0.1:22#SHA256:" + base64.b64encode(bytes(32)).decode().rstrip("=")
    return {"HOCBA_SENDING_IDENTITY": str(identity), "HOCBA_AUTHORITY_URLS": f"{_SIGNED}={address}"}


def _bound(folder: Path, profile_id: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    profile = catalog.load(catalog.path_of(profile_id), {}).profile
    found = load_or_create(folder, profile)
    return found.parameters, found.secrets


async def _bind(
    tenant_id: TenantId, profile_id: str, bound: tuple[Mapping[str, str], Mapping[str, str]]
) -> None:
    async with tenant_session(tenant_id) as session:
        await authorities.bind(session, machine(tenant_id), profile_id, *bound)


@contextmanager
def _changed(values: Mapping[str, str]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(values)
    settings.get.cache_clear()
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        settings.get.cache_clear()


async def _through_the_simulator(bench: Bench, count: int) -> None:
    async with servers.embedded() as stack:
        warm, large = await issued.open_school(min(count, _WARM)), await issued.open_school(count)
        stopped = await issued.open_school(count)
        quiet = [await issued.open_school(max(2, count // 100)) for _ in range(min(_QUIET_SCHOOLS, count))]
        await servers.look_at_tables()
        await _start(stack)
        await _announce(warm.tenant_id, warm.version_ids)
        await _until(lambda: _all(warm.tenant_id, DeliveryState.ACCEPTED, len(warm.version_ids)))
        say(f"deliver.rest: {count} versions and {len(quiet)} quiet schools wait")
        await _deliver(bench, large, quiet)
        await _replay(bench, stack, stopped)


async def _start(stack: EmbeddedStack) -> None:
    await stack.start_simulators()
    environment = servers.environment(stack)
    for program in (
        programs.dispatcher(environment),
        *(programs.worker(environment, number) for number in range(1, _CORES + 1)),
    ):
        await stack.start(program)


async def _deliver(bench: Bench, large: IssuedSchool, quiet: list[IssuedSchool]) -> None:
    """All of the large school at once; the quiet ones a version now and then."""
    count, cpu, started = len(large.version_ids), cpu_seconds(), time.monotonic()
    asked: dict[uuid.UUID, float] = {}
    async with _trickling(quiet, asked):
        await _announce(large.tenant_id, large.version_ids)
        await _until(lambda: _all(large.tenant_id, DeliveryState.ACCEPTED, count))
        seconds, spent = time.monotonic() - started, cpu_seconds() - cpu
    waits = await _waits(quiet, asked)
    bench.report(
        "deliver.rest",
        count / seconds,
        n=count,
        note=(
            f"issued to accepted, sent and asked about, evidence kept; {1000 * spent / count:.1f} ms of processor time a "
            f"delivery, servers and simulator included ({_CORES * count / spent:.0f}/s by that); beside it {len(waits)} "
            f"deliveries of {len(quiet)} quiet schools: first byte after {1000 * statistics.median(waits):.0f} ms, "
            f"99 of 100 within {1000 * _p99(waits):.0f} ms; one run"
        ),
    )


@asynccontextmanager
async def _trickling(quiet: list[IssuedSchool], asked: dict[uuid.UUID, float]) -> AsyncIterator[None]:
    async def trickle() -> None:
        for place in itertools.count():
            for school in quiet:
                if place >= len(school.version_ids):
                    return
                version_id = school.version_ids[place]
                asked[version_id] = time.time()
                await _announce(school.tenant_id, [version_id])
                await asyncio.sleep(_EVERY)

    running = asyncio.create_task(trickle())
    try:
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _waits(quiet: list[IssuedSchool], asked: Mapping[uuid.UUID, float]) -> list[float]:
    """From the announcement to the first attempt, of what is begun (s)."""
    found: list[float] = []
    for school in quiet:
        async with tenant_session(school.tenant_id, read_only=True) as session:
            rows = [row for one in school.version_ids for row in await queries.of_version(session, one)]
            first = await queries.first_attempts(session, [row.id for row in rows])
            found += [first[row.id].timestamp() - asked[row.version_id] for row in rows if row.id in first]
    return found


async def _replay(bench: Bench, stack: EmbeddedStack, school: IssuedSchool) -> None:
    """All are refused for a wrong key, the key is put right, all are sent again by one deed of a person."""
    count = len(school.version_ids)
    parameters, secrets = _bound(stack.data.folder("province"), _REST)
    await _bind(school.tenant_id, _REST, (parameters, dict.fromkeys(secrets, "khoa-sai")))
    await _announce(school.tenant_id, school.version_ids)
    await _until(lambda: _all(school.tenant_id, DeliveryState.PARKED, count))
    before, known = await _message_ids(school), _ledger()["messages"]
    say(f"deliver.replay: {count} are refused")
    await _bind(school.tenant_id, _REST, (parameters, secrets))
    started = time.monotonic()
    async with tenant_session(school.tenant_id) as session:
        [group] = await troubles.groups(session)
        await troubles.retry(session, machine(school.tenant_id), group.authority, group.cause)
    await _until(lambda: _all(school.tenant_id, DeliveryState.ACCEPTED, count))
    seconds = time.monotonic() - started
    after, ledger = await _message_ids(school), _ledger()
    fresh = len(after - before) + abs(ledger["messages"] - known - count) + len(ledger["duplicates"])
    if fresh:
        raise RuntimeError(f"{fresh} messages under other ids, or twice")
    bench.report(
        "deliver.replay",
        count / seconds,
        n=count,
        note=f"refused, then sent again by one deed: 0 new ids, {count} messages at the Authority, none twice; one run",
    )


async def _message_ids(school: IssuedSchool) -> set[str]:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        return {row.message_id for row in await queries.sent_to(session, [_REST])}


async def _announce(tenant_id: TenantId, version_ids: list[uuid.UUID]) -> None:
    async with tenant_session(tenant_id) as session:
        await outbox.emit_all(session, [TranscriptIssued(one) for one in version_ids])


async def _all(tenant_id: TenantId, state: DeliveryState, count: int) -> bool:
    async with tenant_session(tenant_id, read_only=True) as session:
        return (await service.counts(session)).get(state, 0) == count


async def _until(reached: Callable[[], Awaitable[bool]]) -> None:
    """Raises RuntimeError when that takes too long."""
    end = time.monotonic() + _PATIENCE
    while not await reached():
        if time.monotonic() > end:
            raise RuntimeError(f"not done after {_PATIENCE:.0f} s: {await _left()}")
        await asyncio.sleep(_BREATH)


async def _left() -> list[Any]:
    connection = await asyncpg.connect(settings.get().database_dispatcher_url)
    try:
        found: list[Any] = await connection.fetch(
            "select kind, state, count(*), max(last_error) from work.job group by kind, state"
        )
        return found
    finally:
        await connection.close()


def _ledger() -> Any:
    with urllib.request.urlopen(f"{os.environ['HOCBA_PROVINCE_URL']}/sandbox/ledger", timeout=30) as answer:
        return json.loads(answer.read())


def _p99(waits: list[float]) -> float:
    return sorted(waits)[min(len(waits) - 1, int(0.99 * len(waits)))]
