"""Telling other systems what happened: kept in order first, then sent, each message by itself."""

from backend.core.jobs import Lane, Work, task
from backend.integrations.webhooks import rules, service
from backend.integrations.webhooks.schemas import EventKind


@task(
    "webhooks.transcript_issued", "Báo hệ thống khác: học bạ được phát hành", lane=Lane.WEBHOOK, together=100
)
async def transcript_issued(work: Work) -> None:
    """Versions were issued."""
    await _announce(work, EventKind.TRANSCRIPT_ISSUED)


@task("webhooks.transcript_recalled", "Báo hệ thống khác: học bạ bị thu hồi", lane=Lane.WEBHOOK, together=100)
async def transcript_recalled(work: Work) -> None:
    """The Authority has taken versions back out."""
    await _announce(work, EventKind.TRANSCRIPT_RECALLED)


@task(
    "webhooks.transcript_replaced", "Báo hệ thống khác: học bạ được thay thế", lane=Lane.WEBHOOK, together=100
)
async def transcript_replaced(work: Work) -> None:
    """The next versions stand in their place."""
    await _announce(work, EventKind.TRANSCRIPT_REPLACED)


@task("webhooks.transcript_locked", "Báo hệ thống khác: học bạ được chốt", lane=Lane.WEBHOOK, together=100)
async def transcript_locked(work: Work) -> None:
    """Versions are in force for good."""
    await _announce(work, EventKind.TRANSCRIPT_LOCKED)


@task("webhooks.delivery_accepted", "Báo hệ thống khác: Sở chấp nhận học bạ", lane=Lane.WEBHOOK, together=100)
async def delivery_accepted(work: Work) -> None:
    """The Authority has taken versions in."""
    await _announce(work, EventKind.DELIVERY_ACCEPTED)


@task("webhooks.delivery_rejected", "Báo hệ thống khác: Sở từ chối học bạ", lane=Lane.WEBHOOK, together=100)
async def delivery_rejected(work: Work) -> None:
    """The Authority refuses versions."""
    await _announce(work, EventKind.DELIVERY_REJECTED)


@task(
    "webhooks.results_confirmed", "Báo hệ thống khác: kết quả được xác nhận", lane=Lane.WEBHOOK, together=100
)
async def results_confirmed(work: Work) -> None:
    """The results of classes are confirmed."""
    await _announce(work, EventKind.RESULTS_CONFIRMED)


@task(rules.SEND, "Gửi tin cho hệ thống khác", lane=Lane.WEBHOOK)
async def send(work: Work) -> None:
    """One try; what failed has a later job, so that this one ends."""
    async with work.transaction() as session:
        due = await service.to_send(session, work.subject_id)
    outcome = await service.send(*due) if due else None
    async with work.finish() as session:
        if due and outcome:
            await service.record_try(session, due[1], outcome)


async def _announce(work: Work, kind: EventKind) -> None:
    async with work.finish() as session:
        await service.announce(session, kind, work.subject_ids)
