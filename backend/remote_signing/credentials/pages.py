"""Certificates in the browser: how they stand, a new one out of the provider's account, and what becomes of one."""

import uuid
from typing import Annotated

import msgspec
from litestar import get, post
from litestar.datastructures import UploadFile
from litestar.enums import RequestEncodingType
from litestar.params import Body, FromPath, URLEncodedBody

from backend.core.actor import Actor, StaffId
from backend.core.database import TenantSession
from backend.core.errors import AppError, Conflict, Invalid
from backend.core.rate_limit import TooManyTries
from backend.core.web import (
    CurrentActor,
    CurrentSignIn,
    Html,
    Request,
    Session,
    page,
    redirect,
    transaction,
    without_transaction,
)
from backend.remote_signing.accounts import service as accounts
from backend.remote_signing.credentials import decisions, from_file, inspection, linking, service, trial
from backend.remote_signing.credentials.schemas import Candidate, path_of
from backend.tenants.approvals import service as approvals
from backend.tenants.approvals.schemas import Kind
from backend.tenants.guards import requires, step_up
from backend.tenants.permissions import Permission

_ALL = "/chung-thu"
_SEAL = f"{_ALL}/con-dau"
_PERSON = f"{_ALL}/{{staff_id:uuid}}"
_BACK_TO_PERSON = f"{_ALL}/{{staff_id}}"
_ONE = f"{_ALL}/so/{{credential_id:uuid}}"
_BACK_TO_ONE = f"{_ALL}/so/{{credential_id}}"
_READERS = requires(Permission.CREDENTIALS_READ, Permission.SIGN, Permission.SEAL)
_HOLDERS = requires(Permission.CREDENTIALS_MANAGE, Permission.SIGN, Permission.SEAL)
_MANAGERS = requires(Permission.CREDENTIALS_MANAGE)
_REFUSALS = (Conflict, Invalid, TooManyTries)


class AccountForm(msgspec.Struct, frozen=True, kw_only=True):
    """An account at a provider; `ma` is the SHA-256 of the certificate that was chosen there, and `ly_do` why."""

    nha_cung_cap: str = ""
    tai_khoan: str = ""
    ma: str = ""
    ly_do: str = ""
    csrf_token: str = ""

    @property
    def account(self) -> str:
        """As the provider knows it."""
        return self.tai_khoan.strip()


class FileForm(msgspec.Struct):
    """A certificate as the authority sent it, where its key is, and why."""

    tep: UploadFile | None = None
    nha_cung_cap: str = ""
    ly_do: str = ""
    csrf_token: str = ""


_Upload = Annotated[FileForm, Body(media_type=RequestEncodingType.MULTI_PART)]


class ChangeForm(msgspec.Struct, frozen=True, kw_only=True):
    """Why, and at which revision the certificate was shown."""

    lan: int = 0
    ly_do: str = ""
    csrf_token: str = ""


def require_providers() -> None:
    """Before the first request: what is declared as a provider can be one. Raises SettingsError."""
    service.providers()


@get(_ALL, guards=[_READERS])
async def show_certificates(request: Request, session: Session, actor: CurrentActor) -> Html:
    """How the certificates stand that the person may see."""
    return page(
        request,
        "remote_signing/credentials/certificates.html",
        holders=await service.overview_for(session, actor),
        links_offered=bool(linking.offered()),
    )


@get(_SEAL, guards=[_READERS])
async def show_seal(request: Request, session: Session, actor: CurrentActor) -> Html:
    """The certificates of the seal."""
    return await _holder(request, session, actor, None)


@get(_PERSON, guards=[_READERS])
async def show_person(
    request: Request, session: Session, actor: CurrentActor, staff_id: FromPath[uuid.UUID]
) -> Html:
    """The certificates of one person."""
    return await _holder(request, session, actor, StaffId(staff_id))


@post(f"{_SEAL}/tim", guards=[_MANAGERS, step_up(_SEAL), without_transaction], status_code=200)
async def find_seal(request: Request, actor: CurrentActor, data: URLEncodedBody[AccountForm]) -> Html:
    """What the provider has for the account of the school."""
    return await _find(request, actor, None, data)


@post(f"{_PERSON}/tim", guards=[_MANAGERS, step_up(_BACK_TO_PERSON), without_transaction], status_code=200)
async def find_person(
    request: Request, actor: CurrentActor, staff_id: FromPath[uuid.UUID], data: URLEncodedBody[AccountForm]
) -> Html:
    """What the provider has for the account of a person."""
    return await _find(request, actor, StaffId(staff_id), data)


