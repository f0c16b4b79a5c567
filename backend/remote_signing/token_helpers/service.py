"""Computers at a school that hold the seal's USB token: paired by a code and two people, then asked for signatures.

The token never leaves the school and its PIN never reaches us: hashes go to the computer, values come back, and only
those that verify under the seal's certificate count.
"""

import base64
import uuid
from collections.abc import Mapping, Sequence
from datetime import timedelta

from backend.core import audit, clock
from backend.core.actor import Actor, SignIn, machine
from backend.core.audit import Action, Outcome
from backend.core.crypto import same, sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound, Unauthenticated
from backend.core.ids import new_id, new_token
from backend.core.text import check_text
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.credentials.schemas import CredentialStatus
from backend.remote_signing.formats import certificates
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import RemoteCredential
from backend.remote_signing.requests import service as requests
from backend.remote_signing.token_helpers import device_keys, queries
from backend.remote_signing.token_helpers.models import TokenHelper
from backend.remote_signing.token_helpers.schemas import (
    SIGNATURE_HEADER,
    TIME_HEADER,
    HelperId,
    HelperState,
    HelperView,
    Paired,
    Pairing,
    Work,
    fingerprint,
    said,
)
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import ApprovalRequest, Facts, Kind

#: The kind of provider that this is, as a declaration names it.
PROVIDER_KIND = "usb_token"
#: So long a code may be typed, and so far the clock of a computer may go wrong.
CODE_LASTS = timedelta(minutes=15)
MOST_SKEW = timedelta(seconds=90)
_MOST_BYTES, _MOST_CHAIN = 8192, 6
_NOT_KNOWN = "Máy ký này chưa được ghép hoặc đã bị gỡ; xin ghép lại ở trang con dấu số."
_WRONG_CODE = "Mã ghép máy không đúng, đã dùng hoặc đã hết hạn; xin lấy mã mới ở trang con dấu số."
_REFUSED_THERE = "Người giữ token của con dấu đã từ chối nhập mã PIN cho lần ký này."
_UNPAIRED = "Đã gỡ máy ký giữ token của con dấu."


def is_offered() -> bool:
    """Whether this installation has tokens at schools at all."""
    return gateway.name_of_kind(PROVIDER_KIND) is not None


async def helpers(session: TenantSession) -> list[HelperView]:
    """The computers of the school that have not been taken off, newest first."""
    return [_view(row) for row in await queries.living(session)]


async def waiting(session: TenantSession) -> Sequence[ApprovalRequest]:
    """What two people have yet to decide about them."""
    return await approvals.waiting(session, Kind.TOKEN_PAIRING)


async def offer(session: TenantSession, actor: Actor) -> str:
    """A code that pairs one computer, once. Raises Conflict where the installation has no tokens at schools."""
    if not is_offered():
        raise Conflict("Hệ thống này chưa hỗ trợ con dấu trên token USB; xin hỏi bên vận hành.")
    helper_id, secret, now = HelperId(new_id()), new_token(), clock.now()
    values = {
        "id": helper_id,
        "state": HelperState.OFFERED,
        "machine": "",
        "public_key": b"",
        "key_id": "",
        "certificate": b"",
        "chain": [],
        "code_sha256": sha256_hex(secret.encode()),
        "offered_by": actor.staff_id,
        "offered_at": now,
        "code_ends_at": now + CODE_LASTS,
    }
    await queries.insert_helper(session, values)
    await audit.record(session, actor, Action.TOKEN_HELPER_OFFERED, helper_id, "")
    return f"{session.tenant_id.hex}.{helper_id.hex}.{secret}"


def place_of(code: str) -> tuple[uuid.UUID, uuid.UUID, str]:
    """School, computer and secret of a code. Raises Invalid for what is none."""
    try:
        tenant, helper, secret = code.strip().split(".")
        return uuid.UUID(hex=tenant), uuid.UUID(hex=helper), secret
    except ValueError as error:
        raise Invalid(_WRONG_CODE) from error


def named(name: str) -> tuple[uuid.UUID, uuid.UUID]:
    """School and computer by the name that a computer calls itself. Raises Unauthenticated for what is none."""
    try:
        tenant, helper = name.split(".")
        return uuid.UUID(hex=tenant), uuid.UUID(hex=helper)
    except ValueError as error:
        raise Unauthenticated(_NOT_KNOWN) from error


