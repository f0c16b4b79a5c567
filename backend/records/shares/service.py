"""Shares: a school gives an admissions office a link to a học bạ, once the family has agreed, and anyone of them ends it.

The link alone opens nothing: its PIN goes another way. The family has a link of its own, with the log and the way to end
it; neither needs an account, and nothing of it costs anything.
"""

import secrets
import uuid
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from backend.core import audit, clock, settings
from backend.core.actor import Actor
from backend.core.audit import Action, Outcome
from backend.core.crypto import keyed_digest, same, text_digest
from backend.core.database import TenantSession, tenant_session
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id, new_token
from backend.records.shares import queries, rules
from backend.records.shares.models import Share, ShareVisit
from backend.records.shares.schemas import Made, NewShare, ShareId, ShareView, Visit, VisitView
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IN_FORCE, IssuedVersion, TranscriptId, VersionSummary
from backend.records.verification import service as verification
from backend.records.verification.schemas import Shown
from backend.tenants.permissions import Permission
from backend.tenants.schools import service as schools

#: Kinds of public addresses.
_LINK, _FAMILY = "share", "share-family"
UNKNOWN = "Không tìm thấy liên kết chia sẻ này; hãy mở lại đúng liên kết đã nhận."
WRONG_PIN = (
    "Mã PIN không đúng; hãy xem lại mã mà nhà trường hoặc gia đình đã gửi riêng. Sai 5 lần thì liên kết đóng."
)


async def open_shares(
    session: TenantSession, actor: Actor, version_id: uuid.UUID
) -> tuple[VersionSummary, date, list[ShareView]]:
    """A version, the pupil's date of birth and the shares of its transcript. Raises NotFound, Forbidden."""
    version = await transcripts.open_version(session, actor, version_id)
    snapshot = await transcripts.get_snapshot(session, version_id)
    rows = await queries.of_transcript(session, version.transcript_id)
    return version, snapshot.student.date_of_birth, await _views(session, rows)


async def make(
    session: TenantSession,
    actor: Actor,
    version_id: uuid.UUID,
    typed: tuple[str, str, str, bool],
    consent: tuple[str, str, str, str, bool],
) -> Made:
    """Share the transcript of a version as its family agreed; the secrets are told this once.

    `typed` is for whom, what for, for how many days, with files for machines; `consent` as `rules.read` wants it. Raises
    NotFound, Forbidden, Invalid; Conflict where no year of it stands.
    """
    version = await transcripts.get_version(session, version_id)
    require_keeper(actor, version)
    versions = await transcripts.issued_of(session, version.transcript_id)
    if not any(one.state in IN_FORCE for one in versions):
        raise Conflict(
            f"Học bạ của {version.full_name} chưa có năm học nào đang có giá trị nên chưa chia sẻ được."
        )
    snapshot = await transcripts.get_snapshot(session, version_id)
    born = snapshot.student.date_of_birth
    wanted = rules.read(*typed, consent, person=version.full_name, born=born, today=clock.today())
    token = new_token()
    return await keep(session, actor, version, wanted, token, text_digest(token))


async def keep(
    session: TenantSession, actor: Actor, version: VersionSummary, wanted: NewShare, token: str, digest: str
) -> Made:
    """Write a share down whose link has a token of that digest; `token` is "" where somebody has it already."""
    share_id, pin, family = ShareId(new_id()), f"{secrets.randbelow(10**6):06}", new_token()
    await queries.insert_share(session, _row(share_id, actor, version, wanted, pin))
    await queries.publish(session, share_id, {digest: _LINK, text_digest(family): _FAMILY})
    await audit.record(
        session,
        actor,
        Action.SHARE_MADE,
        share_id,
        version.label,
        about=[version.student_id],
        recipient=wanted.recipient,
        copy_purpose=wanted.purpose,
    )
    return Made(share_id=share_id, token=token, pin=pin, family_token=family)


