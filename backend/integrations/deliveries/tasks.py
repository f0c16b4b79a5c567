"""A delivery's way through the machine. The attempt is committed before a byte leaves; a lost answer is asked for."""

from collections.abc import Sequence

from backend.core import at_once, storage
from backend.core.jobs import Lane, Work, task
from backend.integrations.deliveries import exchange, opening, rules, service
from backend.integrations.deliveries.channels.port import Locked, QueryResult, SendResult
from backend.integrations.deliveries.schemas import Question, Sending

#: Packages of one job that are fetched at the same time.
_FILES_AT_ONCE = 8


@task(rules.OPEN, "Xếp hàng gửi lên Sở", lane=Lane.DELIVER, together=25)
async def open_delivery(work: Work) -> None:
    """Versions were issued: queue them for the school's Authority."""
    async with work.finish() as session:
        await service.open_deliveries(session, work.subject_ids)


@task("deliveries.open_recall", "Xếp hàng đề nghị Sở thu hồi", lane=Lane.DELIVER, together=25)
async def open_recall(work: Work) -> None:
    """Versions are to be recalled: ask the school's Authority for it."""
    async with work.finish() as session:
        await opening.open_recalls(session, work.subject_ids)


@task(rules.SEND, "Gửi lên Sở", lane=Lane.DELIVER, on_park=service.park, together=8)
async def send(work: Work) -> None:
    """Send, or send again under the same message ids. Everything is at hand before the attempts are committed."""
    async with work.transaction() as session:
        digests = await service.packages_of(session, work.subject_ids)

    async def fetch(sha256: str) -> tuple[str, bytes]:
        return sha256, await storage.get(work.tenant_id, sha256)

    packages = dict(await at_once.each(sorted(set(digests.values())), fetch, limit=_FILES_AT_ONCE))
    async with work.transaction() as session:
        sendings = await service.begin_sending(session, work.subject_ids)

    async def one(sending: Sending) -> tuple[Sending, SendResult]:
        return sending, await exchange.send(sending, packages[sending.package_sha256])

    answers = await at_once.each(sendings, one, limit=_limit(sendings))
    kept = await _keep(work, answers)
    async with work.finish() as session:
        await service.record_sent(session, answers, kept)


@task(rules.QUERY, "Hỏi kết quả ở Sở", lane=Lane.DELIVER, on_park=service.park, together=8)
async def query(work: Work) -> None:
    """Ask what became of messages."""
    async with work.transaction() as session:
        questions = await service.to_query(session, work.subject_ids)
    answers = await _ask(questions)
    kept = await _keep(work, answers)
    async with work.finish() as session:
        await service.record_answers(session, answers, kept)


@task(rules.ASK_LOCKED, "Hỏi Sở đã chốt học bạ chưa", lane=Lane.DELIVER, together=8)
async def ask_locked(work: Work) -> None:
    """Ask whether accepted messages are locked by now."""
    async with work.transaction() as session:
        questions = await service.to_ask_locked(session, work.subject_ids)
    answers = [one for one in await _ask(questions) if isinstance(one[1], Locked)]
    kept = await _keep(work, answers)
    async with work.finish() as session:
        await service.record_locked(session, answers, kept)


def _limit(calls: Sequence[Sending] | Sequence[Question]) -> int:
    """Calls of one job that are on their way at the same time: what the Authority bears."""
    return min((call.endpoint.profile.limits.concurrency for call in calls), default=1)


async def _ask(questions: list[Question]) -> list[tuple[Question, QueryResult]]:
    async def one(question: Question) -> tuple[Question, QueryResult]:
        return question, await exchange.ask(question)

    return await at_once.each(questions, one, limit=_limit(questions))


async def _keep(
    work: Work, answers: Sequence[tuple[Sending, SendResult]] | Sequence[tuple[Question, QueryResult]]
) -> list[storage.Packed]:
    return await exchange.keep(work.tenant_id, [answer.evidence for _, answer in answers])