async def receive(
    session: TenantSession, helper_id: uuid.UUID, secret: str, said_of_itself: Pairing
) -> Paired:
    """A computer shows its code: what it says of itself is kept for two people to look at.

    Raises Invalid for a code that is wrong, used or too old, and for a key or certificate that is none.
    """
    row = await queries.helper(session, helper_id, hold=True)
    if (
        row is None
        or row.state != HelperState.OFFERED
        or row.code_ends_at < clock.now()
        or not same(row.code_sha256, sha256_hex(secret.encode()))
    ):
        raise Invalid(_WRONG_CODE)
    name = check_text(said_of_itself.machine, field="Tên máy", person="máy ký", limit=80)
    chain = (said_of_itself.certificate, *said_of_itself.chain)
    if not device_keys.is_key(said_of_itself.public_key) or len(chain) > _MOST_CHAIN:
        raise Invalid("Khóa của máy ký không hợp lệ; xin cài lại chương trình rồi ghép lại.")
    try:
        for one in chain:
            if len(one) > _MOST_BYTES:
                raise ValueError("too large")
            certificates.read(one)
    except ValueError as error:
        raise Invalid("Token không đưa ra được chứng thư số hợp lệ.") from error
    values = {
        "state": HelperState.PENDING,
        "machine": name or "Máy không tên",
        "public_key": said_of_itself.public_key,
        "key_id": said_of_itself.key_id[:80],
        "certificate": said_of_itself.certificate,
        "chain": list(said_of_itself.chain),
        "code_sha256": "",
        "paired_at": clock.now(),
    }
    await queries.change(session, helper_id, values)
    await audit.record(session, machine(session.tenant_id), Action.TOKEN_HELPER_SHOWN, helper_id, name)
    return Paired(name=f"{session.tenant_id.hex}.{helper_id.hex}")


async def ask_pairing(
    session: TenantSession, actor: Actor, sign_in: SignIn, helper_id: uuid.UUID, reason: str
) -> ApprovalRequest:
    """Ask a second person to have the seal held by that computer's token, in place of the certificate of today.

    Raises NotFound, Conflict when the certificate does not fit or nobody could approve, Invalid without a reason.
    """
    row = await _pending(session, helper_id)
    candidate = await credentials.fit_for_seal(session, _found(row))
    facts = {
        "helper": str(helper_id),
        "key": sha256_hex(row.public_key),
        "sha256": candidate.facts.fingerprint,
        "holder": "",
    }
    told = (
        f"Dùng token USB ở máy {row.machine} (khóa máy {fingerprint(row.public_key)}) làm con dấu số: chứng thư số "
        f"{candidate.facts.serial} của {candidate.facts.subject_name}, do {candidate.facts.issuer_name} cấp."
    )
    return await approvals.ask(session, actor, sign_in, Kind.TOKEN_PAIRING, told, facts, reason)


@approvals.deed(Kind.TOKEN_PAIRING)
async def pair(session: TenantSession, actor: Actor, facts: Facts) -> None:
    """From now on the seal is in that token. Raises Conflict when anything is not as it was asked for.

    A token that the school has as its seal already, suspended or in a computer that broke, goes on with its certificate.
    """
    row = await _pending(session, uuid.UUID(facts["helper"]))
    found = _found(row)
    candidate = await credentials.fit_for_seal(session, found)
    if sha256_hex(row.public_key) != facts["key"] or candidate.facts.fingerprint != facts["sha256"]:
        raise Conflict("Máy ký không còn như lúc được đề nghị; xin ghép lại.")
    provider = gateway.name_of_kind(PROVIDER_KIND)
    if provider is None:
        raise Conflict("Hệ thống này không còn hỗ trợ con dấu trên token USB.")
    for other in await queries.living(session):
        if other.state == HelperState.ACTIVE:
            await queries.change(session, other.id, {"state": HelperState.ENDED, "ended_at": clock.now()})
    credential_id = await credentials.seal_held_again(session, actor, facts["sha256"], provider)
    if credential_id is None:
        credential_id = await credentials.enrol(
            session, actor, found, provider=provider, account=str(row.id), staff_id=None
        )
    values = {"state": HelperState.ACTIVE, "credential_id": credential_id}
    await queries.change(session, row.id, values)
    await audit.record(session, actor, Action.TOKEN_HELPER_PAIRED, row.id, row.machine)


async def end(session: TenantSession, actor: Actor, helper_id: uuid.UUID) -> HelperView:
    """Take a computer off: it is heard no more, and the seal that it holds is suspended. Raises NotFound."""
    row = await queries.helper(session, helper_id, hold=True)
    if row is None or row.state == HelperState.ENDED:
        raise NotFound("Không tìm thấy máy ký này.")
    await queries.change(session, helper_id, {"state": HelperState.ENDED, "ended_at": clock.now()})
    await audit.record(session, actor, Action.TOKEN_HELPER_ENDED, helper_id, row.machine)
    if row.credential_id is not None:
        held = await credentials.get(session, row.credential_id)
        if held.status is CredentialStatus.ACTIVE:
            await credentials.suspend(session, actor, held.id, held.revision, _UNPAIRED)
    return _view(row)