async def revoke(
    session: TenantSession, actor: Actor, version_id: uuid.UUID, share_id: uuid.UUID, why: str
) -> None:
    """The school closes a link. Raises NotFound, Forbidden; Invalid without a reason; Conflict for one that is closed."""
    version = await transcripts.get_version(session, version_id)
    require_keeper(actor, version)
    row = await queries.share(session, share_id, hold=True)
    if row is None or row.transcript_id != version.transcript_id:
        raise NotFound("Không tìm thấy liên kết chia sẻ này của học bạ.")
    if not why.strip():
        raise Invalid("Hãy ghi lý do thu hồi; gia đình đọc được lý do này.")
    await _end(session, actor, row, why.strip()[:200], by_family=False)


async def look(token: str) -> ShareView:
    """What the holder of a link may know before the PIN. Raises NotFound; Forbidden, which says why, of a closed one."""
    tenant_id, share_id = await find(_LINK, token)
    async with tenant_session(tenant_id, read_only=True) as session:
        [view] = await _views(session, [await _share(session, share_id)])
    rules.require_open(view.ended)
    return view


async def open_content(token: str, pin: str, network: str) -> tuple[ShareView, Shown]:
    """What the transcript says, for who has link and PIN; that it was shown is recorded. Raises as `look`, Invalid."""
    tenant_id, view = await _enter(token, pin, Visit.OPENED, network)
    return view, await verification.shown(tenant_id, view.transcript_id)


async def take_file(
    token: str, pin: str, academic_year: str, kind: str, network: str
) -> tuple[bytes, IssuedVersion]:
    """A file of a year, for who has link and PIN; that it was taken is recorded. Raises as `open_content`, NotFound."""
    if kind not in (Visit.PDF, Visit.XML, Visit.JSON):
        raise NotFound("Không có tệp loại này.")
    tenant_id, view = await _enter(token, pin, Visit(kind), network)
    return await verification.file_of(tenant_id, view.transcript_id, academic_year, kind)


async def look_as_family(token: str) -> tuple[str, ShareView]:
    """The school's name and the share, for the family that agreed to it. Raises NotFound."""
    tenant_id, share_id = await find(_FAMILY, token)
    async with tenant_session(tenant_id, read_only=True) as session:
        school = await schools.get_school(session)
        [view] = await _views(session, [await _share(session, share_id)])
    return school.name, view


async def revoke_as_family(token: str) -> None:
    """The family takes its consent back; from then on the link opens nothing. Raises NotFound, Conflict."""
    tenant_id, share_id = await find(_FAMILY, token)
    async with tenant_session(tenant_id) as session:
        row = await _share(session, share_id, hold=True)
        family = Actor(tenant_id=tenant_id, staff_id=None, name=f"{row.consented_by} (gia đình)")
        await _end(session, family, row, "Gia đình rút lại sự đồng ý", by_family=True)


async def _enter(token: str, pin: str, visit: Visit, network: str) -> tuple[uuid.UUID, ShareView]:
    """Let the holder of link and PIN in, and write it down; a wrong PIN is counted, whatever becomes of the request."""
    tenant_id, share_id = await find(_LINK, token)
    async with tenant_session(tenant_id) as session:
        row = await _share(session, share_id, hold=True)
        [view] = await _views(session, [row])
        rules.require_open(view.ended)
        if visit in (Visit.XML, Visit.JSON) and not view.with_data:
            raise Forbidden(
                "Liên kết này chỉ cho xem và tải tệp PDF; cần dữ liệu cho máy thì hãy hỏi nhà trường."
            )
        right = same(row.pin_digest, _pin_digest(row.id, pin.strip()))
        if not right:
            visit = Visit.WRONG_PIN
            await queries.change(session, row.id, {"wrong_pins": row.wrong_pins + 1})
        await _write_down(session, row, visit, network)
    if not right:
        raise Invalid(WRONG_PIN)
    return tenant_id, view


