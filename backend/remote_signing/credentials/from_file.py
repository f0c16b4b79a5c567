"""A seal's certificate as an authority sends it, for a key that a ceremony made in the HSM.

It is matched to that key, and looked at like any other, before two people decide about it.
"""

from collections.abc import Sequence
from typing import cast

from backend.core.errors import Conflict, Invalid
from backend.remote_signing.credentials import ceremony, inspection
from backend.remote_signing.credentials.schemas import Candidate, Holder
from backend.remote_signing.formats import csr
from backend.remote_signing.formats.schemas import CertificateSubject
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import (
    CertifiableProvider,
    ProviderAccount,
    ProviderError,
    RemoteCredential,
)

#: A chain with its certificates is some kilobytes.
MOST_BYTES = 64 * 1024


def providers() -> dict[str, str]:
    """Name → what people call it, of every provider whose keys get their certificates so."""
    return gateway.certifiable()


def account_of(holder: Holder) -> str:
    """Where the school's keys are. Raises Conflict for a school without a tax code."""
    if not holder.tax_code:
        raise Conflict("Hồ sơ trường chưa ghi mã số thuế nên không tìm được khóa của con dấu; xin ghi trước.")
    return ceremony.label_of(CertificateSubject(name=holder.name, tax_code=holder.tax_code))


async def read(provider: str, content: bytes, holder: Holder) -> Candidate:
    """The certificate in a file that belongs to a key of the school, with its issuers.

    Raises Invalid for a file without certificates, Conflict when none belongs to a key there or something speaks against
    it.
    """
    if provider not in providers():
        raise Conflict("Nơi giữ khóa này không nhận chứng thư từ tệp; xin chọn trong danh sách.")
    try:
        found = csr.in_file(content)
    except ValueError as error:
        raise Invalid(
            "Tệp không chứa chứng thư số; xin chọn tệp .pem, .cer hoặc .p7b mà tổ chức chứng thực gửi."
        ) from error
    matched = await _matched(provider, account_of(holder), found)
    candidate = await inspection.examined(matched, holder, asks=False)
    if candidate.problems:
        raise Conflict(f"Không dùng được chứng thư trong tệp: {' '.join(candidate.problems)}")
    return candidate


async def put(provider: str, account: str, chain: Sequence[bytes]) -> None:
    """Have the provider keep the certificate beside its key. Raises Conflict when the key is not there any more."""
    matched = await _matched(provider, account, chain)
    holding, where = _at(provider, account)
    try:
        await holding.put_certificates(where, matched.credential_id, [matched.certificate, *matched.chain])
    except ProviderError as error:
        raise Conflict(f"{gateway.label(provider)} chưa nhận chứng thư: {error.message}") from error


async def _matched(provider: str, account: str, found: Sequence[bytes]) -> RemoteCredential:
    holding, where = _at(provider, account)
    try:
        keys = {one.public_key: one.credential_id for one in await holding.bare_keys(where)}
    except ProviderError as error:
        raise Conflict(f"{gateway.label(provider)} chưa cho biết các khóa: {error.message}") from error
    own = next((one for one in found if csr.key_in(one) in keys), None)
    if own is None:
        raise Conflict(
            f"Không chứng thư nào trong tệp thuộc về khóa của trường ở {gateway.label(provider)} ({len(keys)} khóa mang "
            f"nhãn {account}); xin kiểm tra tệp với tổ chức chứng thực."
        )
    certificate, *chain = csr.linked(own, [one for one in found if one != own])
    return RemoteCredential(
        credential_id=keys[csr.key_in(own)],
        certificate=certificate,
        chain=tuple(chain),
        key_algorithms=(),
        key_bits=0,
        usable=True,
        status="",
        max_hashes=0,
    )


def _at(provider: str, account: str) -> tuple[CertifiableProvider, ProviderAccount]:
    return cast(CertifiableProvider, gateway.provider(provider)), gateway.account(provider, account)
