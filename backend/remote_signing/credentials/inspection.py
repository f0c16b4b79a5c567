"""What a provider lists, and whether it may sign: asked of the provider and of the authority, outside of transactions."""

from collections.abc import Sequence
from pathlib import Path

import msgspec

from backend.core import clock, settings
from backend.core.errors import Conflict
from backend.remote_signing.accounts.schemas import OwnValues
from backend.remote_signing.credentials import revocation, rules
from backend.remote_signing.credentials.schemas import Candidate, Holder
from backend.remote_signing.formats import certificates, paths
from backend.remote_signing.formats.schemas import CertificateFacts
from backend.remote_signing.formats.trust import RevocationRefused, TrustStore
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import ProviderError, RemoteCredential

_NOT_ANCHORED = "Chứng thư không dẫn tới tổ chức chứng thực nào mà hệ thống tin cậy."
_REVOKED = "Tổ chức chứng thực cho biết chứng thư đã bị thu hồi, hoặc không xác nhận được trạng thái của nó."
_ASKS_NOBODY = (
    "Khóa ở nơi này ký ngay, không hỏi ai, nên chỉ dùng làm con dấu số; chữ ký của một người phải do chính người ấy "
    "xác nhận (Luật Giao dịch điện tử 20/2023/QH15, Điều 22)."
)
_NO_ANSWER = "Chưa hỏi được trạng thái chứng thư ở tổ chức chứng thực; xin thử lại sau ít phút."


async def listed(provider: str, account: str, holder: Holder, own: OwnValues) -> list[Candidate]:
    """What the provider has for an account, each with what speaks against it as the holder's; `own` is what the school
    filled in for the provider.

    Raises Conflict for a provider that is not installed, or that does not answer.
    """
    if provider not in gateway.names():
        raise Conflict("Hệ thống không kết nối với nhà cung cấp này; xin chọn trong danh sách.")
    try:
        found = await gateway.credentials_at(provider, account, own.by_field)
    except ProviderError as error:
        raise Conflict(
            f"{gateway.label(provider)} chưa cho biết chứng thư của tài khoản {account}: {error.message}"
        ) from error
    asks = gateway.provider(provider).capabilities.interactive
    return [await examined(one, holder, asks=asks) for one in found]


async def chosen(provider: str, account: str, fingerprint: str, holder: Holder, own: OwnValues) -> Candidate:
    """The one certificate that was chosen, if the provider lists it still and nothing speaks against it.

    Raises Conflict with what does.
    """
    found = await listed(provider, account, holder, own)
    one = next((one for one in found if one.facts.fingerprint == fingerprint and one.is_theirs), None)
    if one is None:
        raise Conflict(f"Tài khoản {account} không còn chứng thư đã chọn cho {holder.name}; xin tìm lại.")
    if one.problems:
        raise Conflict(f"Không dùng được chứng thư của {holder.name}: {' '.join(one.problems)}")
    return one


def read(certificate: bytes) -> CertificateFacts:
    """What stands in a certificate (DER), with Vietnamese times. Raises ValueError for what is none."""
    facts = certificates.read(certificate)
    return msgspec.structs.replace(
        facts,
        not_before=facts.not_before.astimezone(clock.VIETNAM),
        not_after=facts.not_after.astimezone(clock.VIETNAM),
    )


async def examined(found: RemoteCredential, holder: Holder, *, asks: bool) -> Candidate:
    """A certificate and what speaks against it as the holder's. `asks`: its key signs nothing without a person."""
    facts = read(found.certificate)
    problems = rules.problems_of(holder, facts, clock.now(), usable=found.usable)
    if holder.staff_id is not None and not asks:
        problems = (*problems, _ASKS_NOBODY)
    # Addresses that stand in a certificate are asked only once somebody whom we trust has signed it.
    if not problems:
        problems = await _problems_of_trust(found.certificate, found.chain)
    return Candidate(
        found=found,
        facts=facts,
        is_theirs=rules.names_fit(facts.subject_name, holder.name),
        problems=problems,
    )


async def _problems_of_trust(certificate: bytes, chain: Sequence[bytes]) -> tuple[str, ...]:
    trust = TrustStore.from_folder(Path(settings.get().trust_dir))
    if not await paths.is_anchored(trust, certificate, chain, clock.now()):
        return (_NOT_ANCHORED,)
    try:
        await revocation.material([certificate, *chain], anew=True)
    except RevocationRefused:
        return (_REVOKED,)
    except ProviderError:
        return (_NO_ANSWER,)
    return ()