async def _write_down(session: TenantSession, row: Share, visit: Visit, network: str) -> None:
    values = {"id": new_id(), "share_id": row.id, "at": clock.now(), "what": visit.value, "network": network}
    await queries.add_visit(session, values)
    reader = Actor(tenant_id=session.tenant_id, staff_id=None, name=row.recipient)
    action = {Visit.OPENED: Action.SHARE_READ, Visit.WRONG_PIN: Action.SHARE_REFUSED}.get(
        visit, Action.SHARE_TAKEN
    )
    outcome = Outcome.REFUSED if visit is Visit.WRONG_PIN else Outcome.DONE
    await audit.record(
        session, reader, action, row.id, row.recipient, outcome, [row.student_id], network=network
    )


async def _end(session: TenantSession, actor: Actor, row: Share, why: str, *, by_family: bool) -> None:
    if row.revoked_at is not None:
        raise Conflict(f"Liên kết này đã được thu hồi ngày {_written(row.revoked_at)}.")
    values = {
        "revoked_at": clock.now(),
        "revoked_by": actor.staff_id,
        "revoked_by_family": by_family,
        "revoked_why": why,
    }
    await queries.change(session, row.id, values)
    about = [row.student_id]
    await audit.record(session, actor, Action.SHARE_REVOKED, row.id, row.recipient, about=about, reason=why)


def _row(
    share_id: ShareId, actor: Actor, version: VersionSummary, wanted: NewShare, pin: str
) -> dict[str, object]:
    now = clock.now()
    return {
        "id": share_id,
        "transcript_id": version.transcript_id,
        "student_id": version.student_id,
        "recipient": wanted.recipient,
        "purpose": wanted.purpose,
        "with_data": wanted.with_data,
        "pin_digest": _pin_digest(share_id, pin),
        "made_by": actor.staff_id,
        "made_at": now,
        "expires_at": now + timedelta(days=wanted.days),
        "consented_by": wanted.consented_by,
        "relation": wanted.relation.value,
        "means": wanted.means.value,
        "consented_on": wanted.consented_on,
        "child_agrees": wanted.child_agrees,
        "wrong_pins": 0,
        "revoked_by_family": False,
    }


def _pin_digest(share_id: uuid.UUID, pin: str) -> str:
    return keyed_digest(settings.get().secret_key, "share pin", f"{share_id} {pin}")


def require_keeper(actor: Actor, version: VersionSummary) -> None:
    if not actor.may(Permission.TRANSCRIPT_READ_ANY):
        raise Forbidden(
            f"Học bạ của {version.full_name} do ban giám hiệu hoặc văn thư chia sẻ; hãy báo một trong những người đó."
        )


async def find(kind: str, token: str) -> tuple[uuid.UUID, uuid.UUID]:
    found = await queries.find(kind, text_digest(token))
    if found is None:
        raise NotFound(UNKNOWN)
    return found


async def _share(session: TenantSession, share_id: uuid.UUID, *, hold: bool = False) -> Share:
    row = await queries.share(session, share_id, hold=hold)
    if row is None:
        raise NotFound(UNKNOWN)
    return row


async def _views(session: TenantSession, rows: Sequence[Share]) -> list[ShareView]:
    visits = await queries.visits(session, [row.id for row in rows])
    return [_view(row, [one for one in visits if one.share_id == row.id]) for row in rows]


def _view(row: Share, visits: Sequence[ShareVisit]) -> ShareView:
    ended = rules.why_closed(
        revoked_at=row.revoked_at,
        by_family=row.revoked_by_family,
        expires_at=row.expires_at,
        wrong=row.wrong_pins,
        now=clock.now(),
        day=_written(row.revoked_at or row.expires_at),
    )
    names = (*ShareView.__struct_fields__[2:-2],)
    return ShareView(
        id=ShareId(row.id),
        transcript_id=TranscriptId(row.transcript_id),
        ended=ended,
        visits=tuple(VisitView(at=one.at, what=one.what, network=one.network) for one in visits),
        **{name: getattr(row, name) for name in names},
    )


def _written(moment: datetime) -> str:
    return f"{moment.astimezone(clock.VIETNAM):%d/%m/%Y}"
