"""One principal's consent for a whole school, by the product's own tasks, until the last signature is in its document."""

import asyncio
import json
import os
import time
import urllib.request
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from backend.core import clock, storage
from backend.core.actor import Actor, machine
from backend.core.database import tenant_session
from backend.records.transcripts.xml_form import build_xml
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.formats.schemas import XML_TARGETS
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import SANDBOX
from backend.remote_signing.requests import service as requests
from backend.remote_signing.requests.rules import BatchState
from backend.remote_signing.requests.schemas import BatchId, NewRequest, NewSigner
from backend.tenants.access.schemas import Verified
from backend.tenants.factors.schemas import Factor
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from infra.bench import samples, servers
from infra.bench.harness import Bench, say
from infra.bench.processes import cpu_seconds, resident
from infra.bench.render import make
from infra.embedded import programs
from infra.embedded.stack import EmbeddedStack

_DOCUMENTS: Final = 2000
_CORES: Final = 2
_RENDERED: Final = 8
_TOGETHER: Final = 100
#: Of the figure about memory: so many consents, each over so many documents.
_ROUNDS, _ROUND = 10, 300
_ACCOUNT, _NAME = "hieutruong-do", "Hiệu trưởng Đo"
#: How often, and for how long, is looked whether it is done (seconds).
_BREATH: Final = 0.25
_PATIENCE: Final = 1800.0


def run(bench: Bench) -> None:
    """On two cores, servers and sandbox included: sign.batch_2000 by two workers, sign.worker_memory by one."""
    with two_cores():
        asyncio.run(_measure(bench, bench.size(_DOCUMENTS, 100)))
        asyncio.run(_memory(bench, bench.size(_ROUNDS, 3), bench.size(_ROUND, 4)))


