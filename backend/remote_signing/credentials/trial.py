"""A harmless signature: whether provider, account, key and holder really work together, before the season needs them.

Always the same digest, of a sentence that says what it is for, so that its value is worth nothing to anybody. Between
asking and answering, everything needed is with the holder's browser, sealed.
"""

import uuid

import msgspec

from backend.core import audit, clock, rate_limit, vault
from backend.core.actor import Actor
from backend.core.audit import Action, Outcome
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden
from backend.core.ids import new_id
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.accounts.schemas import OwnValues
from backend.remote_signing.credentials import rules, service
from backend.remote_signing.credentials.schemas import CredentialView, TrialResult, TrialState
from backend.remote_signing.providers import gateway, port

SENTENCE = "Hocba: thử kết nối chữ ký số. Đây không phải tài liệu."
DIGEST = bytes.fromhex(sha256_hex(SENTENCE.encode()))
_DESCRIPTION = "Hocba: thử kết nối, không ký tài liệu nào"
_PURPOSE = "signature trial"
_NO_KEY = (
    "Nhà cung cấp không có khóa của chứng thư số này, hoặc đang không cho dùng; xin liên hệ nhà cung cấp."
)
_AT_SCHOOL = (
    "Con dấu trên token USB không thử ký được ở đây, vì máy giữ token chỉ nhận việc của lô ký; xin xem lần cuối máy kết "
    "nối ở mục Token USB của trang con dấu số."
)
_LOST = "Lần thử này đã quá lâu hoặc không do trình duyệt này bắt đầu; xin thử lại từ đầu."


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What is about to be asked, or asked about: nothing of it is kept here."""

    credential: CredentialView
    own: OwnValues
    transaction_id: str
    reference: str | None = None


class _Ticket(msgspec.Struct, frozen=True, kw_only=True):
    credential_id: uuid.UUID
    transaction_id: str
    reference: str


def is_offered(credential: CredentialView) -> bool:
    """Whether a certificate can be tried: a token at the school gets the work of batches and nothing else."""
    return credential.provider != gateway.name_of_kind("usb_token")


async def begin(session: TenantSession, actor: Actor, credential_id: uuid.UUID) -> Trial:
    """The holder wants to try their certificate, which is recorded before the provider hears of it.

    Raises NotFound, Forbidden for another person's, Conflict for one that signs nothing, TooManyTries.
    """
    credential = await _own(session, actor, credential_id)
    if not is_offered(credential):
        raise Conflict(_AT_SCHOOL)
    await rate_limit.take(service.LOOKS, str(session.tenant_id))
    own = await accounts.values_of(session, credential.provider, credential.account, credential.staff_id)
    trial = Trial(credential=credential, own=own, transaction_id=new_id().hex)
    await _record(session, actor, trial, Outcome.DONE, "đã gửi yêu cầu thử")
    return trial


async def resume(session: TenantSession, actor: Actor, credential_id: uuid.UUID, ticket: str) -> Trial:
    """The same trial, from what the browser kept. Raises as `begin`, and Conflict for a ticket that is not its own."""
    credential = await _own(session, actor, credential_id)
    try:
        kept = vault.unseal_struct(bytes.fromhex(ticket), f"{_PURPOSE} {actor.staff_id}", _Ticket)
    except ValueError:
        kept = None
    if kept is None or kept.credential_id != credential_id:
        raise Conflict(_LOST)
    own = await accounts.values_of(session, credential.provider, credential.account, credential.staff_id)
    return Trial(credential=credential, own=own, transaction_id=kept.transaction_id, reference=kept.reference)


async def ask(trial: Trial) -> port.SubmitResult | port.ProviderError:
    """Ask for the signature, or how far the question is; whatever comes of it."""
    try:
        provider = gateway.provider(trial.credential.provider)
        account = gateway.account(trial.credential.provider, trial.credential.account, trial.own.by_field)
        handle = port.CredentialHandle(
            credential_id=trial.credential.reference, certificate=trial.credential.certificate
        )
        batch = port.HashBatch(
            transaction_id=trial.transaction_id, hashes=(DIGEST,), description=_DESCRIPTION
        )
        if trial.reference is None:
            said = await provider.sign_hashes(account, handle, batch)
            if isinstance(said, port.Challenge):
                await _require_key(provider, account, handle)
            return said
        return await provider.poll(account, handle, batch, trial.reference)
    except port.ProviderError as error:
        return error


async def record(
    session: TenantSession, actor: Actor, trial: Trial, said: port.SubmitResult | port.ProviderError
) -> TrialResult:
    """What came of it, in words; a question that waits comes with the ticket to ask again."""
    match said:
        case port.Pending():
            ticket = _Ticket(
                credential_id=trial.credential.id,
                transaction_id=trial.transaction_id,
                reference=said.provider_tx,
            )
            sealed = vault.seal_struct(ticket, f"{_PURPOSE} {actor.staff_id}").hex()
            told = f"Xin xác nhận trên điện thoại: “{_DESCRIPTION}”, rồi bấm Xem kết quả."
            return TrialResult(state=TrialState.WAITING, told=told, ticket=sealed)
        case port.Signed():
            told = "Chữ ký thử nhận về khớp với chứng thư số: ký được."
            await _record(session, actor, trial, Outcome.DONE, told)
            return TrialResult(state=TrialState.WORKS, told=told)
        case port.Challenge():
            told = (
                "Kết nối được và nhà cung cấp đang cho dùng khóa này. Chưa có chữ ký thử nào, vì nhà cung cấp hỏi thêm "
                "mã hoặc sự đồng ý của người ký; khi ký thật, việc ấy được hỏi ở trang của lô ký."
            )
            await _record(session, actor, trial, Outcome.DONE, told)
            return TrialResult(state=TrialState.WORKS, told=told)
        case port.ProviderError():
            told = said.message
        case _:
            told = said.reason
    await _record(session, actor, trial, Outcome.REFUSED, told)
    return TrialResult(state=TrialState.FAILS, told=told)


async def _require_key(
    provider: port.SignatureProvider, account: port.ProviderAccount, handle: port.CredentialHandle
) -> None:
    """A question to the holder may be ours alone: nobody was asked whether the key is there. Raises ProviderError."""
    found = await provider.list_credentials(account)
    if not any(one.credential_id == handle.credential_id and one.usable for one in found):
        raise port.AccountProblem(_NO_KEY)


async def _own(session: TenantSession, actor: Actor, credential_id: uuid.UUID) -> CredentialView:
    credential = await service.get(session, credential_id)
    if not service.is_own(actor, credential.staff_id):
        raise Forbidden("Chỉ người giữ chứng thư số mới thử ký được bằng chứng thư ấy.")
    rules.require_signing(credential, clock.now())
    return credential


async def _record(session: TenantSession, actor: Actor, trial: Trial, outcome: Outcome, told: str) -> None:
    await audit.record(
        session,
        actor,
        Action.CREDENTIAL_TRIED,
        trial.credential.id,
        trial.credential.subject_name,
        about=[trial.credential.staff_id] if trial.credential.staff_id else (),
        outcome=outcome,
        transaction=trial.transaction_id,
        reason=told,
    )
