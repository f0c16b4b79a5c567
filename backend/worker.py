"""The background: `hocba work` does jobs; `hocba dispatch` hands them out, keeps the audit, looks and purges by night."""

import asyncio
import signal

from backend import workflow
from backend.core import (
    audit_keeper,
    broker,
    bucket,
    daily,
    database,
    dispatcher,
    http_client,
    log_keeper,
    logs,
    retention,
    settings,
    store_keeper,
)
from backend.integrations.deliveries import service as deliveries
from backend.integrations.notifications import service as notifications
from backend.integrations.reconciliation import service as reconciliation
from backend.records.transcripts import service as transcripts
from backend.records.transparency import service as transparency
from backend.remote_signing.archiving import service as archiving
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.timestamping import service as timestamping


def main() -> None:
    """Do jobs until stopped. Importing the flow declares every task."""
    logs.configure()
    credentials.providers()
    broker.work_until_stopped()


def dispatch() -> None:
    """Dispatch until stopped."""
    logs.configure()
    asyncio.run(_hand_out())


async def _hand_out() -> None:
    config = settings.get()
    doorbell = broker.make_broker(config.redis_url)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await asyncio.gather(
        dispatcher.dispatch(
            config.database_dispatcher_url,
            lambda event: workflow.TASKS_AFTER[event],
            lambda lane, tenant_id, job_id, fence: broker.ring(doorbell, lane, tenant_id, job_id, fence),
            stop,
        ),
        audit_keeper.keep(config.database_dispatcher_url, timestamping.stamp, stop),
        retention.keep(config.database_dispatcher_url, stop),
        daily.keep(
            config.database_dispatcher_url,
            [
                transcripts.queue_locks,
                deliveries.queue_lock_questions,
                reconciliation.queue,
                credentials.queue_checks,
                archiving.queue_due,
                notifications.queue_digests,
                transparency.queue_untold,
            ],
            stop,
        ),
        store_keeper.keep(config.database_dispatcher_url, stop),
        log_keeper.keep(config.database_dispatcher_url, stop),
    )
    doorbell.close()
    doorbell.client.close()
    await http_client.aclose()
    await database.engine().dispose()
    bucket.close()
