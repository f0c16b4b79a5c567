"""A delivery's way through the machine. The attempt is committed before a byte leaves; a lost answer is asked for."""

from collections.abc import Sequence

from backend.core import at_once, storage
from backend.core.jobs import Lane, Work, task
from backend.integrations.deliveries import exchange, opening, rules, service
from backend.integrations.deliveries.channels.port import QueryResult, SendResult
from backend.integrations.deliveries.schemas import Question, Sending


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
    packages = {
        delivery_id: await storage.get(work.tenant_id, sha256) for delivery_id, sha256 in digests.items()
    }
    async with work.transaction() as session:
        sendings = await service.begin_sending(session, work.subject_ids)

    async def one(sending: Sending) -> tuple[Sending, SendResult]:
        return sending, await exchange.send(work.tenant_id, sending, packages[sending.delivery_id])

    answers = await at_once.each(sendings, one, limit=_limit(sendings))
    async with work.finish() as session:
        await service.record_sent(session, answers)


@task(rules.QUERY, "Hỏi kết quả ở Sở", lane=Lane.DELIVER, on_park=service.park, together=8)
async def query(work: Work) -> None:
    """Ask what became of messages."""
    async with work.transaction() as session:
        questions = await service.to_query(session, work.subject_ids)
    answers = await _ask(work, questions)
    async with work.finish() as session:
        await service.record_answers(session, answers)


@task(rules.ASK_LOCKED, "Hỏi Sở đã chốt học bạ chưa", lane=Lane.DELIVER, together=8)
async def ask_locked(work: Work) -> None:
    """Ask whether accepted messages are locked by now."""
    async with work.transaction() as session:
        questions = await service.to_ask_locked(session, work.subject_ids)
    answers = await _ask(work, questions)
    async with work.finish() as session:
        await service.record_locked(session, answers)


def _limit(calls: Sequence[Sending] | Sequence[Question]) -> int:
    """Calls of one job that are on their way at the same time: what the Authority bears."""
    return min((call.endpoint.profile.limits.concurrency for call in calls), default=1)


async def _ask(work: Work, questions: list[Question]) -> list[tuple[Question, QueryResult]]:
    async def one(question: Question) -> tuple[Question, QueryResult]:
        return question, await exchange.ask(work.tenant_id, question)

    return await at_once.each(questions, one, limit=_limit(questions))