async def identify(
    session: TenantSession, helper_id: uuid.UUID, path: str, headers: Mapping[str, str], body: bytes
) -> TokenHelper:
    """The computer that has signed this request just now. Raises Unauthenticated."""
    row = await queries.helper(session, helper_id)
    moment = headers.get(TIME_HEADER, "")
    try:
        signature = base64.b64decode(headers.get(SIGNATURE_HEADER, ""), validate=True)
        late = abs(clock.now().timestamp() - float(moment))
    except ValueError as error:
        raise Unauthenticated(_NOT_KNOWN) from error
    is_paired = row is not None and row.state in (HelperState.PENDING, HelperState.ACTIVE)
    if (
        row is None
        or not is_paired
        or not device_keys.is_signed(row.public_key, said(path, moment, body), signature)
    ):
        raise Unauthenticated(_NOT_KNOWN)
    if not late <= MOST_SKEW.total_seconds():
        raise Unauthenticated("Đồng hồ của máy ký sai quá nhiều; xin chỉnh lại giờ của máy.")
    return row


async def seen(session: TenantSession, helper_id: uuid.UUID) -> None:
    """It has asked just now."""
    await queries.change(session, helper_id, {"last_seen_at": clock.now()})


async def work_for(session: TenantSession, row: TokenHelper) -> list[Work]:
    """What waits for its token; nothing before two people have agreed."""
    if row.state != HelperState.ACTIVE or row.credential_id is None:
        return []
    return [
        Work(call=call_id, description=call.description, hashes=call.hashes)
        for call_id, call in await requests.calls_waiting_for(session, row.credential_id)
    ]


async def take(
    session: TenantSession, row: TokenHelper, call_id: uuid.UUID, values: Sequence[bytes]
) -> int | Invalid:
    """Values of a call, each verified under the seal's certificate; how many. Twice the same is once.

    Values that do not verify are recorded and refused: none of them is taken, and the call goes on waiting. Raises
    NotFound for a call that is not this token's.
    """
    credential_id = _credential_of(row)
    try:
        taken = await requests.take_values(session, credential_id, call_id, values)
    except Invalid as refusal:
        await _record(session, row, call_id, len(values), refusal.message)
        return refusal
    if taken:
        await _record(session, row, call_id, taken)
    return taken


async def decline(session: TenantSession, row: TokenHelper, call_id: uuid.UUID) -> int:
    """The person at the computer does not sign: of how many hashes. Twice the same is once.

    Raises NotFound for a call that is not this token's.
    """
    declined = await requests.decline_call(session, _credential_of(row), call_id, _REFUSED_THERE)
    if declined:
        await _record(session, row, call_id, declined, _REFUSED_THERE)
    return declined


def _credential_of(row: TokenHelper) -> uuid.UUID:
    if row.state != HelperState.ACTIVE or row.credential_id is None:
        raise NotFound("Máy ký này chưa được hai người duyệt nên chưa ký được.")
    return row.credential_id


async def _record(
    session: TenantSession, row: TokenHelper, call_id: uuid.UUID, count: int, refusal: str | None = None
) -> None:
    await audit.record(
        session,
        machine(session.tenant_id),
        Action.TOKEN_HELPER_SIGNED,
        row.id,
        row.machine,
        outcome=Outcome.REFUSED if refusal else Outcome.DONE,
        transaction=call_id.hex,
        count=count,
        reason=refusal,
    )


async def _pending(session: TenantSession, helper_id: uuid.UUID) -> TokenHelper:
    row = await queries.helper(session, helper_id, hold=True)
    if row is None or row.state != HelperState.PENDING:
        raise NotFound("Không tìm thấy máy ký đang chờ duyệt này.")
    return row


def _found(row: TokenHelper) -> RemoteCredential:
    """The token's certificate in the words of a provider's list."""
    return RemoteCredential(
        credential_id=row.key_id,
        certificate=row.certificate,
        chain=tuple(row.chain),
        key_algorithms=(),
        key_bits=0,
        usable=True,
        status=row.state,
        max_hashes=0,
    )


def _view(row: TokenHelper) -> HelperView:
    facts = certificates.read(row.certificate) if row.certificate else None
    return HelperView(
        id=HelperId(row.id),
        state=HelperState(row.state),
        machine=row.machine,
        fingerprint=fingerprint(row.public_key) if row.public_key else "",
        serial=facts.serial if facts else "",
        subject=facts.subject_name if facts else "",
        offered_at=row.offered_at,
        code_ends_at=row.code_ends_at,
        last_seen_at=row.last_seen_at,
    )
