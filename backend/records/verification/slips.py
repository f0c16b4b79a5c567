"""An answer of the public check on paper: under a reference of its own, and found again by it as it was given."""

import re
import secrets
import uuid
from datetime import datetime

import msgspec
import segno

from backend.core import clock
from backend.core.crypto import text_digest
from backend.core.database import tenant_session
from backend.core.errors import NotFound
from backend.core.ids import new_id
from backend.records.transcripts import service as transcripts
from backend.records.verification import queries, service
from backend.records.verification.schemas import Answer

#: Letters and digits that nobody takes for each other, read or spoken (Crockford's base 32, without U).
_SIGNS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH, _GROUP = 16, 4
_REFERENCE = re.compile(rf"[{_SIGNS}]{{{_LENGTH}}}")
_MISREAD = str.maketrans("OIL", "011")
UNKNOWN = "Không tìm thấy phiếu kết quả nào có số này; hãy kiểm tra lại từng ký tự của số phiếu."
NOT_HERE = (
    "Chỉ lập được phiếu kết quả cho học bạ đã phát hành ở đây; tệp này không phải bản đang lưu ở đây nên không có "
    "phiếu."
)


class Slip(msgspec.Struct, frozen=True, kw_only=True):
    """An answer as it was given at `made_at`."""

    reference: str
    made_at: datetime
    answer: Answer


async def make(answer: Answer) -> str:
    """Keep an answer about something that was issued here; returns its reference. Raises NotFound for anything else."""
    found = await transcripts.find_by_code(service.normal(answer.lookup_code or ""), held=True)
    if found is None or answer.standing is None:
        raise NotFound(NOT_HERE)
    tenant_id, transcript_id = found
    bare = "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))
    async with tenant_session(tenant_id) as session:
        versions = await transcripts.issued_of(session, transcript_id)
        asked = (answer.academic_year, answer.version)
        version = next(one for one in versions if (one.academic_year, one.number) == asked)
        row = {
            "id": new_id(),
            "version_id": version.id,
            "reference": bare,
            "made_at": clock.now(),
            "answer": msgspec.to_builtins(answer),
        }
        await queries.insert_slip(session, row, text_digest(bare))
    return written(bare)


async def find(reference: str) -> Slip:
    """The slip of a reference, however it was typed. Raises NotFound."""
    bare = normal(reference)
    found = await queries.find_slip(text_digest(bare)) if bare else None
    if found is None:
        raise NotFound(UNKNOWN)
    tenant_id, slip_id = found
    return await _slip(tenant_id, slip_id)


async def _slip(tenant_id: uuid.UUID, slip_id: uuid.UUID) -> Slip:
    async with tenant_session(tenant_id, read_only=True) as session:
        row = await queries.slip(session, slip_id)
    if row is None:
        raise NotFound(UNKNOWN)
    return Slip(
        reference=written(row.reference),
        made_at=row.made_at,
        answer=msgspec.convert(row.answer, Answer),
    )


def normal(typed: str) -> str:
    """A reference as it is kept, "" for what is none: O is zero, I and L are one, dashes and spaces are nothing."""
    bare = re.sub(r"[\s\-–]", "", typed).upper().translate(_MISREAD)
    return bare if _REFERENCE.fullmatch(bare) else ""


def written(bare: str) -> str:
    """A reference as people read it: 7K3M-…"""
    return "-".join(bare[start : start + _GROUP] for start in range(0, _LENGTH, _GROUP))


def qr_code(address: str) -> str:
    """An image that a telephone's camera reads, as an address of itself."""
    image: str = segno.make(address, error="m", micro=False).svg_data_uri(scale=3, border=2)
    return image