@post(f"{_SEAL}/dang-ky", guards=[_MANAGERS, step_up(_SEAL), without_transaction])
async def ask_seal(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, data: URLEncodedBody[AccountForm]
) -> Html:
    """Ask a second person to make a certificate the seal."""
    try:
        candidate = await _chosen(request, actor, None, data)
        async with transaction(request) as session:
            await decisions.ask_seal(
                session, actor, sign_in, candidate, data.nha_cung_cap, data.account, data.ly_do
            )
    except _REFUSALS as error:
        return await _refused(request, actor, None, data, error)
    return redirect(request, _SEAL, "Đã gửi đề nghị; con dấu được đổi ngay khi người thứ hai duyệt.")


@post(f"{_SEAL}/tep", guards=[_MANAGERS, step_up(_SEAL), without_transaction])
async def ask_seal_from_file(
    request: Request, actor: CurrentActor, sign_in: CurrentSignIn, data: _Upload
) -> Html:
    """Ask a second person to make the certificate in a file the seal."""
    typed = AccountForm(nha_cung_cap=data.nha_cung_cap, ly_do=data.ly_do)
    try:
        content = await data.tep.read(from_file.MOST_BYTES) if data.tep else b""
        async with transaction(request) as session:
            account = from_file.account_of(await service.holder_of(session, None))
            holder = await service.look_up(session, actor, None, account)
        candidate = await from_file.read(data.nha_cung_cap, content, holder)
        async with transaction(request) as session:
            await decisions.ask_seal(
                session,
                actor,
                sign_in,
                candidate,
                data.nha_cung_cap,
                account,
                data.ly_do,
                sent_along=True,
            )
    except _REFUSALS as error:
        return await _refused(request, actor, None, typed, error)
    return redirect(request, _SEAL, "Đã gửi đề nghị; con dấu được đổi ngay khi người thứ hai duyệt.")


@post(f"{_PERSON}/dang-ky", guards=[_MANAGERS, step_up(_BACK_TO_PERSON), without_transaction])
async def enrol_person(
    request: Request, actor: CurrentActor, staff_id: FromPath[uuid.UUID], data: URLEncodedBody[AccountForm]
) -> Html:
    """Take a certificate over for a person, in place of the one that they have."""
    holder = StaffId(staff_id)
    try:
        candidate = await _chosen(request, actor, holder, data)
        async with transaction(request) as session:
            await service.enrol(
                session,
                actor,
                candidate.found,
                provider=data.nha_cung_cap,
                account=data.account,
                staff_id=holder,
            )
    except _REFUSALS as error:
        return await _refused(request, actor, holder, data, error)
    told = f"Đã đăng ký chứng thư số {candidate.facts.serial} cho {candidate.facts.subject_name}."
    return redirect(request, path_of(holder), told)


@get(_ONE, guards=[_READERS])
async def show_certificate(
    request: Request, session: Session, actor: CurrentActor, credential_id: FromPath[uuid.UUID]
) -> Html:
    """One certificate, and what became of it."""
    return await _certificate(request, session, actor, credential_id)


@post(f"{_ONE}/tam-dung", guards=[_HOLDERS, step_up(_BACK_TO_ONE)])
async def suspend(
    request: Request,
    session: Session,
    actor: CurrentActor,
    credential_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ChangeForm],
) -> Html:
    """Nothing is signed with it until it is resumed."""
    try:
        credential = await service.suspend(session, actor, credential_id, data.lan, data.ly_do)
    except (Conflict, Invalid) as error:
        return await _certificate(request, session, actor, credential_id, error, data.ly_do)
    told = f"Đã tạm dừng chứng thư số của {credential.subject_name}; từ bây giờ không ký được bằng chứng thư này."
    return redirect(request, path_of(credential.staff_id), told)


@post(f"{_ONE}/dung-lai", guards=[_MANAGERS, step_up(_BACK_TO_ONE), without_transaction])
async def resume(
    request: Request,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    credential_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ChangeForm],
) -> Html:
    """A person's signs again, after it was looked at as if it were new; for the seal a second person is asked."""
    try:
        async with transaction(request) as session:
            credential = await service.get(session, credential_id)
            if credential.staff_id is None:
                await decisions.ask_resuming(session, actor, sign_in, credential_id, data.ly_do)
                return redirect(
                    request, _SEAL, "Đã gửi đề nghị; con dấu được dùng lại khi người thứ hai duyệt."
                )
            holder = await service.look_up(session, actor, credential.staff_id, credential.account)
            own = await accounts.values_of(
                session, credential.provider, credential.account, credential.staff_id
            )
        await inspection.chosen(credential.provider, credential.account, credential.fingerprint, holder, own)
        async with transaction(request) as session:
            await service.resume(session, actor, credential_id, data.lan)
    except _REFUSALS as error:
        async with transaction(request) as session:
            return await _certificate(request, session, actor, credential_id, error, data.ly_do)
    told = f"Chứng thư số của {credential.subject_name} dùng lại được từ bây giờ."
    return redirect(request, path_of(credential.staff_id), told)


