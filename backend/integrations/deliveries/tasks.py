"""A delivery's way through the machine. The attempt is committed before a byte leaves; a lost answer is asked for."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from time import monotonic

from backend.core import at_once, jobs, storage
from backend.core.jobs import Lane, Work, task
from backend.integrations.authorities.schemas import Endpoint
from backend.integrations.deliveries import exchange, gates, opening, rules, service
from backend.integrations.deliveries.channels.port import Locked, QueryResult, SendResult
from backend.integrations.deliveries.schemas import Question, Sending

#: Deliveries of one job: what the statements of a job cost is shared by so many, and a school that comes with one waits
#: for as many.
TOGETHER = 48
#: How long a job's calls may take all together, of what it is given (`broker.LONGEST_SECONDS`), and how long it begins
#: calls at least (seconds).
_OF_A_JOB, _SHORTEST = 200.0, 20.0
#: Packages of one job that are fetched at the same time.
_FILES_AT_ONCE = 8


@task(rules.OPEN, "Xếp hàng gửi lên Sở", lane=Lane.DELIVER, together=TOGETHER)
async def open_delivery(work: Work) -> None:
    """Versions were issued: queue them for the school's Authority."""
    async with work.finish() as session:
        await service.open_deliveries(session, work.subject_ids)


@task(rules.OPEN_RECALL, "Xếp hàng đề nghị Sở thu hồi", lane=Lane.DELIVER, together=TOGETHER)
async def open_recall(work: Work) -> None:
    """Versions are to be recalled: ask the school's Authority for it, or wait until it is known whether it has them."""
    async with work.finish() as session:
        await opening.open_recalls(session, work.subject_ids)


@task(rules.SEND, "Gửi lên Sở", lane=Lane.DELIVER, on_park=service.park, together=TOGETHER)
async def send(work: Work) -> None:
    """Send, or send again under the same message ids. Everything is at hand before the attempts are committed."""
    async with work.transaction() as session:
        sendings = await service.to_send(session, work.subject_ids)

    async def fetch(sha256: str) -> tuple[str, bytes]:
        return sha256, await storage.get(work.tenant_id, sha256)

    digests = sorted({one.package_sha256 for one in sendings})
    packages = dict(await at_once.each(digests, fetch, limit=_FILES_AT_ONCE))
    ready = await _made(sendings, packages)
    async with gates.turns([one.endpoint.profile for one in sendings], len(work.subject_ids)) as given:
        if not given:
            async with work.finish() as session:
                await service.note_made(session, ready)
                await jobs.enqueue(session, rules.SEND, *work.subject_ids, after=gates.soon())
            return
        async with work.transaction() as session:
            begun = await service.begin_sending(session, work.subject_ids, ready)
        answers = await _send(begun, ready, given)
    await gates.note(work.tenant_id, [(one.endpoint.profile, answer) for one, answer in answers])
    kept = await _keep(work, answers)
    async with work.finish() as session:
        await service.record_sent(session, answers, kept)


@task(rules.QUERY, "Hỏi kết quả ở Sở", lane=Lane.DELIVER, on_park=service.park, together=TOGETHER)
async def query(work: Work) -> None:
    """Ask what became of messages."""
    async with work.transaction() as session:
        questions = await service.to_query(session, work.subject_ids)
    answers = await _ask(questions)
    await gates.note(work.tenant_id, [(one.endpoint.profile, answer) for one, answer in answers])
    kept = await _keep(work, answers)
    async with work.finish() as session:
        await service.record_answers(session, answers, kept)
        await jobs.enqueue(session, rules.QUERY, *_unasked(questions, answers), after=gates.soon())


@task(rules.ASK_LOCKED, "Hỏi Sở đã chốt học bạ chưa", lane=Lane.DELIVER, together=TOGETHER)
async def ask_locked(work: Work) -> None:
    """Ask whether accepted messages are locked by now."""
    async with work.transaction() as session:
        questions = await service.to_ask_locked(session, work.subject_ids)
    told = await _ask(questions)
    answers = [one for one in told if isinstance(one[1], Locked)]
    kept = await _keep(work, answers)
    async with work.finish() as session:
        await service.record_locked(session, answers, kept)
        await jobs.enqueue(session, rules.ASK_LOCKED, *_unasked(questions, told), after=gates.soon())


async def _made(sendings: Sequence[Sending], packages: Mapping[str, bytes]) -> service.Ready:
    """The messages as they leave. To make one may take the processor a while: others go on in between."""
    ready = {}
    for one in sendings:
        ready[one.delivery_id] = one, exchange.made(one, packages[one.package_sha256])
        await asyncio.sleep(0)
    return ready


async def _send(
    sendings: Sequence[Sending], ready: service.Ready, limit: int
) -> list[tuple[Sending, SendResult]]:
    """So many at a time; what does not get its turn in this job's time has certainly not been sent."""
    end = _end([one.endpoint for one in sendings])

    async def one(sending: Sending) -> tuple[Sending, SendResult]:
        if monotonic() > end:
            return sending, exchange.not_begun()
        return sending, await exchange.send(sending, ready[sending.delivery_id][1])

    return await at_once.each(sendings, one, limit=limit)


async def _ask(questions: Sequence[Question]) -> list[tuple[Question, QueryResult]]:
    """The answers, as far as turns came free and there was time."""
    if not questions:
        return []
    end = _end([one.endpoint for one in questions])

    async def one(question: Question) -> tuple[Question, QueryResult] | None:
        return None if monotonic() > end else (question, await exchange.ask(question))

    async with gates.turns([one.endpoint.profile for one in questions], len(questions)) as given:
        asked = questions if given else []
        told = await at_once.each(asked, one, limit=max(1, given))
    return [one for one in told if one is not None]


def _unasked(
    questions: Sequence[Question], answers: Sequence[tuple[Question, QueryResult]]
) -> list[uuid.UUID]:
    asked = {question.delivery_id for question, _ in answers}
    return [one.delivery_id for one in questions if one.delivery_id not in asked]


def _end(endpoints: Sequence[Endpoint]) -> float:
    """Until when a job may begin calls: the last of them ends before the job is cut off."""
    longest = max((one.total_timeout for one in endpoints), default=0.0)
    return monotonic() + max(_SHORTEST, _OF_A_JOB - longest)


async def _keep(
    work: Work, answers: Sequence[tuple[Sending, SendResult]] | Sequence[tuple[Question, QueryResult]]
) -> list[storage.Packed]:
    return await exchange.keep(work.tenant_id, [answer.evidence for _, answer in answers])