@contextmanager
def two_cores() -> Iterator[None]:
    """This process and those that it starts."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[-_CORES:]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def _measure(bench: Bench, count: int) -> None:
    async with servers.embedded() as stack:
        await _start(stack)
        principal = await _principal()
        for start in range(0, count, _TOGETHER):
            await _ask(principal, range(start, min(start + _TOGETHER, count)))
        await servers.look_at_tables()
        say(f"sign.batch_2000: {count} documents wait")
        cpu, started = cpu_seconds(), time.monotonic()
        batch_id = await _consent(principal)
        await _until_signed(principal, batch_id, count)
        seconds, spent = time.monotonic() - started, cpu_seconds() - cpu
    bench.report(
        "sign.batch_2000",
        seconds,
        n=count,
        note=(
            f"page and XML of each, {2 * count} values in calls of 50, with time stamps; "
            f"{count / seconds:.1f} documents/s; {1000 * spent / count:.0f} ms of processor time a document, "
            "servers and sandbox included; one run"
        ),
    )


async def _memory(bench: Bench, rounds: int, size: int) -> None:
    """One worker, one consent after the other, each until its documents are complete; what it holds after each."""
    held = list[float]()
    async with servers.embedded() as stack:
        await _start(stack, workers=1)
        principal = await _principal()
        for number in range(rounds):
            numbers = range(number * size, (number + 1) * size)
            subjects = await _ask(principal, numbers)
            await _until_signed(principal, await _consent(principal), size)
            await _until_complete(principal, subjects)
            held.append(resident("hocba work"))
            say(f"sign.worker_memory: {held[-1]:.0f} MiB after {(number + 1) * size}")
    first, middle, last = held[0], held[rounds // 2], held[-1]
    bench.report(
        "sign.worker_memory",
        last / middle,
        n=rounds * size,
        note=(
            f"prepared, signed, embedded, completed, judged; {first:.0f} MiB after {size} documents, {middle:.0f} after "
            f"{(rounds // 2 + 1) * size}, {last:.0f} after {rounds * size}; end / start {last / first:.2f}; one run"
        ),
    )


async def _start(stack: EmbeddedStack, workers: int = _CORES) -> None:
    """The sandbox, whose telephone agrees by itself, and what does the work."""
    await stack.start_simulators()
    environment = servers.environment(stack)
    for program in (
        programs.dispatcher(environment),
        *(programs.worker(environment, number) for number in range(1, workers + 1)),
    ):
        await stack.start(program)


async def _principal() -> Actor:
    """A school whose principal has a certificate at the sandbox."""
    tenant_id = uuid.uuid4()
    operator, school = machine(tenant_id), samples.truth().primary
    await schools.open_school(tenant_id, samples.profile(school))
    await asyncio.to_thread(_enrol)
    [found] = await gateway.credentials_at(SANDBOX, _ACCOUNT)
    async with tenant_session(tenant_id) as session:
        staff = await people.add_staff(session, operator, _NAME, servers.LOGIN, "", [Role.PRINCIPAL])
        await credentials.enrol(session, operator, found, provider=SANDBOX, account=_ACCOUNT, staff_id=staff)
        return await people.actor_of(session, staff)


def _enrol() -> None:
    subject = {"common_name": _NAME, "organisation": "Trường Đo"}
    asked = {"subject": subject, "kind": "person", "account": _ACCOUNT}
    address = f"{os.environ['HOCBA_SIGNING_URL']}/sandbox/enrol"
    request = urllib.request.Request(address, json.dumps(asked).encode(), method="POST")
    with urllib.request.urlopen(request, timeout=30) as answer:
        answer.read()


async def _ask(principal: Actor, numbers: Sequence[int]) -> list[uuid.UUID]:
    """Documents of so few pupils again and again, each with bytes of its own; their subjects."""
    assert principal.staff_id is not None
    made = [(make(document), document.snapshot) for document in samples.year_records(_RENDERED)]
    wanted, files = [], []
    for number in numbers:
        pdf, snapshot = made[number % _RENDERED]
        xml = build_xml(msgspec.structs.replace(snapshot, lookup_code=f"{number:032x}"))
        pdf = requests.with_fields(_named(pdf, number), ["principal"])
        page, record = storage.file_of(pdf, "application/pdf"), storage.file_of(xml, "application/xml")
        files += [page, record]
        for data in (pdf, xml):
            await storage.put(principal.tenant_id, data)
        signer = NewSigner(
            role="principal", staff_id=principal.staff_id, name=_NAME, xml=(XML_TARGETS["principal"],)
        )
        wanted.append(
            NewRequest(
                subject_id=uuid.uuid4(),
                label=f"Học sinh số {number:04}",
                group="Cả trường",
                sort_key=f"{number:04}",
                document_sha256=page.sha256,
                xml_sha256=record.sha256,
                signers=(signer,),
            )
        )
    async with tenant_session(principal.tenant_id) as session:
        await storage.register(session, *files)
        await requests.open_requests(session, wanted)
    return [one.subject_id for one in wanted]


def _named(pdf: bytes, number: int) -> bytes:
    """The same document under another identifier of its file (ISO 32000-1, 14.4), so that no two are the same bytes."""
    instance = pdf[pdf.rindex(b")(") + 2 : pdf.rindex(b")]>>")]
    return pdf.replace(instance, b"%0*d" % (len(instance), number))


async def _consent(principal: Actor) -> BatchId:
    async with tenant_session(principal.tenant_id) as session:
        shown = await requests.offer(session, principal, "principal", None)
        verified = Verified(factor=Factor.PASSKEY, at=clock.now(), statement=shown.statement)
        return await requests.consent(
            session, principal, "principal", None, shown.merkle_root, shown.as_of, verified
        )


async def _until_complete(principal: Actor, subjects: Sequence[uuid.UUID]) -> None:
    """Raises RuntimeError when that takes too long."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        async with tenant_session(principal.tenant_id, read_only=True) as session:
            signed = await requests.fully_signed(session, subjects)
        if len(signed) == len(subjects) and all(signed.values()):
            return
        await asyncio.sleep(_BREATH)
    raise RuntimeError(f"not complete after {_PATIENCE:.0f} s")


async def _until_signed(principal: Actor, batch_id: BatchId, count: int) -> None:
    """Raises RuntimeError when that takes too long, or something was not signed."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        async with tenant_session(principal.tenant_id, read_only=True) as session:
            progress = await requests.batch_progress(session, principal, batch_id)
        if progress.state != BatchState.RUNNING:
            if progress.signed != count:
                raise RuntimeError(f"{progress.signed} of {count} signed: {progress.problem}")
            return
        await asyncio.sleep(_BREATH)
    raise RuntimeError(f"not done after {_PATIENCE:.0f} s")