@post(f"{_ONE}/thu-hoi", guards=[_MANAGERS, step_up(_BACK_TO_ONE)])
async def ask_revocation(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    credential_id: FromPath[uuid.UUID],
    data: URLEncodedBody[ChangeForm],
) -> Html:
    """Ask a second person to have it never used here again."""
    try:
        await decisions.ask_revocation(session, actor, sign_in, credential_id, data.ly_do)
    except (Conflict, Invalid) as error:
        return await _certificate(request, session, actor, credential_id, error, data.ly_do)
    return redirect(
        request,
        f"{_ALL}/so/{credential_id}",
        "Đã gửi đề nghị thu hồi. Nếu cần ngừng ký ngay, xin tạm dừng chứng thư trong lúc chờ duyệt.",
    )


@post(
    f"{_ALL}/de-nghi/{{request_id:uuid}}/rut-lai",
    guards=[requires(Permission.CREDENTIALS_MANAGE, Permission.SEAL)],
)
async def withdraw(
    request: Request,
    session: Session,
    actor: CurrentActor,
    sign_in: CurrentSignIn,
    request_id: FromPath[uuid.UUID],
) -> Html:
    """Whoever asked here does not want it any more; not everybody who may ask opens the page of those who approve."""
    withdrawn = await approvals.withdraw(session, actor, sign_in, request_id)
    return redirect(request, _ALL, f"Đã rút lại đề nghị “{withdrawn.title}”.")


async def _find(request: Request, actor: Actor, staff_id: StaffId | None, data: AccountForm) -> Html:
    try:
        async with transaction(request) as session:
            holder = await service.look_up(session, actor, staff_id, data.account)
            own = await accounts.values_of(session, data.nha_cung_cap, data.account, staff_id)
        found = await inspection.listed(data.nha_cung_cap, data.account, holder, own)
    except _REFUSALS as error:
        async with transaction(request) as session:
            return await _holder(request, session, actor, staff_id, data, error=error)
    async with transaction(request) as session:
        return await _holder(request, session, actor, staff_id, data, found)


async def _chosen(request: Request, actor: Actor, staff_id: StaffId | None, data: AccountForm) -> Candidate:
    async with transaction(request) as session:
        holder = await service.look_up(session, actor, staff_id, data.account)
        own = await accounts.values_of(session, data.nha_cung_cap, data.account, staff_id)
    return await inspection.chosen(data.nha_cung_cap, data.account, data.ma, holder, own)


async def _refused(
    request: Request, actor: Actor, staff_id: StaffId | None, data: AccountForm, error: AppError
) -> Html:
    async with transaction(request) as session:
        await service.refuse(session, actor, await service.holder_of(session, staff_id), error.message)
        return await _holder(request, session, actor, staff_id, data, error=error)


async def _holder(
    request: Request,
    session: TenantSession,
    actor: Actor,
    staff_id: StaffId | None,
    data: AccountForm | None = None,
    found: list[Candidate] | None = None,
    error: AppError | None = None,
) -> Html:
    shown = await service.file_of(session, actor, staff_id)
    return page(
        request,
        "remote_signing/credentials/holder.html",
        status_code=error.status if error else 200,
        file=shown,
        asked=next((one for one in shown.waiting if one.kind is Kind.SEAL_CERTIFICATE), None),
        approvers=await approvals.approvers(session, actor) if staff_id is None else [],
        found=found,
        providers=service.providers(),
        key_places=from_file.providers(),
        form_data=data or AccountForm(),
        error=error.message if error else None,
    )


async def _certificate(
    request: Request,
    session: TenantSession,
    actor: Actor,
    credential_id: uuid.UUID,
    error: AppError | None = None,
    reason: str = "",
) -> Html:
    shown = await service.credential_file(session, actor, credential_id)
    return page(
        request,
        "remote_signing/credentials/certificate.html",
        status_code=error.status if error else 200,
        file=shown,
        credential=shown.credential,
        waiting={one.kind.value: one for one in shown.waiting},
        approvers=await approvals.approvers(session, actor),
        may_try=trial.is_offered(shown.credential) and service.is_own(actor, shown.credential.staff_id),
        may_suspend=service.may_suspend(actor, shown.credential),
        reason=reason,
        error=error.message if error else None,
    )
