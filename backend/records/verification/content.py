"""What a transcript says, for whoever holds it: its code and the date of birth that stands on it.

Whoever has both has the document in hand, and sees what it says and whether it still counts. The date is guessed in a
few hundred tries, so a code takes few wrong ones a day, from all networks together; and what is refused takes as long
as what is found, whether the code is unknown or the date is wrong.
"""

import asyncio
import re
import time
import uuid
from datetime import date

import msgspec

from backend.core import audit, rate_limit
from backend.core.actor import Actor
from backend.core.audit import Action, Deed
from backend.core.crypto import text_digest
from backend.core.database import tenant_session
from backend.core.errors import Invalid, NotFound
from backend.core.rate_limit import Charge, Limit
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IssuedVersion, Snapshot, TranscriptId
from backend.records.verification import service
from backend.records.verification.schemas import Shown

#: Wrong dates for one code in a day; whoever is right gives the try back.
TRIES = Limit(name="check-birth", burst=10, per_seconds=86_400)
#: No refusal comes sooner (s).
FLOOR = 0.25
NO_MATCH = (
    "Mã tra cứu và ngày sinh không khớp với học bạ nào đã phát hành; hãy xem lại cả hai trên bản học bạ. "
    "Một mã chỉ được nhập sai ngày sinh 10 lần mỗi ngày."
)
_DAY = re.compile(r"(\d{1,2})[/.\- ](\d{1,2})[/.\- ](\d{4})")
_READER = "Người tra cứu công khai"


class _Held(msgspec.Struct, frozen=True, kw_only=True):
    """A transcript in the hands of who asks: all that was issued of it, and what the newest version says."""

    tenant_id: uuid.UUID
    transcript_id: TranscriptId
    versions: list[IssuedVersion]
    snapshot: Snapshot


def read_day(typed: str) -> date:
    """A date as people or browsers write it: 31/5/2012, 31-05-2012, 2012-05-31. Raises Invalid."""
    try:
        if found := _DAY.fullmatch(typed.strip()):
            day, month, year = map(int, found.groups())
            return date(year, month, day)
        return date.fromisoformat(typed.strip())
    except ValueError:
        raise Invalid("Hãy ghi ngày sinh theo dạng ngày/tháng/năm, ví dụ 05/09/2012.") from None


async def open_content(code: str, born: date, network: str) -> Shown:
    """What the transcript of a code says, for who knows the pupil's date of birth; that it was shown is recorded.

    Of what was recalled the answer says that, and no content. Raises NotFound in the same words, after the same time,
    for an unknown code and a wrong date; TooManyTries.
    """
    held = await _held(code, born)
    shown = await service.shown(held.tenant_id, held.transcript_id)
    if shown.years:
        await _record(held, Action.TRANSCRIPT_SHOWN, held.versions[0], network=network)
    return shown


async def take_file(
    code: str, born: date, academic_year: str, kind: str, network: str
) -> tuple[bytes, IssuedVersion]:
    """The signed file of a year, "pdf" or "xml", for who knows the date of birth; that it was taken is recorded.

    Raises as `open_content`; NotFound for a year that does not stand, too.
    """
    held = await _held(code, born)
    file, version = await service.file_of(held.tenant_id, held.transcript_id, academic_year, kind)
    await _record(held, Action.TRANSCRIPT_TAKEN, version, network=network, file=kind)
    return file, version


async def _held(code: str, born: date) -> _Held:
    began, normal = time.monotonic(), service.normal(code)
    await rate_limit.charge([Charge(TRIES, text_digest(normal))])
    found = await transcripts.find_by_code(normal, held=True)
    if found is not None:
        tenant_id, transcript_id = found
        async with tenant_session(tenant_id, read_only=True) as session:
            versions = await transcripts.issued_of(session, transcript_id)
            snapshot = await transcripts.get_snapshot(session, versions[0].id)
        if snapshot.student.date_of_birth == born:
            await rate_limit.charge([Charge(TRIES, text_digest(normal), cost=-1)])
            return _Held(
                tenant_id=tenant_id, transcript_id=transcript_id, versions=versions, snapshot=snapshot
            )
    await asyncio.sleep(max(0.0, FLOOR - (time.monotonic() - began)))
    raise NotFound(NO_MATCH)


async def _record(held: _Held, action: Action, version: IssuedVersion, **details: str) -> None:
    """Somebody without a name read it: the school finds from which network, and when. No record, no answer."""
    student = held.snapshot.student
    reader = Actor(tenant_id=held.tenant_id, staff_id=None, name=_READER)
    label = f"{student.full_name} ({student.student_code})"
    deed = Deed(version.id, label, {**details}, (version.student_id,))
    async with tenant_session(held.tenant_id) as session:
        await audit.record_many(session, reader, action, [deed])
