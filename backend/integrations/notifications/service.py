"""Notices: what waits for a person, looked up when it is asked for; and the e-mails that tell of it."""

import uuid
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec

from backend.core import clock, jobs, mail
from backend.core import settings as configuration
from backend.core.actor import Actor, StaffId
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.core.mail import Mail
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.notifications import queries, rules
from backend.integrations.notifications.schemas import Kind, MailState, Notice, SentMail, Setting
from backend.integrations.reconciliation import service as reconciliation
from backend.records.reports import service as board
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import VersionState
from backend.remote_signing.requests import service as signing
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission, permissions_of
from backend.tenants.schools import service as schools

#: The task that sends one e-mail.
MAIL = "notifications.mail"
#: E-mails that a page lists.
MOST = 100
#: Who is told at once of what the Authority refuses and of recalls.
_URGED = (Permission.DELIVERY_RETRY, Permission.TRANSCRIPT_WITHDRAW)


async def pending(session: TenantSession, actor: Actor) -> tuple[Notice, ...]:
    """What waits for this person now, what is late first. Empty for somebody without anything to do here."""
    if not actor.permissions or actor.staff_id is None:
        return ()
    return rules.in_order([*await _of_board(session, actor), *await _of_deliveries(session, actor)])


async def _of_board(session: TenantSession, actor: Actor) -> list[Notice]:
    seen = await board.board(session, actor)
    found = rules.of_work(seen.waits)
    for one in seen.nudges:
        found.append(rules.of_nudge(one.stage, f"/mua-hoc-ba?nguoi={actor.staff_id}&buoc={one.stage}"))
    for last_day in seen.notices:
        found.append(Notice(kind=Kind.DEADLINE, text=last_day.text, url="/mua-hoc-ba?tre=1"))
    if seen.halted:
        found.append(Notice(kind=Kind.HALTED, text="Học bạ tạm chưa được phát hành", url="/"))
    if seen.stopped and actor.may(Permission.WORK_RESUME):
        text = f"Hệ thống dừng {seen.stopped} việc, cần người xem lý do"
        found.append(Notice(kind=Kind.STOPPED, text=text, url="/viec-dung"))
    if seen.declined:
        text = f"{seen.declined} hồ sơ bị từ chối ký"
        found.append(Notice(kind=Kind.DECLINED, text=text, url="/ky/da-tu-choi"))
    if seen.approvals:
        text = f"{seen.approvals} đề nghị chờ bạn duyệt, quá 72 giờ thì hết hạn"
        found.append(Notice(kind=Kind.APPROVAL, text=text, url="/duyet"))
    if seen.certificates:
        text = f"{len(seen.certificates)} chứng thư số sắp hết hạn, đã hết hạn hoặc bị dừng"
        found.append(Notice(kind=Kind.CERTIFICATE, text=text, url="/chung-thu"))
    if seen.next_step and not seen.waits and actor.may(Permission.TRANSCRIPT_FREEZE):
        found.append(Notice(kind=Kind.WORK, text=seen.next_step.title, url=seen.next_step.url))
    return found + await _of_seal(session, actor)


async def _of_seal(session: TenantSession, actor: Actor) -> list[Notice]:
    if not actor.may(Permission.SEAL):
        return []
    waiting = sum(one.signer_id is None for one in await signing.ready_turns(session))
    return [Notice(kind=Kind.SEAL, text=f"{waiting} hồ sơ chờ đóng dấu số", url="/ky")] if waiting else []


async def _of_deliveries(session: TenantSession, actor: Actor) -> list[Notice]:
    """What the Authority refused, what waits for a person on its way there, and what was taken back."""
    found = []
    if actor.may(Permission.DELIVERY_READ) and _is_urged(actor):
        counts = await deliveries.counts(session)
        for state, kind, words in _STATES:
            if counts.get(state) and (kind is Kind.REJECTED or actor.may(Permission.DELIVERY_RETRY)):
                text, url = words.format(counts[state]), f"/gui?trang_thai={state}"
                found.append(Notice(kind=kind, text=text, url=url))
    if actor.may(Permission.DELIVERY_RETRY) and (run := await reconciliation.last_differences(session)):
        text = "Danh sách của Sở khác với danh sách của trường"
        found.append(Notice(kind=Kind.DIFFERENCE, text=text, url=f"/doi-soat/{run.id}"))
    if actor.may(Permission.TRANSCRIPT_WITHDRAW):
        recalled = await transcripts.classes_of(session, {VersionState.RECALLED})
        if recalled:
            text = f"{len(recalled)} học bạ đã thu hồi, cần sửa và phát hành lại"
            url = "/bao-cao/hoc-sinh?nhom=chua-hoan-thien"
            found.append(Notice(kind=Kind.RECALLED, text=text, url=url))
    return found


_STATES = (
    (DeliveryState.REJECTED, Kind.REJECTED, "{} học bạ bị Sở từ chối"),
    (DeliveryState.PARKED, Kind.PARKED, "{} lần gửi dừng lại, chờ người xử lý"),
    (DeliveryState.WAITING, Kind.PORTAL, "{} học bạ chờ người mang lên cổng của Sở"),
)


def _is_urged(actor: Actor) -> bool:
    return any(actor.may(one) for one in _URGED)


