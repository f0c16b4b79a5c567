"""E-mails: kept first, sent later, tried again until the server takes them or they say nothing any more."""

from datetime import timedelta

from backend.core import mail
from backend.core.jobs import Lane, RetryLater, Work, task
from backend.core.mail import MailRefused, MailUnavailable
from backend.integrations.notifications import service
from backend.integrations.notifications.schemas import MailState

#: After so many seconds a server that did not take an e-mail is asked again.
AGAIN = 600


@task("notifications.urge", "Báo người phụ trách: việc cần xem ngay", lane=Lane.WEBHOOK, together=100)
async def urge(work: Work) -> None:
    """The Authority has refused or taken back something."""
    async with work.finish() as session:
        await service.urge(session, work.subject_ids)


@task(service.MAIL, "Gửi thư báo việc", lane=Lane.WEBHOOK)
async def send(work: Work) -> None:
    """One e-mail. Killed while the server answered, it is sent again under the same Message-ID."""
    async with work.transaction() as session:
        due = await service.to_send(session, work.subject_id)
    if isinstance(due, timedelta):
        raise RetryLater(due.total_seconds(), "quiet hours")
    state, said = MailState.SENT, ""
    if due:
        try:
            await mail.send(due)
        except MailUnavailable as error:
            async with work.transaction() as session:
                await service.record(session, work.subject_id, MailState.WAITING, str(error))
            raise RetryLater(AGAIN, str(error)) from error
        except MailRefused as error:
            state, said = MailState.REFUSED, str(error)
    async with work.finish() as session:
        if due:
            await service.record(session, work.subject_id, state, said)