async def setting_of(session: TenantSession, actor: Actor) -> Setting:
    """What a person has chosen, or what holds for whoever has not. Raises NotFound for nobody of the school."""
    found = await queries.settings(session, _staff(actor))
    return _setting(found[0]) if found else Setting()


async def choose(session: TenantSession, actor: Actor, chosen: Setting) -> None:
    """A person is told otherwise from now on. What is on its way keeps to it, too."""
    values = msgspec.to_builtins(chosen) | {"changed_at": clock.now()}
    await queries.put_setting(session, _staff(actor), values)


def checked(rhythm: str, hour: str, quiet_from: str, quiet_until: str, *, urgent: bool) -> Setting:
    """What was typed. Raises Invalid that names the field."""
    return rules.checked(rhythm, hour, quiet_from, quiet_until, urgent=urgent)


async def own_mails(session: TenantSession, actor: Actor, most: int = 5) -> list[SentMail]:
    """The last e-mails to this person, the newest first."""
    return await _shown(session, await queries.newest_mails(session, most, _staff(actor)))


async def all_mails(session: TenantSession) -> list[SentMail]:
    """The last e-mails of the school, the newest first."""
    return await _shown(session, await queries.newest_mails(session, MOST))


async def queue_digests(session: TenantSession) -> None:
    """Today's digest of everybody who gets one, for later today. Safe to repeat: a day has one."""
    if not mail.is_configured():
        return
    now, today = clock.now(), clock.today()
    chosen = await _settings(session)
    due = [one.id for one in await people.list_staff(session) if rules.is_due(chosen(one.id), today)]
    added = await queries.add_mails(session, dict.fromkeys(due, today.isoformat()), now)
    for staff_id, mail_id in added.items():
        wait = rules.digest_at(chosen(staff_id), now, clock.VIETNAM) - now
        await jobs.enqueue(session, MAIL, mail_id, after=wait.total_seconds())


async def urge(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """Something happened to these versions that cannot wait for the digest: whoever acts on it gets an e-mail soon, one
    in an hour. Raises NotFound."""
    await transcripts.get_versions(session, version_ids)
    if not mail.is_configured():
        return
    now = clock.now()
    chosen = await _settings(session)
    slot = f"{now.astimezone(clock.VIETNAM):%Y-%m-%dT%H}"
    told = [
        one.id
        for one in await people.list_staff(session)
        if chosen(one.id).urgent and permissions_of(one.roles) & set(_URGED)
    ]
    for staff_id, mail_id in (await queries.add_mails(session, dict.fromkeys(told, slot), now)).items():
        wait = rules.goes_at(chosen(staff_id), now + rules.GATHER, clock.VIETNAM) - now
        await jobs.enqueue(session, MAIL, mail_id, after=wait.total_seconds())


async def to_send(session: TenantSession, mail_id: uuid.UUID) -> Mail | timedelta | None:
    """The e-mail as it is now, which counts as being sent from here on; or for how long it has to wait; or None where
    it was sent, or has nothing to say any more. Raises NotFound."""
    row = await queries.hold_mail(session, mail_id)
    if row is None:
        raise NotFound("Không tìm thấy thư báo việc này.")
    if row.state not in (MailState.WAITING, MailState.SENDING):
        return None
    now, staff_id = clock.now(), StaffId(row.staff_id)
    chosen = (await _settings(session))(staff_id)
    wait = rules.goes_at(chosen, now, clock.VIETNAM) - now
    if wait > timedelta(0):
        return wait
    staff = await people.get_staff(session, staff_id)
    gone = staff.left_at is not None or now - row.created_at > rules.STALE
    notices = () if gone else await pending(session, await people.actor_of(session, staff_id))
    if not notices:
        await queries.update_mail(session, mail_id, {"state": MailState.DROPPED})
        return None
    trying = {"state": MailState.SENDING, "attempts": row.attempts + 1, "tried_at": now}
    await queries.update_mail(session, mail_id, trying)
    school = await schools.get_school(session)
    return Mail(
        to=staff.email,
        subject=rules.subject_of(notices),
        text=rules.text_of(notices, school.name, configuration.get().public_url),
        key=str(mail_id),
    )


async def record(session: TenantSession, mail_id: uuid.UUID, state: MailState, said: str = "") -> None:
    """What came of sending: a word of the server, which people are told in a sentence."""
    final = state is MailState.REFUSED
    problem = rules.problem_of(said, final=final) if said else None
    await queries.update_mail(session, mail_id, {"state": state, "problem": problem})


async def _settings(session: TenantSession) -> Callable[[StaffId], Setting]:
    known = {row.staff_id: _setting(row) for row in await queries.settings(session)}
    return lambda staff_id: known.get(staff_id, Setting())


def _setting(row: object) -> Setting:
    return msgspec.convert(row, Setting, from_attributes=True)


def _staff(actor: Actor) -> StaffId:
    if actor.staff_id is None:
        raise NotFound("Chỉ người của trường có thông báo.")
    return actor.staff_id


async def _shown(session: TenantSession, rows: Sequence[Any]) -> list[SentMail]:
    names = await people.names(session)
    return [
        SentMail(
            id=row.id,
            staff_id=StaffId(row.staff_id),
            name=names.get(StaffId(row.staff_id), "—"),
            state=MailState(row.state),
            created_at=row.created_at,
            tried_at=row.tried_at,
            attempts=row.attempts,
            problem=row.problem or "",
        )
        for row in rows
    ]
